"""FHIR R4 over HTTP: read and search. Every answer is JSON, an error too (OperationOutcome).

Guarantees: nothing but `metadata` answers without a key; a key of one clinic sees nothing
of another's, whatever it asks, and what it may not see answers as what is not there; a page of results ends where the
next begins, so that nothing that stays is missed or doubled while rows come in; what goes out is what the standard
says.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import structlog
from fastapi import Depends, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from services.alerts.web.dependencies import Web
from services.alerts.web.fhir import resources, store
from services.alerts.web.fhir.capability import capability
from services.alerts.web.fhir.ids import METRICS, event_in, is_id, metric_in, uuid_in
from services.alerts.web.fhir.models import as_json
from services.alerts.web.fhir.resources import Resource
from services.alerts.web.fhir.scopes import allows
from services.alerts.web.fhir.search import Search, SearchError, cursor_of, search_of
from services.alerts.web.identity.callers import caller_of_key
from services.alerts.web.store import lent, tell_who_asks
from services.runtime.database import UNAVAILABLE, Connection, plainly
from services.runtime.http.attempts import Attempts, place_of
from services.runtime.http.callers import credentials_of
from services.runtime.http.keys import id_in

PATH: Final = "/fhir/R4"
_MEDIA: Final = "application/fhir+json"
_TAKEN: Final = frozenset({"*/*", "application/*", "application/json", _MEDIA})
_NO_CURSOR: Final = "_cursor is not understood: expected what the link `next` of the page before says"
_KIND_OF: Final = {code: kind for kind, code in resources.CODES.items()}

log = structlog.get_logger()


class FhirError(Exception):
    """What is answered with an OperationOutcome."""

    def __init__(self, status_code: int, code: str, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status_code, self.code, self.text, self.headers = status_code, code, text, headers


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: which clinic (None: every one), and by which scopes."""

    clinic_id: str | None
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, with what it needs."""

    connection: Connection
    web: Web
    reader: Reader
    request: Request

    def must_be_allowed(self, resource: str, may: str) -> None:
        """Refuse what the key's scopes do not hold."""
        if not allows(self.reader.scopes, resource, may):
            text = f"expected a key with the scope system/{resource}.{may}; this one has {' '.join(self.reader.scopes)}"
            raise FhirError(403, "forbidden", text)

    def search(self, resource: str) -> Search:
        """Read the search, which the reader may make."""
        self.must_be_allowed(resource, "s")
        try:
            return search_of(resource, self.request.query_params.multi_items())
        except SearchError as error:
            raise FhirError(400, "invalid", str(error)) from error

    def page(self, search: Search, rows: list[Resource], ends: Sequence[tuple[str, ...]]) -> Response:
        """One page of a search; `rows` is one more than fits where there is another page."""
        base = f"{self.web.settings.public_url}{PATH}"
        path = self.request.url.path.rpartition("/")[2]
        own = [pair for pair in self.request.query_params.multi_items() if pair[0] != "_cursor"]
        links = [{"relation": "self", "url": f"{base}/{path}?{urlencode(self.request.query_params.multi_items())}"}]
        if len(rows) > search.count:
            more = urlencode([*own, ("_cursor", cursor_of(ends[search.count - 1]))])
            links.append({"relation": "next", "url": f"{base}/{path}?{more}"})
        return answer(
            {
                "resourceType": "Bundle",
                "type": "searchset",
                "link": links,
                "entry": [
                    {
                        "fullUrl": f"{base}/{each['resourceType']}/{each['id']}",
                        "resource": each,
                        "search": {"mode": "match"},
                    }
                    for each in rows[: search.count]
                ],
            }
        )


