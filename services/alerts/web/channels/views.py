"""A person's own channels: add, verify, order, test and remove them; when drills are heard, and nobody is woken.

No page shows an address: its kind and last characters, and no process that shows pages reads more. A form that cannot
be carried out comes back with the reason; one that was carried out ends in a redirect.
"""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from services.alerts.delivery.persons.push_address import PushAddressError, read_subscription
from services.alerts.web.allowed import Forbidden
from services.alerts.web.board.views import STATIC, render, texts_for
from services.alerts.web.dependencies import Asking, Borrowed, Running, Web
from services.people.caller import Caller
from services.people.channels import changes
from services.people.channels.changes import ChannelRefusedError
from services.people.channels.model import Hours, fault_of_url
from services.people.channels.proof import proof_of
from services.people.channels.store import channels_of, hours_of
from services.runtime.database import Connection
from services.texts.model import msgid
from services.texts.phrase import phrase, said_in, told_by

PATH: Final = "/account/channels"
_DAYS: Final = (
    msgid("Monday"),
    msgid("Tuesday"),
    msgid("Wednesday"),
    msgid("Thursday"),
    msgid("Friday"),
    msgid("Saturday"),
    msgid("Sunday"),
)
_CLOCK: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")

router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def own_channels(connection: Borrowed, caller: Asking, web: Running, request: Request) -> Response:
    """Everything about a person's channels, on one page."""
    return await _show(connection, caller, web, request)


@router.post(PATH)
async def add(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    request: Request,
    name: Annotated[str, Form()] = "",
    url: Annotated[str, Form()] = "",
) -> Response:
    """Add a channel by its address."""
    fault = fault_of_url(url.strip(), frozenset(web.settings.channel_kinds)) or await _fault_of_address(url.strip())
    if fault:
        return await _show(connection, caller, web, request, fault, typed=name)
    return await _added(connection, caller, web, request, name, url.strip())


@router.post(f"{PATH}/browser")
async def add_browser(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    request: Request,
    name: Annotated[str, Form()] = "",
    subscription: Annotated[str, Form()] = "",
) -> Response:
    """Add the browser that shows the page."""
    if web.settings.push_public_key is None:
        return await _show(connection, caller, web, request, msgid("Pushes to browsers are not set up here."))
    try:
        url = read_subscription(subscription, web.settings.push_services).url
    except PushAddressError as error:
        why = phrase("This browser gave no address: %(why)s.", why=told_by(error))
        return await _show(connection, caller, web, request, why)
    return await _added(connection, caller, web, request, name, url)


@router.post(f"{PATH}/hours")
async def hours(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    request: Request,
    timezone: Annotated[str, Form()] = "",
    drill_weekday: Annotated[str, Form()] = "",
    drill_at: Annotated[str, Form()] = "",
    quiet_begins: Annotated[str, Form()] = "",
    quiet_ends: Annotated[str, Form()] = "",
) -> Response:
    """Change when drills are heard, and when nothing that can wait."""
    clocks = [each.strip() for each in (drill_at, quiet_begins, quiet_ends)]
    if drill_weekday not in {"1", "2", "3", "4", "5", "6", "7"} or not _CLOCK.fullmatch(clocks[0]):
        return await _show(connection, caller, web, request, msgid("The drill needs a day and a time, such as 11:00."))
    if any(each and not _CLOCK.fullmatch(each) for each in clocks[1:]):
        return await _show(connection, caller, web, request, msgid("Times are written as 22:00."))
    asked = Hours(timezone.strip(), int(drill_weekday), clocks[0], clocks[1] or None, clocks[2] or None)
    try:
        await changes.set_hours(connection, _person(caller), asked)
    except ChannelRefusedError as error:
        return await _show(connection, caller, web, request, told_by(error))
    return _done("hours")


@router.post(f"{PATH}/{{channel_id}}/{{what}}")
async def change(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    request: Request,
    channel_id: UUID,
    what: str,
    code: Annotated[str, Form()] = "",
) -> Response:
    """Do one thing with one channel: code (take it), again (send another), test, up, remove."""
    person_id, now = _person(caller), web.clock()
    try:
        match what:
            case "code":
                if not await changes.verify(connection, person_id, channel_id, code[:100], caller.actor, now):
                    words = msgid(
                        "This is not the code that was sent last, or it is over. Look again, or send another one."
                    )
                    return await _show(connection, caller, web, request, words)
            case "again":
                await changes.send_code(connection, person_id, channel_id, now)
            case "test":
                await changes.send_test(connection, person_id, channel_id, now)
            case "up":
                await changes.move_up(connection, person_id, channel_id)
            case "remove":
                await changes.remove(connection, person_id, channel_id, caller.actor, now)
            case _:
                return await _show(connection, caller, web, request, msgid("This form is not one of this page."))
    except ChannelRefusedError as error:
        return await _show(connection, caller, web, request, told_by(error), code=409)
    return _done(what)


@router.get("/push-worker.js")
async def push_worker(_: Asking) -> Response:
    """What a browser runs when a push comes; from here it may stand for every page."""
    return FileResponse(STATIC / "push-worker.js", media_type="text/javascript")


_SAID: Final = {
    "added": msgid("A code is on its way: type it in below."),
    "code": msgid("Verified. Pages go there from now on."),
    "again": msgid("Another code is on its way."),
    "test": msgid("A test is on its way. What came of it stands below in a few seconds: load the page again."),
    "up": msgid("The order is changed."),
    "remove": msgid("Removed."),
    "hours": msgid("Kept."),
}


def _done(what: str) -> Response:
    return RedirectResponse(f"{PATH}?done={what}", 303)


def _person(caller: Caller) -> UUID:
    if caller.person_id is None:
        msg = msgid("a program has no channels")
        raise Forbidden(msg)
    return caller.person_id


async def _added(connection: Connection, caller: Caller, web: Web, request: Request, name: str, url: str) -> Response:
    try:
        await changes.add(connection, _person(caller), name, url, caller.actor, web.clock())
    except ChannelRefusedError as error:
        return await _show(connection, caller, web, request, told_by(error), typed=name)
    return _done("added")


async def _fault_of_address(url: str) -> str | None:
    """Why nothing can be sent there. Apprise is loaded when it is first needed: it is large."""
    fault = await asyncio.to_thread(_look_at, url)
    return fault and phrase("This is %(fault)s.", fault=fault)


def _look_at(url: str) -> str | None:
    from services.alerts.delivery.addresses import fault_of_address

    return fault_of_address(url)


async def _show(
    connection: Connection,
    caller: Caller,
    web: Web,
    request: Request,
    refused: str | None = None,
    *,
    typed: str = "",
    code: int = 422,
) -> Response:
    person_id, now, texts = _person(caller), web.clock(), texts_for(request)
    own = await channels_of(connection, person_id)
    theirs = await hours_of(connection, person_id)
    return render(
        "channels.html",
        request,
        code if refused else 200,
        now=now,
        here=ZoneInfo(theirs.timezone),
        today=texts.say(_DAYS[now.astimezone(ZoneInfo(theirs.timezone)).weekday()]),
        time=f"{now.astimezone(ZoneInfo(theirs.timezone)):%H:%M}",
        warnings=(),
        channels=[(each, proof_of(each, now)) for each in own],
        hours=theirs,
        days=[(number, texts.say(day)) for number, day in enumerate(_DAYS, 1)],
        kinds=web.settings.channel_kinds,
        push_key=web.settings.push_public_key,
        refused=said_in(refused, texts) if refused else None,
        typed=typed,
        said=texts.say(_SAID[done]) if (done := request.query_params.get("done", "")) in _SAID else None,
    )
