"""A promise about an alert, such as to call again at eight: made with a remark, kept by a button."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from services.alerts.errors import NotFound, Refused
from services.alerts.health.hand_over.store import keep_promise, make_promise, zone_of
from services.alerts.lifecycle.remark import add_remark
from services.alerts.policies import Policies
from services.alerts.web.allowed import must_act_on_alert
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running
from services.alerts.web.inputs import LONGEST_TEXT
from services.alerts.web.store import clinic_of_alert
from services.people.model import Actor
from services.people.rota.local_time import typed_moment
from services.runtime.database import Connection
from services.texts.model import msgid

router = APIRouter(include_in_schema=False)
LONGEST: Final = timedelta(days=31)
"""Nobody remembers longer what they promised."""


@router.post("/alerts/{alert_id}/promises/{promise_id}/keep")
async def keep(
    connection: Borrowed, caller: Asking, web: Running, policies: Held, alert_id: UUID, promise_id: UUID
) -> Response:
    """It was done as promised."""
    now = web.clock()
    await must_act_on_alert(connection, caller, alert_id)
    async with connection.transaction():
        words = await keep_promise(connection, promise_id, alert_id, caller.actor, now)
        if words is None:
            raise NotFound(msgid("there is no such promise that is open"))
        await add_remark(
            connection, alert_id, caller.actor, f"Done as promised: {words}"[:LONGEST_TEXT], policies, now, acted=True
        )
    return RedirectResponse(f"/alerts/{alert_id}", 303)


async def promised_moment(
    connection: Connection, policies: Policies, alert_id: UUID, typed: str, now: datetime
) -> datetime | None:
    """When somebody will do it, from a field of a form, by the clock of the alert's clinic; None: it was left empty.

    Raises:
        Refused: It is no time, or not within the days ahead.
    """
    if not typed.strip():
        return None
    try:
        zone = await zone_of(connection, policies, await clinic_of_alert(connection, alert_id) or "")
        moment = typed_moment(typed, zone.key)
    except ValueError as error:
        raise Refused(str(error)) from error
    return checked_moment(moment, now)


def checked_moment(moment: datetime, now: datetime) -> datetime:
    """The moment itself.

    Raises:
        Refused: It is not ahead, or too far.
    """
    if not now < moment <= now + LONGEST:
        raise Refused(
            msgid("expected a time within the next %(days)s days; got %(moment)s"),
            days=LONGEST.days,
            moment=f"{moment:%Y-%m-%d %H:%M}Z",
        )
    return moment


async def remark_and_promise(
    connection: Connection,
    alert_id: UUID,
    by: Actor,
    words: str,
    policies: Policies,
    now: datetime,
    *,
    acted: bool,
    due_at: datetime | None,
) -> None:
    """Write down what somebody says of an alert, and what they will do about it; None: nothing."""
    async with connection.transaction():
        await add_remark(connection, alert_id, by, words, policies, now, acted=acted)
        if due_at is not None:
            await make_promise(connection, uuid4(), alert_id, words, due_at, by, now)
