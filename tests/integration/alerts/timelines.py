"""Timelines of alarms, levels and surges: the steps (tests.alerts_world), then the trail and the pages they make."""

from __future__ import annotations

import pytest

from tests.alerts_world import Step

HOUR, DAY = 60, 1440
TWO_A_DAY: list[Step] = [(0, f"bolus delivered x2 @{-minutes}") for minutes in range(DAY + 600, 28 * DAY, DAY)]
SILENCE: list[Step] = [(2 * DAY, "tick"), (5 * DAY, "tick")]


def case(name: str, steps: list[Step], trail: list[str], pages: list[str]):
    return pytest.param(steps, trail, pages, id=name)


STALL, RECOVERED = "alarm motor_stall raised", "alarm motor_stall cleared"
OPENED_STALL = "0 pump_alarm opened high"

PUMP_ALARMS = [
    case("an alarm pages once", [(0, STALL)], [OPENED_STALL], ["0 nurse opened"]),
    case(
        "alarm at 0, cleared at 5 min, uploaded at 2 days: no page, no alert",
        [(2 * DAY, f"{STALL} @0; {RECOVERED} @5")],
        [],
        [],
    ),
    case(
        "the same upload in the wrong order",
        [(2 * DAY, f"{RECOVERED} @5; {STALL} @0")],
        [],
        [],
    ),
    case(
        "uploaded two days later and still standing: a page",
        [(2 * DAY, f"{STALL} @0")],
        ["2880 pump_alarm opened high"],
        ["2880 nurse opened"],
    ),
    case(
        "the recovery overtakes the stall",
        [(6, f"{RECOVERED} @5"), (7, f"{STALL} @0")],
        [],
        [],
    ),
    case(
        "a late old stall does not reopen what recovered since",
        [(0, STALL), (5, RECOVERED), (9, f"{STALL} @-30")],
        [OPENED_STALL, "5 pump_alarm cleared high"],
        ["0 nurse opened"],
    ),
    case(
        "a late older beginning moves nothing but the text",
        [(0, STALL), (9, f"{STALL} @-30")],
        [OPENED_STALL],
        ["0 nurse opened"],
    ),
    case(
        "a device clock slightly ahead hides no alarm",
        [(0, f"{STALL} @3")],
        [OPENED_STALL],
        ["0 nurse opened"],
    ),
    case(
        "a recovery by a clock that is behind does not end it; the next one does",
        [(0, STALL), (5, f"{RECOVERED} @-2"), (9, f"{RECOVERED} @8")],
        [OPENED_STALL, "9 pump_alarm cleared high"],
        ["0 nurse opened"],
    ),
    case(
        "high and unseen stays listed until a person has seen it",
        [(0, STALL), (5, RECOVERED), (9, "tick"), (600, "tick"), (700, "ack Ann")],
        [OPENED_STALL, "5 pump_alarm cleared high", "700 pump_alarm closed high"],
        ["0 nurse opened"],
    ),
    case(
        "acknowledged and recovered closes",
        [(0, STALL), (4, "ack Ann"), (9, RECOVERED)],
        [OPENED_STALL, "4 pump_alarm acknowledged high", "9 pump_alarm closed high"],
        ["0 nurse opened"],
    ),
    case(
        "it comes back before anybody saw it: the same alert, a new page",
        [(0, STALL), (5, RECOVERED), (15, STALL)],
        [OPENED_STALL, "5 pump_alarm cleared high", "15 pump_alarm returned high"],
        ["0 nurse opened", "15 nurse returned"],
    ),
    case(
        "it flaps within ten minutes: the same alert, no new page, and its steps go on",
        [(0, STALL), (2, RECOVERED), (4, STALL), (6, RECOVERED), (8, STALL), (10, "tick")],
        [
            OPENED_STALL,
            "2 pump_alarm cleared high",
            "4 pump_alarm returned high",
            "6 pump_alarm cleared high",
            "8 pump_alarm returned high",
        ],
        ["0 nurse opened", "10 doctor step:1"],
    ),
    case(
        "it flaps, and was over when the doctor's step was due: the doctor is told when it returns",
        [(0, STALL), (9, RECOVERED), (10, "tick"), (12, STALL)],
        [OPENED_STALL, "9 pump_alarm cleared high", "12 pump_alarm returned high"],
        ["0 nurse opened", "12 doctor step:1"],
    ),
    case(
        "a medium one flaps: it is opened again, without a page",
        [(0, "alarm other raised"), (5, "alarm other cleared"), (8, "alarm other raised")],
        ["0 pump_alarm opened medium", "5 pump_alarm closed medium", "8 pump_alarm returned medium"],
        ["0 nurse opened"],
    ),
    case(
        "a medium one returns later: a new alert, a new page",
        [(0, "alarm other raised"), (5, "alarm other cleared"), (16, "alarm other raised")],
        ["0 pump_alarm opened medium", "5 pump_alarm closed medium", "16 pump_alarm opened medium"],
        ["0 nurse opened", "16 nurse opened"],
    ),
    case(
        "it returns more urgent within ten minutes: a page",
        [
            (0, "alarm elective_replacement raised"),
            (5, "alarm elective_replacement cleared"),
            (8, "alarm end_of_service raised"),
        ],
        ["0 pump_alarm opened medium", "5 pump_alarm closed medium", "8 pump_alarm opened high"],
        ["0 nurse opened", "8 nurse opened"],
    ),
    case(
        "it comes back after it was closed: a new alert",
        [(0, STALL), (4, "ack Ann"), (5, RECOVERED), (8, STALL)],
        [OPENED_STALL, "4 pump_alarm acknowledged high", "5 pump_alarm closed high", "8 pump_alarm opened high"],
        ["0 nurse opened", "8 nurse opened"],
    ),
    case(
        "stall and stop are one alert, one page",
        [(0, STALL), (5, "alarm pump_stopped raised"), (8, RECOVERED), (9, "alarm pump_stopped cleared")],
        [OPENED_STALL, "9 pump_alarm cleared high"],
        ["0 nurse opened"],
    ),
    case(
        "replacement due becomes end of service: one alert, a second page",
        [(0, "alarm elective_replacement raised"), (50, "alarm end_of_service raised")],
        ["0 pump_alarm opened medium", "50 pump_alarm priority_raised high"],
        ["0 nurse opened", "50 nurse priority:high"],
    ),
    case(
        "memory error becomes critical after somebody took it: a page",
        [(0, "alarm memory_error raised"), (2, "ack Ann"), (50, "alarm critical_memory_error raised")],
        [
            "0 pump_alarm opened medium",
            "2 pump_alarm acknowledged medium",
            "50 pump_alarm priority_raised high",
        ],
        ["0 nurse opened", "50 nurse priority:high"],
    ),
    case(
        "rising again after it eased pages nobody twice",
        [
            (0, "alarm memory_error raised"),
            (1, "alarm critical_memory_error raised"),
            (2, "alarm critical_memory_error cleared"),
            (3, "alarm critical_memory_error raised"),
        ],
        [
            "0 pump_alarm opened medium",
            "1 pump_alarm priority_raised high",
            "2 pump_alarm priority_lowered medium",
            "3 pump_alarm priority_raised high",
        ],
        ["0 nurse opened", "1 nurse priority:high"],
    ),
    case(
        "different causes are different alerts",
        [(0, STALL), (1, "alarm catheter_occlusion raised")],
        [OPENED_STALL, "1 pump_alarm opened high"],
        ["0 nurse opened", "1 nurse opened"],
    ),
    case(
        "a medium alarm that ends closes by itself",
        [(0, "alarm other raised"), (5, "alarm other cleared")],
        ["0 pump_alarm opened medium", "5 pump_alarm closed medium"],
        ["0 nurse opened"],
    ),
    case(
        "months of silence clear nothing",
        [(0, "alarm other raised"), (200, "tick"), (90 * DAY, "tick")],
        ["0 pump_alarm opened medium"],
        ["0 nurse opened", "200 nurse step:1", "129600 nurse step:2"],
    ),
    case(
        "a retired pump's alerts close",
        [(0, STALL), (5, "retire")],
        [OPENED_STALL, "5 pump_alarm closed high"],
        ["0 nurse opened"],
    ),
]

