"""Each number of the review sheet, from SQL that shares nothing with it, over events of chance."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import asyncpg
import pytest
from pypdf import PdfReader

from tests.alerts_pages import client_for
from tests.alerts_world import T0, Story
from tests.integration.alerts.review.patient import DAY, OUTCOMES, make_patient
from tests.stack import Database

SINCE = datetime(2026, 1, 5, 23, 0, tzinfo=UTC)
"""Midnight in Berlin, eight weeks of days before and with that of T0."""
DASH = "\u2013"
AT = "least(observed_at, received_at)"
BY_NIGHT = f"NOT ({AT} AT TIME ZONE 'Europe/Berlin')::time BETWEEN '06:30' AND '20:59:59.999999'"
ASKED = f"""
SELECT outcome, {BY_NIGHT} AS at_night, {AT} AS at
FROM (SELECT *, told_again(extract(epoch FROM {AT})::float8, device_id,
                           CASE outcome WHEN 'delivered' THEN 900 ELSE 60 END) OVER (
          PARTITION BY outcome ORDER BY {AT}, device_id COLLATE "C", event_id ROWS UNBOUNDED PRECEDING) AS again
      FROM bolus_requests WHERE pump_id = $1 AND {AT} >= $3) told
WHERE (outcome = 'comm_failure' OR NOT again) AND {AT} BETWEEN $2 AND $4
"""  # noqa: S608


class Paper:
    """The tables of the page, by the words over them, and the text of the PDF."""

    def __init__(self, page: str, pdf: bytes) -> None:
        self.page = re.sub(r"\s+", " ", unescape(page))
        [only] = PdfReader(io.BytesIO(pdf)).pages
        self.pdf = re.sub(r"\s+", "", only.extract_text())

    def rows(self, title: str) -> list[list[str]]:
        found = re.search(rf'aria-label="{title}".*?<tbody>(.*?)</tbody>', self.page)
        rows = re.findall(r"<tr>(.*?)</tr>", found[1]) if found else []
        cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
        return [[re.sub(r"<[^>]*>", "", cell) for cell in row] for row in cells]


@pytest.fixture(params=[1, 2, 3], ids=lambda seed: f"seed {seed}")
async def story(database: Database, request: pytest.FixtureRequest) -> Story:
    return await make_patient(database, request.param)


async def paper_of(story: Story, period: str = "8w") -> Paper:
    async with client_for(story) as browser:
        page = await browser.get(f"/pumps/{story.pump_id}/review", params={"period": period})
        pdf = await browser.get(f"/pumps/{story.pump_id}/review.pdf", params={"period": period})
    assert (page.status_code, pdf.status_code, pdf.headers["content-type"]) == (200, 200, "application/pdf")
    return Paper(page.text, pdf.content)


async def told(story: Story, query: str, *more: object) -> list[asyncpg.Record]:
    return await story.pool.fetch(query, story.pump_id, *more)


def berlin(at: datetime, words: str = "%-d %b %H:%M") -> str:
    return (at.astimezone(UTC) + timedelta(hours=1)).strftime(words)  # it is winter all the time


async def test_boluses_by_day_and_night_and_by_week(story: Story) -> None:
    paper = await paper_of(story)
    asked = await told(story, ASKED, SINCE, T0 - 70 * DAY, T0)
    expected = [
        [words, str(len(mine)), *(str(sum(row["outcome"] == outcome for row in mine)) for outcome in OUTCOMES)]
        for words, mine in (
            ("Day", [row for row in asked if not row["at_night"]]),
            ("Night", [row for row in asked if row["at_night"]]),
            ("Together", asked),
        )
    ]
    assert len(asked) > 60
    assert paper.rows("Boluses asked for") == expected
    weeks = paper.rows("The same by week")
    assert len(weeks) == 8
    for index, (begins, heard, *both) in enumerate(weeks):
        first = SINCE + index * 7 * DAY
        assert begins == berlin(first, "%-d %b %Y")
        mine = [row for row in asked if first <= row["at"] < first + 7 * DAY]
        kinds = [None, ("delivered",), OUTCOMES[1:4], ("comm_failure",)]
        assert both == [
            " + ".join(
                str(sum(row["at_night"] is night and (kind is None or row["outcome"] in kind) for row in mine))
                for night in (False, True)
            )
            for kind in kinds
        ]
        assert re.fullmatch(r"[1-7] of 7", heard)
    for row in (*expected, *weeks):
        assert "".join(row).replace(" ", "") in paper.pdf


HEARD = " UNION ALL ".join(
    f"SELECT {AT} AS at FROM {table} WHERE pump_id = $1 AND {AT} BETWEEN $2 AND $3"  # noqa: S608
    for table in ("bolus_requests", "patient_reports", "reservoir_readings", "pump_alarms", "refills", "therapies")
)


async def test_days_and_times_in_which_nothing_was_heard(story: Story) -> None:
    paper = await paper_of(story)
    [[days]] = await told(
        story, f"SELECT count(DISTINCT (at AT TIME ZONE 'Europe/Berlin')::date) FROM ({HEARD}) h", SINCE, T0  # noqa: S608
    )  # fmt: skip
    silent = f"Nothing was heard on {56 - days} of 56 days" if days < 56 else "on each of these 56 days"
    assert silent in paper.page
    assert silent.replace(" ", "") in paper.pdf
    gaps = await told(
        story,
        f"SELECT before, at FROM (SELECT at, lag(at, 1, $2) OVER (ORDER BY at) AS before FROM ({HEARD}) h "  # noqa: S608
        "UNION ALL SELECT $3, greatest(max(at), $2) FROM "
        f"({HEARD}) h) g WHERE at - before >= interval '24 hours' ORDER BY before DESC",
        SINCE, T0,
    )  # fmt: skip
    shown = [row[:2] for row in paper.rows("Nothing heard for a day or longer")]
    assert shown == [[berlin(before), berlin(at)] for before, at in gaps][:5]
    assert sum(int(row[1].split(" ")[0]) for row in paper.rows("The same by week")) == days


async def test_reports_and_scores(story: Story) -> None:
    paper = await paper_of(story)
    found = await told(
        story,
        f"SELECT complaint, count(*), count(*) FILTER (WHERE {BY_NIGHT}), "  # noqa: S608
        "min(score), max(score) FROM patient_reports "
        f"WHERE pump_id = $1 AND {AT} BETWEEN $2 AND $3 GROUP BY complaint ORDER BY complaint",
        SINCE, T0,
    )  # fmt: skip
    words = {"pain": "Pain", "more_therapy": "Wants more therapy"}
    assert [row[:3] for row in paper.rows("What the patient reported")] == [
        [words[what], f"{count} ({night})", f"{least} to {most}"] for what, count, night, least, most in found
    ]
    medians = await told(
        story,
        f"SELECT complaint, percentile_cont(0.5) WITHIN GROUP (ORDER BY score) FROM generate_series(0, 7) week "  # noqa: S608
        f"CROSS JOIN (VALUES ('more_therapy'), ('pain')) c (complaint) LEFT JOIN patient_reports USING (complaint) "
        f"WHERE pump_id = $1 AND {AT} >= $2::timestamptz + week * interval '7 days' "
        f"AND {AT} < $2::timestamptz + (week + 1) * interval '7 days' "
        f"AND {AT} <= $3 AND score IS NOT NULL GROUP BY complaint, week ORDER BY complaint, week",
        SINCE, T0,
    )  # fmt: skip
    shown = [
        row[3].replace(f"{DASH} ", "").replace(DASH, "").split() for row in paper.rows("What the patient reported")
    ]
    assert shown == [[f"{each:g}" for what, each in medians if what == mine] for mine in ("more_therapy", "pain")]


async def test_refills_with_their_residuals(story: Story) -> None:
    paper = await paper_of(story)
    found = await told(
        story,
        f"SELECT at, expected_ml, measured_ml, filled_ml, measured_ml - expected_ml AS more, "  # noqa: S608
        "100 * (measured_ml - expected_ml) / nullif(greatest(least(before, 20) - expected_ml, 0), 0) AS share, "
        "least(before, 20) - expected_ml >= 10 AS told "
        f"FROM (SELECT *, {AT} AS at, lag(filled_ml) OVER (ORDER BY {AT}) AS before FROM refills r WHERE pump_id = $1 "
        f"AND {AT} >= $4 AND NOT EXISTS (SELECT FROM refills c WHERE c.replaces = r.event_id)) r "
        "WHERE at BETWEEN $2 AND $3 ORDER BY at DESC",
        SINCE, T0, T0 - 70 * DAY,
    )  # fmt: skip
    assert len(found) >= 2
    assert paper.rows("Refills") == [
        [
            berlin(row["at"]),
            f"{row['expected_ml']:.2f} mL",
            f"{row['measured_ml']:.2f} mL",
            f"{row['more']:+.2f} mL",
            f"{row['share']:+.1f} %" if row["told"] else "not known",
            f"{row['filled_ml']:.2f} mL",
        ]
        for row in found
    ]
    for row in paper.rows("Refills"):
        assert "".join(row).replace(" ", "") in paper.pdf


async def test_levels_measured_beside_computed(story: Story) -> None:
    paper = await paper_of(story)
    found = await told(
        story,
        "WITH l AS (SELECT basis, volume_ml, received_at, least(observed_at, received_at) AS at "
        "FROM reservoir_readings WHERE pump_id = $1 AND least(observed_at, received_at) >= $4) "
        "SELECT at, volume_ml, (SELECT volume_ml FROM l c WHERE c.basis = 'computed' AND c.at <= m.at "
        "AND c.at >= m.at - interval '1 day' ORDER BY c.at DESC, c.received_at DESC LIMIT 1) FROM l m "
        "WHERE basis = 'measured' AND at BETWEEN $2 AND $3 ORDER BY at DESC LIMIT 5",
        SINCE, T0, T0 - 70 * DAY,
    )  # fmt: skip
    assert paper.rows("Levels measured, beside computed") == [
        [berlin(at), f"{measured:.2f} mL"]
        + (["not known", DASH] if computed is None else [f"{computed:.2f} mL", f"{measured - computed:+.2f} mL"])
        for at, measured, computed in found
    ]


COURSES = f"""
WITH e AS (SELECT code, state, {AT} AS at FROM pump_alarms WHERE pump_id = $1 AND {AT} BETWEEN $2 AND $3),
ends AS (SELECT r.*, (SELECT min(at) FROM e c WHERE c.code = r.code AND c.state = 'cleared' AND c.at >= r.at) AS ended
         FROM e r WHERE state = 'raised')
