"""PURE. What codes, tests, drills and warnings say. Nothing of a pump or a patient, and each says what it is not."""

from __future__ import annotations

from services.alerts.delivery.page_text import PageText


def code_text(code: str) -> PageText:
    """The code that a person types in, to show that a channel reaches them."""
    return PageText(
        f"Pumpwatch: code {code}",
        f"Type {code} on the page of your channels within 15 minutes. If you asked for none, do nothing.",
    )


def try_text(channel: str) -> PageText:
    """A try that somebody asked for."""
    return PageText("Pumpwatch TEST: no alarm", f"This is a test of {channel}, and nothing has happened.")


def drill_text(channel: str, public_url: str, link: str) -> PageText:
    """The weekly drill, as loud as a high alarm, and the link by which it is answered."""
    return PageText(
        "Pumpwatch DRILL: no alarm",
        f"The weekly drill of {channel}: a high alarm sounds like this. If you heard it, open "
        f"{public_url.rstrip('/')}/heard/{link} and say so. If it was silent, change the phone's settings.",
    )


def warning_text(channel: str, public_url: str) -> PageText:
    """A channel did not prove that it rings."""
    return PageText(
        "Pumpwatch: a channel of yours may not ring",
        f"Nobody has said that {channel} rang at the last drill. Look at your channels: "
        f"{public_url.rstrip('/')}/account/channels",
    )
