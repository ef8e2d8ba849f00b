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
from services.alerts.title_words import title_words
from services.alerts.web.review.figures import AlarmCourse, Block, Figures
from services.alerts.web.review.model import AlertLine, DeviceClockNow, Programmed, PumpNow, Stored
from services.alerts.web.review.parts import FOOT, NOTHING, Part, Place, Sheet, WallClock, lasted, part_of
from services.alerts.web.review.period import Period
from services.alerts.web.review.volumes import measured_part, refills_part
from services.alerts.wording import ALARM_WORDS, capitalised, priority_words, years_or_age
from services.texts.model import ENGLISH, Texts, msgid

_COMPLAINTS: Final = {
    Complaint.PAIN.value: msgid("pain"),
    Complaint.SIDE_EFFECT.value: msgid("side effect"),
    Complaint.ALARM_HEARD.value: msgid("heard an alarm"),
    Complaint.MORE_THERAPY.value: msgid("wants more therapy"),
}
_MCG_PER_MG: Final = 1000


def sheet_of(
    pump: PumpNow, stored: Stored, figures: Figures, period: Period, policy: Policy, texts: Texts = ENGLISH
) -> Sheet:
    """Put figures into words."""
    clock, say = WallClock(period.zone, texts), texts.say
    explanted = say(" The pump was taken out %(at)s.", at=clock(pump.explanted_at)) if pump.explanted_at else ""
    retired = say(" Pumpwatch has not watched it since %(at)s.", at=clock(pump.retired_at)) if pump.retired_at else ""
    asked = say(
        "%(begins)s to %(ends)s (%(zone)s): %(why)s.",
        begins=clock(period.since),
        ends=clock(period.until),
        zone=period.zone.key,
        why=period.why,
    )
    return Sheet(
        pump_id=pump.pump_id,
        clinic_id=pump.clinic_id,
        period=f"{asked}{explanted}{retired}",
        heard=_heard(figures, texts) + _wrong_days(stored.clocks, policy.clock, texts),
        made=say("Made %(at)s by Pumpwatch.", at=clock(period.until)) if not explanted else "",
        parts=(
            _therapy(figures, clock),
            _boluses(figures, period, texts),
            _weeks(figures, texts),
            _reports(figures, texts),
            _gaps(figures, clock),
            refills_part(figures, policy.infusion.minimum_delivery_ml, clock),
            _clocks(stored.clocks, policy.clock, clock),
            measured_part(stored.measured, clock),
            _alarms(stored, figures, clock),
            _alerts(stored.alerts, clock),
        ),
        heading=say("Therapy review: pump %(pump)s, %(clinic)s", pump=pump.pump_id, clinic=pump.clinic_id),
        title=say("Therapy review, pump %(pump)s", pump=pump.pump_id),
        language=texts.language.value,
        foot=say(FOOT),
    )


def _heard(figures: Figures, texts: Texts) -> str:
    silent = figures.days - figures.days_heard
    if not figures.days_heard:
        return texts.say(
            "Nothing was heard of this pump on any of these %(days)s days: what happened is not known, and is "
            "not counted as zero.",
            days=figures.days,
        )
    if not silent:
        return texts.say("Something was heard on each of these %(days)s days.", days=figures.days)
    return texts.say(
        "Nothing was heard on %(silent)s of %(days)s days: what happened on those is not known, and is not "
        "counted as zero.",
        silent=silent,
        days=figures.days,
    )


def _wrong_days(clocks: Sequence[DeviceClockNow], policy: ClockPolicy, texts: Texts) -> str:
    """As the rules judge it (services.alerts.rules.clock.days_are_known)."""
    late = timedelta(hours=policy.behind_hours)
    if not any(each.refused or (each.behind is not None and each.behind > late) for each in clocks):
        return ""
    return texts.say(" The clock of a device is wrong: what it told may stand on other days than it was.")


def _therapy(figures: Figures, clock: WallClock) -> Part:
    now, say = figures.therapy, clock.texts.say
    lines = []
    if now is None:
        lines = [say("No therapy is known to Pumpwatch.")]
    else:
        level = say("not programmed") if now.low_ml is None else f"{clock.texts.shortest(now.low_ml)} mL"
        due = say("not programmed") if now.refill_due is None else clock.texts.day(now.refill_due)
        lines = [
            say(
                "The reservoir holds %(size)s mL; alarm level %(level)s; refill by the programme %(due)s.",
                size=clock.texts.shortest(now.size_ml),
                level=level,
                due=due,
            )
        ]
    return part_of(
        "therapy",
        say("Therapy as programmed"),
        say(
            "In force when the period began, and each change in it; what a refill only repeats is no change. "
            "The last line is in force."
        ),
        Place.TOP,
        (
            *(say("Since"), say("Drugs"), say("In a day, without boluses")),
            *(say("Bolus"), say("Lockout"), say("Most in 24 h")),
        ),
        [_prescribed(each, clock) for each in figures.therapies],
        lines,
        clock.texts,
    )


