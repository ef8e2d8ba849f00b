"""The board's first page: a list of alerts, filtered and ordered as its address says."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from schemas.parts.languages import Language
from services.alerts.web.allowed import RightsChanged, must_see_clinic
from services.alerts.web.board.drawing import drawn
from services.alerts.web.board.glance import Board, Health, look, look_at_health
from services.alerts.web.board.views import render, texts_for
from services.alerts.web.dependencies import Asking, Running, Web, borrowed_for
from services.alerts.web.lists.asked import Asked, asked_for
from services.alerts.web.lists.store import seen_clinics
from services.alerts.web.store import lent
from services.people.caller import Caller
from services.texts.model import Texts

router = APIRouter(include_in_schema=False)


@router.get("/")
async def board(caller: Asking, web: Running, request: Request) -> Response:
    """A list of alerts: what was read within the last second for somebody who may see and do the same."""
    asked = asked_for(request.query_params.multi_items())
    shown = await read_board(web, caller, asked, texts_for(request))
    now = web.clock()
    if web.reads.lacks(caller, shown.pumps, now):
        async with borrowed_for(request) as connection:
            await web.reads.note(connection, caller, shown.pumps, now)
    return render(
        "board.html",
        request,
        now=shown.glance.now,
        here=shown.glance.here,
        title=shown.picture.title,
        asked=asked,
        parts=shown.with_forms_of(request),
        filter=shown.filter,
        live=f"/live?{asked.query}",
        version=shown.picture.version,
        warnings=(),
    )


async def read_board(
    web: Web, caller: Caller, asked: Asked, texts: Texts, *, begun_after: float = float("-inf")
) -> Board:
    """What somebody's board shows, read for all who have the same roles and language and ask for the same list.

    Raises:
        NotFound: They see no such clinic.
        RightsChanged: The database shows them other clinics by now.
    """
    clinics = must_see_clinic(caller, asked.clinic_id)
    key = key_of(caller, asked, texts.language)

    async def read() -> Board:
        async with lent(web.pool, caller) as connection:
            now = web.clock()

            async def read_health() -> Health:
                return await look_at_health(connection, now)

            policies = await web.policies(connection)
            glance = await look(
                connection,
                clinics,
                asked,
                await web.health.of("", read_health),
                now,
                zones=await web.zones.read(connection, policies, caller.clinics()),
                here=web.zones.of_reader(policies, caller.clinics()),
                texts=texts,
            )
            if (
                await seen_clinics(connection) != caller.clinics()
            ):  # others are shown it too: it would look calm to them
                raise RightsChanged(caller)
            return drawn(glance, caller, texts)

    made = await web.boards.of(key, read, begun_after=begun_after)
    web.open_pages.remember(key, made.picture)
    return made


def key_of(caller: Caller, asked: Asked, language: Language) -> tuple[object, ...]:
    """Who has the same key is shown the same."""
    return (frozenset(caller.roles.items()), asked, language)