def answer(resource: Resource, status_code: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A resource as an answer."""
    return Response(as_json(resource), status_code, headers, media_type=_MEDIA)


def fhir_app(web: Web, attempts: Attempts) -> FastAPI:
    """Build the application that is mounted at `PATH`; it starts nothing."""
    app = FastAPI(title="Pumpwatch FHIR R4", docs_url=None, redoc_url=None, openapi_url=None)
    guard = _Guard(web, attempts)

    async def asked_of(request: Request) -> AsyncIterator[Asked]:
        if not _takes_json(request.headers.get("accept", "")):
            raise FhirError(406, "not-supported", "expected an Accept header that takes application/fhir+json")
        offered = guard.offered(request)
        async with lent(web.pool, None) as connection:
            reader = await guard.reader_with(connection, offered)
            yield Asked(connection, web, reader, request)

    Question = Annotated[Asked, Depends(asked_of)]  # noqa: N806 - a type

    @app.get("/metadata")
    async def metadata() -> Response:
        return answer(capability(f"{web.settings.public_url}{PATH}", version("pumpwatch")))

    for resource, (one, some) in _READERS.items():
        _add(app, resource, one, some, Question)

    @app.get("/{path:path}", dependencies=[Depends(asked_of)])
    async def elsewhere(path: str) -> Response:
        raise FhirError(404, "not-found", f"nothing is at {path[:80]!r}: see {PATH}/metadata")

    app.add_exception_handler(FhirError, _refused)
    app.add_exception_handler(HTTPException, _not_so)
    for unavailable in UNAVAILABLE:
        app.add_exception_handler(unavailable, _database_away)
    return app


_One = Callable[[Asked, str], Awaitable[Resource | None]]
_Some = Callable[[Asked, Search], Awaitable[Response]]


def _add(app: FastAPI, resource: str, one: _One, some: _Some, question: Any) -> None:
    async def read(asked: question, resource_id: str) -> Response:
        asked.must_be_allowed(resource, "r")
        found = await one(asked, resource_id) if is_id(resource_id) else None
        if found is None:
            raise FhirError(404, "not-found", f"there is no {resource} of that id")
        return answer(found)

    async def search(asked: question) -> Response:
        return await some(asked, asked.search(resource))

    # FastAPI reads annotations by name, and these are made here.
    read.__annotations__["asked"] = search.__annotations__["asked"] = question
    app.get(f"/{resource}/{{resource_id}}")(read)
    app.get(f"/{resource}")(search)


# --- devices --------------------------------------------------------------------------------------------------------


async def _one_device(asked: Asked, resource_id: str) -> Resource | None:
    rows = await _devices(asked, Search(ids=(resource_id,)), None)
    return resources.device(rows[0]) if rows else None


async def _some_devices(asked: Asked, search: Search) -> Response:
    rows = await _devices(asked, search, search.kinds)
    return asked.page(search, [resources.device(row) for row in rows], [(row["device_id"],) for row in rows])


async def _devices(asked: Asked, search: Search, kinds: Sequence[str] | None) -> list[store.Row]:
    if search.after is not None and len(search.after) != 1:
        raise FhirError(400, "invalid", _NO_CURSOR)
    return await store.devices(asked.connection, asked.reader.clinic_id, search, asked.web.clock(), kinds=kinds)


async def _one_metric(asked: Asked, resource_id: str) -> Resource | None:
    named = metric_in(resource_id)
    if named is None:
        return None
    rows = await _devices(asked, Search(ids=(named[0],)), ["pump"])
    return resources.metrics(rows[0])[METRICS.index(named[1])] if rows else None


async def _some_metrics(asked: Asked, search: Search) -> Response:
    """Of each pump all its metrics, so a page has a whole number of pumps."""
    named = [each for each in map(metric_in, search.ids) if each] if search.ids is not None else None
    ids = search.devices if named is None else tuple(device for device, _ in named)
    of_pumps = Search(ids=ids, count=max(1, search.count // len(METRICS)), after=search.after)
    rows = await _devices(asked, of_pumps, ["pump"])
    found = [metric for row in rows for metric in resources.metrics(row)]
    if search.ids is not None:
        found = [metric for metric in found if metric["id"] in search.ids]
        return asked.page(Search(count=max(1, len(found))), found, [])
    ends = [(row["device_id"],) for row in rows for _ in METRICS]
    return asked.page(Search(count=of_pumps.count * len(METRICS)), found, ends)


# --- what was observed ----------------------------------------------------------------------------------------------


async def _one_observation(asked: Asked, resource_id: str) -> Resource | None:
    event = event_in(resource_id)
    if event is None or event.kind not in resources.CODES:
        return None
    rows = await store.one_observation(asked.connection, asked.reader.clinic_id, event)
    return resources.observation(rows[0]) if rows else None


async def _some_observations(asked: Asked, search: Search) -> Response:
    if search.ids is not None:
        found = [await _one_observation(asked, each) for each in search.ids[: search.count]]
        return asked.page(search, [each for each in found if each], [])
    kinds = list(resources.CODES)
    if search.codes is not None:
        named = [code for system, code in search.codes if system in (None, resources.OBSERVATION)]
        kinds = [_KIND_OF[code] for code in named if code in _KIND_OF]
    pump_ids = await store.pumps(asked.connection, asked.reader.clinic_id, search.devices)
    _check_cursor(search, 3)
    rows = await store.observations(asked.connection, asked.reader.clinic_id, pump_ids, kinds, search)
    ends = [(row["observed_at"].isoformat(), row["kind"], str(row["event_id"])) for row in rows]
    return asked.page(search, [resources.observation(row) for row in rows], ends)


# --- alerts and pages -----------------------------------------------------------------------------------------------


async def _alerts(asked: Asked, search: Search) -> list[store.Row]:
    ids = None if search.ids is None else [each for each in map(uuid_in, search.ids) if each]
    _check_cursor(search, 2)
    pump_ids = None
    if search.devices is not None:
        pump_ids = await store.pumps(asked.connection, asked.reader.clinic_id, search.devices)
    return await store.alerts(asked.connection, asked.reader.clinic_id, search, ids=ids, pump_ids=pump_ids)


def _one_alert(shown: Callable[[store.Row], Resource]) -> _One:
    async def one(asked: Asked, resource_id: str) -> Resource | None:
        rows = await _alerts(asked, Search(ids=(resource_id,)))
        return shown(rows[0]) if rows else None

    return one


def _some_alerts(shown: Callable[[store.Row], Resource]) -> _Some:
    async def some(asked: Asked, search: Search) -> Response:
        rows = await _alerts(asked, search)
        ends = [(row["opened_at"].isoformat(), str(row["alert_id"])) for row in rows]
        return asked.page(search, [shown(row) for row in rows], ends)

    return some


async def _pages(asked: Asked, search: Search) -> list[store.Row]:
    ids = None if search.ids is None else [each for each in map(uuid_in, search.ids) if each]
    _check_cursor(search, 2)
    return await store.pages(asked.connection, asked.reader.clinic_id, search, ids=ids)


async def _one_page(asked: Asked, resource_id: str) -> Resource | None:
    rows = await _pages(asked, Search(ids=(resource_id,)))
    return resources.communication(rows[0]) if rows else None


async def _some_pages(asked: Asked, search: Search) -> Response:
    rows = await _pages(asked, search)
    ends = [(row["created_at"].isoformat(), str(row["delivery_id"])) for row in rows]
    return asked.page(search, [resources.communication(row) for row in rows], ends)


_READERS: Final[dict[str, tuple[_One, _Some]]] = {
    "Communication": (_one_page, _some_pages),
    "DetectedIssue": (_one_alert(resources.detected_issue), _some_alerts(resources.detected_issue)),
    "Device": (_one_device, _some_devices),
    "DeviceMetric": (_one_metric, _some_metrics),
    "Flag": (_one_alert(resources.flag), _some_alerts(resources.flag)),
    "Observation": (_one_observation, _some_observations),
}


def _check_cursor(search: Search, parts: int) -> None:
    """Refuse a place to go on that is none of this kind of resource."""
    if search.after is None:
        return
    try:
        store.check_place(search.after, parts)
    except ValueError as error:
        raise FhirError(400, "invalid", _NO_CURSOR) from error


# --- who reads, and what goes wrong ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Offered:
    """What looks like a key, and where it comes from."""

    text: str
    place: str
    moment: float


class _Guard:
    """Says who reads. Who shows nothing that could be a key is told so before a connection is borrowed for them."""

    def __init__(self, web: Web, attempts: Attempts) -> None:
        self._web = web
        self._attempts = attempts

    def offered(self, request: Request) -> _Offered:
        """A key that is to be looked up.

        Raises:
            FhirError: It is none, or too many wrong ones came from there.
        """
        authorization = request.headers.get("authorization", "")
        place, moment = place_of(request.client.host if request.client else ""), time.monotonic()
        if authorization and (wait_seconds := self._attempts.wait_seconds(place, moment)):
            headers = {"Retry-After": str(math.ceil(wait_seconds))}
            raise FhirError(429, "throttled", "too many wrong keys came from your network", headers)
        credentials = credentials_of(authorization)
        key_id = id_in(credentials.token) if credentials else None
        if credentials and key_id:
            return _Offered(credentials.token, place, moment)
        if authorization:
            self._attempts.was_wrong(place, moment)
        raise _no_reader()

    async def reader_with(self, connection: Connection, offered: _Offered) -> Reader:
        """Who reads with a key.

        Raises:
            FhirError: It is none, or none that is good now.
        """
        now = self._web.clock()
        caller = await caller_of_key(connection, offered.text, now)
        if caller is None:
            self._attempts.was_wrong(offered.place, offered.moment)
            raise _no_reader()
        self._attempts.was_right(offered.place, offered.moment)
        await tell_who_asks(connection, caller)
        return Reader(caller.key_clinic, caller.scopes)


def _no_reader() -> FhirError:
    text = "expected the header 'Authorization: Bearer KEY', with a key of `pumpwatch keys create` that is good now"
    return FhirError(401, "login", text, {"WWW-Authenticate": 'Bearer realm="Pumpwatch"'})


def _takes_json(accept: str) -> bool:
    named = [each.partition(";")[0].strip().lower() for each in accept.split(",") if each.strip()]
    return not named or bool(_TAKEN & set(named))


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, FhirError)  # noqa: S101 - it is registered for that
    return answer(resources.outcome("error", error.code, error.text), error.status_code, error.headers)


async def _not_so(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for that
    code = "not-supported" if error.status_code == 405 else "invalid"
    text = "here is only read, with GET" if error.status_code == 405 else str(error.detail)
    headers = {"Allow": "GET, HEAD"} if error.status_code == 405 else None
    return answer(resources.outcome("error", code, text), error.status_code, headers)


async def _database_away(_: Request, error: Exception) -> Response:
    log.warning("fhir_request_failed", error=plainly(error))
    text = "The database cannot be reached. This says nothing about any pump."
    return answer(resources.outcome("error", "transient", text), 503, {"Retry-After": "5"})
