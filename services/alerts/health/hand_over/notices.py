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
from services.alerts.title_words import title_words
from services.alerts.wording import priority_words
from services.people.rota.hand_over import HandOver
from services.people.rota.model import Rota
from services.people.rota.people import ClinicPeople, Member
from services.texts.model import ENGLISH, Texts, TextsOf, in_english

_FOR_GOOD: Final = timedelta(days=370)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of a rota, by which it was handed over."""

    rota_id: UUID
    rota: Rota
    hand_over: HandOver

    def clock(self, moment: datetime, texts: Texts = ENGLISH) -> str:
        """A moment on the rota's own clock, such as "Mon 30 Nov, 08:00"."""
        return texts.weekday_clock(moment, ZoneInfo(self.rota.timezone), year=False)


def address_of_brief(public_url: str, rota_id: UUID) -> str:
    """Where somebody reads what is open, and takes it over."""
    return f"{public_url.rstrip('/')}/on-call/{rota_id}/brief"


def hand_over_notices(
    turn: Turn,
    people: ClinicPeople,
    policy: Policy,
    still_open: StillOpen,
    public_url: str,
    texts_of: TextsOf = in_english,
) -> Iterator[Notice]:
    """To who leaves, and to who comes.

    Args:
        turn: The newest of its rota.
        people: Of the clinic.
        policy: As it holds now, with persons as contacts.
        still_open: In the clinic.
        public_url: Where the brief is.
        texts_of: The texts of a clinic's language.
    """
    texts = texts_of(policy.language)
    change, rota, clinic = turn.hand_over, turn.rota.name, turn.rota.clinic_id
    coming, leaving = _member(people, change.coming), _member(people, change.leaving)
    begins, left = turn.clock(change.begins, texts), _words(still_open, texts)
    if coming is not None:
        lasts = change.ends - change.begins < _FOR_GOOD
        until = texts.say(", until %(time)s", time=turn.clock(change.ends, texts)) if lasts else ""
        after = texts.say(", after %(who)s", who=leaving.name) if leaving else ""
        urgency = still_open.worst or Priority.LOW
        text = PageText(
            title=texts.say("Pumpwatch %(priority)s: you are on call", priority=priority_words(urgency, texts).upper()),
            body=texts.say(
                "You have %(rota)s of %(clinic)s since %(begins)s%(until)s%(after)s. %(left)s "
                "Read it and take it over: %(url)s",
                rota=rota,
                clinic=clinic,
                begins=begins,
                until=until,
                after=after,
                left=left,
                url=address_of_brief(public_url, turn.rota_id),
            ),
        )
        yield from _notices(turn, "coming", policy, {coming.contact_name}, text, urgency)
    if leaving is not None:
        who = texts.say("%(who)s has it now", who=coming.name) if coming else texts.say("Nobody has it now")
        text = PageText(
            title=texts.say("Pumpwatch LOW: your turn is over"),
            body=texts.say(
                "You had %(rota)s of %(clinic)s until %(begins)s. %(who)s. %(left)s",
                rota=rota,
                clinic=clinic,
                begins=begins,
                who=who,
                left=left,
            ),
        )
        yield from _notices(turn, "leaving", policy, {leaving.contact_name}, text, Priority.LOW)


def late_notices(
    turn: Turn,
    people: ClinicPeople,
    policy: Policy,
    still_open: StillOpen,
    now: datetime,
    public_url: str,
    texts_of: TextsOf = in_english,
) -> Iterator[Notice]:
    """To who left and to the administrators, when a turn with something open was not taken over in time."""
    change, within = turn.hand_over, timedelta(minutes=policy.paging.hand_over_within_minutes)
    coming, leaving = _member(people, change.coming), _member(people, change.leaving)
    if not within or coming is None or not still_open.is_anything or now < change.begins + within:
        return
    told = {each.contact_name for each in (*people.administrators, *([leaving] if leaving else []))}
    texts = texts_of(policy.language)
    text = PageText(
        title=texts.say("Pumpwatch LOW: a turn was not taken over"),
        body=texts.say(
            "%(who)s has %(rota)s of %(clinic)s since %(begins)s, and has not said that they know what is open. "
            "%(left)s Ask them. %(url)s",
            who=coming.name,
            rota=turn.rota.name,
            clinic=turn.rota.clinic_id,
            begins=turn.clock(change.begins, texts),
            left=_words(still_open, texts),
            url=address_of_brief(public_url, turn.rota_id),
        ),
    )
    yield from _notices(turn, "late", policy, told - {coming.contact_name}, text, Priority.LOW)


def promise_notices(
    promise: Promise, policy: Policy, public_url: str, texts_of: TextsOf = in_english
) -> Iterator[Notice]:
    """To the first step of the clinic's high route, which is whoever is on call now: what was promised is due.

    Of medium priority: somebody chose the hour, so quiet hours do not hold it.
    """
    texts, who = texts_of(policy.language), promise.made_name
    words = texts.say("%(who)s promised something about an alert for now.", who=who)
    if policy.include_patient_data:
        words = texts.say(
            "Pump %(pump)s, %(title)s: %(what)s (promised by %(who)s).",
            pump=promise.pump_id,
            title=title_words(promise.title, texts),
            what=promise.words,
            who=who,
        )
    link = texts.say("Open %(url)s", url=address_of_alert(public_url, promise.alert_id))
    text = PageText(title=texts.say("Pumpwatch MEDIUM: a promise is due"), body=f"{words} {link}")
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


def _words(still_open: StillOpen, texts: Texts) -> str:
    if not still_open.is_anything:
        return texts.say("Nothing is open.")
    waiting, others = still_open.waiting, still_open.taken
    parts = [
        texts.plural("%(count)s alert waits for somebody", "%(count)s alerts wait for somebody", waiting)
        if waiting
        else "",
        texts.say("%(count)s acknowledged or ended", count=others) if others else "",
        texts.say("%(count)s promised", count=still_open.promises) if still_open.promises else "",
    ]
    return texts.say("Open: %(what)s.", what=", ".join(part for part in parts if part))
