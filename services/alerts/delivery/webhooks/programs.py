"""PURE. Which receivers are programs that take each alert by itself, with all that is known of it, and hear its end.

Such a receiver keeps a list of its own: pages are not put together for it, it is told how each alert goes on, and it
gets no link by which a person answers.
"""

from __future__ import annotations

from services.alerts.delivery.hl7.address import is_mllp
from services.alerts.delivery.webhooks.address import is_webhook


def is_program(url: str | None) -> bool:
    """Tell whether an address is one of HL7 or of signed events."""
    return is_mllp(url) or is_webhook(url)
