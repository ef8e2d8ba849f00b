"""PURE. Who hears that somebody has taken an alert: one short message, so that nobody else sets out.

Guarantee: it goes to whoever was told in the episode that was taken, over the channels by which they were told, and not
to who took it; like a page it names no pump and no patient unless the clinic's policy asks for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from schemas.policy import Policy, Priority
from services.alerts.delivery.page_text import PageText
from services.alerts.delivery.webhooks.programs import is_program
from services.alerts.policies import Policies, address_of
from services.alerts.title_words import title_words
from services.alerts.wording import rule_words
from services.people.links.receivers import Receivers
from services.texts.model import Texts, TextsOf, in_english


@dataclass(frozen=True, slots=True)
class ToldOfTaken:
    """A contact who was told of an alert that a person has taken meanwhile."""

    alert_id: UUID
    clinic_id: str
    pump_id: str
    rule: str
    key: str
    title: str
    priority: str
    contact: str
    channel: str
    acknowledged_by: str
    acknowledged_by_id: str | None
    clinic_seq: int
    """Of the acknowledgement in the clinic's trail."""


def who_hears(
    told: Iterable[ToldOfTaken],
    policies: Policies,
    receivers: Receivers,
    environment: Mapping[str, str],
    texts_of: TextsOf = in_english,
) -> Iterator[tuple[ToldOfTaken, PageText]]:
    """Those who hear of it, with what they hear.

    Args:
        told: Who was told, and who has it now.
        policies: Which say for which priorities somebody hears of it.
        receivers: Which contact is which person.
        environment: Where the addresses stand that a policy names as `env:NAME`.
        texts_of: The texts of a clinic's language.
    """
    for each in told:
        policy = policies.of(each.clinic_id)
        if Priority(each.priority) not in policy.paging.tell_who_has_it or _has_it(each, receivers):
            continue
        url = address_of(policy, each.contact, each.channel, environment)
        if url is not None and not is_program(url):  # a program hears it in its own way
            yield each, _text(each, policy, texts_of(policy.language))


def _has_it(told: ToldOfTaken, receivers: Receivers) -> bool:
    person_id = receivers.get((told.clinic_id, told.contact))
    return told.contact == told.acknowledged_by or (
        person_id is not None and told.acknowledged_by_id == f"person:{person_id}"
    )


def _text(told: ToldOfTaken, policy: Policy, texts: Texts) -> PageText:
    what = rule_words(told.rule, told.key, texts)
    if policy.include_patient_data:
        what = texts.say("pump %(pump)s: %(title)s", pump=told.pump_id, title=title_words(told.title, texts))
    return PageText(
        title=texts.say("Pumpwatch: %(who)s has acknowledged", who=told.acknowledged_by),
        body=texts.say(
            "%(who)s has acknowledged alert %(id)s (%(what)s). You need do nothing.",
            who=told.acknowledged_by,
            id=str(told.alert_id)[:8],
            what=what,
        ),
    )
