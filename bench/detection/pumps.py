"""Refills of pumps that give too much or too little, alarms, stalls and silences: what the rules find of them."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any, Final

from bench.detection.fleet import DAY, T0, Patient
from schemas import events as wire
from schemas.policy import Policy
from services.alerts.facts.model import PumpFacts, Refill
from services.alerts.model import Strength
from services.alerts.rules import evaluate
from services.alerts.rules.pump_alarm import CODES_BY_KEY
from services.alerts.rules.reservoir.low_reservoir import KEY as RESERVOIR
from services.alerts.rules.reservoir.refill_discrepancy import refill_discrepancy

_FLOWS: Final = ((1.25, 1), (0.75, 1), (1.10, 3), (0.90, 3), (1.0, 1), (1.0, 3))
"""(true flow over programmed flow, found by which refill at the latest)."""


def find_refills(draw: Random, trials: int) -> dict[str, float]:
    """The share of pumps found by their first or third refill; for a sound pump, of refills that raise."""
    shares = {}
    for flow, refills in _FLOWS:
        raised = sum(_raises(draw, flow, refills) for _ in range(trials)) / trials
        shares[f"flow {flow:g}, refill {refills}"] = round(raised, 3)
    return shares


def _raises(draw: Random, flow: float, refills: int) -> bool:
    accuracy = flow * (1 + draw.uniform(-0.025, 0.025))
    known = [Refill(39.0, T0)]
    for number in range(1, refills + 1):
        programmed = draw.uniform(10.0, 32.0)
        measured = max(0.0, 39.0 - programmed * accuracy + draw.gauss(0, 0.5))
        known.insert(0, Refill(39.0, T0 + timedelta(days=60 * number), 39.0 - programmed, measured))
        facts = PumpFacts("pump", "north", refills=tuple(known[:4]))
        last = flow == 1.0 and number < refills
        if not last and refill_discrepancy(facts, Policy(), known[0].observed_at):
            return True
    return False


def find_alarms(seed: int) -> dict[str, Any]:
    """Every alarm code, an unrecovered stall and a silence, on pumps with an ordinary life."""
    policy, recall = Policy(), {}
    for code in wire.AlarmCode:
        key = next((key for key, codes in CODES_BY_KEY.items() if code in codes), RESERVOIR)
        recall[code.value] = sum(_alarm_found(Patient(number, seed, 40), code, key, policy) for number in range(8)) / 8
    stalls = [_stall_text(Patient(number, seed, 40), policy) for number in range(8)]
    silences = [_silent(Patient(number, seed, 60), policy) for number in range(16)]
    return {
        "recall": recall,
        "unrecovered_stall_recall": sum(stalls) / len(stalls),
        "silence_recall": sum(hours is not None for hours in silences) / len(silences),
        "silence_median_hours": sorted(hours or 0.0 for hours in silences)[len(silences) // 2],
    }


def _with_alarm(patient: Patient, code: wire.AlarmCode, hours_ago: float) -> PumpFacts:
    history, now = patient.history(), T0 + timedelta(days=patient.days)
    for at, device, event in patient.events:
        history.add(event, at, device)
    at = now - timedelta(hours=hours_ago)
    alarm = wire.Alarm(
        event_id=patient.events[0][2].event_id.__class__(int=patient.number),
        observed_at=at,
        code=code,
        state=wire.AlarmState.RAISED,
    )
    history.add(alarm, at, patient.pump_id)
    return history.facts(now, Policy().bolus_demand.baseline_days)


def _alarm_found(patient: Patient, code: wire.AlarmCode, key: str, policy: Policy) -> bool:
    now = T0 + timedelta(days=patient.days)
    found = evaluate(_with_alarm(patient, code, 0.0), policy, now)
    return any(each.key == key and each.strength is Strength.FULL for each in found)


def _stall_text(patient: Patient, policy: Policy) -> bool:
    now = T0 + timedelta(days=patient.days)
    found = evaluate(_with_alarm(patient, wire.AlarmCode.MOTOR_STALL, 25.0), policy, now)
    return any("has not recovered" in each.explanation for each in found)


def _silent(patient: Patient, policy: Policy) -> float | None:
    """Hours until a handheld that fell silent is missed."""
    start = T0 + timedelta(seconds=(patient.days - 15) * DAY)
    handheld = f"handheld-{patient.number:04d}"
    history = patient.history()
    for at, device, event in patient.events:
        if at < start or device != handheld:
            history.add(event, at, device)
    for hours in range(1, 15 * 24):
        now = start + timedelta(hours=hours)
        found = evaluate(history.facts(now, Policy().bolus_demand.baseline_days), policy, now)
        if any(each.key == handheld and each.strength is Strength.FULL for each in found):
            return float(hours)
    return None
