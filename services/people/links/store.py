"""All SQL about links: whose contact is which person, and what was answered. The caller owns the transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from services.people.links.answers import Answer
from services.people.links.receivers import Receivers
from services.people.links.tokens import Link, Purpose
from services.runtime.database import Connection, load_queries

QUERIES: Final = load_queries(Path(__file__).with_name("queries.sql"))

PERSON: Final = "person:"


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as the database has it."""

    answer: Answer
    alert_id: UUID | None
    settled_at: datetime | None
    outcome: str | None


async def load_receivers(connection: Connection) -> Receivers:
    """Which contact of which clinic is which person.

    A person is a contact of a clinic by the name that they sign in with, as `person:` and that name, or as `person:`
    and their id; only where they may act, and are not disabled.
    """
    found: dict[tuple[str, str], UUID] = {}
    for clinic_id, person_id, sign_in in await connection.fetch(QUERIES["receivers"]):
        found[clinic_id, f"{PERSON}{person_id}"] = person_id
        if sign_in is not None:
            found[clinic_id, sign_in] = found[clinic_id, f"{PERSON}{sign_in}"] = person_id
    return found


async def insert_answer(connection: Connection, answer: Answer, taken_at: datetime) -> bool:
    """Keep an answer; False: the link was used before."""
    link = answer.link
    values = (link.delivery_id, link.purpose.value, link.about, link.person_id, answer.given_at, taken_at)
    return await connection.fetchval(QUERIES["insert_answer"], *values) is not None


async def settle_answer(
    connection: Connection, delivery_id: UUID, alert_id: UUID | None, outcome: str, now: datetime
) -> None:
    """Say what became of an answer."""
    await connection.execute(QUERIES["settle_answer"], delivery_id, alert_id, outcome, now)


async def answer_of(connection: Connection, delivery_id: UUID) -> KeptAnswer | None:
    """What a link was used for; None: it was not."""
    row = await connection.fetchrow(QUERIES["answer_of"], delivery_id)
    return None if row is None else _kept(**dict(row))


async def waiting_answers(connection: Connection) -> list[KeptAnswer]:
    """Answers about alarms whose alert was not there yet, held until the transaction ends."""
    return [_kept(**dict(row)) for row in await connection.fetch(QUERIES["waiting_answers"])]


async def some_wait(connection: Connection) -> bool:
    """Whether there are answers about alarms whose alert was not there yet."""
    some: bool = await connection.fetchval(QUERIES["some_wait"])
    return some


def _kept(
    *,
    delivery_id: UUID,
    purpose: str,
    about: UUID,
    person_id: UUID,
    given_at: datetime,
    alert_id: UUID | None,
    settled_at: datetime | None,
    outcome: str | None,
) -> KeptAnswer:
    link = Link(Purpose(purpose), about, person_id, delivery_id)
    return KeptAnswer(Answer(link, given_at), alert_id, settled_at, outcome)
