"""What was paged past the database, as the worker hands it to the board."""

from __future__ import annotations

from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.alerts.model import OpenAlert


class PagedPast(BaseModel):
    """One alert that was paged and stands in no record yet."""

    model_config = ConfigDict(frozen=True)

    alert_id: UUID
    clinic_id: str
    pump_id: str
    priority: str
    title: str
    explanation: str
    said: Any = None
    """What it says, as `services.alerts.said.stored` writes it; whatever it is, it is no reason to show nothing."""

    @classmethod
    def of(cls, alert: OpenAlert) -> Self:
        """The same of an alert of the worker's."""
        return cls(
            alert_id=alert.alert_id,
            clinic_id=alert.clinic_id,
            pump_id=alert.pump_id,
            priority=alert.priority.value,
            title=alert.title,
            explanation=alert.explanation,
            said=alert.said,
        )
