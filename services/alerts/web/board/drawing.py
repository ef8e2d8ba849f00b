"""Draws a board in parts, so that what has changed of one that is open can be told from what has not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from schemas.policy import Priority
from services.alerts.model import RuleName
from services.alerts.web.board.glance import FORM_OF_WHOEVER_READS, Board, Glance
from services.alerts.web.board.views import ENVIRONMENT
from services.alerts.web.lists.asked import GROUP_WORDS, PAGE_SIZE, SORT_WORDS, STATE_WORDS, Asked, Group, Sort
from services.alerts.web.live.picture import Loud, Part, Picture
from services.alerts.web.read_models import AlertView, StateFilter
from services.alerts.wording import capitalised, rule_words
from services.people.caller import Caller

_REGIONS: Final = ("warnings", "summary", "below")
_BY_STATE: Final = {
    "cleared": "Ended, and not seen by anybody",
    "acknowledged": "Somebody has it",
    "closed": "Closed",
}


def drawn(glance: Glance, asking: Caller) -> Board:
    """The board of a glance, for whoever has the roles of `asking`; the form's token is put in when it is sent."""
    values = _values(glance, asking)
    waiting = glance.counted("active")
    picture = Picture(
        glance.now,
        f"({waiting}) Alerts" if waiting else "Alerts",
        tuple(Part(region, _filled("list/regions.html", values, region=region)) for region in _REGIONS),
        tuple(_listed(glance, values)),
        tuple(Loud(f"alert-{each.alert_id}", f"{each.title}, {each.pump_id}", each.updated_at) for each in glance.loud),
    )
    return Board(glance, picture, _filter(glance, asking))


def _values(glance: Glance, asking: Caller) -> dict[str, Any]:
    asked = glance.asked
    shows_closed = asked.state in (StateFilter.CLOSED, StateFilter.ALL)
    return {
        "glance": glance,
        "asked": asked,
        "now": glance.now,
        "asking": asking,
        "request": None,
        "csrf_field": lambda _: FORM_OF_WHOEVER_READS,
        "query": asked.query,
        "several_clinics": len(asking.clinics()) > 1 and not asked.clinic_id,
        "sees_a_clinic": bool(asking.clinics()),
        "waiting": glance.counted("active"),
        "waiting_high": glance.counted("active", "high"),
        "taken": glance.counted("acknowledged"),
        "unseen": glance.counted("cleared"),
        "closed": glance.counted("closed") if shows_closed else None,
        "left_out": glance.left_out,
        "every_high": Asked().high.address,
        "page_size": PAGE_SIZE,
    }


def _listed(glance: Glance, values: dict[str, Any]) -> Iterator[Part]:
    last = None
    for alert in glance.alerts:
        heading = _heading(alert, glance.asked)
        if heading != last and heading:
            digest = hashlib.blake2b(heading.encode(errors="surrogatepass"), digest_size=6).hexdigest()
            name = f"heading-{digest}"
            yield Part(name, _filled("list/heading.html", values, name=name, heading=heading))
        last = heading
        yield Part(f"alert-{alert.alert_id}", _filled("list/card.html", values, alert=alert))


def _heading(alert: AlertView, asked: Asked) -> str:
    match asked.group:
        case Group.PUMP:
            return alert.pump_id
        case Group.RULE:
            return capitalised(rule_words(alert.rule))
        case _:
            return _BY_STATE.get(alert.state, "") if asked.sort is Sort.URGENT else ""


def _filter(glance: Glance, asking: Caller) -> str:
    asked = glance.asked
    return _filled(
        "list/filter.html",
        {},
        asked=asked,
        shown=asked.in_words(),
        clinics=asking.clinics(),
        clinic_words=[("", "Every clinic"), *((each, each) for each in sorted(asking.clinics()))],
        state_words=[(each.value, words) for each, words in STATE_WORDS.items()],
        priority_words=[("", "Any"), *((each.value, capitalised(each.value)) for each in Priority)],
        rule_choices=[("", "Any"), *((each.value, capitalised(rule_words(each))) for each in RuleName)],
        sort_words=[(each.value, words) for each, words in SORT_WORDS.items()],
        group_words=[(each.value, words) for each, words in GROUP_WORDS.items()],
        names=glance.names,
    )


def _filled(template: str, values: dict[str, Any], /, **more: Any) -> str:
    return ENVIRONMENT.get_template(template).render(**values, **more).strip()
