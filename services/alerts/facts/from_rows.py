"""PURE. From a row of the query `facts` to the facts of a pump.

What is counted by days is counted here and not in the query: the database would sort and group the same requests
for three times the CPU (bench/results/alerts.md).
"""

from __future__ import annotations

import itertools
import json
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, Protocol

from schemas.events import AlarmCode, AlarmState, Complaint, ReadingBasis
from services.alerts.facts.clocks import HABIT_DAYS, UPLOAD, Beat, clock_of
from services.alerts.facts.model import (
    EPISODE,
    FILLED_FOR,
    AcceptedLevel,
    AlarmEvent,
    Contact,
    DayWindow,
    Demand,
    DeviceCertificate,
    DeviceClock,
    Flow,
    PumpFacts,
    Reading,
    Refill,
    RefusedAlarm,
    Report,
    Therapy,
    Visit,
    VisitKind,
)
from services.alerts.facts.refills import Entry, refills_of
from services.alerts.facts.twins import once

_KNOWN_CODES: Final = frozenset(code.value for code in AlarmCode)
_KNOWN_COMPLAINTS: Final = frozenset(complaint.value for complaint in Complaint)
_SECONDS_PER_DAY: Final = 86_400
_EPISODE_SECONDS: Final = EPISODE.total_seconds()
_NOTHING: Final = DayWindow(0, heard=False)
_HEARD: Final = DayWindow(0, heard=True)
_LARGEST_BOLUS_ML: Final = 100.0
HEARTBEATS: Final = 40
"""So many of a device's newest heartbeats of the last `HABIT_DAYS` make its habit."""
PAUSES_KEPT: Final = 40
"""So many pauses of a device ingest keeps, however old (services/ingest/storage/queries.sql, upsert_last_seen)."""
REFUSED_DAYS: Final = 30
MOST_REFUSED: Final = 200
"""So many alarms that were refused for their date are looked at, of so many days."""


class Row(Protocol):
    """A record of the query `facts`; its keys are the columns that the query names."""

    def __getitem__(self, column: str, /) -> Any:
        """The value of one column."""


def told_by_several(row: Row) -> bool:
    """Whether the pump's requests may come from several devices: two may have told of the same press."""
    own, every = row["own_requests"] or 0, len(row["requests_at"] or ())
    return every > 1 and ((row["handhelds_ever"] or 0) > 1 or 0 < own < every)


def facts_of_row(
    row: Row, now: datetime, windows: int, told: Iterable[tuple[float, str, str]] | None = None
) -> PumpFacts:
    """Build the facts of one pump. A window in which only a reading was heard counts as not heard: see `unheard`.

    Args:
        row: Of the query `facts`.
        now: The end of the newest window.
        windows: How many there are.
        told: Where several devices may have told of the same press, its requests with the device of each.
    """
    since = row["since"]
    if told is None:
        every = sorted(zip(row["requests_at"] or (), row["outcomes"] or (), strict=True))
        requests = every[bisect_left(every, since, key=itemgetter(0)) :]
    else:
        requests = once((each for each in told if each[0] >= since), row["bolus_lockout_minutes"])
    known = row["reading_at"] is not None and row["reading_at"].timestamp() >= since
    refills = _refills(row)
    return PumpFacts(
        pump_id=row["pump_id"],
        clinic_id=row["clinic_id"],
        enrolled=row["enrolled"],
        alarms=tuple(_alarms(row)),
        reading=_reading(row["volume_ml"], row["basis"], row["reading_at"]) if known else None,
        earlier_reading=_reading(row["earlier_ml"], "computed", row["earlier_at"]) if known else None,
        first_reading=_reading(row["first_ml"], "computed", row["first_at"]) if known else None,
        filled_reading=_filled_reading(row, refills),
        measured_reading=_measured_reading(row),
        refills=refills,
        programmed_low_ml=row["programmed_low_ml"],
        therapy=None if row["therapy_at"] is None else _therapy(row),
        earlier_flows=tuple(_earlier_flows(row)),
        reprogrammed_at=row["changed_at"],
        accepted=None
        if row["accepted_at"] is None or row["accepted_at"].timestamp() < since
        else AcceptedLevel(row["accepted_at"], row["accepted_since"], row["accepted_per_day"]),
        demand=_demand(requests, now),
        windows=_windows(row, requests, now, windows, row["requests_at"] if told is not None else ()),
        reports=tuple(
            Report(Complaint(complaint), score, at)
            for complaint, score, at in zip(
                row["complaints"] or (), row["scores"] or (), row["reports_at"] or (), strict=True
            )
            if complaint in _KNOWN_COMPLAINTS
        ),
        requests_heard_at=max(row["latest_received_at"] or (), default=None) if requests else None,
        refused_alarms=tuple(sorted(_refused_alarms(row), key=lambda each: (each.received_at, each.event_id))),
        contacts=tuple(_contacts(row, now)),
        certificates=tuple(
            DeviceCertificate(device_id, ends_at)
            for device_id, ends_at in zip(row["certified"] or (), row["certificates_end"] or (), strict=True)
        ),
        since=datetime.fromtimestamp(since, UTC) if row["is_anew"] else None,
        implanted=row["implanted"],
        implantation=row["implantation_id"] if row["is_anew"] else None,
        visit=_visit(row),
    )


