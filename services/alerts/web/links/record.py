"""Record what a person answered by a link: once, by the time at which it was given.

Guarantees: use and acknowledgement are one transaction, so a link that was used has acted and one that has not can be
used; a person who is disabled, or may not act in the alert's clinic (any more), does nothing; an answer that comes in
late, because the database was away, acknowledges nothing that has become worse since it was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog

from services.alerts.errors import NotFound, Refused
from services.alerts.lifecycle.acknowledge import acknowledge_alert
from services.alerts.policies import Policies
from services.alerts.web.links import store
from services.alerts.web.store import tell_who_asks
from services.people.caller import Caller
from services.people.links import store as links
from services.people.links.answers import Answer
from services.people.links.tokens import Purpose
from services.people.model import Actor, Role
from services.runtime.database import Connection
from services.runtime.isolation import apart, concerns_all, described
from services.texts.model import msgid

_WAITS_FOR: Final = timedelta(hours=24)
"""So long an answer about an alarm waits for an alert to come of it."""

log = structlog.get_logger()


class Outcome(StrEnum):
    """What came of an answer; kept with it."""

    TAKEN = "taken"
    WAITS = "waits"
    """There is no alert yet of the alarm that was paged past the database."""
    OVER = "over"
    """No alert came of it: it is over, or its event was refused."""
    USED = "used"
    """The link was used before. Nothing was done now."""


class MayNotAct(Refused):
    """The person is disabled, or may not act in that clinic."""


async def record_answer(connection: Connection, answer: Answer, policies: Policies, now: datetime) -> Outcome:
    """Do what the link says.

    Args:
        connection: Of a database that is told here who asks.
        answer: What was pressed, and when.
        policies: The clinics'.
        now: When it is recorded.

    Raises:
        MayNotAct: The person may not.
        Refused: Somebody else has it, it is closed, or it has become worse since.
        NotFound: There is no such alert.
    """
    person_id = answer.link.person_id
    await tell_who_asks(connection, Caller(Actor(f"person:{person_id}", ""), person_id=person_id))
    async with connection.transaction():
        if not await links.insert_answer(connection, answer, now):
            return Outcome.USED
        return await _settle(connection, answer, policies, now)


async def record_late(
    connection: Connection, answers: Sequence[Answer], policies: Policies, now: datetime
) -> list[Answer]:
    """Record answers that were kept elsewhere while the database was away; returns those that are in it by now.

    One that can do nothing any more is recorded with the reason. One whose recording fails by itself stays where it is.
    """
    recorded = []
    for answer in answers:
        try:
            await _record_late(connection, answer, policies, now)
            recorded.append(answer)
        except Exception as error:
            if concerns_all(error):
                raise
            log.exception("answer_not_recorded", delivery_id=str(answer.link.delivery_id))
    return recorded


async def _record_late(connection: Connection, answer: Answer, policies: Policies, now: datetime) -> None:
    try:
        outcome = (await record_answer(connection, answer, policies, now)).value
    except (Refused, NotFound) as error:
        outcome = f"refused: {error}"
        async with connection.transaction():
            if await links.insert_answer(connection, answer, now):
                await links.settle_answer(connection, answer.link.delivery_id, None, outcome, now)
    log.info(
        "answer_recorded", delivery_id=str(answer.link.delivery_id), outcome=outcome, given_at=str(answer.given_at)
    )


async def settle_waiting(connection: Connection, policies: Policies, now: datetime) -> int:
    """Give answers about alarms to the alerts that came of them; returns how many wait no more."""
    settled = 0

    async def settle(some: Sequence[links.KeptAnswer]) -> None:
        nonlocal settled
        for kept in some:
            settled += await _settle_kept(connection, kept.answer, policies, now)

    async with connection.transaction():
        _, failed = await apart(connection, await links.waiting_answers(connection), settle)
    for failure in failed:
        log.error(
            "answer_not_settled", delivery_id=str(failure.item.answer.link.delivery_id), error=described(failure.error)
        )
    return settled


async def _settle_kept(connection: Connection, answer: Answer, policies: Policies, now: datetime) -> bool:
    person_id = answer.link.person_id
    await tell_who_asks(connection, Caller(Actor(f"person:{person_id}", ""), person_id=person_id))
    try:
        async with connection.transaction():
            outcome = await _settle(connection, answer, policies, now)
    except (Refused, NotFound) as error:
        await links.settle_answer(connection, answer.link.delivery_id, None, f"refused: {error}", now)
        return True
    if outcome is Outcome.WAITS and now - answer.given_at > _WAITS_FOR:
        log.warning("answer_without_alert", delivery_id=str(answer.link.delivery_id))
        await links.settle_answer(connection, answer.link.delivery_id, None, "no alert came of it", now)
        return True
    return outcome is not Outcome.WAITS


async def _settle(connection: Connection, answer: Answer, policies: Policies, now: datetime) -> Outcome:
    link, alert_id = answer.link, answer.link.about
    if link.purpose is Purpose.ALARM:
        found, is_settled = await store.alert_of_event(connection, link.about)
        if found is None and not is_settled:
            return Outcome.WAITS
        if found is None:
            await links.settle_answer(connection, link.delivery_id, None, Outcome.OVER.value, now)
            return Outcome.OVER
        alert_id = found
    person = await store.linked_person(connection, link.person_id)
    alert = await store.linked_alert(connection, alert_id)
    if person is None or alert is None or not person.may(Role.RESPONDER, alert.clinic_id):
        raise MayNotAct(msgid("you may not act in this clinic (any more)"))
    if await store.became_worse(connection, alert_id, answer.given_at):
        raise Refused(msgid("it has become more urgent, or has returned, since you answered"))
    await acknowledge_alert(connection, alert_id, person.actor, None, policies, answer.given_at)
    await links.settle_answer(connection, link.delivery_id, alert_id, Outcome.TAKEN.value, now)
    return Outcome.TAKEN
