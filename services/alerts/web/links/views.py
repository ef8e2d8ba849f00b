"""The page of a link: GET shows, POST acts. Nobody signs in here: the link's signature says who it is.

Guarantees: looking (GET, HEAD) changes nothing, so a scanner that follows links acknowledges nothing; it shows no more
than the page did that it came with; a link that was forged, cut or made for something else is told from one that is
over, and neither shows anything; acting twice by one link acts once. A form here has no token of a session: there is
none, and who does not know the link cannot send it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from schemas.policy import Policy
from services.alerts.errors import NotFound, Refused
from services.alerts.web.board.errors import answer_statuses
from services.alerts.web.board.views import render, texts_for
from services.alerts.web.links import store
from services.alerts.web.links.desk import NotTakenError
from services.alerts.web.links.record import MayNotAct, Outcome
from services.alerts.web.store import tell_who_asks
from services.alerts.wording import capitalised
from services.people.caller import Caller
from services.people.links import store as links
from services.people.links.answers import Answer
from services.people.links.tokens import Link, LinkExpiredError, LinkForgedError, Purpose, read
from services.people.model import Actor, Role
from services.runtime.database import FAILED, Connection, borrow, plainly
from services.runtime.secrets.file import SecretFileError
from services.texts.model import msgid

if TYPE_CHECKING:
    from services.alerts.web.dependencies import Web

PATH: Final = "/l"
_DATABASE_SECONDS: Final = 3.0
_TAKEN_WITHOUT: Final = msgid(
    "You have acknowledged it. The database is away: this is kept, and recorded with the time of now as soon as it is "
    "back."
)
_OVER: Final = msgid("It is over: no alert came of this alarm.")
_NOT_TOLD: Final = msgid(
    "The alert worker could not be told, so more pages about it may go out until then; others may be called."
)

log = structlog.get_logger()


def link_app(web: Web) -> FastAPI:
    """Build the application that is mounted at `PATH`; it starts nothing."""
    app = FastAPI(title="Pumpwatch links", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.web = web
    answer_statuses(app)

    @app.api_route("/{token}", methods=["GET", "HEAD"])
    async def show(request: Request, token: str) -> Response:
        now = web.clock()
        link = _link(web, request, token, now)
        return link if isinstance(link, Response) else await _shown(web, request, link, now)

    @app.post("/{token}")
    async def act(request: Request, token: str) -> Response:
        now = web.clock()
        link = _link(web, request, token, now)
        if isinstance(link, Response):
            return link
        try:
            taken = await web.desk.take(web.pool, web.kept, Answer(link, now), now)
        except NotTakenError as error:
            log.warning("answer_not_taken", error=str(error))
            words = msgid(
                "This was NOT acknowledged: the database is away. The alert pages on. Use the backup procedure."
            )
            return _page(request, now, texts_for(request).say(words), 503)
        except NotFound:
            return _page(request, now, texts_for(request).say("There is no such alert."), 404)
        except MayNotAct as error:
            texts = texts_for(request)
            words = texts.say("This was not acknowledged: %(why)s.", why=error.in_words(texts))
            return _page(request, now, words, 403)
        except Refused as error:
            texts = texts_for(request)
            refused = texts.say("Not acknowledged: %(why)s.", why=error.in_words(texts))
            return await _shown(web, request, link, now, refused=refused)
        if not taken.recorded:
            texts = texts_for(request)
            said = [texts.say(_TAKEN_WITHOUT), *([] if taken.told else [texts.say(_NOT_TOLD)])]
            return _page(request, now, " ".join(said), 200, good=True)
        if taken.outcome is Outcome.OVER:
            return _page(request, now, texts_for(request).say(_OVER), 200)
        # So that reloading repeats nothing. It is shown there that it is taken, or that the link was used before.
        return RedirectResponse(f"{PATH}/{token}", 303)

    return app


def _link(web: Web, request: Request, token: str, now: datetime) -> Link | Response:
    """What a token says, or the page that says what is wrong with it."""
    texts = texts_for(request)
    try:
        return read(token, web.desk.keys(), now)
    except LinkExpiredError as error:
        text = msgid("This link was good for %(hours)s hours, and is over. Use the newest page, or sign in.")
        words = texts.say(text, hours=texts.shortest(error.hours))
        return _page(request, now, words, 410)
    except LinkForgedError as error:
        why = capitalised(texts.translated(str(error)))
        words = texts.say("%(why)s. Open it as it stands in the page, all of it, or sign in.", why=why)
        return _page(request, now, words, 404)
    except SecretFileError as error:
        log.error("links_not_read", error=str(error))  # noqa: TRY400 - it says all
        words = texts.say("Links cannot be read at the moment. Sign in, or use the backup procedure.")
        return _page(request, now, words, 503)


async def _shown(web: Web, request: Request, link: Link, now: datetime, *, refused: str | None = None) -> Response:
    """What a link is about, with a button if it can still act."""
    try:
        async with borrow(web.pool, within_seconds=_DATABASE_SECONDS) as connection:
            asks = Caller(Actor(f"person:{link.person_id}", ""), person_id=link.person_id)
            await tell_who_asks(connection, asks)
            return await _with_database(web, request, connection, link, now, refused)
    except FAILED as error:
        log.warning("link_without_database", error=plainly(error))
        if web.desk.has(link.delivery_id):
            return _page(request, now, texts_for(request).say(_TAKEN_WITHOUT), 200, good=True)
        words = texts_for(request).say(
            "The database cannot be reached, so it cannot be shown. It can be acknowledged all the same."
        )
        return _page(request, now, words, 503, acts=True)


async def _with_database(
    web: Web, request: Request, connection: Connection, link: Link, now: datetime, refused: str | None
) -> Response:
    person, texts = await store.linked_person(connection, link.person_id), texts_for(request)
    used = await links.answer_of(connection, link.delivery_id)
    alert_id = link.about
    if link.purpose is Purpose.ALARM:
        found, is_settled = await store.alert_of_event(connection, link.about)
        if found is None and person is not None:
            return _unrecorded(request, now, used, is_settled=is_settled)
        alert_id = found or link.about
    alert = await store.linked_alert(connection, alert_id)
    if person is None or alert is None or not person.may(Role.RESPONDER, alert.clinic_id):
        words = texts.say("You may not act in this clinic (any more), so nothing is shown.")
        return _page(request, now, words, 403)
    policies = await web.policies(connection)
    policy: Policy = policies.of(alert.clinic_id)
    if policy.include_patient_data:
        await web.reads.note(connection, Caller.of_person(person), [(alert.clinic_id, alert.pump_id)], now)
    is_mine = alert.state == "acknowledged" and alert.acknowledged_by_id == person.actor.id
    # The same whether it was taken by this link or by another way: whose it is counts.
    waits = alert.state in ("active", "cleared")
    found_out: str | None = None
    if waits and used is not None and refused is None:
        found_out = texts.say("This link was used already, and acts once. Use the newest page, or sign in.")
        if used.outcome is not None and used.outcome.startswith("refused: "):
            why = texts.translated(used.outcome.removeprefix("refused: "))
            found_out = texts.say("What you answered was not recorded: %(why)s.", why=why)
    return render(
        "link.html",
        request,
        409 if refused else 200,
        now=now,
        here=await web.zones.one(connection, policies, alert.clinic_id),
        message=refused or found_out,
        good=False,
        alert=alert,
        person=person,
        is_mine=is_mine,
        acts=waits and used is None,
        shows_patient_data=policy.include_patient_data,
        warnings=(),
    )


def _unrecorded(request: Request, now: datetime, used: links.KeptAnswer | None, *, is_settled: bool) -> Response:
    if is_settled:
        return _page(request, now, texts_for(request).say(_OVER), 200)
    if used is not None:
        words = texts_for(request).say(
            "You have acknowledged it. Its alert is not there yet: this is kept, and recorded as soon as it is."
        )
        return _page(request, now, words, 200, good=True)
    words = texts_for(request).say("This alarm stands in no record yet. It can be acknowledged all the same.")
    return _page(request, now, words, 200, acts=True)


def _page(
    request: Request, now: datetime, message: str, status_code: int, *, acts: bool = False, good: bool = False
) -> Response:
    return render(
        "link.html",
        request,
        status_code,
        now=now,
        message=message,
        good=good,
        alert=None,
        person=None,
        is_mine=False,
        acts=acts,
        shows_patient_data=False,
        warnings=(),
    )