def unheard(facts: PumpFacts, row: Row, now: datetime) -> tuple[int, ...]:
    """The windows in which a reading may have been heard, and nothing else was: few, and none of most pumps."""
    first_at = row["first_reading_at"]
    if first_at is None:
        return ()
    end = _window_index(now.timestamp() - max(first_at, row["since"])) + 1
    return tuple(index for index, window in enumerate(facts.windows[:end]) if not window.heard)


def with_heard(facts: PumpFacts, indexes: Iterable[int]) -> PumpFacts:
    """The same, with these windows heard."""
    found = list(facts.windows)
    for index in indexes:
        found[index] = _HEARD
    return replace(facts, windows=tuple(found))


def daily_ml(profile: Sequence[tuple[str, float]]) -> float:
    """What a programmed profile (ascending "HH:MM" and mL/day from then on) gives in a day, in mL.

    Before its first step the last one of the day before holds.
    """
    if not profile:
        return 0.0
    total, rate, since = 0.0, profile[-1][1], 0
    for clock_time, next_rate in profile:
        start = _seconds(clock_time)
        total += rate * (start - since)
        rate, since = next_rate, start
    return (total + rate * (_SECONDS_PER_DAY - since)) / _SECONDS_PER_DAY


def bolus_volume_ml(dose_mcg: float, concentration_mcg_per_ml: float) -> float:
    """A bolus is of the first drug: its dose over that concentration is its volume (GK).

    At most what the largest reservoir may hold: a stored therapy can be from before the wire had bounds.
    """
    return min(dose_mcg / concentration_mcg_per_ml, _LARGEST_BOLUS_ML) if concentration_mcg_per_ml else 0.0


def _seconds(clock_time: str) -> int:
    hours, minutes = clock_time.split(":")
    return 3600 * int(hours) + 60 * int(minutes)


def _therapy(row: Row) -> Therapy:
    names, concentrations, daily = _prescription(row["drugs"], row["profile"])
    return Therapy(
        observed_at=row["therapy_at"],
        daily_ml=daily,
        bolus_ml=bolus_volume_ml(row["bolus_dose_mcg"] or 0.0, concentrations[0] if concentrations else 0.0),
        bolus_limit=row["bolus_limit_per_24h"] or 0,
        size_ml=row["reservoir_size_ml"],
        refill_due=row["refill_due"],
        drugs=names,
        concentrations=concentrations,
    )


def _earlier_flows(row: Row) -> Iterable[Flow]:
    for at, drugs, profile, dose_mcg in zip(
        row["flows_at"] or (),
        row["flows_drugs"] or (),
        row["flows_profile"] or (),
        row["flows_dose_mcg"] or (),
        strict=True,
    ):
        _, concentrations, daily = _prescription(drugs, profile)
        yield Flow(at, daily, bolus_volume_ml(dose_mcg or 0.0, concentrations[0] if concentrations else 0.0))


@lru_cache(maxsize=4096)
def _prescription(drugs: str, profile: str) -> tuple[tuple[str, ...], tuple[float, ...], float]:
    """Names and concentrations of the drugs, and the mL of a day: what many pumps have in common."""
    known = json.loads(drugs)
    steps = [(step["from"], float(step["rate_ml_per_day"])) for step in json.loads(profile)]
    concentrations = tuple(drug["concentration_mcg_per_ml"] for drug in known)
    return tuple(drug["name"] for drug in known), concentrations, daily_ml(steps)


