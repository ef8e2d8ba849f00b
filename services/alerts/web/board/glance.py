"""What a board shows at one moment, for whoever sees these clinics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import Request
from markupsafe import Markup

from services.alerts.delivery.mute import Silence
from services.alerts.delivery.store import list_silences
from services.alerts.health.policy_state import warnings_for
from services.alerts.health.readiness import unreached_warning, warnings_of
from services.alerts.health.store import count_unreached, load_status, load_upkeep, warnings_of_workers
from services.alerts.health.troubles import LATE_AFTER
from services.alerts.web.identity.forms import csrf_field
from services.alerts.web.read_models import AlertView, StateFilter
from services.alerts.web.store import count_open, list_alerts
from services.runtime.database import Connection

FORM_OF_WHOEVER_READS: Final = Markup("<form-token>")
"""In a board that is kept, where each reader's own token goes. No text of a device can be it: those are escaped."""
_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Glance:
    """Everything that is not closed, as it was at `now`."""

    now: datetime
    alerts: tuple[AlertView, ...]
    not_shown: int
    """How many more are open."""
    pumps: int
    silences: tuple[Silence, ...]
    warnings: tuple[str, ...]


async def look(connection: Connection, clinics: frozenset[str], now: datetime) -> Glance:
    """Read what the boards of these clinics show."""
    alerts = await list_alerts(connection, StateFilter.OPEN, clinics, _SHOWN, now)
    status = await load_status(connection)
    unreached = await count_unreached(connection)
    of_workers = await warnings_of_workers(connection, now - LATE_AFTER)
    return Glance(
        now,
        alerts,
        not_shown=await count_open(connection, clinics) - len(alerts),
        pumps=status.pumps,
        silences=tuple(each for each in await list_silences(connection, None, now) if each.clinic_id in clinics),
        warnings=(
            *warnings_of(status, now, upkeep=await load_upkeep(connection)),
            *warnings_for(None, [each for each in of_workers if each.clinic_id is None or each.clinic_id in clinics]),
            *unreached_warning(sum(count for clinic, count in unreached.items() if clinic in clinics)),
        ),
    )


@dataclass(frozen=True, slots=True)
class Board:
    """A glance as HTML, for whoever has the same roles in the same clinics."""

    glance: Glance
    title: str
    content: str

    def with_forms_of(self, request: Request) -> str:
        """The content, its forms bound to the session of this request."""
        return self.content.replace(FORM_OF_WHOEVER_READS, csrf_field(request))
