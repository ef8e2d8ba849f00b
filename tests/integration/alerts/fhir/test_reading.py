"""Programs read by FHIR: what is stored, page by page, as another library understands it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from fhirclient.models import bundle, capabilitystatement
from fhirclient.models.fhirelementfactory import FHIRElementFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.admin.keys.changes import create, revoke
from services.alerts.web.fhir.scopes import RESOURCES
from services.alerts.web.fhir.search import PARAMETERS
from tests.alerts_pages import client_for
from tests.alerts_world import T0, Story
from tests.stack import Database

BASE = "/fhir/R4"


@dataclass
class Reader:
    """A program with a key."""

    client: httpx.AsyncClient
    key: str

    async def get(self, path: str, **parameters: str) -> httpx.Response:
        return await self.client.get(
            f"{BASE}/{path}", params=parameters or None, headers={"Authorization": f"Bearer {self.key}"}
        )

    async def every(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """All resources of a search, over its pages."""
        found, response = [], await self.get(path, **parameters)
        while True:
            assert response.status_code == 200, response.text
            page = response.json()
            bundle.Bundle(page)  # as another library reads it
            found += [entry["resource"] for entry in page.get("entry", [])]
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            if not following:
                return found
            address = urlsplit(following[0])
            response = await self.client.get(
                f"{address.path}?{address.query}", headers={"Authorization": f"Bearer {self.key}"}
            )


@dataclass
class Two:
    """Two clinics with a pump each, and what is stored of them."""

    north: Story
    south: Story
    database: Database
    client: httpx.AsyncClient

    async def key(self, clinic: Story | None, *scopes: str, lasts: timedelta = timedelta(days=1)) -> Reader:
        async with self.database.pool.acquire() as connection:
            made = await create(
                connection, name="warehouse", clinic_id=clinic.clinic_id if clinic else None,
                scopes=list(scopes or ("system/*.rs",)), lasts=lasts, by="Ann", now=self.north.now,
            )  # fmt: skip
        return Reader(self.client, made.text)


@pytest.fixture
async def two(database: Database) -> AsyncIterator[Two]:
    stories = []
    for clinic in ("north", "south"):
        story = Story(database.pool, database.dsn, pump_id=f"pump_{clinic}")
        await story.run([(0, "alarm motor_stall raised"), (1, "level 12.5"), (2, "bolus delivered x1")])
        stories.append(story)
    await database.pool.execute("UPDATE implantations SET patient_ref = 'ref-' || pump_id")
    async with client_for(stories[0], auth=None) as client:
        yield Two(stories[0], stories[1], database, client)


async def test_each_kind_of_resource_is_found_and_read_and_another_library_understands_it(two: Two) -> None:
    reader = await two.key(two.north)
    for resource in RESOURCES:
        parameters = {}
        if resource == "Observation":
            [device] = await reader.every("Device")
            parameters = {"device": device["id"]}
        found = await reader.every(resource, **parameters)
        assert found, resource
        for each in found:
            assert each["resourceType"] == resource
            one = await reader.get(f"{resource}/{each['id']}")
            assert (one.status_code, one.headers["content-type"]) == (200, "application/fhir+json")
            assert one.json() == each
            assert FHIRElementFactory.instantiate(resource, one.json()).as_json() == each


async def test_what_is_said_is_what_is_stored(two: Two) -> None:
    reader = await two.key(two.north)
    [device] = await reader.every("Device")
    assert device["identifier"] == [{"system": "urn:pumpwatch:device-id", "value": "pump_north"}]
    assert device["patient"]["identifier"]["value"] == "ref-pump_north"
    levels = await reader.every("Observation", device=f"Device/{device['id']}", code="reservoir-volume")
    assert [each["valueQuantity"]["value"] for each in levels] == [12.5]
    assert levels[0]["valueQuantity"]["code"] == "mL"
    assert levels[0]["subject"]["identifier"]["value"] == "ref-pump_north"
    [issue] = await reader.every("DetectedIssue")
    assert (issue["severity"], issue["status"]) == ("high", "preliminary")
    assert "Motor stall" in issue["detail"]
    [flag] = await reader.every("Flag")
    assert (flag["status"], flag["id"]) == ("active", issue["id"])
    text = str(await reader.every("Communication"))
    assert "json://" not in text
    assert "nurse" not in text


async def test_the_statement_of_what_can_be_done_needs_no_key(two: Two) -> None:
    said = await two.client.get(f"{BASE}/metadata")
    assert said.status_code == 200
    statement = capabilitystatement.CapabilityStatement(said.json())
    assert statement.fhirVersion == "4.0.1"
    assert {each.type for each in statement.rest[0].resource} == set(RESOURCES)


async def test_pages_lose_and_double_nothing_that_stays_while_more_comes_in(two: Two, database: Database) -> None:
    times = [T0 + timedelta(minutes=number) for number in range(3, 43)]
    insert = (
        "INSERT INTO reservoir_readings (pump_id, observed_at, event_id, received_at, device_id, volume_ml, basis) "
        "VALUES ('pump_north', $1, $2, $1, 'pump_north', $3, 'computed')"
    )
    await database.pool.executemany(insert, [(at, uuid4(), number) for number, at in enumerate(times)])
    two.north.now = times[-1] + timedelta(days=1)
    reader = await two.key(two.north, lasts=timedelta(days=10))
    [device] = await reader.every("Device")
    here: list[float] = []
    response = await reader.get("Observation", device=device["id"], code="reservoir-volume", _count="7")
    while True:
        page = response.json()
        here += [entry["resource"]["valueQuantity"]["value"] for entry in page["entry"]]
        await database.pool.execute(insert, times[0] - timedelta(seconds=len(here)), uuid4(), 99.0)  # before the place
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not following:
            break
        address = urlsplit(following[0])
        response = await two.client.get(
            f"{address.path}?{address.query}", headers={"Authorization": f"Bearer {reader.key}"}
        )
    assert here == [12.5, *map(float, range(40))]


async def test_dates_bound_what_is_found(two: Two) -> None:
    reader = await two.key(two.north)
    [device] = await reader.every("Device")
    after = (T0 + timedelta(minutes=1, seconds=30)).isoformat().replace("+00:00", "Z")
    found = await reader.every("Observation", device=device["id"], date=f"ge{after}")
    assert [each["code"]["coding"][0]["code"] for each in found] == ["bolus-request"]
    assert await reader.every("Observation", device=device["id"], date="lt2001") == []
    assert len(await reader.every("DetectedIssue", identified=f"{T0:%Y-%m-%d}")) == 1
    assert await reader.every("Communication", sent="gt2999") == []
    assert len(await reader.every("Device", identifier="urn:pumpwatch:device-id|pump_north", type="pump")) == 1
    assert await reader.every("Device", type="handheld") == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("Observation", "expected device"),
        ("Observation?device=a/b", "device: 'a/b' is not understood"),
        ("Device?_count=0", "a number from 1 to 200"),
        ("Device?_count=5&_count=6", "_count is given twice"),
        ("Device?colour=red", "'colour' is no parameter of Device"),
        ("DetectedIssue?identified=2026-13", "identified: '2026-13' is not understood"),
        ("DetectedIssue?identified=2026-11-01T08:00:00", "a moment with its offset"),
        ("Flag?_cursor=abc", "_cursor: 'abc' is not understood"),
        ("Flag?_cursor=WyJhIiwgImIiXQ", "_cursor is not understood"),
        ("Device?_cursor=WyJhIiwgImIiXQ", "_cursor is not understood"),
        ("Device?type=", "type: '' is not understood"),
    ],
)
async def test_a_search_that_is_not_understood_says_what_was_expected(two: Two, path: str, words: str) -> None:
    reader = await two.key(two.north)
    said = await reader.client.get(f"{BASE}/{path}", headers={"Authorization": f"Bearer {reader.key}"})
    assert said.status_code == 400
    [issue] = said.json()["issue"]
    assert words in issue["diagnostics"]


def paths_of(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Every way to ask for what another clinic has: by id, by search, by reference."""
    paths = []
    for resource, items in found.items():
        for each in items:
            paths += [f"{resource}/{each['id']}", f"{resource}?_id={each['id']}"]
    device = found["Device"][0]
    named = device["identifier"][0]["value"]
    paths += [f"Observation?device={device['id']}", f"DeviceMetric?source=Device/{device['id']}",
              f"DetectedIssue?implicated={device['id']}", f"Flag?author=Device/{device['id']}",
              f"Device?identifier={named}"]  # fmt: skip
    return paths


