"""PURE. The proof that a high alarm reaches somebody: every span of time in which it would not.

Guarantee: a moment is **covered** exactly if, of an alarm that begins then and that nobody answers, a page goes to
somebody who can be reached within so many minutes. The edges of what is not covered are exact. What counts:

- The pages that go out by the high route: each of its steps, and the repeats of its last one.
- A contact with channels of its own counts if it can be told (the caller knows). A person counts who is of the clinic,
  is not disabled, and has a channel that is verified and does not fail. Quiet hours never hold a high page.
- The administrators who are told where a contact stands for nobody do **not** count: they are the net, not the plan.

Persons, channels and rotas count as they are now; what is known of the future is in the rotas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.policy import Contact, Policy, Priority
from services.people.rota.effective import standing_for
from services.people.rota.people import ClinicPeople
from services.people.rota.turns import shifts
from services.texts.phrase import phrase, plural_phrase

Span = tuple[datetime, datetime]
"""From its begin until just before its end."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A span in which a high alarm would reach nobody in time."""

    begins: datetime
    ends: datetime
    why: tuple[str, ...]
    """Of each contact that would be told at its begin, why that reaches nobody; or that nobody would be told. Each is
    said in a language by `services.texts.phrase.said_in`."""


def uncovered(
    policy: Policy,
    people: ClinicPeople,
    begins: datetime,
    ends: datetime,
    within_minutes: float,
    *,
    can_be_told: Callable[[Contact], bool] = lambda _: True,
) -> tuple[Gap, ...]:
    """Every gap between two moments, in order; empty: somebody is always reached.

    Args:
        policy: As its file says.
        people: Of the clinic, with their channels and rotas.
        begins: The first moment that is looked at.
        ends: Just after the last one.
        within_minutes: How long it may take, from the alarm to the page.
        can_be_told: Whether a contact with channels of its own counts.
    """
    pages = tuple(_pages(policy, timedelta(minutes=within_minutes)))
    covered = [
        (max(begins, one - after), min(ends, other - after))
        for after, contact in pages
        for one, other in _reached(contact, people, begins + after, ends + after, can_be_told)
    ]
    return tuple(
        Gap(one, other, tuple(_reasons(pages, people, one)) or (phrase("nobody would be told"),))
        for one, other in _rest(covered, begins, ends)
    )


def _pages(policy: Policy, within: timedelta) -> Iterator[tuple[timedelta, Contact]]:
    """What goes out of an alarm that nobody answers: how long after it, and to whom."""
    route = policy.routes.get(Priority.HIGH)
    by_name = {contact.name: contact for contact in policy.contacts}
    after = timedelta()
    for number, step in enumerate(route.steps if route else ()):
        after = timedelta(minutes=step.after_minutes)
        every = policy.repeat_minutes(Priority.HIGH) if route and number == len(route.steps) - 1 else None
        while after <= within:
            yield from ((after, by_name[name]) for name in step.contacts)
            if every is None:
                break
            after += timedelta(minutes=every)


def _reached(
    contact: Contact, people: ClinicPeople, begins: datetime, ends: datetime, can_be_told: Callable[[Contact], bool]
) -> Iterator[Span]:
    if contact.rota is None:
        members = standing_for(contact, people, begins)  # the same at every moment
        if any(member.can_be_reached for member in members) or (
            not contact.stands_for_persons and can_be_told(contact)
        ):
            yield begins, ends
    elif contact.rota in people.rotas:
        for shift in shifts(people.rotas[contact.rota], begins, ends):
            member = people.by_id(shift.person_id) if shift.person_id else None
            if member is not None and member.can_be_reached:
                yield shift.begins, shift.ends


def _rest(covered: Iterable[Span], begins: datetime, ends: datetime) -> Iterator[Span]:
    """What of a span is in none of those."""
    reached_until = begins
    for one, other in sorted(covered):
        if one > reached_until:
            yield reached_until, one
        reached_until = max(reached_until, other)
    if reached_until < ends:
        yield reached_until, ends


def _reasons(pages: Iterable[tuple[timedelta, Contact]], people: ClinicPeople, at: datetime) -> Iterator[str]:
    """One for each contact, of the first page to it."""
    seen: set[str] = set()
    for after, contact in pages:
        if contact.name not in seen:
            seen.add(contact.name)
            yield _reason(contact, people, at + after)


def _reason(contact: Contact, people: ClinicPeople, at: datetime) -> str:
    if not contact.stands_for_persons:
        return phrase("%(contact)s: no address that can be used", contact=contact.name)
    members = standing_for(contact, people, at)
    if members:
        return plural_phrase(
            "%(contact)s: %(who)s has no working channel",
            "%(contact)s: %(who)s have no working channel",
            len(members),
            contact=contact.name,
            who=", ".join(member.name for member in members),
        )
    if contact.rota is not None:
        return phrase(
            "%(contact)s: rota %(rota)s gives nobody of the clinic who can sign in",
            contact=contact.name,
            rota=contact.rota,
        )
    return phrase("%(contact)s: is nobody of the clinic who can sign in", contact=contact.name)
