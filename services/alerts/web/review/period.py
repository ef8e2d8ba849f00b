"""PURE. The time that a review sheet is about, on the clinic's clock.

A sheet is made before a visit, at it or after it. So a refill of less than a day ago belongs to this visit, and the
time since the last one begins with the refill before. It never begins before the pump was implanted in this patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from schemas.parts.paging import QuietHours
from services.people.rota.local_time import first_moment
from services.texts.model import ENGLISH, Texts, msgid

THIS_VISIT: Final = timedelta(days=1)
LONGEST_WEEKS: Final = 26
"""No refill is further apart: six months are the most that a drug is stable in a pump (docs/domain.md section 1)."""
_DAY: Final = timedelta(days=1)


class Choice(StrEnum):
    """What may be asked for."""

    REFILL = "refill"
    FOUR = "4w"
    EIGHT = "8w"
    TWELVE = "12w"


WORDS: Final = {
    Choice.REFILL: msgid("Since the last refill"),
    Choice.FOUR: msgid("4 weeks"),
    Choice.EIGHT: msgid("8 weeks"),
    Choice.TWELVE: msgid("12 weeks"),
}
_WEEKS: Final = {Choice.FOUR: 4, Choice.EIGHT: 8, Choice.TWELVE: 12}


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` (inclusive) to `until`."""

    since: datetime
    until: datetime
    zone: ZoneInfo
    night: QuietHours
    why: str
    """Why it begins then, in words."""

    @property
    def days(self) -> tuple[date, ...]:
        """The days that it touches, the first and the last perhaps in part."""
        first, last = self.day_of(self.since), self.day_of(self.until)
        return tuple(first + index * _DAY for index in range((last - first).days + 1))

    def day_of(self, at: datetime) -> date:
        """The date on the clinic's wall."""
        return at.astimezone(self.zone).date()


def period_of(
    choice: Choice,
    *,
    until: datetime,
    refills_at: Sequence[datetime],
    implanted_at: datetime | None,
    zone: ZoneInfo,
    night: QuietHours,
    texts: Texts = ENGLISH,
) -> Period:
    """The time that was asked for.

    Args:
        choice: What was asked for.
        until: Its end.
        refills_at: Of this patient, in any order.
        implanted_at: When the pump was implanted in this patient; None: as far back as anybody knows.
        zone: The clinic's.
        night: When it is night there.
        texts: Of whoever reads.
    """
    before = [at for at in refills_at if until - timedelta(weeks=LONGEST_WEEKS) <= at <= until - THIS_VISIT]
    if choice is Choice.REFILL and before:
        since, why = max(before), texts.say("since the last refill")
        if any(until - THIS_VISIT < at <= until for at in refills_at):
            why = texts.say("since the refill before; the one of today belongs to this visit")
    else:
        weeks = _WEEKS.get(choice, 12)
        first = until.astimezone(zone).date() - (7 * weeks - 1) * _DAY
        since, why = first_moment(first, "00:00", zone.key), texts.say("%(count)s weeks", count=weeks)
        if choice is Choice.REFILL:
            why = texts.say(
                "%(count)s weeks, as no earlier refill of the last %(longest)s weeks is known",
                count=weeks,
                longest=LONGEST_WEEKS,
            )
    if implanted_at is not None and implanted_at > since:
        since, why = implanted_at, texts.say("since the pump was implanted in this patient")
    return Period(min(since, until), until, zone, night, why)
