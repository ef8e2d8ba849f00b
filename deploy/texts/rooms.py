"""Which parts say everything through the catalogue, and which do so in English only so far.

Guarantee: each template is in one of the two, and so is each module that uses the catalogue; a part that is done and
says something outside the catalogue fails the check (literals.py). So nothing is half translated without being known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from services.alerts.title_words import TITLES

TEMPLATES_DONE: Final = frozenset(
    {
        "account.html",
        "alert.html",
        "board.html",
        "channels.html",
        "guide.html",
        "heard.html",
        "link.html",
        "list/card.html",
        "list/filter.html",
        "list/heading.html",
        "list/regions.html",
        "live/past.html",
        "macros.html",
        "on_call/brief.html",
        "on_call/rotas.html",
        "on_call/shifts.html",
        "page.html",
        "password_fields.html",
        "people/people.html",
        "picture.html",
        "pump/pump.html",
        "quality/quality.html",
        "quality/words.html",
        "quality/year.html",
        "refills/board.html",
        "review/figures.html",
        "review/sheet.html",
        "set_up.html",
        "sign_in.html",
        "silence.html",
        "trouble.html",
    }
)
TEMPLATES_NOT_YET: Final[frozenset[str]] = frozenset()
"""None now; a page that says something in English only stands here."""
MODULES_DONE: Final = frozenset(
    {
        "services/alerts/delivery/group_pages.py",
        "services/alerts/delivery/grouping.py",
        "services/alerts/delivery/page_text.py",
        "services/alerts/delivery/persons/page_links.py",
        "services/alerts/delivery/persons/push_address.py",
        "services/alerts/delivery/persons/texts.py",
        "services/alerts/delivery/persons/who_has_it.py",
        "services/alerts/delivery/planned.py",
        "services/alerts/guidance/thresholds.py",
        "services/alerts/health/gaps.py",
        "services/alerts/health/hand_over/notices.py",
        "services/alerts/health/hand_over/watch.py",
        "services/alerts/health/proof/notices.py",
        "services/alerts/health/proof/watch.py",
        "services/alerts/lifecycle/accept.py",
        "services/alerts/lifecycle/new_level.py",
        "services/alerts/lifecycle/one_off.py",
        "services/alerts/lifecycle/reconcile.py",
        "services/alerts/outage/bypass_plan.py",
        "services/alerts/quality/figures.py",
        "services/alerts/quality/nights.py",
        "services/alerts/rules/__init__.py",
        "services/alerts/rules/alarm_course.py",
        "services/alerts/rules/certificate.py",
        "services/alerts/rules/clock.py",
        "services/alerts/rules/demand/bolus_demand.py",
        "services/alerts/rules/demand/bolus_limit.py",
        "services/alerts/rules/demand/days.py",
        "services/alerts/rules/demand/demand_drift.py",
        "services/alerts/rules/demand/demand_silent.py",
        "services/alerts/rules/device_silent.py",
        "services/alerts/rules/explanted_pump.py",
        "services/alerts/rules/patient_report.py",
        "services/alerts/rules/pump_alarm.py",
        "services/alerts/rules/refused_alarm.py",
        "services/alerts/rules/reservoir/beyond_size.py",
        "services/alerts/rules/reservoir/level.py",
        "services/alerts/rules/reservoir/low_reservoir.py",
        "services/alerts/rules/reservoir/refill_discrepancy.py",
        "services/alerts/rules/reservoir/refill_forecast.py",
        "services/alerts/rules/reservoir/stability.py",
        "services/alerts/rules/reservoir/suspected_delivery.py",
        "services/alerts/rules/reservoir/volume_fall.py",
        "services/alerts/said/explained.py",
        "services/alerts/said/model.py",
        "services/alerts/title_words.py",
        "services/alerts/web/board/action_views.py",
        "services/alerts/web/board/drawing.py",
        "services/alerts/web/board/environment.py",
        "services/alerts/web/board/glance.py",
        "services/alerts/web/board/list_views.py",
        "services/alerts/web/board/script_words.py",
        "services/alerts/web/board/silence_form.py",
        "services/alerts/web/board/silence_views.py",
        "services/alerts/web/board/views.py",
        "services/alerts/web/board/wording.py",
        "services/alerts/web/channels/heard.py",
        "services/alerts/web/channels/views.py",
        "services/alerts/web/identity/account_views.py",
        "services/alerts/web/identity/sign_in_views.py",
        "services/alerts/web/links/views.py",
        "services/alerts/web/on_call/brief_views.py",
        "services/alerts/web/on_call/picture.py",
        "services/alerts/web/on_call/views.py",
        "services/alerts/web/persons/views.py",
        "services/alerts/web/pictures/demand_chart.py",
        "services/alerts/web/pictures/frame.py",
        "services/alerts/web/pictures/heartbeat_chart.py",
        "services/alerts/web/pictures/level_chart.py",
        "services/alerts/web/pictures/of_alert.py",
        "services/alerts/web/pump/page.py",
        "services/alerts/web/pump/views.py",
        "services/alerts/web/quality/columns.py",
        "services/alerts/web/quality/views.py",
        "services/alerts/web/refills/plan.py",
        "services/alerts/web/refills/rows.py",
        "services/alerts/web/refills/store.py",
        "services/alerts/web/review/parts.py",
        "services/alerts/web/review/period.py",
        "services/alerts/web/review/views.py",
        "services/alerts/web/review/volumes.py",
        "services/alerts/web/review/words.py",
        "services/alerts/wording.py",
        "services/people/accounts/changes.py",
        "services/people/accounts/rules.py",
        "services/people/channels/changes.py",
        "services/people/managed/changes.py",
        "services/people/rota/coverage.py",
        "services/people/rota/edit.py",
    }
)
MODULES_IN_PART: Final = {
    "services/alerts/app.py": "reads the catalogue",
    "services/alerts/web/process.py": "reads the catalogue",
    "services/alerts/delivery/persons/passed_on.py": "its note in the audit trail is English",
    "services/alerts/evaluation/unjudged.py": "the title is stored in English, and read by title_words",
    "services/alerts/health/troubles.py": "what stops the ping to the outside is said in English",
    "services/alerts/web/board/promise_views.py": "the remark that a promise was kept is stored in English",
    "services/alerts/web/links/record.py": "what came of an answer is stored in English",
    "services/alerts/delivery/dispatch.py": "hands the catalogue on",
    "services/alerts/delivery/persons/sender.py": "hands the catalogue on",
    "services/alerts/delivery/mute.py": "of a silence, what names a clinic, a pump or a rule that is none is English",
    "services/alerts/delivery/silences.py": "the same",
    "services/alerts/errors.py": "carries texts",
    "services/alerts/model.py": "carries what rules say",
    "services/alerts/said/stored.py": "carries what rules say",
    "services/alerts/evaluation/evaluate.py": "hands the catalogue on",
    "services/alerts/evaluation/pass_on.py": "hands the catalogue on",
    "services/alerts/evaluation/worker.py": "hands the catalogue on",
    "services/alerts/guidance/catalogue.py": "each guide is taken into the catalogue as it is",
    "services/alerts/guidance/what_to_do.py": "hands the catalogue on",
    "services/alerts/health/readiness.py": "what machines are answered (/readyz) is English",
    "services/alerts/outage/bypass.py": "hands the catalogue on",
    "services/alerts/delivery/addresses.py": "what is wrong with an address of a policy or of HL7 is said in English",
    "services/alerts/web/on_call/file_views.py": "what is wrong within a file or a calendar is said in English",
    "services/people/channels/model.py": "what kind of address a channel has is kept in English",
    "services/alerts/web/access.py": "what programs are answered is English",
    "services/alerts/web/allowed.py": "what programs are answered is English",
    "services/alerts/web/board/errors.py": "what programs are answered is English",
    "services/alerts/web/lists/asked.py": "what is wrong with the address of a list is said in English",
    "services/alerts/web/live/stream.py": "hands the catalogue on",
    "services/alerts/web/live/views.py": "what programs are answered is English",
    "services/alerts/web/refills/views.py": "what programs are answered is English",
    "services/alerts/web/review/reading.py": "what programs are answered is English",
    "services/people/links/tokens.py": "what is wrong with a key is said in English",
}
"""Modules that use the catalogue and say something else in English, or only hand it on; each with why."""
NO_TEXT: Final = frozenset(
    {
        *("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),  # as moments are stored
        *(", told with a wrong clock", "; near it \x00 \x00"),
        *("English", "Deutsch"),
        *("Pumpwatch links", "Pumpwatch drills", "proof of ringing", "faults_of was not asked"),
        "expected \x00 bytes of chance, not \x00",
    }
)
"""What looks like words, and is a name, or said to programs or to who develops."""
_OF_RULES: Final = "services/alerts/rules/"
_TITLES: Final = TITLES | {
    *("Not judged", "entered into", "told of"),
    "\x00, told with a wrong clock",
    "Reservoir falls \x00 than programmed",
    "Refill discrepancy: \x00 was infused than programmed",
    "The certificate of the \x00 \x00",
    "The clock of the \x00 is wrong",
    "The \x00 is silent",
    "\x00 \x00 silent",
    "\x00 mL were \x00 a pump of \x00",
}
"""Titles that rules write: they are stored in English, and read by services.alerts.title_words, which a test holds."""
_A_PAGE: Final = '{% extends "page.html" %}'
_IN_ENGLISH: Final = "{% set in_english = true %}"
"""By this a page says to who reads, and to what reads it out, that it is in English."""
_USES: Final = re.compile(r"^from services\.texts\.|^from services\.alerts\.said\.model |\btexts_for\(", re.MULTILINE)


def no_text_in(module: str) -> frozenset[str]:
    """What looks like words in a module, and is none that the catalogue is to have."""
    return NO_TEXT | _TITLES if module.startswith(_OF_RULES) else NO_TEXT


def faults(root: Path, templates: Path) -> Iterator[str]:
    """Where the lists are not what there is."""
    there = {path.relative_to(templates).as_posix() for path in templates.rglob("*.html")}
    listed = TEMPLATES_DONE | TEMPLATES_NOT_YET
    yield from (
        f"deploy/texts/rooms.py: lists {name}, and there is no such template" for name in sorted(listed - there)
    )
    yield from (f"deploy/texts/rooms.py: say whether {name} is in the catalogue" for name in sorted(there - listed))
    for name in sorted(TEMPLATES_DONE & TEMPLATES_NOT_YET):
        yield f"deploy/texts/rooms.py: {name} is in both lists"
    for name in sorted(there & listed):
        text = (templates / name).read_text(encoding="utf-8")
        if text.startswith(_A_PAGE) and (_IN_ENGLISH in text) != (name in TEMPLATES_NOT_YET):
            yield f"{name}: a page that is not in the catalogue yet, and no other, has the line {_IN_ENGLISH}"
    modules = MODULES_DONE | MODULES_IN_PART.keys()
    for path in sorted((root / "services").rglob("*.py")):
        name = path.relative_to(root).as_posix()
        uses = not name.startswith("services/texts/") and _USES.search(path.read_text(encoding="utf-8"))
        if uses and name not in modules:
            yield f"deploy/texts/rooms.py: say whether {name} is in the catalogue"
    for name in sorted(modules):
        if not (root / name).is_file():
            yield f"deploy/texts/rooms.py: lists {name}, and there is no such module"