AHEAD = 20 * HOUR
STALLS = ["1 pump_alarm opened high"], ["1 nurse opened"]
LOW, EMPTY = ((["1 low_reservoir opened " + priority], ["1 nurse opened"]) for priority in ("medium", "high"))

CLOCKS = [
    case("a recovery dated ten minutes ahead hides no stall", [(0, f"{RECOVERED} @10"), (1, STALL)], *STALLS),
    case("a recovery dated 20 hours ahead hides no stall", [(0, f"{RECOVERED} @{AHEAD}"), (1, STALL)], *STALLS),
    case(
        "a stall that is dated ahead ends when it recovers",
        [(0, f"{STALL} @{AHEAD}"), (5, RECOVERED)],
        [OPENED_STALL, "5 pump_alarm cleared high"],
        ["0 nurse opened"],
    ),
    case(
        "a recovery dated 20 hours ahead ends no stall that is dated before it and comes after it",
        [(0, f"{RECOVERED} @{AHEAD}"), (1, f"{STALL} @-1")],
        *STALLS,
    ),
    case(
        "a recovery of a clock two seconds ahead ends an older stall",
        [(0, f"{RECOVERED} @0.03"), (9, f"{STALL} @-30")],
        [],
        [],
    ),
    case("a level dated ahead hides no lower one", [(0, "level 15 @360"), (1, "level 0.5")], *LOW),
    case(
        "a refill dated ahead hides no alarm", [(0, f"refill 18 @{AHEAD}"), (1, "alarm empty_reservoir raised")], *EMPTY
    ),
    case(
        "a therapy dated ahead gives way to its correction",
        [(-1, f"therapy low=1 @{AHEAD}"), (0, "therapy low=4"), (1, "level 3.5")],
        *LOW,
    ),
    case("of two refills of one moment the last counts", [(0, "refill 18 @-60"), (1, "refill 1.5 @-60")], *LOW),
]

