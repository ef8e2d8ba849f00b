"""PURE. Do pages that wait go out one by one, or as one?

Guarantees: high pages are never asked about: each is about one patient, and goes out by itself at once. Others wait for
a moment; when enough of one kind (clinic, contact, channel, rule, priority, step) are there, they become one page that
says how many there are and where to see every one of them. A kind of which one such page has just gone out waits for
the rest of the interval, so that a clinic whose network is down gets one page, and then one for all that followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from schemas.policy import PagingPolicy, Priority
from services.alerts.delivery.page_text import PageText
from services.alerts.wording import priority_words, rule_words
from services.texts.model import ENGLISH, Texts


class GroupDecision(StrEnum):
    """What becomes of the pages of one kind that wait."""

    WAIT = "wait"
    SINGLY = "singly"
    TOGETHER = "together"


@dataclass(frozen=True, slots=True)
class WaitingPages:
    """Pages of one kind: how many, since when the first and the last are due, and when a group of them last went."""

    count: int
    first_at: datetime
    last_at: datetime
    last_group_at: datetime | None = None


def waits_for_others(priority: Priority) -> bool:
    """Tell whether a page of this priority waits for more of its kind at all."""
    return priority is not Priority.HIGH


def decide_group(waiting: WaitingPages, paging: PagingPolicy, now: datetime) -> GroupDecision:
    """Decide about the pages of one kind."""
    settled_at = min(
        waiting.last_at + timedelta(seconds=paging.group_wait_seconds),
        waiting.first_at + timedelta(seconds=paging.group_longest_seconds),
    )
    interval = timedelta(minutes=paging.group_interval_minutes)
    in_interval = waiting.last_group_at is not None and waiting.last_at < waiting.last_group_at + interval
    if in_interval and waiting.last_group_at is not None:
        settled_at = max(settled_at, waiting.last_group_at + interval)
    if now < settled_at:
        return GroupDecision.WAIT
    if waiting.count >= paging.group_from or (in_interval and waiting.count > 1):
        return GroupDecision.TOGETHER
    return GroupDecision.SINGLY


def group_text(
    rule: str,
    priority: Priority,
    count: int,
    step: int,
    public_url: str,
    clinic_query: str,
    texts: Texts = ENGLISH,
) -> PageText:
    """Write the page for many alerts; free of patient data, as it names nobody."""
    return PageText(
        title=texts.say(
            "Pumpwatch %(priority)s%(again)s: %(count)s alerts: %(what)s",
            priority=priority_words(priority, texts).upper(),
            again=texts.say(" (nobody has acknowledged)") if step else "",
            count=count,
            what=rule_words(rule, texts=texts),
        ),
        body=texts.say(
            "%(count)s alerts of one kind at once. Open %(url)s",
            count=count,
            url=f"{public_url.rstrip('/')}/?{clinic_query}",
        ),
    )
