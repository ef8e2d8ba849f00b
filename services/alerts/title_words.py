"""PURE. The titles of alerts in another language. They are stored in English, as the rules wrote them, and read here.

Guarantee: what is not read for certain stays as it is stored; a title is never guessed at. Every title that a rule
writes is read (tests/unit/alerts/delivery/test_title_words.py walks the rules).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from services.alerts.wording import ALARM_WORDS, capitalised
from services.texts.model import Texts, msgid

TITLES: Final = frozenset(
    {
        msgid("An explanted pump calls out"),
        msgid("Bolus limit reached day after day"),
        msgid("Most bolus requests refused"),
        msgid("No bolus requests any more"),
        msgid("Patient's report"),
        msgid("Possible pocket fill"),
        msgid("Pumpwatch cannot judge this pump"),
        msgid("Refill discrepancy: less was infused than programmed"),
        msgid("Refill discrepancy: more was infused than programmed"),
        msgid("Refill overdue"),
        msgid("Reservoir falls faster than programmed"),
        msgid("Reservoir falls slower than programmed"),
        msgid("Reservoir may be low before the refill"),
        msgid("Rising bolus demand"),
        msgid("Suspected over-infusion"),
        msgid("Suspected under-delivery"),
        msgid("The certificate of the handheld ends soon"),
        msgid("The certificate of the handheld has ended"),
        msgid("The certificate of the pump ends soon"),
        msgid("The certificate of the pump has ended"),
        msgid("The clock of the handheld is wrong"),
        msgid("The clock of the pump is wrong"),
        msgid("The handheld is silent"),
        msgid("The handhelds are silent"),
        msgid("The pump and the handheld are silent"),
        msgid("The pump and the handhelds are silent"),
        msgid("The pump is silent"),
        msgid("Unusual bolus demand"),
        msgid("Volume rose; no refill is recorded"),
    }
)
_WITH_VALUES: Final = (
    msgid("%(volume)s mL were entered into a pump of %(size)s mL"),
    msgid("%(volume)s mL were told of a pump of %(size)s mL"),
)
_NUMBER: Final = r"([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)"
_WRONG_CLOCK: Final = ", told with a wrong clock"
_ALARMS: Final[Mapping[str, str]] = {words: words for words in ALARM_WORDS.values()} | {
    capitalised(words): words for words in ALARM_WORDS.values()
}


def title_words(title: str, texts: Texts) -> str:
    """The title in the language of `texts`; one that is not known stays as it is."""
    if title in TITLES:
        return texts.say(title)
    if title.endswith(_WRONG_CLOCK):
        alarms = _alarms(title.removesuffix(_WRONG_CLOCK), texts)
        return title if alarms is None else texts.say("%(alarm)s, told with a wrong clock", alarm=alarms)
    for template in _WITH_VALUES:
        found = re.fullmatch(re.sub(r"%\\\((volume|size)\\\)s", lambda _: _NUMBER, re.escape(template)), title)
        if found:
            volume, size = (texts.shortest(float(each)) for each in found.groups())
            return texts.say(template, volume=volume, size=size)
    return _alarms(title, texts) or title


def _alarms(title: str, texts: Texts) -> str | None:
    """Alarms that stand in a title, parted by commas; None: there is something else in it."""
    names = title.split(", ")
    if not all(name in _ALARMS for name in names):
        return None
    return capitalised(", ".join(texts.say(_ALARMS[name]) for name in names))
