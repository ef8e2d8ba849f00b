"""The API and the board over HTTP, in process, on a real database."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from schemas.http.problems import ProblemType
from services.alerts.policy_files.folder import PolicyFolder
from services.devstack.ports import free_port
from services.runtime.database import open_pool
from tests.alerts_pages import STALL, Site, client_for, worker_client_for
from tests.alerts_world import POLICY, Story
from tests.stack import Database

UNKNOWN = "Pump states are unknown; alarms may be missing. Use the backup procedure."
NOBODY = UUID(int=1)


@pytest.fixture
async def story(database: Database) -> Story:
    return Story(database.pool, database.dsn)


@pytest.fixture
async def site(story: Story) -> AsyncIterator[Site]:
    async with client_for(story) as client:
        yield Site(story, client)


async def test_an_alert_with_everything_that_belongs_to_it(site: Site) -> None:
    await site.story.run([(0, STALL), (10, "tick")])
    alert = await site.alert()
    assert (alert["priority"], alert["state"], alert["pump_id"]) == ("high", "active", site.story.pump_id)
    assert [each["contact"] for each in alert["deliveries"]] == ["nurse", "doctor"]
    assert alert["policy_version"] == POLICY.version
    one = (await site.client.get(f"/v1/alerts/{alert['alert_id']}")).json()
    assert one["alert"] == alert
    assert [(each["kind"], each["reason"]) for each in one["transitions"]] == [("opened", "condition_began")]


async def test_listing_by_state_clinic_and_limit(site: Site) -> None:
    await site.story.run([(0, STALL), (1, "alarm other raised"), (2, "alarm other cleared")])

    async def keys(**query: Any) -> list[str]:
        answer = await site.client.get("/v1/alerts", params=query)
        assert answer.status_code == 200
        return [alert["key"] for alert in answer.json()["alerts"]]

    assert await keys() == ["infusion"]
    assert await keys(state="active") == ["infusion"]
    assert await keys(state="closed") == ["other"]
    assert await keys(state="all") == ["infusion", "other"]
    assert await keys(state="all", limit=1) == ["infusion"]
    assert await keys(state="acknowledged") == []
    assert await keys(clinic_id=site.story.clinic_id) == ["infusion"]
    unknown = await site.client.get("/v1/alerts", params={"clinic_id": "another"})
    said = f"there is no clinic 'another' that you may see: expected one of {site.story.clinic_id}"
    assert (unknown.status_code, unknown.json()["detail"]) == (404, said)
    assert unknown.json()["type"] == ProblemType.UNKNOWN_CLINIC.uri
    for wrong in ({"state": "new"}, {"limit": 0}, {"limit": 501}):
        assert (await site.client.get("/v1/alerts", params=wrong)).status_code == 422


async def test_acknowledging_is_idempotent_and_names_the_person(site: Site) -> None:
    await site.story.run([(0, STALL)])
    alert_id = (await site.alert())["alert_id"]
    for _ in range(2):
        answer = await site.acknowledge(alert_id, "Ann", note="on my way")
        assert answer.status_code == 200
        assert (answer.json()["state"], answer.json()["acknowledged_by"]) == ("acknowledged", "Ann")
    refused = await site.acknowledge(alert_id, "Bob")
    assert refused.status_code == 409
    assert refused.json()["detail"] == "Ann has already acknowledged this alert"
    trail = (await site.client.get(f"/v1/alerts/{alert_id}")).json()["transitions"]
    ann = await site.story.pool.fetchval("SELECT person_id FROM persons WHERE name = 'Ann'")
    assert [(each["kind"], each["actor"]) for each in trail] == [
        ("opened", "pumpwatch"),
        ("acknowledged", f"person:{ann}"),
    ]
    assert (trail[1]["detail"]["name"], trail[1]["detail"]["note"]) == ("Ann", "on my way")


async def test_what_cannot_be_acknowledged(site: Site) -> None:
    await site.story.run([(0, "alarm other raised"), (1, "alarm other cleared")])
    closed = await site.acknowledge((await site.alert("closed"))["alert_id"])
    assert (closed.status_code, closed.json()["detail"]) == (409, "this alert is closed: its condition has ended")
    assert (await site.acknowledge(NOBODY)).status_code == 404
    assert (await site.client.get(f"/v1/alerts/{NOBODY}")).status_code == 404
    assert (await site.acknowledge("x")).status_code == 422
    for wrong in ({"note": "x" * 1001}, {"role": "nurse"}, {"note": 1}):
        answer = await site.client.post(f"/v1/alerts/{NOBODY}/acknowledge", json=wrong)
        assert answer.status_code == 422, wrong


async def test_nobody_acts_in_the_name_of_another(site: Site) -> None:
    await site.story.run([(0, STALL)])
    alert_id = (await site.alert())["alert_id"]
    answer = await site.client.post(f"/v1/alerts/{alert_id}/acknowledge", json={"by": "Bob"})
    assert answer.status_code == 422
    assert "leave `by` out: who acts is the person who is signed in" in answer.json()["errors"][0]["detail"]
    assert (await site.alert())["state"] == "active"


async def test_the_board_shows_acknowledges_and_tells(site: Site) -> None:
    empty = await site.client.get("/")
    assert "No pump is enrolled yet" in empty.text
    await site.story.run(
        [(0, STALL), (1, "level 1.9"), (2, "alarm catheter_occlusion raised"), (3, "alarm catheter_occlusion cleared")]
    )
    page = (await site.client.get("/")).text
    for text in (
        "Motor stall",
        "Low reservoir",
        "Catheter occlusion",
        "<strong>2</strong> waiting for somebody",
        "1 ended, not acknowledged",
    ):
        assert text in page
    cards = page[page.index('id="alerts"') :]
    assert cards.index("Motor stall") < cards.index("Low reservoir") < cards.index("Catheter occlusion")
    assert "Told: nurse by sms" in page
    alert_id = next(
        alert["alert_id"]
        for alert in (await site.client.get("/v1/alerts")).json()["alerts"]
        if alert["key"] == "infusion"
    )
    answer = await site.client.post(f"/alerts/{alert_id}/acknowledge", data={"note": "going", "back": "alert"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/alerts/{alert_id}")
    detail = (await site.client.get(f"/alerts/{alert_id}")).text
    for text in ("Acknowledged by Ann", "Going", "acknowledged by Ann", "Opened, high"):
        assert text in detail
    assert "/acknowledge" not in detail
    back = await site.client.post(f"/alerts/{alert_id}/acknowledge", data={"list": "clinic_id=a%26b%3Dc"})
    assert (back.status_code, back.headers["location"]) == (303, "/?clinic_id=a%26b%3Dc")


async def test_a_form_that_is_refused_keeps_what_was_typed(site: Site) -> None:
    await site.story.run([(0, STALL)])
    alert_id = (await site.alert())["alert_id"]
    long = await site.client.post(f"/alerts/{alert_id}/acknowledge", data={"note": "half a note" + "x" * 1000})
    assert long.status_code == 422
    assert "A note has at most 1000 characters." in long.text
    assert 'value="half a note' in long.text
    await site.acknowledge(alert_id, "Bob")
    late = await site.client.post(f"/alerts/{alert_id}/acknowledge")
    assert late.status_code == 409
    assert "Not acknowledged: Bob has already acknowledged this alert." in late.text
    assert (await site.client.post(f"/alerts/{NOBODY}/acknowledge")).status_code == 404
    assert (await site.client.get(f"/alerts/{NOBODY}")).status_code == 404


NO_TEXT = {"a lone surrogate": "a\ud800b", "NUL": "a\0b"}


def written(body: Mapping[str, object]) -> dict[str, Any]:
    return {"content": json.dumps(body).encode(), "headers": {"Content-Type": "application/json"}}


@pytest.mark.parametrize("text", NO_TEXT.values(), ids=NO_TEXT)
async def test_text_that_cannot_be_stored_is_refused_wherever_it_stands_and_changes_nothing(
    site: Site, text: str
) -> None:
    await site.story.run([(0, STALL)])
    alert_id = (await site.alert())["alert_id"]
    trail = await site.story.trail()
    silence = {"reason": "r", "clinic_id": site.story.clinic_id, "ends_at": "2026-03-02T10:00:00Z"}
    for path, body in (
        (f"alerts/{alert_id}/acknowledge", {"note": "n"}),
        (f"alerts/{alert_id}/remarks", {"text": "t"}),
        (f"alerts/{alert_id}/resolve", {"note": "n"}),
        (f"alerts/{alert_id}/accept", {"note": "n"}),
        ("silences", silence | {"pump_id": site.story.pump_id, "rule": "pump_alarm"}),
    ):
        for field in body:
            answer = await site.client.post(f"/v1/{path}", **written(body | {field: text}))
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"#/{field}")
        assert (await site.client.post(f"/v1/{path}", **written(body | {text: 1}))).status_code == 422
    assert await site.story.trail() == trail
    assert (await site.client.get("/v1/silences")).json()["silences"] == []


async def test_a_body_that_no_answer_could_repeat_is_refused(site: Site) -> None:
    nan = written({"note": float("nan")})
    assert (await site.client.post(f"/v1/alerts/{NOBODY}/acknowledge", **nan)).status_code == 422


@pytest.mark.parametrize(("text", "charset"), [("a\0b", "utf-8"), ("a\\ud800b", "unicode_escape")])
async def test_a_form_with_text_that_cannot_be_stored_is_refused(site: Site, text: str, charset: str) -> None:
    await site.story.run([(0, STALL)])
    alert_id = (await site.alert())["alert_id"]
    trail = await site.story.trail()
    fields = [("acknowledge", name) for name in ("note", "list")]
    fields += [("remark", "text"), ("resolve", "note"), ("accept", "note"), ("silence", "reason")]
    for path, field in fields:
        parts = {"text": "t", "note": "n", "reason": "r", "hours": "1", "sure": "1", field: text}
        body = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts.items()
        )
        answer = await site.client.post(
            f"/alerts/{alert_id}/{path}",
            content=f"{body}--x--\r\n".encode(),
            headers={"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"},
        )
        assert (answer.status_code, path, field) == (422, path, field)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert await site.story.trail() == trail
    assert (await site.client.get("/v1/silences")).json()["silences"] == []


@pytest.mark.parametrize("path", ["/", "/v1/alerts", "/v1/silences"])
@pytest.mark.parametrize("text", ["%00", "a%00b", "%0A", "x" * 65])
async def test_a_name_in_an_address_that_no_clinic_has_is_refused(site: Site, path: str, text: str) -> None:
    assert (await site.client.get(f"{path}?clinic_id={text}")).status_code == 422
    assert (await site.client.get(f"{path}?clinic_id=")).status_code == 200
    for nobodys in ("nobody", "%ED%A0%80"):
        answer = await site.client.get(f"{path}?clinic_id={nobodys}")
        assert answer.status_code == 404


async def test_nothing_that_a_device_or_a_person_writes_becomes_markup(site: Site) -> None:
    await site.story.run([(0, STALL)])
    nasty = "<script>alert(1)</script>"
    await site.story.pool.execute("UPDATE alerts SET explanation = $1, title = $1", nasty)
    alert_id = (await site.alert())["alert_id"]
    await site.acknowledge(alert_id, nasty, note=nasty)
    for path in ("/", f"/alerts/{alert_id}"):
        page = (await site.client.get(path)).text
        assert nasty not in page
        assert "&lt;script&gt;" in page


async def test_the_pages_load_nothing_from_elsewhere(site: Site) -> None:
    answer = await site.client.get("/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "://" not in answer.text
    for asset in ("board.css", "board.js", "icon.svg"):
        assert (await site.client.get(f"/static/{asset}")).status_code == 200


async def test_the_board_warns_when_it_may_not_show_everything(site: Site) -> None:
    assert "No alert worker is running" in (await site.client.get("/")).text
    await site.story.new_worker().heartbeat_once()
    assert "No alert worker is running" not in (await site.client.get("/")).text


async def test_a_session_or_a_key_is_asked_for_everything_but_health_and_the_way_in(story: Story) -> None:
    async with client_for(story, host="board.example.org", auth=None) as client:
        for path in ("/v1/alerts", "/v1/silences", f"/v1/alerts/{NOBODY}", "/openapi.json"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="Pumpwatch"'), path
        for path in ("/", f"/alerts/{NOBODY}", "/account"):
            answer = await client.get(path)
            back = "" if path == "/" else f"?back={path}"
            assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in{back}"), path
        for path in (f"/alerts/{NOBODY}/acknowledge", "/account/password", "/sign-out"):
            assert (await client.post(path)).status_code == 401, path
        await story.new_worker().heartbeat_once()
        for path in ("/livez", "/readyz", "/metrics", "/sign-in", "/static/board.css"):
            assert (await client.get(path)).status_code == 200, path
        assert (await client.get("/v1/alerts", headers={"Authorization": "Bearer wrong"})).status_code == 401
        assert (await client.get("/v1/alerts", auth=("Ann", "s3cret"))).status_code == 401


async def test_a_name_that_is_rebound_opens_nothing(story: Story) -> None:
    await story.run([(0, STALL)])
    async with client_for(story, host="evil.example", auth=None, worker_token="s3cret") as client:
        assert (await client.get("/")).headers["location"] == "/sign-in"
        assert (await client.get("/v1/alerts")).status_code == 401
        assert (await client.get("/livez")).status_code == 200


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_forms_of_other_sites_are_refused(site: Site, headers: dict[str, str]) -> None:
    await site.story.run([(0, STALL)])
    alert_id = (await site.alert())["alert_id"]
    for path in (f"/alerts/{alert_id}/acknowledge", f"/v1/alerts/{alert_id}/acknowledge"):
        answer = await site.client.post(path, headers=headers)
        assert answer.status_code == 403
    assert (await site.alert())["state"] == "active"


async def test_readiness_says_what_is_missing(site: Site, database: Database, tmp_path: Path) -> None:
    async with worker_client_for(site.story) as worker:
        ready = await worker.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"ready": True, "missing": [], "warnings": [], "paged": []})
    (tmp_path / "north.yaml").write_text("clinic_id: [")
    broken = PolicyFolder(tmp_path)
    await broken.reload()
    async with worker_client_for(site.story, folder=broken) as worker:
        answer = await worker.get("/readyz")
        assert answer.status_code == 503
        assert "north.yaml" in answer.json()["missing"][0]
        await database.pool.execute("DELETE FROM schema_migrations WHERE version = 5")
        for client in (worker, site.client):
            missing = (await client.get("/readyz")).json()["missing"][0]
            assert "0005_alerts" in missing
            assert (await client.get("/livez")).status_code == 200


async def test_the_board_is_ready_with_a_worker_that_lives(site: Site) -> None:
    alone = await site.client.get("/readyz")
    assert (alone.status_code, alone.json()["missing"]) == (
        503,
        [f"{UNKNOWN} (No alert worker is running.)"],
    )
    await site.story.new_worker().heartbeat_once()
    ready = await site.client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "missing": [], "warnings": []})


async def test_requests_are_counted_by_the_status_of_their_answers(site: Site) -> None:
    await site.client.get("/v1/alerts")
    await site.client.get(f"/v1/alerts/{NOBODY}")
    text = (await site.client.get("/metrics")).text
    assert 'pumpwatch_web_requests_total{status="200"} 1.0' in text
    assert 'pumpwatch_web_requests_total{status="404"} 1.0' in text
    assert "pumpwatch_web_request_seconds_count 2.0" in text


async def test_the_worker_shows_no_alert_and_takes_no_order(story: Story) -> None:
    await story.run([(0, STALL)])
    async with worker_client_for(story) as worker:
        for path in ("/", "/v1/alerts", "/static/board.css", "/openapi.json", f"/alerts/{NOBODY}"):
            answer = await worker.get(path)
            assert (answer.status_code, "pumpwatch web" in answer.text) == (404, True), path
            assert answer.json()["type"] == ProblemType.NO_SUCH_PATH.uri
            assert (await worker.post(path)).status_code == 404
        large = await worker.post("/answers", content=b" " * 1_000_001)
        assert (large.status_code, large.json()["type"]) == (413, ProblemType.TOO_LARGE.uri)
        assert (await worker.request("TRACE", "/livez")).json()["type"] == ProblemType.WRONG_METHOD.uri


async def test_upkeep_that_the_database_has_not_done_is_told_and_stops_nothing(site: Site, database: Database) -> None:
    worker = site.story.new_worker()
    await worker.heartbeat_once()
    assert "behind with its upkeep" not in (await site.client.get("/")).text
    sorted_by = await database.pool.fetchval(  # another one in each edition, and a view keeps its own
        "SELECT quote_ident(collname) FROM pg_attribute JOIN pg_collation c ON c.oid = attcollation "
        "WHERE attrelid = 'upkeep'::regclass AND attname = 'name'"
    )
    await database.pool.execute(
        f"""CREATE OR REPLACE VIEW upkeep AS
            SELECT 'rollup' AS kind, 'bolus_daily' COLLATE {sorted_by} AS name, now() AS done_until,
                   timestamptz '{site.story.resources().clock() - timedelta(hours=24)}' AS overdue_since"""
    )
    assert "behind with its upkeep" in (await site.client.get("/")).text
    await worker.look_at_upkeep_once()
    assert worker._resources.metrics.upkeep_overdue_seconds._value.get() >= 86_400
    async with worker_client_for(site.story) as client:
        ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["missing"]) == (200, [])
    [warning] = ready.json()["warnings"]
    assert warning == (
        "database: the sums of bolus_daily are not brought up to date, due 24 h ago (docs/operating/monitoring.md)"
    )

    # As a later TimescaleDB might have it: the view fails by an error of its own.
    await database.pool.execute("ALTER VIEW upkeep RENAME TO gone")
    await worker.look_at_upkeep_once()
    assert "behind with its upkeep" in (await site.client.get("/")).text
    async with worker_client_for(site.story) as client:
        [warning] = (await client.get("/readyz")).json()["warnings"]
    assert "cannot be seen: UndefinedTableError" in warning


async def test_while_the_database_is_away_nothing_looks_like_calm(story: Story) -> None:
    pool = await open_pool(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing", application_name="test")
    async with client_for(Story(pool, "postgresql://localhost/x"), auth=None) as client:
        client.headers["Cookie"] = "__Host-pumpwatch=of-somebody"
        board = await client.get("/")
        assert (board.status_code, board.headers["retry-after"]) == (503, "5")
        assert "The database cannot be reached" in board.text
        assert "No open alerts" not in board.text
        api = await client.get("/v1/alerts")
        assert (api.status_code, api.json()["detail"].startswith("The database cannot be reached")) == (503, True)
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["missing"][0].startswith("database:")
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
    await pool.close()
