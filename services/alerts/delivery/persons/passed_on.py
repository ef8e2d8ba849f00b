"""PURE. Somebody is out, and somebody else has it: what is open goes over to them.

Guarantees: what the one who is out had taken before is the other's, and stays taken no longer than it would have; of
what nobody has taken, and the one who is out was told of, the other is told at once; asked again, nothing is passed on
twice. **Never silence**: where nobody who stands in can be told, what was taken is taken no more and goes the way of
the clinic's route, and who is told when a rota gives nobody is told of the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from schemas.policy import Contact, Policy, Priority
from services.alerts.delivery.escalate import current_episode
from services.alerts.delivery.page_text import PageText, short_id
from services.alerts.delivery.planned import Notice, PlannedDelivery, first_told
from services.alerts.model import AlertState, Occasion, OccasionKind, OpenAlert, Reason, Transition, TransitionKind
from services.alerts.title_words import title_words
from services.alerts.wording import priority_words, rule_words
from services.people.rota.people import ClinicPeople, Member
from services.people.rota.turns import who_is_out
from services.texts.model import Texts, TextsOf, in_english

_MOST_NAMED: Final = 10
"""A message names so many alerts, and says how many more there are."""


@dataclass(frozen=True, slots=True)
class Out:
    """Somebody of a clinic is out."""

    clinic_id: str
    change_id: UUID
    person: Member
    since: datetime
    """When that began, or was written down if that is later."""
    has_it: Member | None
    """Who stands in for them; None: nobody who can be told."""
    told: tuple[Contact, ...]
    """Who is told of what is passed on: who stands in, or else who is told when a rota gives nobody."""

    @property
    def note(self) -> str:
        """What the audit trail says of it."""
        who = self.has_it.name if self.has_it else f"nobody who can be told; told are {_names(self.told)}"
        return f"{self.person.name} is out; {who}" + (" has it now" if self.has_it else "")


@dataclass(frozen=True, slots=True)
class PassedOn:
    """One alert that goes over, and the pages that go out for it at once."""

    transition: Transition
    alert: OpenAlert
    pages: tuple[PlannedDelivery, ...] = ()

    @property
    def is_taken(self) -> bool:
        """Whether it stays taken, by who stands in."""
        return self.transition.to_state is AlertState.ACKNOWLEDGED


def people_out(clinic_id: str, people: ClinicPeople, policy: Policy, now: datetime) -> tuple[Out, ...]:
    """Everybody of a clinic who is out now, each by each rota that says so.

    Args:
        clinic_id: Of the clinic.
        people: Of the clinic.
        policy: As it holds now, with persons as contacts.
        now: The moment.
    """
    found = []
    for _, rota in sorted(people.rotas.items()):
        for absence, stand_in in who_is_out(rota, now):
            person = people.by_id(absence.instead_of) if absence.instead_of else None
            if person is None:  # not of this clinic any more
                continue
            has_it = people.by_id(stand_in) if stand_in else None
            told = _contacts(policy, [has_it] if has_it else [])
            if not told:
                others = [each for each in people.administrators if each.person_id != person.person_id]
                has_it, told = None, _contacts(policy, others) or _first_step(policy)
            since = max(absence.begins, absence.made_at)
            found.append(Out(clinic_id, absence.change_id, person, since, has_it, told))
    return tuple(found)


def pass_on(alert: OpenAlert, out: Out, told: Mapping[Occasion, Collection[str]]) -> PassedOn | None:
    """What happens to one alert that the one who is out had taken, or was told of; None: nothing.

    Args:
        alert: With its pages so far.
        out: Who is out. That they took it before they were is for the caller to look at.
        told: The contacts that were told of this alert, by occasion.
    """
    if alert.state is AlertState.ACKNOWLEDGED and alert.acknowledged_by_id == f"person:{out.person.person_id}":
        kind, to_state = TransitionKind.PASSED_ON, AlertState.ACKNOWLEDGED
        if out.has_it is None:
            kind, to_state = TransitionKind.ACKNOWLEDGEMENT_EXPIRED, AlertState.ACTIVE
        return PassedOn(_transition(alert, kind, to_state), alert)
    episode = current_episode(alert.pages)
    if alert.state is not AlertState.ACTIVE or episode is None:
        return None
    of_episode = {each: contacts for each, contacts in told.items() if each.is_of(episode.occasion)}
    steps = [each for each, contacts in of_episode.items() if out.person.contact_name in contacts]
    known = {name for contacts in of_episode.values() for name in contacts}
    if not steps or not out.told or any(contact.name in known for contact in out.told):
        return None
    occasion = max(steps, key=lambda each: each.step)
    pages = tuple(
        PlannedDelivery(occasion, contact.name, channel.name)
        for contact in out.told
        for channel in (contact.channels if contact.all_channels_at_once else contact.channels[:1])
    )
    return PassedOn(_transition(alert, TransitionKind.PASSED_ON, AlertState.ACTIVE), alert, pages)


def passed_on_notices(
    out: Out, passed: Sequence[PassedOn], policy: Policy, public_url: str, texts_of: TextsOf = in_english
) -> Iterator[Notice]:
    """One message with everything that was passed on, as urgent as the most urgent of it."""
    if not passed:
        return
    worst = max((each.alert.priority for each in passed), key=lambda each: each.rank)
    which = uuid5(out.change_id, " ".join(sorted(f"{each.alert.alert_id}{each.transition.kind}" for each in passed)))
    occasion = Occasion(OccasionKind.NOTICE, f"passed-on:{which}")
    text = _text(out, passed, policy, worst, public_url, texts_of(policy.language))
    for contact in out.told:
        yield Notice(out.clinic_id, occasion, contact.name, contact.channels[0].name, text, worst)


def _text(
    out: Out, passed: Sequence[PassedOn], policy: Policy, worst: Priority, public_url: str, texts: Texts
) -> PageText:
    who, urgency = out.person.name, priority_words(worst, texts).upper()
    acknowledged = [each for each in passed if each.alert.state is AlertState.ACKNOWLEDGED]
    waiting = [each for each in passed if each.alert.state is not AlertState.ACKNOWLEDGED]
    said = []
    if acknowledged:
        which = _listed(acknowledged, policy, texts)
        said.append(texts.say("%(who)s had acknowledged: %(which)s.", who=who, which=which))
    if waiting:
        said.append(texts.say("Nobody has acknowledged: %(which)s.", which=_listed(waiting, policy, texts)))
    if out.has_it is None:
        title = texts.plural(
            "Pumpwatch %(priority)s: %(who)s is out, and nobody has %(count)s alert",
            "Pumpwatch %(priority)s: %(who)s is out, and nobody has %(count)s alerts",
            len(passed),
            priority=urgency,
            who=who,
        )
        said.insert(0, texts.say("%(who)s is out, and nobody stands in who can be told.", who=who))
    else:
        title = texts.plural(
            "Pumpwatch %(priority)s: %(count)s alert of %(who)s is yours now",
            "Pumpwatch %(priority)s: %(count)s alerts of %(who)s are yours now",
            len(passed),
            priority=urgency,
            who=who,
        )
        said.insert(0, texts.say("%(who)s is out, and you stand in.", who=who))
    board = texts.say("Board: %(url)s", url=f"{public_url.rstrip('/')}/")
    return PageText(title, f"{' '.join(said)} {board}")


def _listed(passed: Sequence[PassedOn], policy: Policy, texts: Texts) -> str:
    alerts = sorted((each.alert for each in passed), key=lambda alert: (-alert.priority.rank, alert.since))
    words = [
        texts.say(
            "%(what)s (%(priority)s, alert %(id)s)",
            what=_what(alert, policy, texts),
            priority=priority_words(alert.priority, texts),
            id=short_id(alert),
        )
        for alert in alerts[:_MOST_NAMED]
    ]
    more = len(alerts) - _MOST_NAMED
    return "; ".join([*words, *([texts.say("and %(shown)s more", shown=more)] if more > 0 else [])])


def _what(alert: OpenAlert, policy: Policy, texts: Texts) -> str:
    if not policy.include_patient_data:
        return rule_words(alert.rule, alert.key, texts)
    return texts.say("pump %(pump)s: %(title)s", pump=alert.pump_id, title=title_words(alert.title, texts))


def _transition(alert: OpenAlert, kind: TransitionKind, to_state: AlertState) -> Transition:
    return Transition(kind, Reason.PERSON_IS_OUT, alert, None, to_state, alert.priority, calm_since=alert.calm_since)


def _contacts(policy: Policy, members: Sequence[Member]) -> tuple[Contact, ...]:
    return _named(policy, {member.contact_name for member in members if member.usable})


def _first_step(policy: Policy) -> tuple[Contact, ...]:
    return _named(policy, first_told(policy))


def _named(policy: Policy, names: Collection[str]) -> tuple[Contact, ...]:
    return tuple(contact for contact in policy.contacts if contact.name in names and contact.channels)


def _names(contacts: Sequence[Contact]) -> str:
    return ", ".join(contact.name for contact in contacts) or "nobody"
