"""Lives that are not alike: things that happen to ordinary patients and mean nothing. Whatever opens is a false alert.

Each pump of the fleet lives each of these lives, with its own requests; what opens is counted by life and by rule. In
a stay without uploads the rule for silent devices may well be right to speak: its figure stands apart from the others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta, timezone
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any, Final
from uuid import UUID

from bench.detection.fleet import DAY, T0, Patient
from bench.detection.memory import FLEETS
from bench.detection.watch import Arrival, rates, watched
from schemas import events as wire
from services.alerts.facts.from_events import History
from services.simulator.patients.handheld import BolusGate
from services.simulator.patients.model import BolusSpec

_BURSTS_A_DAY: Final = 1 / 30
_BURST: Final = 3.0
_STAY_DAYS: Final = (3, 14)
_BETWEEN_DAYS: Final = (25, 60)
_NEVER_UPLOADED: Final = 0.5
"""Of the stays: what the devices noted then is lost."""
_TRIP_DAYS: Final = (7, 21)
_ZONES_HOURS: Final = 8
_CHANGED_DOSE_MCG: Final = 20.0

Life = Callable[[Patient, Random], list[Arrival]]


def _ordinary(patient: Patient, _: Random) -> list[Arrival]:
    return patient.events


def _bursty_days(patient: Patient, draw: Random) -> list[Arrival]:
    """Single days at three times the usual, once a month."""
    days = [day for day in range(patient.days) if draw.random() < _BURSTS_A_DAY]
    extra = [at for day in days for at in patient.added(day * DAY, (day + 1) * DAY, _BURST, 0.0, draw)]
    return [*patient.events, *(patient.bolus(at) for at in extra)]


def _stays(patient: Patient, draw: Random) -> list[Arrival]:
    """Holidays and hospital stays without uploads: the log comes in one upload afterwards, or never."""
    found = []
    stays = [(T0 + timedelta(days=a), T0 + timedelta(days=b)) for a, b in _times(patient, draw, _STAY_DAYS)]
    lost = [draw.random() < _NEVER_UPLOADED for _ in stays]
    for at, device, event in patient.events:
        place = next((number for number, (begins, ends) in enumerate(stays) if begins <= at < ends), None)
        if place is None or event.kind in ("therapy", "refill"):  # a visit is entered by the clinic
            found.append((at, device, event))
        elif not lost[place]:
            found.append((stays[place][1], device, event))
    return found


def _at_the_limit(patient: Patient, draw: Random) -> list[Arrival]:
    """As many boluses allowed as the patient usually asks for: refused on every busy day."""
    limit = max(2, round(patient.rate))
    prescribed = wire.BolusPrescription(dose_mcg=10.0, lockout_minutes=60, limit_per_24h=limit)
    gate, found = BolusGate(BolusSpec(10.0, 0.001, 60, limit), draw), list[Arrival]()
    for at, device, event in patient.events:
        if isinstance(event, wire.Bolus):
            outcome, _ = gate.ask(int(at.timestamp()), infusing=True)
            dose = 10.0 if outcome is wire.BolusOutcome.DELIVERED else None
            found.append((at, device, event.model_copy(update={"outcome": outcome, "dose_mcg": dose})))
        elif isinstance(event, wire.Therapy):
            found.append((at, device, event.model_copy(update={"bolus": prescribed})))
        else:
            found.append((at, device, event))
    return found


def _decline(patient: Patient, draw: Random) -> list[Arrival]:
    """A bolus is twice as large from a day on, and the patient asks half as often."""
    changes = T0 + timedelta(days=draw.randrange(patient.days // 3, 2 * patient.days // 3), hours=11)
    found, therapy = list[Arrival](), None
    for at, device, event in patient.events:
        if isinstance(event, wire.Therapy):
            therapy = event if at < changes else therapy
            found.append((at, device, _doubled(event) if at >= changes else event))
        elif isinstance(event, wire.Bolus) and at >= changes:
            if draw.random() < 0.5:
                found.append((at, device, event.model_copy(update={"dose_mcg": _CHANGED_DOSE_MCG})))
        else:
            found.append((at, device, event))
    assert therapy is not None, "a life begins with a therapy"
    again = _doubled(therapy).model_copy(update={"event_id": UUID(int=draw.getrandbits(128)), "observed_at": changes})
    return [*found, (changes, patient.pump_id, again)]


def _doubled(therapy: wire.Therapy) -> wire.Therapy:
    assert therapy.bolus is not None, "every patient of this fleet has a handheld"
    return therapy.model_copy(update={"bolus": therapy.bolus.model_copy(update={"dose_mcg": _CHANGED_DOSE_MCG})})


def _travel(patient: Patient, draw: Random) -> list[Arrival]:
    """Eight time zones west or east: the hours of the day move, and with them the offset of the handheld's clock."""
    trips = [(begins, ends, draw.choice((-1, 1))) for begins, ends in _times(patient, draw, _TRIP_DAYS)]
    found = []
    for at, device, event in patient.events:
        day = (at - T0).days
        direction = next((way for begins, ends, way in trips if begins <= day < ends), 0)
        if not direction or device == patient.pump_id:
            found.append((at, device, event))
            continue
        moved = at - timedelta(hours=direction * _ZONES_HOURS)
        there = moved.astimezone(timezone(timedelta(hours=direction * _ZONES_HOURS)))
        found.append((moved, device, event.model_copy(update={"observed_at": there})))
    return found


