"""Every route of the web process, asked by another clinic: what is there answers as what is not, to the byte.

The table is held against the routes that the application has: a new one says here how it is attacked.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.routing import Mount, Route

from services.alerts.web.api import create_app
from services.alerts.web.fhir.scopes import RESOURCES
from services.people.model import Role
from tests.alerts_pages import person, web_of_story
from tests.integration.people.two_clinics import TwoClinics, two_clinics
from tests.signed_in import WithKey
from tests.stack import Database


@dataclass(frozen=True)
class Attack:
    """How a route is asked. In a text {alert}, {silence}, {clinic}, {pump} and {resource} are south's, or nobody's."""

    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    """JSON for /v1, a form for the board."""


NOTHING = Attack()
OF_NO_CLINIC = {
    "GET /livez", "GET /readyz", "GET /metrics", "GET /openapi.json", "GET /sign-in", "POST /sign-in", "GET /set-up",
    "POST /set-up", "POST /sign-out", "GET /account", "POST /account/password", "POST /account/language",
    "GET /fhir/R4/metadata",
    "GET /fhir/R4/{path:path}", "GET /account/channels", "POST /account/channels", "POST /account/channels/browser",
    "POST /account/channels/hours", "POST /account/channels/{channel_id}/{what}", "GET /push-worker.js",
}  # fmt: skip
"""Health, and the pages about who one is: these are told of no alert, pump or clinic, whoever asks."""
BY_A_LINK = {"GET /l/{token}", "POST /l/{token}", "GET /heard/{link}", "POST /heard/{link}"}
"""Who has the link is whom it was sent to: attacked in links/ and channels/."""
NOTE, ENDS = {"note": "x"}, "2026-03-02T12:00:00Z"
ATTACKS = {
    "GET /": Attack({"clinic_id": "{clinic}"}),
    "GET /live": Attack({"clinic_id": "{clinic}"}),
    "GET /alerts/{alert_id}": NOTHING,
    "GET /alerts/{alert_id}/live": NOTHING,
    "POST /alerts/{alert_id}/acknowledge": Attack(body=NOTE),
    "POST /alerts/{alert_id}/remark": Attack(body={"text": "x"}),
    "POST /alerts/{alert_id}/promises/{promise_id}/keep": Attack(body={}),
    "POST /alerts/{alert_id}/resolve": Attack(body=NOTE),
    "POST /alerts/{alert_id}/accept": Attack(body=NOTE),
    "GET /alerts/{alert_id}/silence": NOTHING,
    "GET /pumps/{pump_id}": NOTHING,
    "POST /alerts/{alert_id}/silence": Attack(body={"reason": "x", "scope": "pump", "hours": "1"}),
    "POST /silences/{silence_id}/end": Attack(body={}),
    "GET /on-call": Attack({"clinic_id": "{clinic}"}),
    "GET /on-call/{clinic_id}/{rota:path}.ics": NOTHING,
    "GET /on-call/{rota_id}/brief": NOTHING,
    "POST /on-call/{rota_id}/brief": Attack(body={}),
    "POST /on-call/{rota_id}/override": Attack(body={"begins": "2026-03-02T12:00", "ends": "2026-03-03T12:00"}),
    "POST /on-call/{rota_id}/swap": Attack(body={"mine": "x", "theirs": "x"}),
    "POST /on-call/{rota_id}/absence": Attack(body={"has_it": "x"}),
    "POST /on-call/{rota_id}/changes/{change_id}/end": Attack(body={}),
    "POST /on-call/{rota_id}/calendar": Attack(body={}),
    "GET /on-call/clinics/{clinic_id}/rotas": NOTHING,
    "POST /on-call/clinics/{clinic_id}/rotas": Attack(body={"text": "x"}),
    "GET /pumps/{pump_id}/review": NOTHING,
    "GET /pumps/{pump_id}/review.pdf": NOTHING,
    "GET /quality": Attack({"clinic_id": "{clinic}"}),
    "GET /quality/year": Attack({"clinic_id": "{clinic}"}),
    "GET /refills": Attack({"clinic_id": "{clinic}"}),
    "GET /refills/{clinic_id}.ics": NOTHING,
    "POST /refills/{pump_id}/{what}": Attack(body={"on": "2026-03-20"}),
    "GET /people": NOTHING,
    "POST /people": Attack(body={"sign_in": "x.y", "name": "X", "clinic_id": "{clinic}", "role": "viewer"}),
    "POST /people/{person_id}/role": Attack(body={"clinic_id": "{clinic}", "role": "viewer"}),
    "POST /people/{person_id}/{what}": Attack(body={}),
    "GET /v1/on-call": Attack({"clinic_id": "{clinic}"}),
    "GET /v1/pumps": Attack({"clinic_id": "{clinic}"}),
    "GET /v1/pumps/{pump_id}": NOTHING,
    "GET /v1/alerts": Attack({"clinic_id": "{clinic}", "state": "all"}),
    "GET /v1/alerts/{alert_id}": NOTHING,
    "POST /v1/alerts/{alert_id}/acknowledge": Attack(body=NOTE),
    "POST /v1/alerts/{alert_id}/remarks": Attack(body={"text": "x"}),
    "POST /v1/alerts/{alert_id}/resolve": Attack(body=NOTE),
    "POST /v1/alerts/{alert_id}/accept": Attack(body=NOTE),
    "GET /v1/silences": Attack({"clinic_id": "{clinic}"}),
    "POST /v1/silences": Attack(
        body={"reason": "x", "clinic_id": "{clinic}", "pump_id": "{pump}", "ends_at": ENDS}
    ),
    "POST /v1/silences/{silence_id}/end": Attack(body={}),
} | {
    f"GET /fhir/R4/{resource}{end}": Attack({"device": "Device/{pump}"} if f"{resource}{end}" == "Observation" else {})
    for resource in RESOURCES
    for end in ("", "/{resource_id}")
}  # fmt: skip


def routes_of(app: FastAPI | APIRouter, before: str = "") -> set[str]:
    """Each route by method and path. Files are everybody's."""
    found: set[str] = set()
    for route in app.routes:
        included = getattr(route, "original_router", None)
        if isinstance(included, APIRouter):
            found |= routes_of(included, before)
        elif isinstance(route, Mount) and isinstance(route.app, FastAPI):
            found |= routes_of(route.app, before + route.path)
        elif isinstance(route, Route):
            found |= {f"{method} {before}{route.path}" for method in (route.methods or ()) if method != "HEAD"}
    return found


