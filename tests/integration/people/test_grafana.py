"""`pumpwatch grafana`: an organisation for each clinic, whose login reads that clinic and no other.

Grafana is not here. What answers in its place is a server on a real port that speaks as Grafana's documentation of its
HTTP API shows it ("Organization HTTP API", "Admin HTTP API", and what its issues say of 404 and 409).
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.devstack.ports import free_port
from tests.command import pumpwatch
from tests.logins import with_login
from tests.servers.served import served
from tests.stack import Database, execute_at


@dataclass
class AsDocumented:
    """Grafana's API of organisations, as its administrator sees it."""

    url: str
    password: str = "admin's own"  # noqa: S105 (nobody's)
    organisations: dict[str, int] = field(default_factory=lambda: {"Main Org.": 1})
    reloaded: list[str] = field(default_factory=list)
    made: int = 0
    hidden_once: set[str] = field(default_factory=set)
    """Made by another in the moment after they were looked for."""

    async def answer(self, request: Request) -> Response:
        wanted = base64.b64encode(f"admin:{self.password}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            return JSONResponse({"message": "Invalid username or password"}, 401)
        match request.method, request.url.path.strip("/").split("/"):
            case "GET", ["api", "orgs", "name", name]:
                if name in self.organisations and name not in self.hidden_once:
                    return JSONResponse({"id": self.organisations[name], "name": name, "address": {}})
                self.hidden_once.discard(name)
                return JSONResponse({"message": "Organization not found"}, 404)
            case "POST", ["api", "orgs"]:
                name = (await request.json())["name"]
                if name in self.organisations:
                    return JSONResponse({"message": "Organization name taken"}, 409)
                self.made += 1
                self.organisations[name] = len(self.organisations) + 1
                return JSONResponse({"orgId": str(self.organisations[name]), "message": "Organization created"})
            case "POST", ["api", "admin", "provisioning", kind, "reload"]:
                self.reloaded.append(kind)
                return JSONResponse({"message": f"{kind} config reloaded"})
        return JSONResponse({"message": "Not found"}, 404)


@pytest.fixture
async def grafana() -> AsyncIterator[AsDocumented]:
    port = free_port()
    here = AsDocumented(f"http://127.0.0.1:{port}")
    app = Starlette(routes=[Route("/{rest:path}", here.answer, methods=["GET", "POST"])])
    async with served(app, port):
        yield here


@dataclass
class Site:
    """Two clinics, whose logins are the server's, and so have names that no other test has."""

    database: Database
    grafana: AsDocumented
    folder: Path
    north: str
    south: str

    async def run(self, *arguments: str, password: str | None = None) -> tuple[int, str, str]:
        file = self.folder / "password"
        file.write_text(password or self.grafana.password)
        done = await asyncio.to_thread(
            pumpwatch, "grafana", *arguments, "--out", str(self.folder / "out"), "--url", self.grafana.url,
            "--password-file", str(file), "--seen-as", "/etc/pumpwatch/clinics", DATABASE_URL=self.database.dsn,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def source(self, clinic_id: str) -> dict[str, Any]:
        text = (self.folder / f"out/provisioning/datasources/{clinic_id}.yaml").read_text()
        source: dict[str, Any]
        [source] = yaml.safe_load(text)["datasources"]
        return source

    def password(self, clinic_id: str) -> str:
        named: str = self.source(clinic_id)["secureJsonData"]["password"].removeprefix(
            "$__file{/etc/pumpwatch/clinics/"
        )
        return (self.folder / "out" / named.removesuffix("}")).read_text()

    async def reads(self, clinic_id: str) -> list[str]:
        """The clinics that Grafana sees in that clinic's organisation."""
        dsn = with_login(self.database.dsn, self.source(clinic_id)["user"])
        connection = await asyncpg.connect(dsn, password=self.password(clinic_id))
        try:
            return [row["clinic_id"] for row in await connection.fetch("SELECT clinic_id FROM dashboard.clinics")]
        finally:
            await connection.close()


@pytest.fixture
async def site(database: Database, grafana: AsDocumented, tmp_path: Path) -> AsyncIterator[Site]:
    mark = uuid4().hex[:8]
    here = Site(database, grafana, tmp_path, f"north-{mark}", f"south-{mark}")
    for clinic_id in (here.north, here.south):
        await database.pool.execute("INSERT INTO clinics VALUES ($1, $1)", clinic_id)
    await database.pool.execute("INSERT INTO clinic_readers VALUES ('pumpwatch_grafana', NULL)")
    yield here
    for clinic_id in (here.north, here.south):
        await execute_at(database.dsn, f'DROP ROLE IF EXISTS "grafana_{clinic_id}"')


async def test_each_clinic_has_an_organisation_that_reads_it_and_no_other(site: Site):
    code, said, error = await site.run("--every-clinic")
    assert (code, error) == (0, "")
    numbers = site.grafana.organisations
    for clinic_id in (site.north, site.south):
        assert site.source(clinic_id)["orgId"] == numbers[clinic_id] != 1
        assert f"GROUP-OF-{clinic_id}:{numbers[clinic_id]}:Viewer" in said
        assert await site.reads(clinic_id) == [clinic_id]
        assert site.password(clinic_id) not in said
    assert site.password(site.north) != site.password(site.south)
    assert site.grafana.reloaded == ["datasources", "dashboards"], "once all files are there"
    shared = "SELECT count(*) FROM clinic_readers WHERE role_name = 'pumpwatch_grafana'"
    assert await site.database.pool.fetchval(shared) == 0
    assert "pumpwatch_grafana sees no clinic any more" in said

    before = {clinic_id: site.password(clinic_id) for clinic_id in (site.north, site.south)}
    code, said, error = await site.run(site.north, "--json")
    assert (code, error, site.grafana.made) == (0, "", 2), "what is there is found, and not made again"
    document = json.loads(said)
    assert [each["clinic_id"] for each in document["clinics"]] == [site.north]
    assert document.keys() == {"clinics", "shared_login_ended", "org_mapping"}
    assert {clinic_id: site.password(clinic_id) for clinic_id in before} == before


async def test_one_clinic_alone_changes_nothing_for_the_others(site: Site):
    site.grafana.organisations[site.north] = 7
    site.grafana.hidden_once = {site.north}
    assert (await site.run(site.north))[0] == 0
    assert site.source(site.north)["orgId"] == 7, "another made it in the same moment"
    shared = "SELECT count(*) FROM clinic_readers WHERE role_name = 'pumpwatch_grafana'"
    assert await site.database.pool.fetchval(shared) == 1, "who has no login of their own still sees the dashboards"
    assert not (site.folder / f"out/provisioning/datasources/{site.south}.yaml").exists()


async def test_what_goes_wrong_is_one_line_and_leaves_no_file_of_an_organisation_that_is_not_there(site: Site):
    """Grafana does not start with a data source of an organisation that it does not know."""
    code, _, error = await site.run("--every-clinic", password="wrong")
    assert code == 1
    assert error.startswith("error: Grafana answered 401 to GET /api/orgs/name/")
    assert "expected the user and password of a server administrator" in error
    assert "wrong" not in error
    assert list(site.folder.glob("out/provisioning/*/*")) == []
    code, _, error = await site.run("nowhere")
    assert (code, error) == (1, f"error: there is no clinic 'nowhere'; clinics: {site.north}, {site.south}\n")
    site.grafana.url = "http://127.0.0.1:1"
    code, _, error = await site.run("--every-clinic")
    assert code == 1
    assert "Grafana at http://127.0.0.1:1 cannot be asked" in error
    assert (await site.run())[0] == (await site.run(site.north, "--every-clinic"))[0] == 2
    shared = "SELECT count(*) FROM clinic_readers WHERE role_name = 'pumpwatch_grafana'"
    assert await site.database.pool.fetchval(shared) == 1, "nobody's dashboards went away"
