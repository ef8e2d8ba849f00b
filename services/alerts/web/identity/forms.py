"""Every form, and every other request that changes something, shows the token of its session.

A dependency of the whole application, so that no route can be without it. A program with a key needs none: no browser
sends a key by itself.
"""

from __future__ import annotations

import secrets
from typing import Final

from fastapi import Request
from markupsafe import Markup

from services.alerts.web.identity.browser import FIELD, HEADER, csrf_of, is_csrf_of

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


class StaleForm(Exception):  # noqa: N818 - read as what is answered: 403
    """A form of another session, or of another site."""


async def check_form(request: Request) -> None:
    """Refuse what changes something and does not show the token.

    Raises:
        StaleForm: It does not.
    """
    caller = request.state.caller
    if request.method in SAFE_METHODS or (caller is not None and caller.key_id is not None):
        return
    given = request.headers.get(HEADER)
    if given is None and request.headers.get("content-type", "").lower().startswith(_FORMS):
        value = (await request.form()).get(FIELD)
        given = value if isinstance(value, str) else None
    if given is None or request.state.form_secret is None or not is_csrf_of(request.state.form_secret, given):
        raise StaleForm


def new_form_secret() -> str:
    """What the forms of a browser are bound to that is not signed in."""
    return secrets.token_urlsafe(32)


def csrf_field(request: Request) -> Markup:
    """The hidden field of a form on a page for this request."""
    secret = getattr(request.state, "form_secret", None)
    field = Markup('<input type="hidden" name="{}" value="{}">')
    return field.format(FIELD, csrf_of(secret) if secret else "")