async def all_of(reader: Reader) -> dict[str, list[dict[str, Any]]]:
    """Everything that a reader finds, by kind."""
    found = {resource: await reader.every(resource) for resource in RESOURCES if resource != "Observation"}
    found["Observation"] = [
        each for device in found["Device"] for each in await reader.every("Observation", device=device["id"])
    ]
    return found


async def test_what_another_clinic_has_is_not_there_however_it_is_asked_for(two: Two) -> None:
    everybody, south = await two.key(None), await two.key(two.south)
    of_north = await all_of(await two.key(two.north))
    assert all(of_north.values())
    seen = await all_of(everybody)
    assert {each["id"] for each in of_north["Device"]} < {each["id"] for each in seen["Device"]}
    for resource in RESOURCES:
        mine = {each["id"] for each in (await all_of(south))[resource]}
        assert mine.isdisjoint(each["id"] for each in of_north[resource]), resource
    for path in paths_of(of_north):
        said = await south.client.get(f"{BASE}/{path}", headers={"Authorization": f"Bearer {south.key}"})
        if "?" in path:
            assert (said.status_code, said.json().get("entry", [])) == (200, []), path
        else:
            resource = path.partition("/")[0]
            nothing = await south.get(f"{resource}/{UUID(int=1)}")
            assert (said.status_code, said.json()) == (404, nothing.json()), path


