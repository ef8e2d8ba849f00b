"""The figures of the report on alerts, from rows."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from schemas.parts.paging import QuietHours
from services.admin.alert_report import as_json, as_lines
from services.alerts.quality.figures import AlertRow, BusyPump, PageRow, Pages, Review, name_of, review, span

T0 = datetime(2026, 11, 1, tzinfo=UTC)
WEEKS = {"pump-1": 4.0, "pump-2": 4.0}


def alert(number: int, *, after: float | None = None, **values: object) -> AlertRow:
    """An alert; taken `after` so many seconds."""
    opened_at = T0 + timedelta(hours=number)
    given: dict[str, object] = {
        "alert_id": UUID(int=number),
        "pump_id": "pump-1",
        "rule": "pump_alarm",
        "key": "stall",
        "state": "closed",
        "opened_at": opened_at,
        "taken_at": None if after is None else opened_at + timedelta(seconds=after),
        "answered": after is not None,
        "flaps": 0,
    }
    return AlertRow(**(given | values))  # type: ignore[arg-type]


def page(about: int, number: int, state: str = "sent", occasion: str = "opened", **values: object) -> PageRow:
    name, _, step = occasion.partition("/step:")
    given = {"grouped": False, "held_by": None, "kind": name.partition(":")[0], "step": int(step or 0)} | values
    return PageRow(UUID(int=about), UUID(int=1000 + number), state=state, **given)  # type: ignore[arg-type]


def of(alerts=(), pages=(), weeks_of=WEEKS) -> Review:
    return review("north", T0, T0 + timedelta(weeks=4), alerts=alerts, pages=pages, weeks_of=weeks_of)


def test_nothing_happened() -> None:
    found = of()
    assert (found.total.answers.alerts, found.total.answers.per_pump_week) == (0, 0.0)
    assert (found.total.answers.acknowledged_share, found.total.answers.median_seconds_to_acknowledge) == (None, None)
    assert (found.rules, found.busiest) == ((), ())
    assert list(as_lines(found))[-1] == "2 pumps, 8.0 pump-weeks under watch, 0 alerts"


def test_answers_and_how_soon() -> None:
    taken = [alert(number, after=60 * number) for number in range(1, 11)]
    others = [
        alert(20),
        alert(21, answered=True),  # somebody wrote what was done
        alert(22, state="active"),
        alert(23, state="cleared", flaps=3),
    ]
    answers = of([*taken, *others]).total.answers
    assert (answers.alerts, answers.acknowledged) == (14, 10)
    assert answers.acknowledged_share == pytest.approx(10 / 14)
    assert answers.per_pump_week == pytest.approx(14 / 8)
    assert answers.median_seconds_to_acknowledge == 330
    assert answers.ninety_percent_within_seconds == 540  # nine of the ten
    assert (answers.closed_without_action, answers.open_without_action, answers.flapped) == (1, 2, 3)


def test_pages() -> None:
    pages = of(
        [alert(1), alert(2), alert(3), alert(4)],
        [
            page(1, 1),
            page(1, 2, occasion="opened/step:1"),
            page(1, 3, occasion="expired:7"),
            page(1, 4, occasion="expired:7/step:1"),
            page(1, 5, occasion="priority:high:9"),
            page(2, 6, "failed"),
            page(2, 7),  # the next channel worked
            page(3, 8, "failed"),
            page(4, 9, "cancelled", held_by="silence"),
        ],
    ).total.pages
    assert (pages.sent, pages.failed, pages.escalated) == (6, 2, 2)
    assert pages.repeated == {"expired": 1, "priority": 1}
    assert (pages.alerts_held, pages.alerts_undelivered, pages.alerts_grouped) == (1, 1, 0)


def test_a_page_that_nobody_answered_and_that_goes_out_again_is_no_further_step() -> None:
    again = [page(1, number, occasion=f"opened/step:{number}", repeats=True) for number in (2, 3, 4)]
    pages = of([alert(1)], [page(1, 1), page(1, 9, occasion="opened/step:1"), *again]).total.pages
    assert (pages.sent, pages.escalated, pages.repeated) == (5, 1, {"unanswered": 3})


def test_one_page_for_many_alerts_is_one_page() -> None:
    alerts = [alert(number, key="stall" if number % 2 else "empty") for number in range(1, 9)]
    found = of(alerts, [page(number, 1, grouped=True) for number in range(1, 9)])
    assert [each.pages.sent for each in (*found.rules, found.total)] == [1, 1, 1]
    assert found.total.pages.alerts_grouped == 8


def test_rules_and_keys() -> None:
    names = [("pump_alarm", "stall"), ("device_silent", "handheld-7"), ("infusion", "refill@2026-11-01T08:00:00+00:00")]
    alerts = [alert(number, rule=rule, key=key) for number, (rule, key) in enumerate(names)]
    assert [name_of(each) for each in alerts] == ["pump_alarm/stall", "device_silent/device", "infusion/refill"]
    assert [each.rule for each in of(alerts).rules] == ["device_silent/device", "infusion/refill", "pump_alarm/stall"]


def test_the_busiest_pumps() -> None:
    alerts = [
        alert(10 * pump + number, pump_id=f"pump-{pump}", key="stall" if number < 2 else "empty")
        for pump, count in enumerate((1, 2, 3, 4, 5, 5))
        for number in range(count)
    ]
    busiest = of(alerts, weeks_of={"pump-4": 2.0, "pump-5": 0.5}).busiest
    assert [each.pump_id for each in busiest] == ["pump-4", "pump-5", "pump-3", "pump-2", "pump-1"]
    assert busiest[0] == BusyPump("pump-4", 5, 2.5, "pump_alarm/empty")
    assert busiest[1].per_week is None  # watched for half a week: a rate would say nothing


def test_the_order_of_rows_changes_nothing() -> None:
    alerts = [alert(number, pump_id=f"pump-{number % 3}", after=number * 7 % 50) for number in range(30)]
    pages = [page(number, number // 2, "sent" if number % 3 else "failed") for number in range(30)]
    first = of(alerts, pages)
    for seed in range(5):
        shuffle = random.Random(seed).sample
        assert of(shuffle(alerts, 30), shuffle(pages, 30)) == first


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0, "0 s"), (89, "89 s"), (90, "1.5 min"), (5_400, "1.5 h"), (172_800, "2.0 d")],
)
def test_spans(seconds, text) -> None:
    assert span(seconds) == text


def test_a_person_reads_columns_that_line_up() -> None:
    found = of(
        [alert(1, after=200), alert(2, rule="infusion", key="refill")], [page(1, 1), page(1, 2, occasion="expired:3")]
    )
    lines = list(as_lines(found))
    assert lines[0] == "clinic north, 1 Nov 2026 00:00 UTC to 29 Nov 2026 00:00 UTC"
    rows = [line for line in lines if line.startswith(("pump_alarm/stall", "infusion/refill", "all "))]
    assert len(rows) == 6
    assert rows[1].split() == [
        "pump_alarm/stall",
        "1",
        "0.125",
        "1",
        "(100%)",
        "3.3",
        "min",
        "3.3",
        "min",
        "0",
        "(0)",
        "0",
    ]
    assert len({len(row) for row in rows[:3]}) == len({len(row) for row in rows[3:]}) == 1
    assert "paged again                       1 acknowledgement expired" in lines
    assert max(map(len, lines)) <= 110
    assert '"acknowledged_share": 0.5' in as_json(found)


def test_each_alert_is_acted_on_or_only_seen_or_ended_by_itself_or_open() -> None:
    found = of(
        [
            alert(1, after=60, acted=True),
            alert(2, answered=True, acted=True),
            alert(3, after=60),
            alert(4, answered=True),
            alert(5),
            alert(6, state="active"),
            alert(7, state="acknowledged", after=600),
        ]
    ).total.answers
    assert (found.acted_on, found.only_seen, found.closed_without_action, found.open_without_action) == (2, 3, 1, 1)
    assert found.acted_on_share == pytest.approx(2 / 7)
    assert of().total.answers.acted_on_share is None


def test_within_how_long_all_but_one_in_twenty_were_acknowledged() -> None:
    found = of([alert(number, after=60 * number) for number in range(1, 21)]).total.answers
    assert (found.ninety_percent_within_seconds, found.ninety_five_percent_within_seconds) == (1080, 1140)


def test_an_alert_that_should_have_paged_and_never_did_reached_nobody() -> None:
    alerts = [alert(number, priority=name) for number, name in enumerate(("high", "medium", "low", "info", "high"))]
    found = of(alerts, [page(4, 1)]).total.pages
    assert (found.alerts_undelivered, found.failed) == (2, 0)


def test_pages_at_night_go_by_the_clinics_night() -> None:
    late = T0.replace(hour=21, minute=30)
    sent = [
        page(1, 1, clinic_id="north", sent_at=late),
        page(1, 1, clinic_id="north", sent_at=late, grouped=True),  # one page for two alerts
        page(2, 2, clinic_id="south", sent_at=late),
        page(2, 3, clinic_id="south", sent_at=late + timedelta(hours=1)),
        page(2, 4, "failed", clinic_id="north"),
        page(2, 5, clinic_id="north"),  # taken as sent by an earlier release, which wrote no time
    ]
    nights = {"north": QuietHours(begins="20:00", ends="06:00")}

    def pages(nights: dict[str, QuietHours], long: timedelta = timedelta(weeks=4)) -> Pages:
        alerts = [alert(1), alert(2)]
        return review("north", T0, T0 + long, alerts=alerts, pages=sent, weeks_of=WEEKS, nights=nights).total.pages

    assert (pages(nights).at_night, pages({}).at_night) == (2, 1)
    assert pages(nights).per_night == pytest.approx(2 / 28)
    assert pages(nights, timedelta(hours=23)).per_night is None


def test_a_pump_that_moved_is_named_by_the_clinic_of_its_newest_alert() -> None:
    alerts = [alert(2, clinic_id="south"), alert(1, clinic_id="north")]
    assert [each.clinic_id for each in of(alerts).busiest] == ["south"]
