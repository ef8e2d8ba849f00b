"""PURE. The figures of a review sheet in words.

Guarantee: every part says what it counts. It says what was; what to do is nowhere on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from schemas.events import AlarmCode, Complaint
from schemas.policy import ClockPolicy, Policy
from services.alerts.quality.nights import night_words
from services.alerts.web.review.figures import AlarmCourse, Block, Figures, Residual
from services.alerts.web.review.model import AlertLine, DeviceClockNow, Measured, Programmed, PumpNow, Stored
from services.alerts.web.review.parts import NOTHING, Part, Place, Sheet, WallClock, lasted, part_of
from services.alerts.web.review.period import Period
from services.alerts.wording import ALARM_WORDS, capitalised, listed, years_or_age

_COMPLAINTS: Final = {
    Complaint.PAIN.value: "pain",
    Complaint.SIDE_EFFECT.value: "side effect",
    Complaint.ALARM_HEARD.value: "heard an alarm",
    Complaint.MORE_THERAPY.value: "wants more therapy",
}
_MCG_PER_MG: Final = 1000


def sheet_of(pump: PumpNow, stored: Stored, figures: Figures, period: Period, policy: Policy) -> Sheet:
    """Put figures into words."""
    clock = WallClock(period.zone)
    explanted = f" The pump was taken out {clock(pump.explanted_at)}." if pump.explanted_at else ""
    retired = f" Pumpwatch has not watched it since {clock(pump.retired_at)}." if pump.retired_at else ""
    return Sheet(
        pump_id=pump.pump_id,
        clinic_id=pump.clinic_id,
        period=f"{clock(period.since)} to {clock(period.until)} ({period.zone.key}): {period.why}.{explanted}{retired}",
        heard=_heard(figures) + _wrong_days(stored.clocks, policy.clock),
        made=f"Made {clock(period.until)} by Pumpwatch." if not explanted else "",
        parts=(
            _therapy(figures, clock),
            _boluses(figures, period),
            _weeks(figures),
            _reports(figures),
            _gaps(figures, clock),
            _refills(figures, policy.infusion.minimum_delivery_ml, clock),
            _clocks(stored.clocks, policy.clock, clock),
            _measured(stored.measured, clock),
            _alarms(stored, figures, clock),
            _alerts(stored.alerts, clock),
        ),
    )


def _heard(figures: Figures) -> str:
    silent = figures.days - figures.days_heard
    if not figures.days_heard:
        return (
            f"Nothing was heard of this pump on any of these {figures.days} days: what happened is not known, and is "
            "not counted as zero."
        )
    if not silent:
        return f"Something was heard on each of these {figures.days} days."
    return (
        f"Nothing was heard on {silent} of {figures.days} days: what happened on those is not known, and is not "
        "counted as zero."
    )


def _wrong_days(clocks: Sequence[DeviceClockNow], policy: ClockPolicy) -> str:
    """As the rules judge it (services.alerts.rules.clock.days_are_known)."""
    late = timedelta(hours=policy.behind_hours)
    if not any(each.refused or (each.behind is not None and each.behind > late) for each in clocks):
        return ""
    return " The clock of a device is wrong: what it told may stand on other days than it was."


def _therapy(figures: Figures, clock: WallClock) -> Part:
    now = figures.therapy
    lines = []
    if now is None:
        lines = ["No therapy is known to Pumpwatch."]
    else:
        level = "not programmed" if now.low_ml is None else f"{now.low_ml:g} mL"
        due = "not programmed" if now.refill_due is None else f"{now.refill_due:%-d %b %Y}"
        lines = [f"The reservoir holds {now.size_ml:g} mL; alarm level {level}; refill by the programme {due}."]
    return part_of(
        "therapy",
        "Therapy as programmed",
        "In force when the period began, and each change in it; what a refill only repeats is no change. "
        "The last line is in force.",
        Place.TOP,
        ("Since", "Drugs", "In a day, without boluses", "Bolus", "Lockout", "Most in 24 h"),
        [_prescribed(each, clock) for each in figures.therapies],
        lines,
    )


def _prescribed(each: Programmed, clock: WallClock) -> tuple[str, ...]:
    what = each.prescription
    doses = [f"{_dose(what.daily_ml * drug.concentration_mcg_per_ml)} {drug.name}" for drug in what.drugs]
    steps = f", {len(what.profile)} steps" if len(what.profile) > 1 else ""
    return (
        clock(each.at),
        listed([f"{drug.name} {_dose(drug.concentration_mcg_per_ml)}/mL" for drug in what.drugs]) or NOTHING,
        f"{what.daily_ml:.3f} mL{steps}: {listed(doses)}" if doses else f"{what.daily_ml:.3f} mL{steps}",
        "none" if what.bolus_dose_mcg is None else _dose(what.bolus_dose_mcg),
        NOTHING if what.lockout_minutes is None else f"{what.lockout_minutes} min",
        NOTHING if what.limit_per_24h is None else f"{what.limit_per_24h}",
    )


def _dose(mcg: float) -> str:
    return f"{mcg / _MCG_PER_MG:.4g} mg" if mcg >= _MCG_PER_MG else f"{mcg:.4g} mcg"


def _boluses(figures: Figures, period: Period) -> Part:
    rows = [
        (words, *map(str, (each.asked, each.delivered, each.lockout, each.limit, each.other, each.unknown)))
        for words, each in (("Day", figures.day), ("Night", figures.night), ("Together", figures.together))
    ]
    lines = ["Nothing was heard, so no request is known."]
    if figures.days_heard:
        per_day = [each / figures.days_heard for each in (figures.together.asked, figures.together.delivered)]
        lines = [
            f"{per_day[0]:.1f} asked and {per_day[1]:.1f} delivered for each of the {figures.days_heard} days on which "
            "something was heard."
        ]
    return part_of(
        "boluses",
        "Boluses asked for",
        f"Each request once, also where two devices told of it. Night is {night_words(period.night)}. Lockout, limit "
        "and other: why it was refused. Unknown: the handheld lost the pump, delivered or not.",
        Place.LEFT,
        ("", "Asked", "Delivered", "Lockout", "Limit", "Other", "Unknown"),
        rows if figures.days_heard else [],
        lines,
    )


def _weeks(figures: Figures) -> Part:
    weeks = figures.block_days // 7
    return part_of(
        "weeks",
        "The same by week" if weeks == 1 else f"The same by {weeks} weeks",
        "By day + by night. Heard: days on which anything was heard of; where there is none, nothing is known.",
        Place.RIGHT,
        ("From", "Heard", "Asked", "Delivered", "Refused", "Unknown"),
        [_week(each) for each in figures.blocks],
        (),
    )


def _week(each: Block) -> tuple[str, ...]:
    def both(what: str) -> str:
        return f"{getattr(each.day, what)} + {getattr(each.night, what)}" if each.heard else NOTHING

    return (
        f"{each.first:%-d %b %Y}",
        f"{each.heard} of {each.days}",
        *(both(what) for what in ("asked", "delivered", "refused", "unknown")),
    )


def _reports(figures: Figures) -> Part:
    each_block = "week" if figures.block_days == 7 else f"{figures.block_days // 7} weeks"
    rows = [
        (
            capitalised(_COMPLAINTS.get(each.complaint, each.complaint.replace("_", " "))),
            f"{each.reports} ({each.at_night})",
            f"{min(each.scores)} to {max(each.scores)}" if each.scores else NOTHING,
            " ".join(NOTHING if median is None else f"{median:g}" for median in each.medians),
        )
        for each in figures.reported
    ]
    return part_of(
        "reports",
        "What the patient reported",
        f"Reports (of these by night); the least and the greatest score of 0 to 10; the median of each {each_block}, "
        f"the oldest first. {NOTHING}: no score.",
        Place.LEFT,
        ("What", "Reports", "Scores", f"By {each_block}"),
        rows,
        () if rows else ("No report was received.",),
    )


def _refills(figures: Figures, least_ml: float, clock: WallClock) -> Part:
    return part_of(
        "refills",
        "Refills",
        "What the pump expected to be left, and what was; + is more. Share: of what it computed to give since the "
        f"refill before, where that was {least_ml:g} mL or more.",
        Place.LEFT,
        ("When", "Expected", "Left", "Difference", "Share", "Filled in"),
        [_refill(each, clock) for each in figures.residuals],
        () if figures.residuals else ("No refill was received.",),
    )


def _refill(each: Residual, clock: WallClock) -> tuple[str, ...]:
    return (
        clock.short(each.at),
        f"{each.expected_ml:.2f} mL",
        f"{each.measured_ml:.2f} mL",
        f"{each.difference_ml + 0.0:+.2f} mL",
        "not known" if each.percent is None else f"{each.percent + 0.0:+.1f} %",
        f"{each.filled_ml:.2f} mL",
    )


def _measured(measured: Sequence[Measured], clock: WallClock) -> Part:
    rows = [
        (
            clock.short(each.at),
            f"{each.volume_ml:.2f} mL",
            *(
                ("not known", NOTHING)
                if each.computed_ml is None
                else (f"{each.computed_ml:.2f} mL", f"{each.volume_ml - each.computed_ml + 0.0:+.2f} mL")
            ),
        )
        for each in measured
    ]
    return part_of(
        "measured",
        "Levels measured, beside computed",
        "The level that somebody measured, and the last that the pump computed in the 24 hours before.",
        Place.RIGHT,
        ("When", "Measured", "Computed", "Difference"),
        rows,
        () if rows else ("No measured level was received.",),
    )


def _gaps(figures: Figures, clock: WallClock) -> Part:
    return part_of(
        "gaps",
        "Nothing heard for a day or longer",
        "From one event to the next, by when the pump or a handheld dated them; nobody knows what was meanwhile.",
        Place.RIGHT,
        ("From", "To", "Lasted"),
        [(clock.short(since), clock.short(until), lasted(until - since)) for since, until in reversed(figures.gaps)],
        () if figures.gaps else ("There was no such time.",),
    )


def _clocks(clocks: Sequence[DeviceClockNow], policy: ClockPolicy, clock: WallClock) -> Part:
    rows = [
        (
            each.device_id,
            "not lately" if each.heard_at is None else clock.short(each.heard_at),
            _off(each, policy),
        )
        for each in clocks
    ]
    return part_of(
        "clocks",
        "Clocks, as they are now",
        f"Right: at most {policy.ahead_minutes:g} min ahead, and less than {policy.behind_hours:g} h behind, as alerts "
        "judge it.",
        Place.LEFT,
        ("Device", "Heard last", "Its clock"),
        rows,
        () if rows else ("No device is known.",),
    )


def _off(each: DeviceClockNow, policy: ClockPolicy) -> str:
    if each.behind is None:
        return "not known"
    ahead, behind = timedelta(minutes=policy.ahead_minutes), timedelta(hours=policy.behind_hours)
    if not each.refused and -ahead <= each.behind <= behind:
        return "right"
    words = f"{years_or_age(abs(each.behind))} {'behind' if each.behind > timedelta(0) else 'ahead'}"
    return f"{words}, so its events are refused" if each.refused else words


def _alarms(stored: Stored, figures: Figures, clock: WallClock) -> Part:
    refused = [f"{_alarm(code)} {count}" for code, count in sorted((stored.refused_alarms or {}).items())]
    lines = [] if figures.alarms else ["No alarm was received."]
    lines += [f"Refused for their date, so when they were is not known: {listed(refused)}."] if refused else []
    return part_of(
        "alarms",
        "Alarms of the pump",
        "Each from when it was raised first to when it was cleared. Times: how often it was raised meanwhile.",
        Place.END,
        ("Alarm", "Times", "Raised", "Cleared", "Lasted"),
        [_course(each, clock) for each in figures.alarms],
        lines,
    )


def _course(each: AlarmCourse, clock: WallClock) -> tuple[str, ...]:
    ended = "stands" if each.stands else "not known"
    return (
        _alarm(each.code) + (f": {each.detail}" if each.detail else ""),
        f"{each.times}",
        clock(each.raised_at),
        ended if each.cleared_at is None else clock(each.cleared_at),
        NOTHING if each.cleared_at is None else lasted(each.cleared_at - each.raised_at),
    )


def _alarm(code: AlarmCode) -> str:
    return capitalised(ALARM_WORDS[code])


def _alerts(alerts: Sequence[AlertLine], clock: WallClock) -> Part:
    rows = [
        (
            clock(each.opened_at),
            each.title,
            each.priority,
            "nobody"
            if each.taken_at is None
            else f"{each.taken_by}, {clock.short(each.taken_at)} (after {lasted(each.taken_at - each.opened_at)})",
            "is open" if each.ended_at is None else clock(each.ended_at),
        )
        for each in alerts
    ]
    return part_of(
        "alerts",
        "Alerts of Pumpwatch",
        "Those that opened in the period or were open when it began. By whom: who acknowledged or resolved it first.",
        Place.END,
        ("Opened", "What", "Priority", "Acknowledged by", "Ended"),
        rows,
        () if rows else ("There was no alert.",),
    )
