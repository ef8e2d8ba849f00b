"""Draws a board in parts, so that what has changed of one that is open can be told from what has not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from schemas.policy import Priority
from services.alerts.model import RuleName
from services.alerts.title_words import title_words
from services.alerts.web.board.environment import filled
from services.alerts.web.board.glance import FORM_OF_WHOEVER_READS, Board, Glance
from services.alerts.web.lists.asked import GROUP_WORDS, PAGE_SIZE, SORT_WORDS, STATE_WORDS, Asked, Group, Sort
from services.alerts.web.lists.store import WaitingHigh
from services.alerts.web.live.picture import Loud, Part, Picture
from services.alerts.web.read_models import AlertView, StateFilter
from services.alerts.wording import capitalised, priority_words, rule_words
from services.people.caller import Caller
from services.texts.model import Texts, msgid

_REGIONS: Final = ("warnings", "summary", "below")
_BY_STATE: Final = {
    "cleared": msgid("Ended, not acknowledged"),
    "acknowledged": msgid("Acknowledged"),
    "closed": msgid("Closed"),
}


def drawn(glance: Glance, asking: Caller, texts: Texts) -> Board:
    """The board of a glance, for whoever has the roles of `asking`; the form's token is put in when it is sent.

    Args:
        glance: What there is.
        asking: Who reads.
        texts: In their language.
    """
    values, waiting = _values(glance, asking, texts), glance.counted("active")
    words = texts.say("Alerts")
    picture = Picture(
        glance.now,
        f"({waiting}) {words}" if waiting else words,
        tuple(Part(region, _filled("list/regions.html", texts, values, region=region)) for region in _REGIONS),
        tuple(_listed(glance, values, texts)),
        tuple(_loud(each, texts) for each in glance.loud),
        read=texts.clock_with_seconds(glance.now, glance.here),
    )
    return Board(glance, picture, _filter(glance, asking, texts))


def _loud(alert: WaitingHigh, texts: Texts) -> Loud:
    words = f"{title_words(alert.title, texts)}, {alert.pump_id}"
    return Loud(f"alert-{alert.alert_id}", words, alert.updated_at)


def _values(glance: Glance, asking: Caller, texts: Texts) -> dict[str, Any]:
    asked = glance.asked
    shows_closed = asked.state in (StateFilter.CLOSED, StateFilter.ALL)
    return {
        "glance": glance,
        "asked": asked,
        "now": glance.now,
        "zones": glance.zones,
        "asking": asking,
        "request": None,
        "csrf_field": lambda _: FORM_OF_WHOEVER_READS,
        "query": asked.query,
        "several_clinics": len(asking.clinics()) > 1 and not asked.clinic_id,
        "sees_a_clinic": bool(asking.clinics()),
        "waiting": glance.counted("active"),
        "waiting_high": glance.counted("active", "high"),
        "acknowledged": glance.counted("acknowledged"),
        "unseen": glance.counted("cleared"),
        "closed": glance.counted("closed") if shows_closed else None,
        "left_out": glance.left_out,
        "every_high": Asked().high.address,
        "page_size": PAGE_SIZE,
        "filter_words": asked.in_words(texts),
    }


def _listed(glance: Glance, values: dict[str, Any], texts: Texts) -> Iterator[Part]:
    last = None
    for alert in glance.alerts:
        heading = _heading(alert, glance.asked, texts)
        if heading != last and heading:
            digest = hashlib.blake2b(heading.encode(errors="surrogatepass"), digest_size=6).hexdigest()
            name = f"heading-{digest}"
            yield Part(name, _filled("list/heading.html", texts, values, name=name, heading=heading))
        last = heading
        yield Part(f"alert-{alert.alert_id}", _filled("list/card.html", texts, values, alert=alert))


def _heading(alert: AlertView, asked: Asked, texts: Texts) -> str:
    match asked.group:
        case Group.PUMP:
            return alert.pump_id
        case Group.RULE:
            return capitalised(rule_words(alert.rule, texts=texts))
        case _:
            shown = asked.sort is Sort.URGENT and alert.state in _BY_STATE
            return texts.say(_BY_STATE[alert.state]) if shown else ""


def _filter(glance: Glance, asking: Caller, texts: Texts) -> str:
    asked = glance.asked
    return _filled(
        "list/filter.html",
        texts,
        {},
        asked=asked,
        shown=asked.in_words(texts),
        clinics=asking.clinics(),
        clinic_words=[("", texts.say("Every clinic")), *((each, each) for each in sorted(asking.clinics()))],
        state_words=[(each.value, texts.say(words)) for each, words in STATE_WORDS.items()],
        priority_choices=[
            ("", texts.say("Any")),
            *((each.value, capitalised(priority_words(each, texts))) for each in Priority),
        ],
        rule_choices=[
            ("", texts.say("Any")),
            *((each.value, capitalised(rule_words(each, texts=texts))) for each in RuleName),
        ],
        sort_words=[(each.value, texts.say(words)) for each, words in SORT_WORDS.items()],
        group_words=[(each.value, texts.say(words)) for each, words in GROUP_WORDS.items()],
        names=glance.names,
    )


def _filled(template: str, texts: Texts, values: dict[str, Any], /, **more: Any) -> str:
    return filled(texts.language, template, values, **more).strip()
