"""How good the alerts of a clinic are, by rule, and its yearly review: the same figures as `pumpwatch report alerts`.

They are of the clinic that is asked for, or of all that who asks may see. A clinic that they may not see is refused as
one that is not there: a page without alerts would say that all is calm.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from fastapi import APIRouter, Request, Response

from services.alerts.errors import NotFound
from services.alerts.policies import Policies
from services.alerts.quality.figures import Review
from services.alerts.quality.nights import night_words
from services.alerts.quality.reading import alert_quality, nights_of
from services.alerts.web.board.views import render, texts_for
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running
from services.alerts.web.inputs import NameOrNothing
from services.alerts.web.quality.columns import beside, busiest, meanings, paged_again, tables
from services.people.caller import Caller
from services.runtime.database import Connection
from services.texts.model import msgid

router = APIRouter(include_in_schema=False)
PATH: Final = "/quality"
_YEAR: Final = timedelta(weeks=52)


class Time(StrEnum):
    """What may be asked for: the weeks before now."""

    FOUR = "4w"
    TWELVE = "12w"
    YEAR = "52w"


_WORDS: Final = {Time.FOUR: msgid("4 weeks"), Time.TWELVE: msgid("12 weeks"), Time.YEAR: msgid("52 weeks")}
_LONG: Final = {Time.FOUR: timedelta(weeks=4), Time.TWELVE: timedelta(weeks=12), Time.YEAR: _YEAR}


@router.get(PATH)
async def quality_page(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    request: Request,
    clinic_id: NameOrNothing | None = None,
    period: Time = Time.FOUR,
) -> Response:
    """By rule: alerts, what became of them, how soon, and how many pages it took."""
    now, clinics, texts = web.clock(), _clinics(caller, clinic_id), texts_for(request)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found = await _read(connection, policies, clinics, clinic_id, now - _LONG[period], now)
        nights = await nights_of(connection, policies, clinics)
    await _note(connection, caller, request, clinics, found, now)
    return render(
        "quality/quality.html",
        request,
        now=now,
        found=found,
        tables=tables(found, texts),
        busiest=busiest(found, texts),
        paged_again=paged_again(found, texts),
        meanings=meanings(texts),
        nights={clinic: night_words(night, texts) for clinic, night in nights.items()},
        clinics=sorted(caller.clinics()),
        clinic_id=clinic_id or "",
        period=period,
        periods={choice: texts.say(words) for choice, words in _WORDS.items()},
        warnings=(),
    )


@router.get(PATH + "/year")
async def year_page(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    request: Request,
    clinic_id: NameOrNothing | None = None,
) -> Response:
    """The yearly review, to be printed: the last 52 weeks beside the 52 before."""
    now, clinics, texts = web.clock(), _clinics(caller, clinic_id), texts_for(request)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        this = await _read(connection, policies, clinics, clinic_id, now - _YEAR, now)
        before = await _read(connection, policies, clinics, clinic_id, now - 2 * _YEAR, now - _YEAR)
    await _note(connection, caller, request, clinics, this, now)
    return render(
        "quality/year.html",
        request,
        now=now,
        this=this,
        before=before,
        tables=beside(this, before, texts),
        busiest=busiest(this, texts),
        meanings=meanings(texts),
        clinics=sorted(clinics),
        clinic_id=clinic_id or "",
        warnings=(),
    )


def _clinics(caller: Caller, clinic_id: str | None) -> frozenset[str]:
    seen = caller.clinics()
    if clinic_id and clinic_id not in seen:
        raise NotFound(msgid("there is no clinic %(clinic)s"), clinic=clinic_id)
    return frozenset({clinic_id}) if clinic_id else seen


async def _read(
    connection: Connection,
    policies: Policies,
    clinics: frozenset[str],
    clinic_id: str | None,
    since: datetime,
    until: datetime,
) -> Review:
    return await alert_quality(connection, clinic_id or None, clinics, policies, since, until)


async def _note(
    connection: Connection, caller: Caller, request: Request, clinics: frozenset[str], found: Review, now: datetime
) -> None:
    """Pumps are named only where most alerts are."""
    named = {(each.clinic_id, each.pump_id) for each in found.busiest if each.clinic_id in clinics}
    await request.app.state.web.reads.note(connection, caller, named, now)
