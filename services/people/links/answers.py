"""PURE. What a person answers by a link, as it is kept in a file where the database is away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from services.people.links.tokens import Link, Purpose


@dataclass(frozen=True, slots=True)
class Answer:
    """Somebody takes what a link is about. `given_at`: when they pressed, whenever it is recorded."""

    link: Link
    given_at: datetime


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    purpose: Purpose
    about: UUID
    person_id: UUID
    delivery_id: UUID
    given_at: AwareDatetime

    @classmethod
    def of(cls, answer: Answer) -> Self:
        link = answer.link
        return cls(
            purpose=link.purpose,
            about=link.about,
            person_id=link.person_id,
            delivery_id=link.delivery_id,
            given_at=answer.given_at,
        )


class LinkUsed(BaseModel):
    """What the web process tells the alert worker: somebody has answered by this link, then."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: str
    given_at: AwareDatetime


def to_line(answer: Answer) -> bytes:
    """One answer as a line of a file."""
    return _Line.of(answer).model_dump_json().encode() + b"\n"


def from_line(line: bytes) -> Answer | None:
    """The answer of a line; None: it is none, as the last line is that a kill cut short."""
    try:
        said = _Line.model_validate_json(line)
    except ValidationError:
        return None
    return Answer(Link(said.purpose, said.about, said.person_id, said.delivery_id), said.given_at)