def routes() -> list[str]:
    return [*RESOURCES, *(f"{resource}/x" for resource in RESOURCES), "Patient", "Patient/x", ""]


async def test_nothing_but_the_statement_answers_without_a_key_that_is_good(two: Two) -> None:
    good = await two.key(two.north)
    ended, withdrawn = await two.key(two.north, lasts=timedelta(seconds=1)), await two.key(two.north)
    async with two.database.pool.acquire() as connection:
        await revoke(connection, withdrawn.key.split("_")[1], by="Ann", now=two.north.now)
    wrong = good.key[:-1] + ("A" if good.key[-1] != "A" else "B")
    two.north.now += timedelta(seconds=2)
    for path in routes():
        async with client_for(two.north, auth=None) as fresh:  # who guesses often is not looked at
            for credentials in (None, ended.key, withdrawn.key, wrong, "pwk_aaaaaaaaaaaa_" + "a" * 43, "s3cre", ""):
                headers = {} if credentials is None else {"Authorization": f"Bearer {credentials}"}
                said = await fresh.get(f"{BASE}/{path}", headers=headers)
                assert said.status_code == 401, (path, credentials)
                assert said.json()["resourceType"] == "OperationOutcome"
        said = await two.client.get(f"{BASE}/{path}", headers={"Authorization": f"Bearer {good.key}"})
        assert said.status_code != 401, path


async def test_a_key_opens_what_its_scopes_say_and_nothing_else(two: Two) -> None:
    reader = await two.key(two.north, "system/Device.r", "system/Flag.s")
    [device] = await (await two.key(two.north)).every("Device")
    assert (await reader.get(f"Device/{device['id']}")).status_code == 200
    assert (await reader.get("Flag")).status_code == 200
    for path in ("Device", "Flag/x", "Observation/x", "Observation", "DetectedIssue", "Communication"):
        said = await reader.get(path)
        assert said.status_code == 403, path
        assert "expected a key with the scope" in said.json()["issue"][0]["diagnostics"]
    for path in ("/", "/v1/alerts", "/v1/silences"):
        said = await two.client.get(path, headers={"Authorization": f"Bearer {reader.key}"})
        assert (said.status_code, "expected a key with one of the scopes" in said.text) == (403, True), path


async def test_who_guesses_is_not_looked_at(two: Two) -> None:
    for number in range(20):
        key = f"pwk_{'a' * 12}_{number:043}"
        said = await two.client.get(f"{BASE}/Device", headers={"Authorization": f"Bearer {key}"})
        assert said.status_code == 401
    reader = await two.key(two.north)
    said = await reader.get("Device")
    assert (said.status_code, int(said.headers["retry-after"]) > 0) == (429, True)


async def test_only_json_is_spoken_and_only_read(two: Two) -> None:
    reader = await two.key(two.north)
    headers = {"Authorization": f"Bearer {reader.key}"}
    said = await two.client.get(f"{BASE}/Device", headers=headers | {"Accept": "application/fhir+xml"})
    assert said.status_code == 406
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        said = await two.client.request(method, f"{BASE}/Device", headers=headers)
        assert (said.status_code, said.json()["issue"][0]["code"]) == (405, "not-supported"), method


async def test_a_key_says_when_it_was_used(two: Two, database: Database) -> None:
    reader = await two.key(two.north)
    await reader.get("Device")
    used = await database.pool.fetchval("SELECT last_used_at FROM api_keys")
    assert used == two.north.now


VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["ge2026", "lt9999-12-31", "eq0001-01-01T00:00:00Z", "gt9999", "2026-02-30", "\0", "\ud800", "a,b",
                     "1e999", "-1", "Device/x", "x" * 5000, "WyIyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwIiwgInIiLCAiYSJd"]),
)  # fmt: skip
NAMES = sorted({name for names in PARAMETERS.values() for name in names} | {"_id", "_count", "_cursor", "_format", "x"})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    resource=st.sampled_from(RESOURCES),
    asked=st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=4),
    accept=st.sampled_from([None, "*/*", "application/json;q=0.1", "text/html"]),
)
async def test_no_search_is_answered_with_500(
    two: Two, resource: str, asked: list[tuple[str, str]], accept: str | None
) -> None:
    headers = {"Authorization": f"Bearer {(await two.key(two.north)).key}"} | ({"Accept": accept} if accept else {})
    query = urlencode([(name, value.encode("utf-8", "surrogatepass")) for name, value in asked])
    said = await two.client.get(f"{BASE}/{resource}?{query}", headers=headers)
    assert said.status_code in (200, 400, 406, 422), said.text
    assert said.status_code == 422 or said.headers["content-type"] == "application/fhir+json"