def _two_handhelds(patient: Patient, draw: Random) -> list[Arrival]:
    """One at home and one in the bag: each tells of the requests that were made with it."""
    second, found = _second(patient), list[Arrival]()
    for at, device, event in patient.events:
        if isinstance(event, wire.Bolus) and draw.random() < 0.5:
            found.append((at, second, event))
            continue
        found.append((at, device, event))
        if isinstance(event, wire.Status) and device != patient.pump_id:
            later = at + timedelta(minutes=draw.randrange(1, 60))
            beat = wire.Status(event_id=UUID(int=draw.getrandbits(128)), observed_at=later)
            found.append((later, second, beat))
    return found


def _second(patient: Patient) -> str:
    return f"handheld-{patient.number:04d}-b"


LIVES: Final[dict[str, Life]] = {
    "ordinary": _ordinary,
    "bursty days": _bursty_days,
    "stays of 3 to 14 days without uploads": _stays,
    "at the limit": _at_the_limit,
    "demand halves after a change of therapy": _decline,
    "travel over 8 time zones": _travel,
    "two handhelds": _two_handhelds,
}


def _times(patient: Patient, draw: Random, lengths: tuple[int, int]) -> list[tuple[int, int]]:
    """Days from which and until which the patient is away, again and again."""
    found, day = [], draw.randint(*_BETWEEN_DAYS)
    while day < patient.days:
        ends = day + draw.randint(*lengths)
        found.append((day, ends))
        day = ends + draw.randint(*_BETWEEN_DAYS)
    return found


def arrivals(name: str, patient: Patient) -> list[Arrival]:
    """This life of the patient, in order of arrival."""
    draw = Random(f"{patient.seed}/{patient.number}/life/{name}")
    return sorted(LIVES[name](patient, draw), key=lambda arrival: arrival[0])


def live(name: str, patient: Patient) -> Counter[str]:
    """What opens in this life."""
    handhelds = (f"handheld-{patient.number:04d}", *([_second(patient)] if name == "two handhelds" else []))
    history = History(patient.pump_id, "north", handhelds=handhelds)
    false: Counter[str] = Counter()
    for _, opened in watched(history, _uploads(arrivals(name, patient))):
        false.update("/".join(each) for each in opened)
    return false


def _uploads(stream: Sequence[Arrival]) -> Iterator[tuple[Arrival, bool]]:
    """Each arrival, and whether something that arrives at the same moment follows: they are looked at together."""
    for one, following in pairwise(stream):
        yield one, following[0] == one[0]
    yield from ((last, False) for last in stream[-1:])


def _counted(name: str, number: int, seed: int, days: int, memory: float) -> tuple[str, Counter[str]]:
    return name, live(name, Patient(number, seed, days, memory))


def find_lives(
    fleet: str, seed: int, pumps: int, days: int, lived: Callable[[Sequence[Any]], list[Any]]
) -> dict[str, Any]:
    """False alerts in 1,000 pump-days, by life and rule."""
    tasks = [partial(_counted, name, number, seed, days, FLEETS[fleet]) for name in LIVES for number in range(pumps)]
    false: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, counted in lived(tasks):
        false[name].update(counted)
    lines = [{"life": name, **rates(false[name], pumps * days)} for name in LIVES]
    return {"fleet": fleet, "pumps": pumps, "pump_days": pumps * days, "seed": seed, "lives": lines}
