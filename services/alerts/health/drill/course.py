"""PURE. When a drill is due, how far it came, and what is said of one that was missed.

A drill is a high pump alarm of a device that exists for it alone (docs/decisions/0047-a-drill-each-day.md). It has
come through when a page about it was taken by a channel within the time that is allowed. Until then these legs are
known, each by what is written down: the broker took it, ingest stored it, an alert opened, a page went out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from uuid import UUID

from schemas.events import AlarmCode
from schemas.policy import Policy, Priority
from schemas.topics import DRILL
from services.alerts.delivery.page_text import PageText
from services.alerts.wording import moment

DRILL_CODE: Final = AlarmCode.MOTOR_STALL
"""High in every policy but one that says otherwise."""

EXPECTED_WITHIN: Final = timedelta(hours=26)
"""One is due each day; with none that came through for so long, something is wrong."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill, and how far it came. A moment is None until it is known."""

    drill_id: UUID
    due_at: datetime
    asked_by: str | None
    """Who asked for it; None: it was due."""
    event_id: UUID
    begun_at: datetime | None = None
    accepted_at: datetime | None = None
    """The broker took the alarm."""
    stored_at: datetime | None = None
    """Ingest's receipt came."""
    opened_at: datetime | None = None
    """An alert about it opened."""
    paged_at: datetime | None = None
    """A channel took a page about it."""
    ended_at: datetime | None = None
    missed: str | None = None
    """Why it did not come through."""
    cleared_at: datetime | None = None

    def seconds_until(self, at: datetime | None) -> float | None:
        """From the moment when the alarm was sent; None: that leg was not reached."""
        return None if at is None or self.begun_at is None else max(0.0, (at - self.begun_at).total_seconds())

    @property
    def legs(self) -> tuple[tuple[str, datetime | None], ...]:
        """What has to happen, in this order, and when it did."""
        return (
            ("taken by the broker", self.accepted_at),
            ("stored by ingest", self.stored_at),
            ("alert opened", self.opened_at),
            ("page sent", self.paged_at),
        )


def due(at: time, last_due_at: datetime | None, now: datetime) -> datetime | None:
    """The moment for which a drill is due and was not written down yet; None: there is none.

    Args:
        at: The time of day, in UTC.
        last_due_at: For which moment there was one last; None: there never was.
        now: The moment of the decision.
    """
    today = datetime.combine(now.astimezone(UTC).date(), at, UTC)
    latest = today if today <= now else today - timedelta(days=1)
    return latest if last_due_at is None or last_due_at < latest else None


def hindrances(policy: Policy | None, within: timedelta) -> tuple[str, ...]:
    """Why no drill can come through by this policy of its clinic; empty: it can.

    Args:
        policy: The policy of the clinic `DRILL`, not that of "default": a drill pages nobody who was not named for it.
            None: there is none.
        within: In how much time a page has to go out.
    """
    if policy is None or policy.clinic_id != DRILL:
        return (f"no policy file has clinic_id: {DRILL}",)
    found = []
    if policy.priority_of(DRILL_CODE) is not Priority.HIGH:
        found.append(f"alarm_priorities.{DRILL_CODE} is {policy.priority_of(DRILL_CODE)}, expected high")
    route = policy.routes.get(Priority.HIGH)
    first = route.steps[0].after_minutes if route and route.steps else None
    if first is None or timedelta(minutes=first) >= within:
        found.append("routes.high pages nobody in time, expected a first step after_minutes: 0")
    if policy.paging.flapping_minutes > 0:
        found.append(
            f"paging.flapping_minutes is {policy.paging.flapping_minutes:g}, expected 0: each drill is to page"
        )
    return tuple(found)


def outcome(drill: Drill, within: timedelta, now: datetime, why_not_sent: str | None = None) -> str | None:
    """What is to be said of a drill that ends now: "" when it came through, else why not; None: it goes on.

    Args:
        drill: With the legs that are known by now.
        within: From its begin to the page.
        now: The moment of the decision.
        why_not_sent: What the last try to publish or to page ended with.
    """
    if drill.begun_at is None:
        return None
    took = drill.seconds_until(drill.paged_at)
    if took is not None:
        limit = within.total_seconds()
        return "" if took <= limit else f"its page went out after {took:.0f} s, expected at most {limit:.0f}"
    if now - drill.begun_at < within:
        return None
    because = f": {why_not_sent}" if why_not_sent else ""
    if drill.opened_at is not None:
        return f"an alert opened, and no page about it went out{because}"
    if drill.stored_at is not None:
        return "ingest stored the alarm, and no alert opened"
    if drill.accepted_at is not None:
        return f"the broker took the alarm, and ingest did not say that it stored it{because}"
    return f"the broker did not take the alarm{because}"


def missed_text(due_at: datetime, why: str, public_url: str) -> PageText:
    """What the operator is told by the other way."""
    return PageText(
        title="Pumpwatch: the drill was missed",
        body=f"The test alarm of {moment(due_at)} did not come through: {why}. Alarms of patients may reach nobody. "
        f"Look at /readyz of the services now, then run `pumpwatch drill`. Board: {public_url.rstrip('/')}/",
    )


def trouble_of(last: Drill | None, passed_at: datetime | None, now: datetime) -> str | None:
    """What is wrong with the drills; None: nothing.

    Args:
        last: The last one that ended.
        passed_at: When one came through last.
        now: The moment of the decision.
    """
    if last is not None and last.missed is not None:
        return f"the last one, of {moment(last.due_at)}, was missed: {last.missed}"
    if passed_at is None:
        return "none has come through yet"
    if now - passed_at > EXPECTED_WITHIN:
        return f"none has come through since {moment(passed_at)}"
    return None