ESCALATION = [
    case(
        "nobody acknowledges: the next contact, and that one again",
        [(0, STALL), (9.9, "tick"), (10, "tick"), (11, "tick"), (50, "tick")],
        [OPENED_STALL],
        ["0 nurse opened", "10 doctor step:1", "50 doctor step:2"],
    ),
    case(
        "somebody acknowledges: no further contact",
        [(0, STALL), (5, "ack Ann"), (30, "tick")],
        [OPENED_STALL, "5 pump_alarm acknowledged high"],
        ["0 nurse opened"],
    ),
    case(
        "it recovers: no further contact",
        [(0, STALL), (5, RECOVERED), (30, "tick")],
        [OPENED_STALL, "5 pump_alarm cleared high"],
        ["0 nurse opened"],
    ),
    case(
        "an acknowledgement expires after 12 hours: it pages again, and escalates again",
        [(0, STALL), (5, "ack Ann"), (12 * HOUR, "tick"), (12 * HOUR + 5, "tick"), (12 * HOUR + 15, "tick")],
        [OPENED_STALL, "5 pump_alarm acknowledged high", "725 pump_alarm acknowledgement_expired high"],
        ["0 nurse opened", "725 nurse expired", "735 doctor step:1"],
    ),
    case(
        "the steps of a new episode count from its page",
        [(0, STALL), (2, RECOVERED), (18, STALL), (21, "tick"), (28, "tick")],
        [OPENED_STALL, "2 pump_alarm cleared high", "18 pump_alarm returned high"],
        ["0 nurse opened", "18 nurse returned", "28 doctor step:1"],
    ),
    case(
        "a worker that was away for an hour catches up with every step",
        [(0, STALL), (60, "tick")],
        [OPENED_STALL],
        ["0 nurse opened", "60 doctor step:1"],
    ),
]

