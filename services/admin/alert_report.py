"""`pumpwatch report alerts`: what alerts a clinic had in a period, who answered them, and how many pages it took.

Guarantees: it only reads, and everything as of one moment. services/alerts/quality/ reads and works out the figures,
for the board too. A pump counts for the clinic that it belongs to now, an alert for the clinic that it was raised for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Final

from services.admin import store
from services.alerts.policy_files.kept import KeptPolicies
from services.alerts.quality.figures import Review, RuleFigures, span
from services.alerts.quality.reading import alert_quality
from services.alerts.wording import moment
from services.runtime.database import Connection

_NAME: Final = 34


class ReportError(ValueError):
    """There is no such clinic or period; the message says which."""


async def alert_report(connection: Connection, clinic_id: str | None, since: datetime, until: datetime) -> Review:
    """Read what happened in the time and work out the figures.

    Raises:
        ReportError: There is no such clinic, or the time has not begun.
    """
    if since >= until:
        raise ReportError(f"{moment(since)} is not in the past")
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        known = await store.clinic_ids(connection)
        if clinic_id is not None and clinic_id not in known:
            raise ReportError(f"there is no clinic {clinic_id!r}; there is: {', '.join(known) or 'none'}")
        kept = KeptPolicies()
        await kept.load(connection)
        clinics = known if clinic_id is None else [clinic_id]
        return await alert_quality(connection, clinic_id, clinics, kept.now, since, until)


def as_json(found: Review) -> str:
    """All figures, for `--json`. Lengths of time are in seconds; a figure that cannot be given is null."""
    times = {"since": found.since.isoformat(), "until": found.until.isoformat()}
    return json.dumps(asdict(found) | times, indent=1)


def as_lines(found: Review) -> Iterator[str]:
    """All figures as a table, line by line."""
    whose = f"clinic {found.clinic_id}" if found.clinic_id else "all clinics"
    yield f"{whose}, {moment(found.since)} to {moment(found.until)}"
    yield f"{found.pumps} pumps, {found.pump_weeks:.1f} pump-weeks under watch, {found.total.answers.alerts} alerts"
    if not found.total.answers.alerts:
        return
    rows = (*found.rules, found.total)
    yield ""
    yield from _ANSWER_HEADS
    yield from (_answer_line(each) for each in rows)
    yield ""
    yield from _PAGE_HEADS
    yield from (_page_line(each) for each in rows)
    again = ", ".join(f"{count} {_AGAIN.get(why, why)}" for why, count in found.total.pages.repeated.items())
    if again:
        yield f"{'paged again':{_NAME}}{again}"
    yield ""
    yield "pumps with most alerts"
    for pump in found.busiest:
        rate = "" if pump.per_week is None else f", {pump.per_week:.3g} a week"
        alerts = f"{pump.alerts:>8} alert{'' if pump.alerts == 1 else 's'}"
        yield f"  {pump.pump_id:{_NAME - 2}}{alerts}{rate}, mostly {pump.mostly}"
    yield ""
    yield "* over, and nobody acknowledged, resolved or confirmed it, or wrote anything down; in brackets: still open"


_ANSWER_HEADS: Final = (
    f"{'':{_NAME}}{'':>8}{'for each':>11}{'':>14}{'median':>9}{'90 %':>9}{'nobody':>13}{'':>7}",
    f"{'answers':{_NAME}}{'alerts':>8}{'pump-week':>11}{'acknowledged':>14}{'after':>9}{'within':>9}"
    f"{'answered*':>13}{'flaps':>7}",
)
_PAGE_HEADS: Final = (
    f"{'':{_NAME}}{'':>8}{'':>8}{'to next':>9}{'':>7}{'alerts paged':>14}{'alerts':>8}{'alerts nobody':>15}",
    f"{'pages':{_NAME}}{'sent':>8}{'failed':>8}{'step':>9}{'again':>7}{'together':>14}{'held':>8}{'was told of':>15}",
)
_AGAIN: Final = {
    "expired": "acknowledgement expired",
    "priority": "more urgent",
    "returned": "returned",
    "unanswered": "not answered",
}


def _answer_line(each: RuleFigures) -> str:
    answers = each.answers
    share = "-" if answers.acknowledged_share is None else f"{answers.acknowledged} ({answers.acknowledged_share:.0%})"
    nobody = f"{answers.closed_without_action} ({answers.open_without_action})"
    return (
        f"{each.rule:{_NAME}}{answers.alerts:>8}{_number(answers.per_pump_week):>11}{share:>14}"
        f"{span(answers.median_seconds_to_acknowledge):>9}{span(answers.ninety_percent_within_seconds):>9}"
        f"{nobody:>13}{answers.flapped:>7}"
    )


def _page_line(each: RuleFigures) -> str:
    pages = each.pages
    return (
        f"{each.rule:{_NAME}}{pages.sent:>8}{pages.failed:>8}{pages.escalated:>9}{sum(pages.repeated.values()):>7}"
        f"{pages.alerts_grouped:>14}{pages.alerts_held:>8}{pages.alerts_undelivered:>15}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