def _prescribed(each: Programmed, clock: WallClock) -> tuple[str, ...]:
    what, texts = each.prescription, clock.texts
    doses = [f"{_dose(what.daily_ml * drug.concentration_mcg_per_ml, texts)} {drug.name}" for drug in what.drugs]
    steps = texts.say(", %(count)s steps", count=len(what.profile)) if len(what.profile) > 1 else ""
    flow = f"{texts.decimal(what.daily_ml, 3)} mL{steps}"
    return (
        clock(each.at),
        texts.listed([f"{drug.name} {_dose(drug.concentration_mcg_per_ml, texts)}/mL" for drug in what.drugs])
        or NOTHING,
        f"{flow}: {texts.listed(doses)}" if doses else flow,
        texts.say("none") if what.bolus_dose_mcg is None else _dose(what.bolus_dose_mcg, texts),
        NOTHING if what.lockout_minutes is None else f"{what.lockout_minutes} min",
        NOTHING if what.limit_per_24h is None else f"{what.limit_per_24h}",
    )


def _dose(mcg: float, texts: Texts) -> str:
    if mcg >= _MCG_PER_MG:
        return f"{texts.shortest(mcg / _MCG_PER_MG, 4)} mg"
    return f"{texts.shortest(mcg, 4)} mcg"


def _boluses(figures: Figures, period: Period, texts: Texts) -> Part:
    say = texts.say
    rows = [
        (words, *map(str, (each.asked, each.delivered, each.lockout, each.limit, each.other, each.unknown)))
        for words, each in zip(
            (say("Day"), say("Night"), say("Together")), (figures.day, figures.night, figures.together), strict=True
        )
    ]
    lines = [say("Nothing was heard, so no request is known.")]
    if figures.days_heard:
        lines = [
            say(
                "%(asked)s asked and %(delivered)s delivered for each of the %(days)s days on which something was "
                "heard.",
                asked=texts.decimal(figures.together.asked / figures.days_heard),
                delivered=texts.decimal(figures.together.delivered / figures.days_heard),
                days=figures.days_heard,
            )
        ]
    return part_of(
        "boluses",
        say("Boluses asked for"),
        say(
            "Each request once, also where two devices told of it. Night is %(night)s. Lockout, limit and other: why "
            "it was refused. Unknown: the handheld lost the pump, delivered or not.",
            night=night_words(period.night, texts),
        ),
        Place.LEFT,
        (
            *("", say("Asked"), say("Delivered"), say("Lockout")),
            *(say("Limit"), say("Other"), say("Unknown")),
        ),
        rows if figures.days_heard else [],
        lines,
        texts,
    )


def _block_words(figures: Figures, texts: Texts) -> str:
    weeks = figures.block_days // 7
    return texts.say("week") if weeks == 1 else texts.say("%(count)s weeks", count=weeks)


def _weeks(figures: Figures, texts: Texts) -> Part:
    say = texts.say
    return part_of(
        "weeks",
        say("The same by %(block)s", block=_block_words(figures, texts)),
        say("By day + by night. Heard: days on which anything was heard of; where there is none, nothing is known."),
        Place.RIGHT,
        (say("From"), say("Heard"), say("Asked"), say("Delivered"), say("Refused"), say("Unknown")),
        [_week(each, texts) for each in figures.blocks],
        (),
        texts,
    )


def _week(each: Block, texts: Texts) -> tuple[str, ...]:
    def both(what: str) -> str:
        return f"{getattr(each.day, what)} + {getattr(each.night, what)}" if each.heard else NOTHING

    return (
        texts.day(each.first),
        texts.say("%(heard)s of %(days)s", heard=each.heard, days=each.days),
        *(both(what) for what in ("asked", "delivered", "refused", "unknown")),
    )


def _reports(figures: Figures, texts: Texts) -> Part:
    block, say = _block_words(figures, texts), texts.say
    rows = [
        (
            capitalised(_complaint(each.complaint, texts)),
            f"{each.reports} ({each.at_night})",
            say("%(least)s to %(most)s", least=min(each.scores), most=max(each.scores)) if each.scores else NOTHING,
            " ".join(NOTHING if median is None else texts.shortest(median) for median in each.medians),
        )
        for each in figures.reported
    ]
    return part_of(
        "reports",
        say("What the patient reported"),
        say(
            "Reports (of these by night); the least and the greatest score of 0 to 10; the median of each %(block)s, "
            "the oldest first. %(nothing)s: no score.",
            block=block,
            nothing=NOTHING,
        ),
        Place.LEFT,
        (say("What"), say("Reports"), say("Scores"), say("By %(block)s", block=block)),
        rows,
        () if rows else (say("No report was received."),),
        texts,
    )


