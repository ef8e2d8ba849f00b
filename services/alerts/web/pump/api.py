"""Pumps for programs: which there are, when each was last heard, how much is in it, how many alerts it has.

Guarantee: the level is the one that the rules judge by, and says where it comes from; what is not known is null, and
never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from schemas.http.problems import ProblemType
from services.alerts.facts.store import load_facts
from services.alerts.policies import Policies
from services.alerts.rules.reservoir.level import Level, level_of
from services.alerts.web.allowed import must_see_clinic, must_see_pump
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running
from services.alerts.web.inputs import Name
from services.alerts.web.lists.asked import LONGEST
from services.alerts.web.lists.cursor import cursor_after, name_in
from services.alerts.web.programs.answers import Tag, asked_with, reading
from services.alerts.web.programs.parameters import ClinicAsked, Cursor
from services.alerts.web.programs.route import ProgramRoute
from services.alerts.web.pump.model import ListedPump
from services.alerts.web.pump.store import PumpsAsked, listed_pump, listed_pumps
from services.runtime.database import Connection

_LIST: Final = "pumps"
_MOST: Final = 100
"""Of each the level is worked out from its events."""

router = APIRouter(prefix="/v1", route_class=ProgramRoute)


class LevelView(BaseModel):
    """How much is in a reservoir, in mL, and by what that is known."""

    volume_ml: float = Field(
        description="What counts now: the lower, where what was measured and computed differ.", ge=0
    )
    basis: str = Field(
        description="`computed` by the pump, which senses nothing; `measured` by a person, less what was programmed to "
        "flow since; `refill`: what was filled in last, and nothing was read since.",
        json_schema_extra={"enum": ["computed", "measured", "refill"]},
    )
    told_ml: float = Field(description="The volume that was read or filled in.", ge=0)
    told_at: datetime = Field(description="When that was.")


class PumpView(BaseModel):
    """One pump."""

    pump_id: str
    clinic_id: str
    enrolled_at: datetime
    retired_at: datetime | None = Field(description="Since when it is watched no more; null: it is watched.")
    handhelds: tuple[str, ...] = Field(description="The handhelds that are paired with it now.")
    last_heard_at: datetime | None = Field(
        description="When it, or a handheld of it, was last heard, by Pumpwatch's clock; null: never."
    )
    level: LevelView | None = Field(description="Null: no level is known.")
    open_alerts: int = Field(description="Its alerts that are not closed.", ge=0)


class PumpList(BaseModel):
    """A part of the pumps that match, and when that was true."""

    read_at: datetime
    total: int = Field(description="How many pumps match, in all parts together.", ge=0)
    next_cursor: str | None = Field(description="Asks for the next part; null: this is the last.")
    pumps: tuple[PumpView, ...]


class PumpAnswer(BaseModel):
    """One pump, and when that was true."""

    read_at: datetime
    pump: PumpView


@router.get(
    "/pumps",
    summary="List pumps",
    operation_id="listPumps",
    tags=[Tag.PUMPS],
    responses=reading(ProblemType.UNKNOWN_CLINIC),
    openapi_extra=asked_with("alerts.read", "alerts.act"),
)
async def get_pumps(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    clinic_id: ClinicAsked = "",
    text: Annotated[
        str, Query(max_length=LONGEST, description="Words that all stand in the pump's name; empty: any.")
    ] = "",
    has_open_alerts: Annotated[
        bool | None, Query(description="Only pumps with open alerts, or only those without; left out: all.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST, description="So many at most in one part.")] = 50,
    cursor: Cursor = "",
) -> PumpList:
    """The pumps that are watched, in the order of their names. Retired ones are left out."""
    now, clinics = web.clock(), must_see_clinic(caller, clinic_id)
    asked = PumpsAsked(clinics, text, has_open_alerts)
    rows, total = await listed_pumps(connection, asked, name_in(_LIST, cursor), limit + 1)
    shown = rows[:limit]
    await web.reads.note(connection, caller, {(each.clinic_id, each.pump_id) for each in shown}, now)
    return PumpList(
        read_at=now,
        total=total,
        next_cursor=cursor_after(_LIST, shown[-1].pump_id) if len(rows) > limit else None,
        pumps=await _views(connection, shown, policies, now),
    )


@router.get(
    "/pumps/{pump_id}",
    summary="One pump",
    operation_id="getPump",
    tags=[Tag.PUMPS],
    responses=reading(ProblemType.NOT_THERE),
    openapi_extra=asked_with("alerts.read", "alerts.act"),
)
async def get_pump(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, pump_id: Annotated[Name, Path()]
) -> PumpAnswer:
    """One pump, retired or not."""
    now = web.clock()
    found = must_see_pump(caller, pump_id, await listed_pump(connection, pump_id))
    await web.reads.note(connection, caller, [(found.clinic_id, pump_id)], now)
    (view,) = await _views(connection, [found], policies, now)
    return PumpAnswer(read_at=now, pump=view)


async def _views(
    connection: Connection, pumps: Sequence[ListedPump], policies: Policies, now: datetime
) -> tuple[PumpView, ...]:
    if not pumps:
        return ()
    named = [each.pump_id for each in pumps]
    facts = await load_facts(connection, named, now, windows=policies.longest_baseline_days)
    levels = {each.pump_id: level_of(each, now) for each in facts}
    return tuple(_view(each, levels.get(each.pump_id)) for each in pumps)


def _view(pump: ListedPump, level: Level | None) -> PumpView:
    return PumpView(
        pump_id=pump.pump_id,
        clinic_id=pump.clinic_id,
        enrolled_at=pump.enrolled_at,
        retired_at=pump.retired_at,
        handhelds=pump.handhelds,
        last_heard_at=pump.last_heard_at,
        level=None if level is None else _level(level),
        open_alerts=pump.open_alerts,
    )


def _level(level: Level) -> LevelView:
    return LevelView(
        volume_ml=level.shown_ml, basis=level.basis, told_ml=level.told_ml, told_at=level.told_at
    )  # fmt: skip
