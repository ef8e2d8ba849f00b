"""PURE. What is said of a pump that Pumpwatch itself cannot judge, because of a fault of Pumpwatch.

Until it can again, nothing about this pump is decided: no alert opens and none closes, and those that are open go on
being paged. So it is a high alert, which ends by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from schemas.policy import Policy, Priority
from services.alerts.delivery.page_text import PageText
from services.alerts.delivery.planned import Notice
from services.alerts.health.troubles import notices_to_first_step
from services.alerts.model import Condition, RuleName, Strength
from services.alerts.said.model import Said, sentence
from services.texts.model import TextsOf, in_english

KEY = "evaluation"
_SAID: Final[Said] = (
    sentence("Its alarms, its reservoir and its demand are not being judged, by a fault of Pumpwatch."),
    sentence("Use the backup procedure for this pump, and tell the operator."),
    sentence("It is tried again by itself."),
)


def unjudged(error: str, now: datetime) -> Condition:
    """The condition of such a pump."""
    return Condition(
        rule=RuleName.PUMP_UNJUDGED,
        key=KEY,
        priority=Priority.HIGH,
        strength=Strength.FULL,
        since=now,
        title="Pumpwatch cannot judge this pump",
        said=_SAID,
        evidence={"error": error},
    )


def unjudged_notices(
    pump_id: str,
    policy: Policy,
    clinic_id: str,
    now: datetime,
    public_url: str,
    texts_of: TextsOf = in_english,
) -> Iterator[Notice]:
    """Whom to tell where not even an alert can be written, once a day: the first step of the clinic's high route."""
    texts = texts_of(policy.language)
    title = texts.say("Pumpwatch HIGH: a pump cannot be judged")
    if policy.include_patient_data:
        title = texts.say("Pumpwatch HIGH: pump %(pump)s cannot be judged", pump=pump_id)
    text = PageText(
        title=title,
        body=texts.say(
            "It is not being watched. Use the backup procedure, and tell the operator. Board: %(url)s",
            url=f"{public_url.rstrip('/')}/",
        ),
    )
    yield from notices_to_first_step(policy, clinic_id, f"unjudged:{pump_id}:{now:%Y-%m-%d}", text)
