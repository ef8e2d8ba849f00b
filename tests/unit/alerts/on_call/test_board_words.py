"""A person who was told is named on the board by what they sign in with."""

from __future__ import annotations

from uuid import UUID

from services.alerts.model import Occasion, OccasionKind
from services.alerts.web.board.wording import notified
from services.alerts.web.read_models import Delivery
from tests.unit.people.rota.clinics import MONDAY


def test_whoever_was_told_is_named_as_people_know_them() -> None:
    sent = Delivery(
        alert_id=UUID(int=1),
        delivery_id=UUID(int=2),
        occasion="opened",
        why=Occasion(OccasionKind.OPENED),
        contact="person:ann",
        channel="phone",
        priority="high",
        state="sent",
        created_at=MONDAY,
        due_at=MONDAY,
        attempts=1,
        last_error=None,
        sent_at=MONDAY,
        held_by=None,
        grouped=False,
        bypassed=False,
    )
    assert [line.text for line in notified([sent], "active", "high", MONDAY)] == ["Told: ann by phone"]
