"""`pumpwatch page-test` and `pumpwatch push-key` (docs/operating/people/channels.md)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Protocol, TypeVar
from uuid import UUID, uuid4

import typer

from services.commands.terminal import DatabaseUrl, answer, fail, json_of, with_database

if TYPE_CHECKING:
    from services.runtime.database import Connection

_LOOK_SECONDS: Final = 0.2


class _Came(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def sent_at(self) -> datetime | None: ...
    @property
    def error(self) -> str | None: ...


AnyCame = TypeVar("AnyCame", bound=_Came)


def page_test(
    who: Annotated[str, typer.Argument(help="A person's sign-in name, or, with --clinic, a contact of its policy.")],
    database_url: DatabaseUrl,
    clinic: Annotated[str | None, typer.Option(help="The clinic of the contact.")] = None,
    within_seconds: Annotated[
        int, typer.Option(min=1, max=600, help="How many seconds to wait for what comes of it.")
    ] = 60,
    as_json: Annotated[bool, json_of("channels")] = False,
) -> None:
    """Send a test over every channel of a person or a contact, by the alert worker, and say what came of each."""

    async def work(connection: Connection) -> list[_Came]:
        if clinic is None:
            return await _test_person(connection, who, within_seconds)
        return await _test_contact(connection, clinic, who, within_seconds)

    came = with_database(database_url, work, LookupError)
    document = [
        {"channel": each.name, "sent_at": each.sent_at, "ended_at": each.ended_at, "error": each.error} for each in came
    ]
    answer({"channels": document}, [_line(each, within_seconds) for each in came], as_json=as_json)
    if not all(each.sent_at for each in came):
        fail("not every channel took it")


def push_key(
    file: Annotated[Path, typer.Argument(help="Where the private key is written, for ALERTS_PUSH_KEY_FILE.")],
    as_json: Annotated[bool, json_of("file", "public_key")] = False,
) -> None:
    """Make the keys of pushes to browsers. The public one is for WEB_PUSH_PUBLIC_KEY."""
    from services.people.channels.push_key import new_push_key

    key = new_push_key()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        fail(f"{str(file)!r} is there already. With another key every browser would have to be added again")
    except OSError as error:
        fail(f"{str(file)!r} cannot be written: {error.strerror}")
    with os.fdopen(descriptor, "w") as opened:
        opened.write(f"{key.private}\n")
    answer({"file": str(file), "public_key": key.public}, [f"WEB_PUSH_PUBLIC_KEY={key.public}"], as_json=as_json)


async def _test_person(connection: Connection, who: str, within_seconds: int) -> list[_Came]:
    from services.people.channels.model import Purpose
    from services.people.channels.sending.store import outcome_of, person_of, verified_channels
    from services.people.channels.store import ask

    person_id = await person_of(connection, who)
    if person_id is None:
        msg = f"there is nobody who signs in as {who!r}; `pumpwatch user list` shows everybody"
        raise LookupError(msg)
    channels = await verified_channels(connection, person_id)
    if not channels:
        msg = f"{who!r} has no verified channel: they add one on the page of their account"
        raise LookupError(msg)
    now, asked = datetime.now(UTC), list[UUID]()
    for channel_id in channels:
        message_id = await ask(connection, channel_id, Purpose.TEST, f"command {uuid4()}", now)
        assert message_id is not None  # noqa: S101 - its episode is new
        asked.append(message_id)
    return list(await _waited(lambda: outcome_of(connection, asked), within_seconds))


async def _test_contact(connection: Connection, clinic: str, who: str, within_seconds: int) -> list[_Came]:
    from services.alerts.delivery.page_text import PageText
    from services.alerts.delivery.planned import Notice
    from services.alerts.delivery.store import insert_notices
    from services.alerts.health.store import came_of_notices
    from services.alerts.model import Occasion, OccasionKind
    from services.alerts.policy_files.kept import KeptPolicies

    kept = KeptPolicies()
    await kept.load(connection)
    policy = kept.now.by_clinic.get(clinic)
    contact = next((each for each in policy.contacts if each.name == who), None) if policy else None
    if contact is None:
        names = ", ".join(each.name for each in policy.contacts) if policy else ""
        msg = f"the policy of {clinic!r} has no contact {who!r}; it has {names or 'none'}"
        raise LookupError(msg)
    if not contact.channels:
        msg = f"{who!r} stands for persons: give the sign-in name of one, without --clinic"
        raise LookupError(msg)
    occasion = Occasion(OccasionKind.NOTICE, f"page-test:{uuid4()}")
    text = PageText("Pumpwatch TEST: no alarm", f"This is a test of {who}, and nothing has happened.")
    notices = [Notice(clinic, occasion, who, channel.name, text) for channel in contact.channels]
    await insert_notices(connection, notices, datetime.now(UTC))
    return list(await _waited(lambda: came_of_notices(connection, clinic, occasion.episode), within_seconds))


async def _waited(look: Callable[[], Awaitable[tuple[AnyCame, ...]]], within_seconds: int) -> tuple[AnyCame, ...]:
    """What came of everything, or what is known of it when the time is over."""
    until = asyncio.get_running_loop().time() + within_seconds
    while True:
        found = await look()
        if all(each.ended_at for each in found) or asyncio.get_running_loop().time() >= until:
            return found
        await asyncio.sleep(_LOOK_SECONDS)


def _line(each: _Came, within_seconds: int) -> str:
    if each.sent_at is not None:
        return f"{each.name}: taken at {each.sent_at:%H:%M:%S}Z; did it ring?"
    why = each.error or "no alert worker took it up" if each.ended_at is None else each.error or "it was not sent"
    return f"{each.name}: NOT sent{'' if each.ended_at else f' within {within_seconds} s'}: {why}"