def _visit(row: Row) -> Visit | None:
    """Of the patient of now: what was said of a visit of the one before is none of this one's."""
    if row["visit_kind"] is None or row["visit_implantation"] != row["implantation_id"]:
        return None
    return Visit(VisitKind(row["visit_kind"]), row["visit_on"], row["visit_begins"], row["visit_said_at"])


def _reading(volume_ml: float | None, basis: str, at: datetime | None) -> Reading | None:
    """Adding 0.0 makes a volume of -0.0, which an earlier release has stored, one of 0.0."""
    return None if volume_ml is None or at is None else Reading(volume_ml + 0.0, ReadingBasis(basis), at)


def _refills(row: Row) -> tuple[Refill, ...]:
    if not row["refills_at"]:
        return ()
    volumes = (row["refills_expected_ml"], row["refills_measured_ml"], row["refills_filled_ml"])
    told = zip(row["refills_at"], row["refills_received_at"], *volumes, strict=True)
    return refills_of(Entry(*each) for each in told)


def _measured_reading(row: Row) -> Reading | None:
    """The newest, which is the first."""
    return _reading(row["measured_ml"][0], "measured", row["measured_at"][0]) if row["measured_ml"] else None


def _filled_reading(row: Row, refills: tuple[Refill, ...]) -> Reading | None:
    """The first by the device's clock; of one date the one that was received last, which comes first."""
    if not row["measured_ml"] or not refills:
        return None
    found = min(range(len(row["measured_dates"])), key=row["measured_dates"].__getitem__)
    if row["measured_dates"][found] > refills[0].observed_at + FILLED_FOR:
        return None
    return _reading(row["measured_ml"][found], "measured", row["measured_at"][found])