def _complaint(name: str, texts: Texts) -> str:
    return texts.say(_COMPLAINTS[name]) if name in _COMPLAINTS else name.replace("_", " ")


def _gaps(figures: Figures, clock: WallClock) -> Part:
    texts, say = clock.texts, clock.texts.say
    return part_of(
        "gaps",
        say("Nothing heard for a day or longer"),
        say("From one event to the next, by when the pump or a handheld dated them; nobody knows what was meanwhile."),
        Place.RIGHT,
        (say("From"), say("To"), say("Lasted")),
        [(clock.short(since), clock.short(until), lasted(until - since, texts)) for since, until in figures.gaps[::-1]],
        () if figures.gaps else (say("There was no such time."),),
        texts,
    )


def _clocks(clocks: Sequence[DeviceClockNow], policy: ClockPolicy, clock: WallClock) -> Part:
    texts, say = clock.texts, clock.texts.say
    rows = [
        (
            each.device_id,
            say("not lately") if each.heard_at is None else clock.short(each.heard_at),
            _off(each, policy, texts),
        )
        for each in clocks
    ]
    return part_of(
        "clocks",
        say("Clocks, as they are now"),
        say(
            "Right: at most %(ahead)s min ahead, and less than %(behind)s h behind, as alerts judge it.",
            ahead=texts.shortest(policy.ahead_minutes),
            behind=texts.shortest(policy.behind_hours),
        ),
        Place.LEFT,
        (say("Device"), say("Heard last"), say("Its clock")),
        rows,
        () if rows else (say("No device is known."),),
        texts,
    )


def _off(each: DeviceClockNow, policy: ClockPolicy, texts: Texts) -> str:
    if each.behind is None:
        return texts.say("not known")
    ahead, behind = timedelta(minutes=policy.ahead_minutes), timedelta(hours=policy.behind_hours)
    if not each.refused and -ahead <= each.behind <= behind:
        return texts.say("right")
    is_late, span = each.behind > timedelta(0), years_or_age(abs(each.behind), texts)
    words = texts.say("%(span)s behind", span=span) if is_late else texts.say("%(span)s ahead", span=span)
    return words + texts.say(", so its events are refused") if each.refused else words


def _alarms(stored: Stored, figures: Figures, clock: WallClock) -> Part:
    texts, say = clock.texts, clock.texts.say
    refused = [f"{_alarm(code, texts)} {count}" for code, count in sorted((stored.refused_alarms or {}).items())]
    lines = [] if figures.alarms else [say("No alarm was received.")]
    if refused:
        named = texts.listed(refused)
        lines.append(say("Refused for their date, so when they were is not known: %(which)s.", which=named))
    return part_of(
        "alarms",
        say("Alarms of the pump"),
        say("Each from when it was raised first to when it was cleared. Times: how often it was raised meanwhile."),
        Place.END,
        (say("Alarm"), say("Times"), say("Raised"), say("Cleared"), say("Lasted")),
        [_course(each, clock) for each in figures.alarms],
        lines,
        texts,
    )


def _course(each: AlarmCourse, clock: WallClock) -> tuple[str, ...]:
    texts = clock.texts
    ended = texts.say("stands") if each.stands else texts.say("not known")
    return (
        _alarm(each.code, texts) + (f": {each.detail}" if each.detail else ""),
        f"{each.times}",
        clock(each.raised_at),
        ended if each.cleared_at is None else clock(each.cleared_at),
        NOTHING if each.cleared_at is None else lasted(each.cleared_at - each.raised_at, texts),
    )


def _alarm(code: AlarmCode, texts: Texts) -> str:
    return capitalised(texts.say(ALARM_WORDS[code]))


def _alerts(alerts: Sequence[AlertLine], clock: WallClock) -> Part:
    texts, say = clock.texts, clock.texts.say
    rows = [
        (
            clock(each.opened_at),
            title_words(each.title, texts),
            priority_words(each.priority, texts),
            _taken(each, clock),
            say("is open") if each.ended_at is None else clock(each.ended_at),
        )
        for each in alerts
    ]
    return part_of(
        "alerts",
        say("Alerts of Pumpwatch"),
        say(
            "Those that opened in the period or were open when it began. By whom: who acknowledged or resolved it "
            "first."
        ),
        Place.END,
        (say("Opened"), say("What"), say("Priority"), say("Acknowledged by"), say("Ended")),
        rows,
        () if rows else (say("There was no alert."),),
        texts,
    )


def _taken(each: AlertLine, clock: WallClock) -> str:
    if each.taken_at is None:
        return clock.texts.say("nobody")
    return clock.texts.say(
        "%(who)s, %(at)s (after %(span)s)",
        who=each.taken_by,
        at=clock.short(each.taken_at),
        span=lasted(each.taken_at - each.opened_at, clock.texts),
    )
