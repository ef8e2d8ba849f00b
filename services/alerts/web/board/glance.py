"""What a board shows at one moment, for whoever sees these clinics and asks for the same list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import Request
from markupsafe import Markup

from services.alerts.delivery.mute import Silence
from services.alerts.delivery.store import list_silences
from services.alerts.health.policy_state import BoardWarning, warnings_for
from services.alerts.health.readiness import unreached_warning, warnings_of
from services.alerts.health.store import Status, count_unreached, load_status, load_upkeep, warnings_of_workers
from services.alerts.health.troubles import LATE_AFTER
from services.alerts.health.upkeep import Upkeep
from services.alerts.web.identity.forms import csrf_field
from services.alerts.web.lists.asked import PAGE_SIZE, Asked
from services.alerts.web.lists.store import (
    WaitingHigh,
    count_found,
    count_pumps,
    find_alerts,
    waiting_high,
    who_has_some,
)
from services.alerts.web.live.picture import Picture
from services.alerts.web.read_models import STATES, AlertView
from services.runtime.database import Connection
from services.texts.model import Texts

FORM_OF_WHOEVER_READS: Final = Markup("<form-token>")
"""In a board that is kept, where each reader's own token goes. No text of a device can be it: those are escaped."""
_LOUD: Final = 20
_NAMES: Final = 50
_SILENCES: Final = 50


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of the installation, whoever asks."""

    status: Status
    unreached: dict[str, int]
    of_workers: tuple[BoardWarning, ...]
    upkeep: tuple[Upkeep, ...]


@dataclass(frozen=True, slots=True)
class Glance:
    """One page of a list, as it was at `now`, and what stands around it."""

    now: datetime
    asked: Asked
    alerts: tuple[AlertView, ...]
    counts: dict[tuple[str, str], int]
    """By state and priority, under the filter: of every open state, and of the one that is asked for."""
    loud: tuple[WaitingHigh, ...]
    """The newest high alerts that nobody has, under no filter."""
    loud_count: int
    pumps: int
    silences: tuple[Silence, ...]
    more_silences: int
    names: tuple[str, ...]
    """Of those who have an alert."""
    warnings: tuple[str, ...]
    zones: Mapping[str, ZoneInfo]
    """By clinic, its clock."""
    here: ZoneInfo
    """The clock of what is about no clinic."""

    @property
    def total(self) -> int:
        """How many alerts the whole list has."""
        return sum(self.counted(state.value) for state in STATES[self.asked.state])

    @property
    def pages(self) -> int:
        """How many pages the list has; an empty one has one."""
        return pages_of(self.total)

    @property
    def first(self) -> int:
        """The number of the page's first alert in the list."""
        return (self.asked.page - 1) * PAGE_SIZE + 1

    @property
    def left_out(self) -> int:
        """How many high alerts wait that the filter leaves out."""
        shows_waiting = any(state.value == "active" for state in STATES[self.asked.state])
        return self.loud_count - (self.counted("active", "high") if shows_waiting else 0)

    def counted(self, state: str, priority: str | None = None) -> int:
        """How many there are in a state, perhaps of one priority only."""
        return sum(count for (each, of), count in self.counts.items() if each == state and priority in (None, of))


def pages_of(total: int) -> int:
    """How many pages so many alerts take."""
    return max(1, -(-total // PAGE_SIZE))


async def look_at_health(connection: Connection, now: datetime) -> Health:
    """Read what is the same for everybody."""
    return Health(
        await load_status(connection),
        await count_unreached(connection),
        await warnings_of_workers(connection, now - LATE_AFTER),
        await load_upkeep(connection),
    )


async def look(
    connection: Connection,
    clinics: frozenset[str],
    asked: Asked,
    health: Health,
    now: datetime,
    *,
    zones: Mapping[str, ZoneInfo],
    here: ZoneInfo,
    texts: Texts,
) -> Glance:
    """Read what the boards of these clinics show. A page beyond the last one is the last."""
    counts = await count_found(connection, clinics, asked)
    total = sum(count for (state, _), count in counts.items() if state in STATES[asked.state])
    asked = asked.at_page(min(asked.page, pages_of(total)))
    found = await find_alerts(connection, clinics, asked, now)
    loud, loud_count = await waiting_high(connection, clinics, _LOUD)
    silences = [each for each in await list_silences(connection, None, now) if each.clinic_id in clinics]
    return Glance(
        now,
        asked,
        found.alerts,
        counts,
        loud,
        loud_count,
        pumps=await count_pumps(connection, clinics),
        silences=tuple(silences[:_SILENCES]),
        more_silences=max(0, len(silences) - _SILENCES),
        names=await who_has_some(connection, clinics, _NAMES),
        warnings=_warnings(health, clinics, now, texts),
        zones=zones,
        here=here,
    )


def _warnings(health: Health, clinics: Iterable[str], now: datetime, texts: Texts) -> tuple[str, ...]:
    ours = frozenset(clinics)
    return (
        *warnings_of(health.status, now, upkeep=health.upkeep, texts=texts),
        *warnings_for(None, [each for each in health.of_workers if each.clinic_id is None or each.clinic_id in ours]),
        *unreached_warning(sum(count for clinic, count in health.unreached.items() if clinic in ours), texts),
    )


@dataclass(frozen=True, slots=True)
class Board:
    """A glance as HTML, for whoever has the same roles in the same clinics and asks for the same list."""

    glance: Glance
    picture: Picture
    filter: str
    """The form by which the list is chosen."""

    @property
    def pumps(self) -> frozenset[tuple[str, str]]:
        """What was read of whom: clinics and pumps."""
        return frozenset((each.clinic_id, each.pump_id) for each in self.glance.alerts)

    def with_forms_of(self, request: Request) -> dict[str, str]:
        """The regions by their ids, and `listed`, with forms that are bound to the session of this request."""
        field = csrf_field(request)
        parts = {part.id: part.html for part in self.picture.regions}
        parts["listed"] = "".join(part.html for part in self.picture.listed)
        return {name: html.replace(FORM_OF_WHOEVER_READS, field) for name, html in parts.items()}