SELECT code, min(at) AS at, ended, count(*) AS times FROM ends GROUP BY code, ended ORDER BY min(at) DESC
"""  # noqa: S608
"""What was raised until the same moment is one alarm."""


async def test_alarms_by_when_they_were_raised_and_cleared(story: Story) -> None:
    paper = await paper_of(story)
    found = await told(story, COURSES, T0 - 70 * DAY, T0)
    words = {"motor_stall": "Motor stall", "low_reservoir": "Low reservoir"}
    expected = [
        [words[row["code"]], str(row["times"]), berlin(row["at"], "%-d %b %Y %H:%M"),
         berlin(row["ended"], "%-d %b %Y %H:%M") if row["ended"] else "stands"]
        for row in found if row["ended"] is None or row["ended"] >= SINCE
    ]  # fmt: skip
    assert [row[:4] for row in paper.rows("Alarms of the pump")] == expected[:10]


async def test_by_default_it_is_the_time_since_the_last_refill(story: Story) -> None:
    [[last]] = await told(
        story,
        f"SELECT max({AT}) FROM refills r WHERE pump_id = $1 AND NOT EXISTS "  # noqa: S608
        f"(SELECT FROM refills c WHERE c.replaces = r.event_id) AND {AT} <= $2",
        T0 - DAY,
    )
    paper = await paper_of(story, "refill")
    assert (
        f"{berlin(last, '%-d %b %Y %H:%M')} to {berlin(T0, '%-d %b %Y %H:%M')} (Europe/Berlin): since the last"
        in paper.page
    )
    [[asked]] = await told(story, f"SELECT count(*) FROM ({ASKED}) a", last, T0 - 70 * DAY, T0)  # noqa: S608
    assert paper.rows("Boluses asked for")[-1][1] == str(asked)


async def test_the_therapy_in_force_and_each_change(story: Story) -> None:
    paper = await paper_of(story)
    found = await told(
        story,
        "WITH t AS (SELECT least(observed_at, received_at) AS at, profile, "
        "(profile -> 0 ->> 'rate_ml_per_day')::float8 AS rate "
        "FROM therapies WHERE pump_id = $1 AND least(observed_at, received_at) BETWEEN $3 AND $4), "
        "changed AS (SELECT at, rate FROM (SELECT *, lag(profile) OVER (ORDER BY at) AS before FROM t) c "
        "WHERE before IS DISTINCT FROM profile) "
        "SELECT at, rate FROM changed WHERE at >= greatest($2, (SELECT max(at) FROM changed WHERE at < $2)) "
        "OR at = (SELECT max(at) FROM changed WHERE at < $2) ORDER BY at",
        SINCE, T0 - 70 * DAY, T0,
    )  # fmt: skip
    assert len(found) == 2
    assert paper.rows("Therapy as programmed") == [
        [
            berlin(at, "%-d %b %Y %H:%M"),
            "morphine 2 mg/mL",
            f"{rate:.3f} mL: {2000 * rate:.0f} mcg morphine",
            "150 mcg",
            "15 min",
            "6",
        ]
        for at, rate in found
    ]


async def test_alerts_with_who_took_them_and_when_they_ended(story: Story) -> None:
    await story.run_more([
        (1, "alarm motor_stall raised"), (13, "ack Ann"), (90, "alarm motor_stall cleared"), (95, "level 1.2"),
        (100, "report pain 9"), (300, "refill 18 1 1"), (301, "level 17"), (400, "status"),
    ])  # fmt: skip
    paper = await paper_of(story)
    found = await told(
        story,
        "SELECT title, priority, opened_at, coalesce(cleared_at, closed_at) AS ended, "
        "(SELECT min(at) FROM alert_transitions t WHERE t.alert_id = a.alert_id AND kind = 'acknowledged') AS taken "
        "FROM alerts a WHERE pump_id = $1 "
        "ORDER BY opened_at DESC, alert_id",
    )
    long = "%-d %b %Y %H:%M"

    def taken(row: asyncpg.Record) -> str:
        if row["taken"] is None:
            return "nobody"
        return f"Ann, {berlin(row['taken'])} (after {(row['taken'] - row['opened_at']).seconds // 60} min)"

    expected = [
        [
            berlin(row["opened_at"], long),
            row["title"],
            row["priority"],
            taken(row),
            berlin(row["ended"], long) if row["ended"] else "is open",
        ]
        for row in found
    ]
    assert paper.rows("Alerts of Pumpwatch") == expected
    assert len([row for row in expected if row[3] != "nobody"]) == 1
    assert {row[4] == "is open" for row in expected} == {True, False}
    for row in expected:
        assert re.sub(r"\s+", "", "".join(row)) in paper.pdf
