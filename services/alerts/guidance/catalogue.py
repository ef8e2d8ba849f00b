"""PURE. What each kind of alert means, what to do, and what Pumpwatch cannot see.

The steps are this project's (INF, but where a source is named): they say what to find out and whom to reach, and
never how to treat. A clinic's own steps, from its policy (`what_to_do`), stand before them. Numbers in brackets are
sources of docs/domain.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schemas.parts.subject import Subject
from services.texts.model import ENGLISH, Texts

_REACH: Final = "Reach the patient now and ask how they are."
_INTERROGATE: Final = "Have the pump interrogated: until then nobody knows what it does."
_STOPPED: Final = "If the therapy has stopped, follow your clinic's procedure for that."


@dataclass(frozen=True, slots=True)
class Guide:
    """What is said of a kind of alert: what it means, what to do in that order, and what Pumpwatch cannot see."""

    title: str
    means: str
    steps: tuple[str, ...]
    cannot_see: tuple[str, ...]


# Each text is in the catalogue (deploy/texts/build.py), and is said where it is shown.
GUIDES: Final[dict[Subject, Guide]] = {
    Subject.INFUSION_STOPPED: Guide(
        "Motor stall, or pump stopped",
        "The pump says that its motor does not turn, or that it has been stopped. The patient may be getting no drug.",
        (
            "Reach the patient now: ask how they are, and whether they have just had an MRI scan.",
            "After an MRI scan the motor should start again within 2 to 24 hours [22]. Some pumps stay stopped until "
            "they are interrogated, or are reset by hand [21][23]: have it looked at, do not only wait.",
            "Without a scan, or if it does not recover: have the pump interrogated at once. " + _STOPPED,
        ),
        (
            "Whether the motor has started again, until the pump has been interrogated and its data have been "
            "uploaded.",
            "Whether there was an MRI scan.",
        ),
    ),
    Subject.REPLACEMENT: Guide(
        "Replacement due, or end of service",
        "The pump announces that it must be replaced (ERI), or that its service has ended and it gives nothing any "
        "more (EOS).",
        (
            "At the end of service: reach the patient now. " + _STOPPED,
            "At the announcement: see whether a replacement is planned, and plan it if not. The pump stops 90 days "
            "after it, whatever is left in the reservoir [12].",
        ),
        ("Whether a replacement is planned already.",),
    ),
    Subject.MEMORY: Guide(
        "Memory error",
        "The pump found an error in its memory. After a critical one it may have stopped, or have lost its programme "
        "[7].",
        (_REACH, _INTERROGATE, _STOPPED),
        ("Which programme the pump runs now.",),
    ),
    Subject.BATTERY: Guide(
        "Low-battery reset",
        "The pump's battery was so low that it started anew. It may have stopped, or have lost its programme [8].",
        (_REACH, _INTERROGATE, _STOPPED),
        ("Which programme the pump runs now.",),
    ),
    Subject.CATHETER: Guide(
        "Catheter occlusion",
        "The pump says that its catheter is blocked. It runs, and the drug may not arrive.",
        (
            _REACH,
            "Have the pump and the catheter examined. A reservoir that falls as programmed is no proof that the drug "
            "arrives.",
            _STOPPED,
        ),
        ("Whether the drug arrives. Many pumps have no alarm for a blocked catheter at all.",),
    ),
    Subject.OTHER_ALARM: Guide(
        "Another alarm of the pump",
        "The pump tells an alarm for which Pumpwatch has no name. What it said stands above.",
        (_REACH, _INTERROGATE),
        ("How grave it is: look it up in the pump's manual.",),
    ),
    Subject.EXPLANTED: Guide(
        "An explanted pump calls out",
        "By the registry this pump is in nobody, and it calls out as if it were in somebody.",
        (
            "Find out now whether a patient has this pump.",
            "If so, have the registry put right at once (`pumpwatch devices explant --undo`): until then nobody "
            "watches that patient.",
            "If not, have the pump switched off, and retired (`pumpwatch devices retire`).",
        ),
        ("Who has the pump.",),
    ),
    Subject.LOW_RESERVOIR: Guide(
        "Low or empty reservoir, or refill too late",
        "The reservoir is empty, at or below its alarm level, or will be before the refill that is booked.",
        (
            "If it is empty, or the patient is unwell: reach the patient now. " + _STOPPED,
            "Book the refill, or bring it forward to before the reservoir is empty.",
            "If it has been refilled already, enter the refill: the alert ends with that.",
        ),
        (
            "What is really in the reservoir. The pump computes it and senses nothing, so one that gives more than "
            "programmed is empty earlier than it says [9].",
        ),
    ),
    Subject.DEMAND_UP: Guide(
        "Unusual bolus demand",
        "The patient asks for far more boluses than is usual for this patient. It is a sign to look at the therapy, "
        "and by itself no emergency [32].",
        (
            "Ask the patient what has changed, and whether anybody else presses the button.",
            "See below how many requests were refused. Handhelds rarely say so, and patients press again [34].",
            "Look at the last refill: if more was left than expected, the drug may not arrive. Have the pump and the "
            "catheter examined.",
            "If it is to stay so, accept it as the new level: Pumpwatch then compares with that.",
        ),
        ("Why. And presses of which no upload has come yet.",),
    ),
    Subject.DEMAND_RISING: Guide(
        "Rising bolus demand",
        "Over weeks the patient has come to ask for more boluses than before. It is a sign to look at the therapy.",
        (
            "Bring it to whoever prescribes, before the next visit.",
            "Ask the patient what has changed. See below how many requests were refused.",
            "Look at the last refills: if more is left than expected each time, the drug may not arrive.",
            "If it is to stay so, accept it as the new level: Pumpwatch then compares with that.",
        ),
        ("Why. A rise that is slower than a month is not seen at all.",),
    ),
    Subject.DEMAND_GONE: Guide(
        "No bolus requests any more",
        "The patient has not asked for a bolus for much longer than ever, though the handheld was heard.",
        (
            "Ask how the patient is: better, away, drowsy, or without a handheld that works.",
            "If the patient is drowsy or weak, have the pump interrogated and what is left in it measured: it may be "
            "giving too much.",
        ),
        ("Whether the patient presses a handheld that no longer works.",),
    ),
    Subject.LIMIT_REACHED: Guide(
        "Bolus limit reached day after day",
        "Day after day the pump refused boluses because the limit was reached. Dose or limit may not fit the patient.",
        (
            "Bring it to whoever prescribes. No threshold for this has been validated.",
            "Ask the patient whether the boluses help.",
        ),
        ("A patient who knows the limit and has stopped asking.",),
    ),
    Subject.MOSTLY_REFUSED: Guide(
        "Most bolus requests refused",
        "Most requests were refused. Dose, lockout or limit may not fit the patient.",
        (
            "See below how many were refused in the lockout, and bring it to whoever prescribes. No threshold for this "
            "has been validated.",
            "Ask whether the handheld shows a refusal: many do not, and patients press again [34].",
        ),
        ("Whether the patient knew that a request was refused.",),
    ),
    Subject.REFILL_DISCREPANCY: Guide(
        "Refill discrepancy",
        "At the refill more or less was left than the pump had computed: it may give less or more than programmed.",
        (
            "Compare what was entered with what was drawn off. If it is a slip, correct the entry.",
            "If more was left than expected: the patient may have had too little. Ask how they are, and have the "
            "pump and the catheter examined.",
            "If less was left: the patient may have had too much. Ask how they are, and watch the next refill closely.",
            "When it is dealt with, write down what was found and resolve the alert.",
        ),
        ("A wrong programme: the pump's own expectation is computed from it.",),
    ),
    Subject.POCKET_FILL: Guide(
        "Possible pocket fill",
        "Soon after the refill much less was in the pump than was filled in: the drug may have gone beside the pump, "
        "under the skin.",
        (
            "Reach the patient now. Drug beside the pump is an emergency: follow your clinic's procedure for it.",
            "Check what was entered as filled in and as measured. If it is a slip, correct the entry.",
        ),
        ("Where the drug is. Both numbers are what somebody entered or measured.",),
    ),
    Subject.REFILL_BEYOND_SIZE: Guide(
        "More filled in than the pump holds",
        "More was entered at the refill than the pump holds: a slip, another unit, or another size of pump.",
        (
            "Check what was filled in, and correct the entry.",
            "If it is right, have the size of the reservoir put right in the therapy.",
            "If the pump was really overfilled, reach the patient: it may give too much [15].",
        ),
        ("Which of the numbers is wrong. Until it is corrected, the pump counts as full.",),
    ),
    Subject.READING_BEYOND_SIZE: Guide(
        "A volume of more than the pump holds",
        "A volume was told that is more than the pump holds: a slip, another unit, or another size of pump.",
        (
            "Find out who told it, and have it measured or entered again.",
            "If it is right, have the size of the reservoir put right in the therapy.",
        ),
        ("Which of the numbers is wrong. Until it is corrected, the pump counts as full.",),
    ),
    Subject.VOLUME: Guide(
        "Reservoir falls faster or slower than programmed, or rose",
        "The volume does not fall as programmed: faster, slower, or it rose and no refill is recorded.",
        (
            "If the pump was refilled or reprogrammed, enter it: the alert ends with that.",
            "Otherwise ask how the patient is, have the pump interrogated, and what is left in it measured.",
        ),
        ("A wrong flow, as long as the volume is only computed: a measured one shows it.",),
    ),
    Subject.UNDER_DELIVERY: Guide(
        "Suspected under-delivery",
        "The patient asks for more, and more was left at the refill than expected: the drug may not arrive, though the "
        "pump alarms on nothing.",
        (
            _REACH,
            "Have the pump and the catheter examined soon. " + _STOPPED,
            "Check what was entered at the refill: if it is a slip, correct the entry.",
        ),
        ("A leaking or displaced catheter by itself: then the reservoir falls as expected.",),
    ),
    Subject.OVER_DELIVERY: Guide(
        "Suspected over-infusion",
        "The patient has stopped asking, and less was left at the refill than expected: the pump may be giving too "
        "much.",
        (
            "Reach the patient now: ask whether they are drowsy, weak or short of breath. If so, follow your clinic's "
            "procedure for an overdose.",
            "Have the pump interrogated, and what is left in it measured.",
            "Check what was entered at the refill: if it is a slip, correct the entry.",
        ),
        ("Between two refills: a pump that gives too much does not know it.",),
    ),
    Subject.DEVICE_SILENT: Guide(
        "A device is silent",
        "A device has not been heard for much longer than is usual for it. What happens meanwhile, nobody here sees.",
        (
            "Ask the patient to bring the handheld near the pump and to let it upload.",
            "Ask whether the patient travels, or the handheld is broken, flat or lost.",
            "If the patient cannot be reached either, do as your clinic does with a patient who misses a visit.",
        ),
        ("Everything about this patient since the device was last heard. Silence is no proof of health.",),
    ),
    Subject.WRONG_CLOCK: Guide(
        "The clock of a device is wrong",
        "The clock of a device is wrong, so nobody can tell on which day things happened. If what it sends is refused, "
        "nobody watches that device.",
        (
            "Have the clock of the device set.",
            "If what it sends is refused: until then, ask the patient how things are by telephone.",
        ),
        ("What is judged by days: demand, limits, and how fast the reservoir falls.",),
    ),
    Subject.ALARM_WITH_WRONG_CLOCK: Guide(
        "An alarm, told with a wrong clock",
        "The pump told an alarm whose date cannot be right. Whether it still stands, nobody can tell.",
        (
            _REACH,
            "Ask the pump what is so now. If the alarm stands, act as for that alarm.",
            "Have the clock of the device set.",
        ),
        ("When it happened, and whether it is over.",),
    ),
    Subject.CERTIFICATE: Guide(
        "The certificate of a device ends",
        "The certificate by which a device logs in ends soon or has ended. From then on nothing of the device is "
        "heard.",
        (
            "Have it renewed (`pumpwatch certificates renew`), and put into the device.",
            "If it has ended: ask the patient how things are by telephone until the device is heard again.",
        ),
        ("Whether a renewed certificate was put into the device.",),
    ),
    Subject.PATIENT_REPORT: Guide(
        "Patient's report",
        "The patient said something with the handheld.",
        (
            "Call the patient back.",
            "If they heard the pump alarm: have the pump interrogated, whatever Pumpwatch shows.",
            "Write down what was found.",
        ),
        ("What the patient meant. A report by mistake looks the same.",),
    ),
    Subject.UNJUDGED: Guide(
        "Pumpwatch cannot judge this pump",
        "Pumpwatch itself failed on this pump. Its alarms, its reservoir and its demand are not being judged.",
        (
            "Use the backup procedure for this pump: watch it as if there were no Pumpwatch.",
            "Tell whoever operates Pumpwatch; what went wrong stands in its log.",
            "The alert ends by itself as soon as the pump can be judged again.",
        ),
        ("Anything about this pump.",),
    ),
}

_AT_RISK: Final = frozenset(
    {
        Subject.INFUSION_STOPPED,
        Subject.REPLACEMENT,
        Subject.MEMORY,
        Subject.BATTERY,
        Subject.CATHETER,
        Subject.OTHER_ALARM,
        Subject.LOW_RESERVOIR,
        Subject.POCKET_FILL,
        Subject.UNDER_DELIVERY,
        Subject.ALARM_WITH_WRONG_CLOCK,
        Subject.UNJUDGED,
    }
)
"""Where the patient may be getting too little."""


def danger_words(subject: Subject, drug: str | None, texts: Texts = ENGLISH) -> str | None:
    """What is said first where the therapy may stop and the pump holds a drug that is dangerous to stop [8]."""
    if drug is None or subject not in _AT_RISK:
        return None
    return texts.say(
        "The pump holds %(drug)s, and to be without it suddenly can be life-threatening [8]. Do not wait for symptoms: "
        "follow your clinic's procedure for withdrawal.",
        drug=drug,
    )
