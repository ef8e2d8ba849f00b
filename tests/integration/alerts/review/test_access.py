"""Whose the sheet is, and who may read it: of one patient alone, and of one's own clinic."""

from __future__ import annotations

import io
import re
from datetime import date
from html import unescape
from uuid import UUID

import httpx
import pytest
from pypdf import PdfReader

from services.alerts.web.review import paper
from services.people.model import Role
from tests.alerts_pages import client_for, person
from tests.alerts_world import T0, Story
from tests.integration.alerts.review.patient import insert
from tests.integration.people.two_clinics import TwoClinics, two_clinics
from tests.signed_in import WithKey
from tests.stack import Database

MINUTES = 24 * 60


@pytest.fixture
async def two(database: Database) -> TwoClinics:
    return await two_clinics(database)


async def asked(story: Story, path: str, auth: httpx.Auth) -> httpx.Response:
    async with client_for(story, auth=auth) as client:
        return await client.get(path)


def words(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", answer.text)))


@pytest.mark.parametrize("paper_or_page", ["review", "review.pdf"])
async def test_another_clinics_pump_is_not_there(two: TwoClinics, paper_or_page: str) -> None:
    nora = person(two.north, "Nora", role=Role.VIEWER, clinic_id=two.north.clinic_id)
    own = await asked(two.north, f"/pumps/pump-north/{paper_or_page}", nora)
    theirs = await asked(two.north, f"/pumps/pump-south/{paper_or_page}", nora)
    nobodys = await asked(two.north, f"/pumps/pump-nobod/{paper_or_page}", nora)
    assert (own.status_code, theirs.status_code, nobodys.status_code) == (200, 404, 404)
    assert "There is no pump &#39;pump-south&#39;." in theirs.text
    without = [re.sub(r"<time .*?</time>|data-read-at=\"[^\"]*\"|pump-(south|nobod)", "", each.text) for each in
               (theirs, nobodys)]  # fmt: skip
    assert without[0] == without[1]


@pytest.mark.parametrize("path", ["/pumps/handheld-pump-north/review", "/pumps/pump-north/review?period=2w"])
async def test_what_is_no_pump_and_no_time_is_refused(two: TwoClinics, path: str) -> None:
    answer = await asked(two.north, path, person(two.north))
    assert answer.status_code == (422 if "period" in path else 404)


async def test_a_program_is_told_where_it_reads(two: TwoClinics) -> None:
    key = WithKey(two.pool, lambda: two.north.now, "alerts.read", clinic_id=two.north.clinic_id)
    answer = await asked(two.north, "/pumps/pump-north/review", key)
    assert (answer.status_code, "by /fhir/R4" in answer.text) == (403, True)


async def test_who_read_it_stands_in_the_trail(two: TwoClinics) -> None:
    nora = person(two.north, "Nora", role=Role.VIEWER, clinic_id=two.north.clinic_id)
    assert (await asked(two.north, "/pumps/pump-north/review.pdf", nora)).status_code == 200
    read = "SELECT kind, detail ->> 'name' FROM access_log WHERE pump_id = 'pump-north'"
    assert [tuple(row) for row in await two.pool.fetch(read)] == [("read", "Nora")]


async def test_the_patient_before_is_on_no_sheet_and_no_more_is_one_after(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    before = [
        (0, "therapy of baclofen 0.7 30"),
        (1, "report pain 9"),
        (2, "bolus delivered x3"),
        (3, "refill 18.5 4 3.5"),
        (4, "level 7.25 measured"),
        (5, "alarm motor_stall raised"),
        (6, "level 1"),
    ]
    await story.run(before)
    first = words(await asked(story, f"/pumps/{story.pump_id}/review?period=4w", person(story)))
    assert all(each in first for each in ("baclofen", "Motor stall", "18.50 mL", "7.25 mL", "Low reservoir", "9 to 9"))
    await story.run_more([(2 * MINUTES, "implant"), (3 * MINUTES, "report pain 2")])
    second = words(await asked(story, f"/pumps/{story.pump_id}/review?period=4w", person(story)))
    for each in ("baclofen", "Motor stall", "18.50 mL", "7.25 mL", "Low reservoir", "9 to 9"):
        assert each not in second
    assert "since the pump was implanted in this patient" in second
    assert "2 to 2" in second
    await story.run_more([(4 * MINUTES, "explant"), (5 * MINUTES, "report pain 7")])
    third = words(await asked(story, f"/pumps/{story.pump_id}/review?period=4w", person(story)))
    assert "The pump was taken out 6 Mar 2026 09:00." in third
    assert "2 to 2" in third
    assert "7" not in third.partition("By week")[2].partition("Refills")[0].replace("0 of 7", "").replace("of 7", "")


async def test_of_a_pump_that_moved_the_new_clinic_sees_the_patient_and_the_old_one_no_pump(two: TwoClinics) -> None:
    await two.pool.execute(
        "UPDATE devices SET clinic_id = $1 WHERE device_id = 'pump-south'", two.north.clinic_id
    )  # fmt: skip
    nora = person(two.north, "Nora", role=Role.VIEWER, clinic_id=two.north.clinic_id)
    sam = person(two.south, "Sam", role=Role.ADMINISTRATOR, clinic_id=two.south.clinic_id)
    assert "Motor stall" in words(await asked(two.north, "/pumps/pump-south/review?period=4w", nora))
    assert (await asked(two.south, "/pumps/pump-south/review", sam)).status_code == 404


ODD = '<script>alert(1)</script> & "9999" \u202e \U0001f489 {{ 7*7 }}'


async def test_odd_text_of_a_device_or_a_person_is_text_on_the_page_and_on_paper(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, "level 12"), (1, "status")])
    drugs = '[{"name": "<b>morphine</b>", "concentration_mcg_per_ml": 2000.0}]'
    common = {"pump_id": story.pump_id, "observed_at": T0, "received_at": T0, "device_id": story.pump_id}
    await insert(story.pool, "therapies", **common, event_id=UUID(int=1), drugs=drugs, reservoir_size_ml=20.0,
                 profile='[{"from": "00:00", "rate_ml_per_day": 0.3}]', refill_due=date(9999, 12, 31))  # fmt: skip
    await insert(
        story.pool, "pump_alarms", **common, event_id=UUID(int=2), code="from_the_future", state="raised", detail=ODD
    )
    await insert(
        story.pool, "pump_alarms", **common, event_id=UUID(int=3), code="motor_stall", state="raised", detail=ODD
    )
    path = f"/pumps/{story.pump_id}/review"
    page = await asked(story, path, person(story, "Ann <i>"))
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;9999&#34;" in page.text
    assert "&lt;b&gt;morphine&lt;/b&gt;" in page.text
    assert "{{ 7*7 }}" in unescape(page.text)
    assert "refill by the programme 31 Dec 9999" in page.text
    assert "Other alarm: from_the_future" in page.text
    pdf = await asked(story, f"{path}.pdf", person(story))
    [only] = PdfReader(io.BytesIO(pdf.content)).pages
    assert "<b>morphine</b>" in only.extract_text()
    assert "<script>alert(1)</script>" in re.sub(r"\s+", "", only.extract_text())
    assert pdf.headers["content-disposition"] == 'attachment; filename="therapy-review.pdf"'


async def test_while_others_are_drawn_for_long_one_is_told_so(two: TwoClinics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "_WAITS_SECONDS", 0.01)
    async with paper._one_at_a_time:
        busy = await asked(two.north, "/pumps/pump-north/review.pdf", person(two.north))
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "5")
    assert "Other sheets are being drawn just now" in busy.text
    assert (await asked(two.north, "/pumps/pump-north/review.pdf", person(two.north))).status_code == 200


async def test_a_day_that_was_never_heard_of_is_not_zero(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.enrol()
    await story.run_more([(10 * MINUTES, "tick")])
    page = words(await asked(story, f"/pumps/{story.pump_id}/review?period=4w", person(story)))
    assert "Nothing was heard of this pump on any of these 28 days" in page
    assert "Nothing was heard, so no request is known." in page
    assert "0 of 7" in page
