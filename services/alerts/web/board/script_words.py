"""PURE. What the board's scripts say (static/), given to them with each page: a script holds no text of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.texts.model import Texts, msgid

_WORDS: Final[Mapping[str, str]] = {
    "just_now": msgid("just now"),
    "minutes_ago": msgid("%(count)s min ago"),
    "hours_ago": msgid("%(count)s h ago"),
    "days_ago": msgid("%(count)s days ago"),
    "here": msgid("%(time)s by the clock of this device"),
    "stale": msgid("Not current: last read at %(time)s. %(why)s Trying again."),
    "nothing_came": msgid("Nothing has come since."),
    "signed_out": msgid("You are signed out: sign in again in another window, and what you typed stays here."),
    "answered": msgid("The board answered %(status)s."),
    "unreachable": msgid("The board cannot be reached."),
    "sound_on": msgid("Sound for new high alerts: on"),
    "sound_off": msgid("Sound for new high alerts: off"),
    "sound_waits": msgid("Sound is on, but this browser needs a click first: click here"),
    "new_high": msgid("New high alert: %(what)s"),
    "new_high_title": msgid("NEW HIGH ALERT"),
    "hide": msgid("Hide"),
    "hide_news": msgid("Hide the news; the alerts stay"),
    "push_refused": msgid("This browser does not allow it: %(why)s"),
}


def script_words(texts: Texts) -> dict[str, str]:
    """By the names that the scripts know, each with its values still to be put in."""
    return {name: texts.translated(text) for name, text in _WORDS.items()}
