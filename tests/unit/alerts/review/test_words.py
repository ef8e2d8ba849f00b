"""The review sheet in words: what it says of each figure, and that it says what it counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from schemas.events import AlarmCode
from schemas.policy import Policy
from services.alerts.web.review.figures import figures_of
from services.alerts.web.review.model import (
    AlertLine,
    DeviceClockNow,
    Drug,
    Measured,
    Prescription,
    Programmed,
    PumpNow,
    Said,
    Stored,
)
from services.alerts.web.review.parts import NOTHING, Part, Sheet, lasted
from services.alerts.web.review.words import sheet_of
from tests.unit.alerts.review.stored import DAY, MORPHINE, PERIOD, PUMP, alarm, at, heard, press, programmed, refill


def sheet(pump: PumpNow = PUMP, period=PERIOD, **what: object) -> Sheet:
    stored = Stored(**what)  # type: ignore[arg-type]
    return sheet_of(pump, stored, figures_of(stored, period, 1.0), period, Policy())


def part(name: str, **what: object) -> Part:
    [found] = [each for each in sheet(PUMP, **what).parts if each.name == name]
    return found


def test_it_says_whose_it_is_which_time_and_that_it_advises_nothing() -> None:
    found = sheet()
    assert (found.pump_id, found.clinic_id) == ("pump-1", "north")
    assert found.period == "17 Mar 2026 00:00 to 13 Apr 2026 15:00 (Europe/Berlin): 4 weeks."
    assert found.made == "Made 13 Apr 2026 15:00 by Pumpwatch."
    assert "advises nothing" in found.foot
    gone = sheet(replace(PUMP, explanted_at=PERIOD.until))
    assert gone.period.endswith("4 weeks. The pump was taken out 13 Apr 2026 15:00.")
    assert gone.made == ""
    assert sheet(replace(PUMP, retired_at=at(9))).period.endswith(
        "4 weeks. Pumpwatch has not watched it since 26 Mar 2026 00:00."
    )


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (
            (),
            "Nothing was heard of this pump on any of these 28 days: what happened is not known, and is not counted as "
            "zero.",
        ),
        (range(28), "Something was heard on each of these 28 days."),
        (
            range(1, 26),
            "Nothing was heard on 3 of 28 days: what happened on those is not known, and is not counted as zero.",
        ),
    ],
)
def test_missing_is_never_zero(days, words) -> None:
    assert sheet(heard=heard(*(each + 0.4 for each in days))).heard == words


@pytest.mark.parametrize(
    ("behind", "refused", "is_said"),
    [(timedelta(hours=49), False, True), (timedelta(hours=47), False, False), (None, False, False), (-DAY, True, True)],
)
def test_a_clock_by_which_days_are_wrong_is_said_at_the_top(behind, refused, is_said) -> None:
    found = sheet(clocks=(DeviceClockNow("d", at(9), behind, refused),)).heard
    assert ("The clock of a device is wrong" in found) is is_said


def test_each_part_says_what_it_counts_and_without_rows_why() -> None:
    for found in sheet().parts:
        assert found.counts.endswith(".")
        assert found.rows or found.lines, found.name
    nothing = {found.name: found.lines for found in sheet().parts}
    assert nothing["therapy"] == ("No therapy is known to Pumpwatch.",)
    assert nothing["boluses"] == ("Nothing was heard, so no request is known.",)
    assert nothing["alarms"] == ("No alarm was received.",)
    assert nothing["alerts"] == ("There was no alert.",)


def test_the_therapy_in_force_and_each_change() -> None:
    two = Prescription((Drug("morphine", 20000.0), Drug("clonidine", 100.0)), (("00:00", 0.2), ("12:00", 0.4)))
    newest = Programmed(at(3), two, 40.0, 2.0, date(2026, 5, 1))
    found = part("therapy", therapies=(programmed(-9), newest))
    assert found.rows == (
        ("8 Mar 2026 00:00", "morphine 2 mg/mL", "0.300 mL: 600 mcg morphine", "150 mcg", "30 min", "6"),
        (
            "20 Mar 2026 00:00",
            "morphine 20 mg/mL and clonidine 100 mcg/mL",
            "0.300 mL, 2 steps: 6 mg morphine and 30 mcg clonidine",
            "none",
            NOTHING,
            NOTHING,
        ),
    )
    assert found.lines == ("The reservoir holds 40 mL; alarm level 2 mL; refill by the programme 1 May 2026.",)
    bare = part("therapy", therapies=(programmed(-9, Prescription((), ())),))
    assert bare.rows[0][1:3] == (NOTHING, "0.000 mL")
    assert bare.lines == (
        "The reservoir holds 20 mL; alarm level not programmed; refill by the programme not programmed.",
    )


def test_boluses_by_day_and_night_and_by_week() -> None:
    presses = (press(1.5), press(1.6, "denied_lockout"), press(1.1, "denied_limit"), press(8.1, "denied_other"),
               press(8.15, "comm_failure"))  # fmt: skip
    what = {"requests": presses, "heard": heard(1.1, 1.5, 8.1)}
    found = part("boluses", **what)
    assert found.rows == (
        ("Day", "2", "1", "1", "0", "0", "0"),
        ("Night", "3", "0", "0", "1", "1", "1"),
        ("Together", "5", "1", "1", "1", "1", "1"),
    )
    assert found.lines == ("2.5 asked and 0.5 delivered for each of the 2 days on which something was heard.",)
    assert "Night is 22:00 to 07:00 (Europe/Berlin)." in found.counts
    weeks = part("weeks", **what)
    assert weeks.title == "The same by week"
    assert weeks.rows == (
        ("17 Mar 2026", "1 of 7", "2 + 1", "1 + 0", "1 + 1", "0 + 0"),
        ("24 Mar 2026", "1 of 7", "0 + 2", "0 + 0", "0 + 1", "0 + 1"),
        ("31 Mar 2026", "0 of 7", NOTHING, NOTHING, NOTHING, NOTHING),
        ("7 Apr 2026", "0 of 7", NOTHING, NOTHING, NOTHING, NOTHING),
    )
    long = replace(PERIOD, since=PERIOD.until - 182 * DAY)
    [by_three] = [each for each in sheet(period=long).parts if each.name == "weeks"]
    assert by_three.title == "The same by 3 weeks"


def test_reports_and_their_course() -> None:
    said = (
        Said(at(1.5), "pain", 7),
        Said(at(2.5), "pain", 4),
        Said(at(20), "pain", 3),
        Said(at(5.1), "new_kind", None),
    )
    found = part("reports", reports=said)
    assert found.rows == (("New kind", "1 (1)", NOTHING, f"{NOTHING} {NOTHING} {NOTHING} {NOTHING}"),
                          ("Pain", "3 (1)", "3 to 7", f"5.5 {NOTHING} 3 {NOTHING}"))  # fmt: skip
    assert "each week" in found.counts
    long = replace(PERIOD, since=PERIOD.until - 182 * DAY)
    [by_three] = [each for each in sheet(period=long, reports=said).parts if each.name == "reports"]
    assert by_three.heads[-1] == "By 3 weeks"


def test_refills_and_measured_levels() -> None:
    found = part("refills", refills=(refill(20, 2.0, 3.5), refill(-40, 2.0, 2.0)), therapies=(programmed(-50),))
    assert found.rows == (("6 Apr 01:00", "2.00 mL", "3.50 mL", "+1.50 mL", "+9.4 %", "18.00 mL"),)
    alone = part("refills", refills=(refill(20, 2.0, 1.0),))
    assert alone.rows[0][3:5] == ("-1.00 mL", "not known")
    measured = part("measured", measured=(Measured(at(9), 9.5, 10.0), Measured(at(3), 12.0)))
    assert measured.rows == (
        ("26 Mar 00:00", "9.50 mL", "10.00 mL", "-0.50 mL"),
        ("20 Mar 00:00", "12.00 mL", "not known", NOTHING),
    )


def test_alarms_alerts_gaps_and_clocks() -> None:
    alarms = (alarm(1), alarm(1.5, "cleared"), alarm(9, code="other", detail="B7"))
    found = part("alarms", alarms=alarms, refused_alarms={AlarmCode.MOTOR_STALL: 2})
    assert found.rows == (
        ("Other alarm: B7", "1", "26 Mar 2026 00:00", "stands", NOTHING),
        ("Motor stall", "1", "18 Mar 2026 00:00", "18 Mar 2026 12:00", "12.0 h"),
    )
    assert found.lines == ("Refused for their date, so when they were is not known: Motor stall 2.",)
    alerts = (
        AlertLine(at(9), "Motor stall", "high", "closed", "Ann", at(9) + timedelta(minutes=12), at(10)),
        AlertLine(at(3), "Low reservoir", "medium", "active"),
    )
    assert part("alerts", alerts=alerts).rows == (
        ("26 Mar 2026 00:00", "Motor stall", "high", "Ann, 26 Mar 00:12 (after 12 min)", "27 Mar 2026 00:00"),
        ("20 Mar 2026 00:00", "Low reservoir", "medium", "nobody", "is open"),
    )
    silent = heard(*(each / 2 for each in (*range(17), *range(24, 56))))
    assert part("gaps", heard=silent).rows == (("25 Mar 00:00", "29 Mar 00:00", "4.0 days"),)
    clocks = (
        DeviceClockNow("d0", at(9), timedelta(minutes=-10)),
        DeviceClockNow("d1", at(9), timedelta(minutes=-11)),
        DeviceClockNow("d2", at(9), timedelta(hours=60), refused=True),
        DeviceClockNow("d3", None, None),
    )
    assert part("clocks", clocks=clocks).rows == (
        ("d0", "26 Mar 00:00", "right"),
        ("d1", "26 Mar 00:00", "11 min ahead"),
        ("d2", "26 Mar 00:00", "2 days behind, so its events are refused"),
        ("d3", "not lately", "not known"),
    )


def test_an_alarm_that_neither_stands_nor_was_cleared_ended_nobody_knows_when() -> None:
    last = replace(alarm(3), seq=2**32 - 1)
    cleared = replace(alarm(3, "cleared"), event_id=last.event_id.__class__(int=1), seq=0)
    assert part("alarms", alarms=(last, cleared)).rows[0][3] == "not known"


def test_more_than_fits_is_left_out_and_said() -> None:
    alerts = tuple(AlertLine(at(9 - index / 10), f"Alert {index}", "low", "active") for index in range(13))
    found = part("alerts", alerts=alerts)
    assert (len(found.rows), found.rows[0][1], found.lines) == (12, "Alert 0", ("1 more is not shown here.",))
    changed = tuple(programmed(day, replace(MORPHINE, limit_per_24h=day)) for day in range(1, 8))
    therapy = part("therapy", therapies=changed)
    assert [row[-1] for row in therapy.rows] == ["3", "4", "5", "6", "7"], "the last is in force"
    assert therapy.lines[-1] == "2 more are not shown here."


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (5_400, "1.5 h"), (172_800, "2.0 days")]
)
def test_how_long(seconds, words) -> None:
    assert lasted(timedelta(seconds=seconds)) == words