@pytest.fixture
async def two(database: Database) -> TwoClinics:
    return await two_clinics(database)


def application(two: TwoClinics) -> FastAPI:
    return cast("FastAPI", create_app(web_of_story(two.north))._app._app)  # type: ignore[attr-defined]


async def test_every_route_stands_in_the_table(two: TwoClinics) -> None:
    assert routes_of(application(two)) == OF_NO_CLINIC | BY_A_LINK | ATTACKS.keys()


@pytest.fixture(params=["administrator", "viewer", "key"])
async def attacker(two: TwoClinics, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody of north, and a program of north that may do all that a program may."""
    auth: httpx.Auth = WithKey(
        two.pool, lambda: two.north.now, "alerts.act", "on-call.read", "system/*.rs", clinic_id=two.north.clinic_id
    )
    if request.param != "key":
        auth = person(two.north, "Nora", role=Role(request.param), clinic_id=two.north.clinic_id)
    transport = httpx.ASGITransport(create_app(web_of_story(two.north)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081", auth=auth) as client:
        yield client


@dataclass(frozen=True)
class Names:
    """What an attack puts into its texts."""

    alert: str
    silence: str
    clinic: str
    pump: str
    resource: str
    rota: str
    change: str
    promise: str
    person: str
    what: str = "disable"

    def put(self, text: str) -> str:
        for name, value in vars(self).items():
            text = text.replace(f"{{{name}_id}}", value).replace(f"{{{name}}}", value)
        return text.replace("{rota:path}", "first")


def nobodys() -> Names:
    alert, silence, resource, rota, change, promise, somebody = (str(uuid4()) for _ in range(7))
    return Names(alert, silence, "clinic-of-pump-nobod", "pump-nobod", resource, rota, change, promise, somebody)


async def answer_to(client: httpx.AsyncClient, route: str, names: Names) -> tuple[int, dict[str, str], str]:
    """Status, headers and body, each without what was asked for and what differs from one moment to the next."""
    (method, path), attack = route.split(), ATTACKS[route]
    query = {key: names.put(value) for key, value in attack.query.items()}
    filled = {key: names.put(value) for key, value in (attack.body or {}).items()}
    body: dict[str, Any] = {"json": filled} if path.startswith("/v1/") else {"data": filled}
    response = await client.request(method, names.put(path), params=query, **(body if method == "POST" else {}))
    text = response.text
    for name, value in vars(names).items():
        text = text.replace(value, name) if value else text
    text = re.sub(
        r'"?lastUpdated"?[^,}]*|name="csrf" value="[^"]*"|"read(?:_at)?":"[^"]*"|data-read-at="[^"]*"|<time .*?</time>',
        "",
        text,
    )
    headers = {key: value for key, value in response.headers.items() if key not in ("date", "set-cookie")}
    for name, value in vars(names).items():
        headers = {key: each.replace(value, name) if value else each for key, each in headers.items()}
    return response.status_code, headers | {"content-length": ""}, text


async def everything(two: TwoClinics) -> list[tuple[object, ...]]:
    """What stands in the tables that an action of a person changes."""
    found: list[tuple[object, ...]] = []
    for table in ("alerts", "deliveries", "silences", "alert_transitions", "hand_overs", "promises", "refill_visits"):
        rows = await two.pool.fetch(
            f"SELECT * FROM {table} WHERE clinic_id = $1 ORDER BY 1, 2", two.south.clinic_id  # noqa: S608
        )  # fmt: skip
        found += [tuple(row) for row in rows]
    for others in (
        "SELECT * FROM rota_changes ORDER BY change_id",
        "SELECT r.* FROM person_roles r JOIN persons USING (person_id) WHERE name <> 'Nora' ORDER BY 1, 2",
        "SELECT * FROM persons WHERE name <> 'Nora' ORDER BY 1",  # who attacks is made at the first request
    ):
        found += [tuple(row) for row in await two.pool.fetch(others)]
    return found


async def test_what_is_anothers_answers_as_what_is_not_there(two: TwoClinics, attacker: httpx.AsyncClient) -> None:
    """By id, by search, by filter; in status, headers (an ETag would be one), words and counts. And nothing changes."""
    before = await everything(two)
    for route in ATTACKS:
        if route.startswith("GET /fhir/") and not isinstance(attacker.auth, WithKey):
            continue
        resources = {"Device": "pump-south", "Communication": str(two.delivery_of_south)}
        resource = resources.get(route.split("/")[3] if "/fhir/" in route else "", str(two.alert_of_south))
        souths = Names(
            str(two.alert_of_south), str(two.silence_of_south), two.south.clinic_id, two.south.pump_id, resource,
            str(two.rota_of_south), str(two.change_of_south), str(two.promise_of_south),
            str(two.member_of_south),
        )  # fmt: skip
        theirs, none = await answer_to(attacker, route, souths), await answer_to(attacker, route, nobodys())
        assert theirs == none, route
        assert "south" not in theirs[2], route
        assert theirs[0] in (200, 404, 403, 409, 400), (route, theirs)
        if "{" in route:
            assert theirs[0] in (404, 403), (route, theirs)
    assert await everything(two) == before


async def test_a_handler_that_forgets_costs_nothing(two: TwoClinics) -> None:
    """The caller says that every clinic is theirs: the database knows better, and shows and does what it did before."""
    lied_to = person(two.north, "Nora", role=Role.ADMINISTRATOR, clinic_id=two.north.clinic_id)
    before = await everything(two)
    outer = create_app(web_of_story(two.north))
    inner = cast("FastAPI", outer._app._app)  # type: ignore[attr-defined]

    async def forgets(request: Request, call_next: Any) -> Any:
        if request.state.caller is not None:
            request.state.caller.roles[two.south.clinic_id] = Role.ADMINISTRATOR
        return await call_next(request)

    inner.user_middleware.append(Middleware(BaseHTTPMiddleware, dispatch=forgets))  # behind the one that says who asks
    transport = httpx.ASGITransport(outer)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081", auth=lied_to) as client:
        for route in ATTACKS:
            if "/fhir/" in route or route == "POST /v1/silences":
                continue
            names = Names(
                str(two.alert_of_south), str(two.silence_of_south), two.south.clinic_id, two.south.pump_id, "",
                str(two.rota_of_south), str(two.change_of_south), str(two.promise_of_south),
                str(two.member_of_south),
            )  # fmt: skip
            status, _, text = await answer_to(client, route, names)
            # A board that is read with other rights than its caller had is shown to nobody.
            expected = 409 if route in ("POST /people", "GET /") else 404 if "{" in route else 200
            assert status == expected, (route, status, text)
            assert "pump-south" not in text, route
    assert await everything(two) == before
