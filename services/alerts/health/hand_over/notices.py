"""PURE. What people hear of a turn that ends, of one that nobody took over, and of a promise that is due.

Guarantees: each is told once, however often it is looked at (an occasion names the turn or the promise); what waits
for somebody is as urgent for whoever comes on call as the worst of it; everything else is of low priority, and waits
for the end of quiet hours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.policy import Policy, Priority
from services.alerts.delivery.page_text import PageText, address_of_alert
from services.alerts.delivery.planned import Notice, first_told, notices_to
from services.alerts.health.hand_over.model import Promise, StillOpen
from services.alerts.model import Occasion, OccasionKind
from services.people.rota.hand_over import HandOver
from services.people.rota.model import Rota
from services.people.rota.people import ClinicPeople, Member

_FOR_GOOD: Final = timedelta(days=370)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a rota, by which it was handed over."""

    rota_id: UUID
    rota: Rota
    hand_over: HandOver

    def clock(self, moment: datetime) -> str:
        """A moment on the rota's own clock, such as "Mon 30 Nov, 08:00"."""
        return f"{moment.astimezone(ZoneInfo(self.rota.timezone)):%a %d %b, %H:%M}"


def address_of_brief(public_url: str, rota_id: UUID) -> str:
    """Where somebody reads what is open, and takes it over."""
    return f"{public_url.rstrip('/')}/on-call/{rota_id}/brief"


def hand_over_notices(
    turn: Turn, people: ClinicPeople, policy: Policy, still_open: StillOpen, public_url: str
) -> Iterator[Notice]:
    """To who leaves, and to who comes.

    Args:
        turn: The newest of its rota.
        people: Of the clinic.
        policy: As it holds now, with persons as contacts.
        still_open: In the clinic.
        public_url: Where the brief is.
    """
    change, rota, clinic = turn.hand_over, turn.rota.name, turn.rota.clinic_id
    coming, leaving = _member(people, change.coming), _member(people, change.leaving)
    begins, left = turn.clock(change.begins), _words(still_open)
    if coming is not None:
        until = f", until {turn.clock(change.ends)}" if change.ends - change.begins < _FOR_GOOD else ""
        after = f", after {leaving.name}" if leaving else ""
        urgency = still_open.worst or Priority.LOW
        text = PageText(
            title=f"Pumpwatch {urgency.upper()}: you are on call",
            body=f"You have {rota} of {clinic} since {begins}{until}{after}. {left} "
            f"Read it and take it over: {address_of_brief(public_url, turn.rota_id)}",
        )
        yield from _notices(turn, "coming", policy, {coming.contact_name}, text, urgency)
    if leaving is not None:
        who = f"{coming.name} has it now" if coming else "Nobody has it now"
        text = PageText(
            title="Pumpwatch LOW: your turn is over",
            body=f"You had {rota} of {clinic} until {begins}. {who}. {left}",
        )
        yield from _notices(turn, "leaving", policy, {leaving.contact_name}, text, Priority.LOW)


def late_notices(
    turn: Turn, people: ClinicPeople, policy: Policy, still_open: StillOpen, now: datetime, public_url: str
) -> Iterator[Notice]:
    """To who left and to the administrators, when a turn with something open was not taken over in time."""
    change, within = turn.hand_over, timedelta(minutes=policy.paging.hand_over_within_minutes)
    coming, leaving = _member(people, change.coming), _member(people, change.leaving)
    if not within or coming is None or not still_open.is_anything or now < change.begins + within:
        return
    told = {each.contact_name for each in (*people.administrators, *([leaving] if leaving else []))}
    text = PageText(
        title="Pumpwatch LOW: a turn was not taken over",
        body=f"{coming.name} has {turn.rota.name} of {turn.rota.clinic_id} since {turn.clock(change.begins)}, and has "
        f"not said that they know what is open. {_words(still_open)} Ask them. "
        f"{address_of_brief(public_url, turn.rota_id)}",
    )
    yield from _notices(turn, "late", policy, told - {coming.contact_name}, text, Priority.LOW)


def promise_notices(promise: Promise, policy: Policy, public_url: str) -> Iterator[Notice]:
    """To the first step of the clinic's high route, which is whoever is on call now: what was promised is due.

    Of medium priority: somebody chose the hour, so quiet hours do not hold it.
    """
    words = f"{promise.made_name} promised something about an alert for now."
    if policy.include_patient_data:
        words = f"Pump {promise.pump_id}, {promise.title}: {promise.words} (promised by {promise.made_name})."
    text = PageText(
        title="Pumpwatch MEDIUM: a promise is due",
        body=f"{words} Open {address_of_alert(public_url, promise.alert_id)}",
    )
    occasion = Occasion(OccasionKind.NOTICE, f"promise:{promise.promise_id}")
    yield from notices_to(first_told(policy), policy, promise.clinic_id, occasion, text, Priority.MEDIUM)


def _notices(
    turn: Turn, whose: str, policy: Policy, names: Collection[str], text: PageText, urgency: Priority
) -> Iterator[Notice]:
    episode = f"hand-over:{turn.rota_id}:{turn.hand_over.begins.isoformat()}:{whose}"
    yield from notices_to(names, policy, turn.rota.clinic_id, Occasion(OccasionKind.NOTICE, episode), text, urgency)


def _member(people: ClinicPeople, person_id: UUID | None) -> Member | None:
    found = people.by_id(person_id) if person_id is not None else None
    return None if found is None or found.is_disabled else found


def _words(still_open: StillOpen) -> str:
    if not still_open.is_anything:
        return "Nothing is open."
    many = still_open.waiting != 1
    parts = [
        f"{still_open.waiting} alert{'s wait' if many else ' waits'} for somebody" if still_open.waiting else "",
        f"{still_open.taken} taken or over" if still_open.taken else "",
        f"{still_open.promises} promised" if still_open.promises else "",
    ]
    return f"Open: {', '.join(part for part in parts if part)}."
