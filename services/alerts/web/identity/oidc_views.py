"""The way to the identity provider and back. Only there where the settings name one (`WEB_OIDC_ISSUER`).

Guarantees: no connection of the database is held while the provider is waited for; whatever goes wrong is a page with
what to do, and the form for a local account below it; nothing that the provider or a browser sent is shown in it.
"""

from __future__ import annotations

import math
import secrets
import time
from typing import Final

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts.web import store
from services.alerts.web.dependencies import Running, Web
from services.alerts.web.identity.browser import attempt_cookie, is_secure, own_path
from services.alerts.web.identity.sign_in_views import origin_of, sign_in_page, signed_in
from services.alerts.web.settings import WebSettings
from services.people.oidc.attempt import LASTS, SECRET_BYTES, AnswerRefusedError, attempt_from, attempt_in, code_in
from services.people.oidc.groups_file import GroupsNow
from services.people.oidc.provider import Client, Provider, ProviderAwayError, Said
from services.people.oidc.sign_in import NotHereError, sign_in
from services.people.oidc.tokens import TokenRefusedError
from services.runtime.http.attempts import Attempts

CALLBACK: Final = "/sign-in/provider/answer"
_AWAY: Final = (
    "The identity provider cannot be used now. Try again in a moment; who has an account of Pumpwatch signs in below, "
    "and the link in a page on your phone works without signing in."
)
_NOT_BELIEVED: Final = (
    "What the identity provider says cannot be believed. Begin again; if it stays, tell whoever runs it."
)

log = structlog.get_logger()


def provider_of(settings: WebSettings) -> Provider:
    """The provider that the settings name."""
    assert settings.oidc_issuer is not None  # noqa: S101 - the settings were looked at
    assert settings.oidc_client_id is not None  # noqa: S101
    secret = settings.oidc_client_secret
    return Provider(
        Client(
            settings.oidc_issuer,
            settings.oidc_client_id,
            secret.get_secret_value() if secret else None,
            f"{settings.public_url}{CALLBACK}",
            settings.oidc_scopes,
            settings.oidc_groups_claim,
            settings.oidc_leeway_seconds,
            settings.oidc_timeout_seconds,
        )
    )


def oidc_router(settings: WebSettings, attempts: Attempts) -> APIRouter:
    """The pages. Answers that no provider sent are counted in `attempts` with wrong passwords."""
    router = APIRouter(include_in_schema=False)
    assert settings.oidc_groups_file is not None  # noqa: S101 - the settings were looked at
    provider, groups = provider_of(settings), GroupsNow(settings.oidc_groups_file)
    url = settings.public_url
    cookie = {"path": "/", "secure": is_secure(url), "httponly": True, "samesite": "lax"}

    @router.get("/sign-in/provider")
    async def go(web: Running, request: Request, back: str = "/") -> Response:
        """Send the browser to the provider."""
        attempt = attempt_from(secrets.token_bytes(SECRET_BYTES), own_path(back), web.clock())
        try:
            where = await provider.address_for(attempt)
        except ProviderAwayError as error:
            return _away(request, web, error)
        answer = RedirectResponse(where, 303)
        answer.set_cookie(attempt_cookie(url), attempt.cookie, max_age=int(LASTS.total_seconds()), **cookie)  # type: ignore[arg-type]
        return answer

    @router.get(CALLBACK)
    async def come_back(web: Running, request: Request) -> Response:
        """Begin a session for whom the provider signed in. An attempt is good once, whatever comes of it."""
        place, moment = origin_of(request).place, time.monotonic()
        if wait := attempts.wait_seconds(place, moment):
            refused = f"Too many wrong answers came from your network. Try again in {math.ceil(wait)} seconds."
            return sign_in_page(request, 429, now=web.clock(), back="/", refused=refused)
        answer = await _answered(web, request, provider, groups)
        if answer.status_code == 400:
            attempts.was_wrong(place, moment)
        elif answer.status_code == 303:
            attempts.was_right(place, moment)
        answer.delete_cookie(attempt_cookie(url), **cookie)  # type: ignore[arg-type]
        return answer

    @router.get("/sign-in/provider/leave")
    async def leave(web: Running, request: Request) -> Response:
        """Send the browser to where it signs out at the provider as well."""
        try:
            return RedirectResponse(await provider.address_after(url), 303)
        except ProviderAwayError as error:
            return _away(request, web, error)

    return router


async def _answered(web: Web, request: Request, provider: Provider, groups: GroupsNow) -> Response:
    now, back = web.clock(), "/"
    try:
        attempt = attempt_in(request.cookies.get(attempt_cookie(web.settings.public_url)), now)
        back = own_path(attempt.back)
        metadata = await provider.metadata()
        names_itself = metadata.get("authorization_response_iss_parameter_supported") is True
        code = code_in(request.query_params, attempt, provider.client.issuer, names_itself=names_itself)
        said = await provider.who(code, attempt, now)
        return signed_in(request, await _begin(web, request, said, attempt.nonce, provider, groups), back)
    except ProviderAwayError as error:
        return _away(request, web, error)
    except AnswerRefusedError as error:
        return sign_in_page(request, 400 if error.is_forged else 401, now=now, back=back, refused=str(error))
    except TokenRefusedError as error:
        log.warning("oidc_token_refused", error=str(error))
        return sign_in_page(request, 400, now=now, back=back, refused=_NOT_BELIEVED)
    except NotHereError as error:
        log.info("oidc_sign_in_refused", why=error.why)
        return sign_in_page(request, 403, now=now, back=back, refused=str(error))


async def _begin(web: Web, request: Request, said: Said, nonce: str, provider: Provider, groups: GroupsNow) -> str:
    async with store.lent(web.pool, None) as connection:
        issuer = provider.client.issuer
        return await sign_in(connection, said, nonce, issuer, groups.read(), origin_of(request), web.clock())


def _away(request: Request, web: Web, error: ProviderAwayError) -> Response:
    log.warning("oidc_provider_cannot_be_used", error=str(error))
    headers = {"Retry-After": "10"}
    return sign_in_page(request, 503, headers, now=web.clock(), back="/", refused=_AWAY)
