"""PURE. Who is to be told about an alert, and when.

Guarantees: what is planned depends on the alert's audited pages, the policy and the time alone, so asking
again plans nothing twice; every planned delivery belongs to one occasion, and an occasion is unique for its
alert.

An **episode** begins when an alert pages: it opened, rose above everything it was before, returned, or its
acknowledgement expired. Its steps are counted from that moment. A priority that falls and rises again
inside an episode neither pages again nor puts off the next step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.policy import Policy, Priority
from services.alerts.model import (
    AlertState,
    OpenAlert,
    Page,
    PlannedDelivery,
    TransitionKind,
)


@dataclass(frozen=True, slots=True)
class Episode:
    """The span in which one thing is to be made known: its name (an occasion), its start and priority."""

    occasion: str
    began_at: datetime
    priority: Priority


def current_episode(pages: Iterable[Page]) -> Episode | None:
    """The episode that the newest of an alert's pages (oldest first) belongs to; None: it never paged."""
    episode: Episode | None = None
    for page in pages:
        if episode is None or _begins_anew(page):
            episode = Episode(_occasion(page), page.at, page.priority)
        elif page.priority.rank > episode.priority.rank:
            episode = Episode(f"priority:{page.priority}", page.at, page.priority)
    return episode


def due_deliveries(alert: OpenAlert, policy: Policy, now: datetime) -> tuple[PlannedDelivery, ...]:
    """Every delivery that should exist by now for an active alert, and does not.

    The steps of the route of the episode's priority: the first step's occasion is the episode's name, the
    next one's "<name>/step:1". A step that has deliveries is left alone, so a policy that changes does not
    page old steps again.
    """
    episode = current_episode(alert.pages)
    if episode is None or alert.state is not AlertState.ACTIVE:
        return ()
    route = policy.routes.get(episode.priority)
    planned: list[PlannedDelivery] = []
    for place, step in enumerate(route.steps if route else ()):
        occasion = episode.occasion if place == 0 else f"{episode.occasion}/step:{place}"
        is_due = episode.began_at + timedelta(minutes=step.after_minutes) <= now
        if is_due and occasion not in alert.occasions:
            planned.extend(
                PlannedDelivery(occasion, contact.name, channel.name)
                for contact in policy.contacts
                if contact.name in step.contacts
                for channel in contact.channels
            )
    return tuple(planned)


def reaches_nobody(policy: Policy, priority: Priority) -> bool:
    """Tell whether the policy names nobody at all to be told of an alert of this priority."""
    route = policy.routes.get(priority)
    return route is None or not route.steps


def _begins_anew(page: Page) -> bool:
    return (
        page.kind in (TransitionKind.RETURNED, TransitionKind.ACKNOWLEDGEMENT_EXPIRED)
        or page.from_state is AlertState.ACKNOWLEDGED
    )


def _occasion(page: Page) -> str:
    if page.kind is TransitionKind.OPENED:
        return "opened"
    if page.kind is TransitionKind.PRIORITY_RAISED:
        return f"priority:{page.priority}:{page.seq}"
    if page.kind is TransitionKind.RETURNED:
        return f"returned:{page.seq}"
    return f"expired:{page.seq}"
