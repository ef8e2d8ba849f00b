"""PURE. What codes, tests, drills and warnings say. Nothing of a pump or a patient, and each says what it is not."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.parts.languages import Language
from services.alerts.delivery.page_text import PageText
from services.texts.model import ENGLISH, Texts


def language_of(clinics: Iterable[Language]) -> Language:
    """In which language a person is told of their own channels: that of their clinics, English where these differ."""
    languages = set(clinics)
    return languages.pop() if len(languages) == 1 else Language.ENGLISH


def code_text(code: str, texts: Texts = ENGLISH) -> PageText:
    """The code that a person types in, to show that a channel reaches them."""
    return PageText(
        texts.say("Pumpwatch: code %(code)s", code=code),
        texts.say(
            "Type %(code)s on the page of your channels within 15 minutes. If you asked for none, do nothing.",
            code=code,
        ),
    )


def try_text(channel: str, texts: Texts = ENGLISH) -> PageText:
    """A try that somebody asked for."""
    return PageText(
        texts.say("Pumpwatch TEST: no alarm"),
        texts.say("This is a test of %(channel)s, and nothing has happened.", channel=channel),
    )


def drill_text(channel: str, public_url: str, link: str, texts: Texts = ENGLISH) -> PageText:
    """The weekly drill, as loud as a high alarm, and the link by which it is answered."""
    return PageText(
        texts.say("Pumpwatch DRILL: no alarm"),
        texts.say(
            "The weekly drill of %(channel)s: a high alarm sounds like this. If you heard it, open %(url)s and say so. "
            "If it was silent, change the phone's settings.",
            channel=channel,
            url=f"{public_url.rstrip('/')}/heard/{link}",
        ),
    )


def warning_text(channel: str, public_url: str, texts: Texts = ENGLISH) -> PageText:
    """A channel did not prove that it rings."""
    return PageText(
        texts.say("Pumpwatch: a channel of yours may not ring"),
        texts.say(
            "Nobody has said that %(channel)s rang at the last drill. Look at your channels: %(url)s",
            channel=channel,
            url=f"{public_url.rstrip('/')}/account/channels",
        ),
    )