RESERVOIR = [
    case("a healthy level", [(0, "level 9")], [], []),
    case("a low level", [(0, "level 1.9")], ["0 low_reservoir opened medium"], ["0 nurse opened"]),
    case(
        "falling further is no news; who does not answer is told again",
        [(0, "level 1.9"), (60, "level 1.7"), (120, "level 1.5")],
        ["0 low_reservoir opened medium"],
        ["0 nurse opened", "60 nurse step:1", "120 nurse step:2"],
    ),
    case(
        "noise around the level makes no new alert",
        [(0, "level 1.9"), (60, "level 2.4"), (120, "level 1.9"), (180, "level 2.9"), (240, "level 1.8")],
        ["0 low_reservoir opened medium"],
        ["0 nurse opened", *(f"{minute} nurse step:{minute // 60}" for minute in (60, 120, 180, 240))],
    ),
    case(
        "above level and hysteresis it closes",
        [(0, "level 1.9"), (60, "level 3.0")],
        ["0 low_reservoir opened medium", "60 low_reservoir closed medium"],
        ["0 nurse opened"],
    ),
    case(
        "the pump's alarm and the level are one alert",
        [(0, "alarm low_reservoir raised"), (1, "level 1.9")],
        ["0 low_reservoir opened medium"],
        ["0 nurse opened"],
    ),
    case(
        "low becomes empty: one alert, a second page",
        [(0, "level 1.9"), (1, "alarm low_reservoir raised"), (300, "alarm empty_reservoir raised")],
        ["0 low_reservoir opened medium", "300 low_reservoir priority_raised high"],
        ["0 nurse opened", "300 nurse priority:high"],
    ),
    case(
        "a refill ends everything at once",
        [
            (0, "level 1.9"),
            (1, "alarm low_reservoir raised"),
            (60, "refill 18"),
            (61, "level 17.9"),
        ],
        ["0 low_reservoir opened medium", "60 low_reservoir closed medium"],
        ["0 nurse opened"],
    ),
    case(
        "an old low level that is uploaded after the refill pages nobody",
        [(60, "refill 18"), (61, "level 1.2 @10"), (62, "alarm low_reservoir raised @12")],
        [],
        [],
    ),
    case(
        "low again after a refill is a new alert",
        [(0, "level 1.9"), (60, "refill 18"), (5 * DAY, "level 1.8")],
        ["0 low_reservoir opened medium", "60 low_reservoir closed medium", "7200 low_reservoir opened medium"],
        ["0 nurse opened", "7200 nurse opened"],
    ),
    case(
        "the programmed level counts",
        [(0, "therapy low=4"), (1, "level 3.9")],
        ["1 low_reservoir opened medium"],
        ["1 nurse opened"],
    ),
    case(
        "an old reading that arrives late does not hide a newer one",
        [(0, "level 1.9"), (5, "level 9 @-60")],
        ["0 low_reservoir opened medium"],
        ["0 nurse opened"],
    ),
    case(
        "silence does not clear a low reservoir",
        [(0, "level 1.9"), (60, "tick"), (30 * DAY, "tick")],
        ["0 low_reservoir opened medium", "43200 device_silent opened low"],
        ["0 nurse opened", "60 nurse step:1", "43200 nurse step:2"],
    ),
]

DEMAND = [
    case(
        "an ordinary day",
        [*TWO_A_DAY, (1, "bolus delivered x2")],
        [],
        [],
    ),
    case(
        "a surge",
        [*TWO_A_DAY, (1, "bolus delivered x3"), (2, "bolus denied_lockout x8 @-200")],
        ["2 bolus_demand opened medium"],
        ["2 nurse opened"],
    ),
    case(
        "a surge that nobody heard of until it was two days old",
        [*TWO_A_DAY, (3 * DAY, "bolus delivered x12 @10"), (3 * DAY, "status")],
        [],
        [],
    ),
    case(
        "still learning: 13 days are known before the last three",
        [*TWO_A_DAY[:15], (1, "bolus delivered x12")],
        [],
        [],
    ),
    case(
        "14 days are known",
        [*TWO_A_DAY[:16], (1, "bolus delivered x12")],
        ["1 bolus_demand opened medium"],
        ["1 nurse opened"],
    ),
    case(
        "days with a reading and no request are quiet days, not missing ones",
        [*((0, f"status @{-minutes}") for minutes in range(DAY + 600, 28 * DAY, DAY)), (1, "bolus delivered x7")],
        ["1 bolus_demand opened medium"],
        ["1 nurse opened"],
    ),
    case(
        "the surge is over and the device is heard: it closes by itself after half a day",
        [*TWO_A_DAY, (1, "bolus delivered x12"), *((half * 720 + 6, "status") for half in range(2, 7))],
        ["1 bolus_demand opened medium", "3606 bolus_demand closed medium"],
        ["1 nurse opened", "1446 nurse step:1", "2166 nurse step:2"],
    ),
    case(
        "the surge is followed by silence: it stays open until something is heard",
        [*TWO_A_DAY, (1, "bolus delivered x12"), *SILENCE, (7201, "status"), (7921, "status")],
        ["1 bolus_demand opened medium", "7921 bolus_demand closed medium"],
        ["1 nurse opened", "2880 nurse step:1", "7200 nurse step:2"],
    ),
]
