"""A board with as many alerts as a test wants."""

from __future__ import annotations

import re
from uuid import UUID

import httpx

from tests.alerts_world import Story

_FILL = """
    INSERT INTO alerts (clinic_id, pump_id, rule, key, priority, state, title, explanation, since, opened_at,
                        updated_at, policy_version, acknowledged_by, acknowledged_at, cleared_at, closed_at)
    SELECT $1, 'pump-x' || lpad(n::text, 5, '0'), $3, 'k', $4, $5, $6, $7 || n,
           $8::timestamptz - n * interval '1 minute', $8::timestamptz - n * interval '1 minute', $8::timestamptz, 'v',
           $9::text, CASE WHEN $9::text IS NOT NULL THEN $8::timestamptz END,
           CASE WHEN $5 = 'cleared' THEN $8::timestamptz END, CASE WHEN $5 = 'closed' THEN $8::timestamptz END
    FROM generate_series($10::integer, $10::integer + $2::integer - 1) n RETURNING alert_id"""


async def fill(
    story: Story,
    count: int,
    *,
    rule: str = "low_reservoir",
    priority: str = "medium",
    state: str = "active",
    title: str = "Low reservoir",
    explanation: str = "1.5 mL left, below the alarm level of 2.0 mL. If every bolus is used, number ",
    by: str | None = None,
    first: int = 1,
) -> list[UUID]:
    """Put so many alerts of pumps of their own into the story's clinic, each a minute older than the one before."""
    rows = await story.pool.fetch(
        _FILL, story.clinic_id, count, rule, priority, state, title, explanation, story.now, by, first
    )
    return [row["alert_id"] for row in rows]


def shown_in(page: httpx.Response) -> list[UUID]:
    """The alerts of a page of the board, in its order."""
    return [UUID(each) for each in re.findall(r'id="alert-([0-9a-f-]{36})"', page.text)]