def _window_index(seconds_ago: float) -> int:
    """The window of a moment; one that is ahead of our clock is in the newest."""
    return max(0, int(seconds_ago // _SECONDS_PER_DAY))


def _demand(requests: Sequence[tuple[float, str]], now: datetime) -> Demand:
    today = requests[bisect_right(requests, now.timestamp() - _SECONDS_PER_DAY, key=itemgetter(0)) :]
    if not today:
        return Demand()
    return Demand(**Counter(outcome for _, outcome in today), first_at=datetime.fromtimestamp(today[0][0], UTC))


def _windows(
    row: Row, requests: Sequence[tuple[float, str]], now: datetime, windows: int, told_at: Iterable[float]
) -> tuple[DayWindow, ...]:
    """Count by days; what was told twice (`told_at`) was heard, though it counts on the day of the first."""
    end, found, since = now.timestamp(), [_NOTHING] * windows, row["since"]
    moments = itertools.chain(row["statuses_at"] or (), row["also_heard_at"] or (), told_at)
    for index in {
        int((end - at) // _SECONDS_PER_DAY) for at in moments if at >= since
    }:  # `_position`, without a call for each
        if index < windows:
            found[max(0, index)] = _HEARD
    days: dict[int, tuple[list[float], list[str]]] = {}
    before, day = float("-inf"), None
    for at, outcome in requests:
        index = int((end - at) // _SECONDS_PER_DAY)
        if index != day:
            day = index
            episodes, outcomes = days.setdefault(max(0, index), ([], []))
        outcomes.append(outcome)
        if at - before >= _EPISODE_SECONDS:
            episodes.append(at)
        before = at
    for index, (episodes, outcomes) in days.items():
        found[index] = _window(len(episodes), tuple(outcomes))
    return tuple(found)


@lru_cache(maxsize=4096)
def _window(attempts: int, outcomes: tuple[str, ...]) -> DayWindow:
    """Days are much alike, so most are counted already."""
    count = Counter(outcomes)
    refused = count["denied_lockout"] + count["denied_limit"]
    return DayWindow(attempts, True, len(outcomes), count["delivered"], refused, count["denied_limit"])


def _contacts(row: Row, now: datetime) -> Iterable[Contact]:
    """By the last heartbeats, the newest reading and request, and what ingest keeps of every device.

    A device is heard at the latest when the pump was implanted anew, and its habits from before that do not count.
    """
    begins = row["since"]
    since = max((now - timedelta(days=HABIT_DAYS)).timestamp(), math.nextafter(begins, -math.inf))
    anew = {datetime.fromtimestamp(begins, UTC)} if row["is_anew"] else set()
    known = row["reading_at"] is None or row["reading_at"].timestamp() >= begins
    asked = max(row["requests_at"] or (math.inf,)) >= begins
    kept: dict[str, Sequence[Any]] = {
        device_id: rest
        for device_id, *rest in zip(
            row["contacts"] or (),
            row["last_seen"] or (),
            row["last_seen_offsets"] or (),
            row["refused_at"] or (),
            row["refused_offsets"] or (),
            strict=True,
        )
    }
    own: Mapping[str, list[Beat]] = {device_id: [] for device_id in sorted({row["pump_id"], *kept})}
    for at, received_at, device_id, ahead in zip(
        row["statuses_at"] or (),
        row["statuses_received_at"] or (),
        row["status_devices"] or (),
        row["statuses_ahead"] or (),
        strict=True,
    ):
        if at > since and device_id in own:
            own[device_id].append((at, received_at, ahead))
    latest = list(zip(row["latest_devices"] or (), row["latest_received_at"] or (), strict=True))
    pauses: Mapping[str, list[tuple[datetime, datetime]]] = {device_id: [] for device_id in own}
    for device_id, *pause in zip(
        row["pause_devices"] or (), row["paused_at"] or (), row["resumed_at"] or (), strict=True
    ):
        if pause[0].timestamp() >= begins:
            pauses[device_id].append((pause[0], pause[1]))
    for device_id, beats in own.items():
        if len(beats) > HEARTBEATS:
            beats.sort(key=itemgetter(0, 1))
        beats = beats[-HEARTBEATS:]
        heard = anew | {received_at for _, received_at, _ in beats}
        if known and row["reading_device"] == device_id:
            heard.add(row["reading_received_at"])
        newest = [received_at for device, received_at in latest if asked and device == device_id]
        heard.update(newest and [max(newest)])
        last_seen, offset, refused_at, refused_offset = kept.get(device_id, (None, 0.0, None, 0.0))
        last = None if last_seen is None else (last_seen, timedelta(seconds=offset))
        clock = clock_of(beats, max(heard, default=None), last)
        heard.update([] if last_seen is None else [last_seen])
        if refused_at is not None and refused_at - max(heard, default=refused_at - UPLOAD) >= UPLOAD:
            heard.add(refused_at)
            clock = DeviceClock(timedelta(seconds=refused_offset), refused=True)
        yield Contact(device_id, tuple(sorted(heard)), tuple(sorted(pauses[device_id])), clock)


def _refused_alarms(row: Row) -> Iterable[RefusedAlarm]:
    for code, state, received_at, offset, device_id, seq, event_id in zip(
        row["refused_codes"] or (),
        row["refused_states"] or (),
        row["refused_received_at"] or (),
        row["refused_alarm_offsets"] or (),
        row["refused_devices"] or (),
        row["refused_seqs"] or (),
        row["refused_event_ids"] or (),
        strict=True,
    ):
        if received_at.timestamp() >= row["since"]:
            known = AlarmCode(code) if code in _KNOWN_CODES else AlarmCode.OTHER
            off = timedelta(seconds=offset)
            yield RefusedAlarm(known, AlarmState(state), received_at, off, device_id, seq, event_id)


def _alarms(row: Row) -> Iterable[AlarmEvent]:
    for code, state, at, received_at, device_id, seq, event_id, detail in zip(
        row["codes"] or (),
        row["states"] or (),
        row["moments"] or (),
        row["alarms_received_at"] or (),
        row["device_ids"] or (),
        row["seqs"] or (),
        row["event_ids"] or (),
        row["details"] or (),
        strict=True,
    ):
        known = code in _KNOWN_CODES
        yield AlarmEvent(
            code=AlarmCode(code) if known else AlarmCode.OTHER,
            state=AlarmState(state),
            observed_at=at,
            received_at=received_at,
            device_id=device_id,
            seq=seq,
            event_id=event_id,
            detail=detail if known else code,
        )
