"""The figures of alerts as tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from schemas.parts.languages import Language
from services.alerts.quality.figures import AlertRow, PageRow, Review, review
from services.alerts.web.quality.columns import (
    _KEYS,
    ANSWERS,
    NOTHING,
    PAGES,
    beside,
    busiest,
    meanings,
    named,
    paged_again,
    tables,
)
from services.texts.catalogue import texts_in

T0 = datetime(2026, 11, 1, tzinfo=UTC)
LONG = timedelta(weeks=4)
GERMAN = texts_in(Language.GERMAN)


def alert(number: int, rule: str = "infusion", key: str = "refill@x", **more: object) -> AlertRow:
    given = {"state": "closed", "opened_at": T0, "taken_at": None, "answered": False, "flaps": 0} | more
    return AlertRow(UUID(int=number), "pump-1", rule, key, **given)  # type: ignore[arg-type]


def of(*alerts: AlertRow, pages: tuple[PageRow, ...] = (), weeks: float = 8.0) -> Review:
    return review("north", T0, T0 + LONG, alerts=alerts, pages=pages, weeks_of={"pump-1": weeks})


def row(found: Review, table: int, name: str) -> dict[str, str]:
    made = tables(found)[table]
    [cells] = [each for each in made.rows if each[0] == name]
    return dict(zip(made.heads, cells, strict=True))


def test_each_figure_stands_under_its_head() -> None:
    taken = alert(1, taken_at=T0 + timedelta(minutes=5), answered=True, acted=True, flaps=2)
    sent = PageRow(UUID(int=1), UUID(int=7), False, "opened", 0, "sent", None, False, "north", T0)
    again = PageRow(UUID(int=1), UUID(int=8), False, "expired", 0, "sent", None, False, "north", T0 + LONG / 3)
    found = of(taken, alert(2), alert(3, state="active"), pages=(sent, again))
    assert row(found, 0, "over- or under-infusion: refill") == {
        "Rule": "over- or under-infusion: refill",
        "Alerts": "3",
        "For each pump and week": "0.375",
        "Acted on": "1 (33%)",
        "Only seen": "0",
        "Ended by itself": "1",
        "Still open": "1",
        "Acknowledged after (median)": "5.0 min",
        "95 % within": "5.0 min",
        "Flapping": "2",
    }
    assert row(found, 1, "All") == {
        "Rule": "All",
        "Pages": "2",
        "At night": "1",
        "For each night": "0.0357",
        "To the next step": "0",
        "Again": "1",
        "Failed": "0",
        "Alerts held": "0",
        "Nobody reached": "0",
    }
    assert paged_again(found) == "1 acknowledgement expired"
    assert busiest(found).rows == (("pump-1", "3", "0.375", "over- or under-infusion: refill"),)


def test_what_is_not_known_is_no_figure() -> None:
    found = row(of(weeks=0.5), 0, "All")
    assert {found[head] for head in ("For each pump and week", "Acknowledged after (median)", "95 % within")} == {
        NOTHING
    }
    assert found["Acted on"] == f"0 ({NOTHING})"
    assert paged_again(of()) == ""


def test_two_years_stand_beneath_each_other_by_rule() -> None:
    answers, pages = beside(of(alert(1), alert(2, "clock", "pump-1")), of(alert(3, "clock", "pump-9")))
    names = ["All, this year", "All, the year before", "wrong clock, this year", "wrong clock, the year before",
             "over- or under-infusion: refill, this year"]  # fmt: skip
    assert [each[0] for each in answers.rows] == [each[0] for each in pages.rows] == names
    assert [each[1] for each in answers.rows] == ["2", "1", "1", "1", "1"]


@pytest.mark.parametrize(
    ("counted", "words"),
    [
        ("all", "All"),
        ("pump_alarm/motor_stall", "pump alarm: motor stall"),
        ("device_silent/device", "device silent"),
        ("clock/alarm/motor_stall", "pump alarm with a wrong clock: motor stall"),
        ("old_rule/", "old rule"),
    ],
)
def test_rules_go_by_words(counted: str, words: str) -> None:
    assert named(counted) == words


def test_every_column_says_what_it_means() -> None:
    assert all(each.means.endswith(".") for each in (*ANSWERS, *PAGES))
    heads = [each.head for each in (*ANSWERS, *PAGES)]
    assert len(set(heads)) == len(heads)


def test_keys_of_alerts_say_in_english_what_is_stored() -> None:
    assert {key: words for key, words in _KEYS.items() if words != key.replace("_", " ")} == {}


def test_in_german_heads_figures_and_meanings_are_german() -> None:
    taken = alert(1, taken_at=T0 + timedelta(days=3), answered=True, acted=True)
    again = PageRow(UUID(int=1), UUID(int=8), False, "expired", 0, "sent", None, False, "north", T0 + LONG / 3)
    found = of(taken, alert(2), alert(3), pages=(again,))
    answers, pages = tables(found, GERMAN)
    assert (answers.title, pages.title) == ("Was aus Alarmen wurde", "Benachrichtigungen")
    cells = dict(zip(answers.heads, answers.rows[0], strict=True))
    assert cells["Regel"] == "Alle"
    assert cells["Je Pumpe und Woche"] == "0,375"
    assert cells["Gehandelt"] == "1 (33 %)"
    assert cells["95 % innerhalb von"] == "3,0 Tage"
    assert answers.rows[1][0] == "Über- oder Unterinfusion: Nachfüllung"
    assert paged_again(found, GERMAN) == "1 wegen abgelaufener Bestätigung"
    assert busiest(found, GERMAN).heads == ("Pumpe", "Alarme", "In einer Woche", "Meist")
    names = [each[0] for each in beside(found, found, GERMAN)[0].rows]
    assert names[:2] == ["Alle, dieses Jahr", "Alle, das Jahr davor"]
    assert not {text for pair in meanings() for text in pair} & {text for pair in meanings(GERMAN) for text in pair}
