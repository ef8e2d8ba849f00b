"""PURE. Who is to be told about an alert, and when.

Guarantees: what is planned depends on the alert's audited pages, the policy and the time alone, so asking
again plans nothing twice; every planned delivery belongs to one occasion, and an occasion is unique for its
alert.

An **episode** begins when an alert pages: it opened, rose above everything it was before, returned, or its
acknowledgement expired. Its steps are counted from that moment. A priority that falls and rises again
inside an episode neither pages again nor puts off the next step, and neither does a condition that flaps.

A contact's channels are used one after the other: the next one when tries on one have failed (unless the policy
says all at once). When a contact's last channel has failed for good, the next step is not waited for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.policy import Policy, Priority
from services.alerts.delivery.planned import PlannedDelivery
from services.alerts.model import AlertState, Occasion, OccasionKind, OpenAlert, Page, TransitionKind


@dataclass(frozen=True, slots=True)
class Episode:
    """The span in which one thing is to be made known: its first occasion, its start and priority."""

    occasion: Occasion
    began_at: datetime
    priority: Priority


def current_episode(pages: Iterable[Page]) -> Episode | None:
    """The episode that the newest of an alert's pages (oldest first) belongs to; None: it never paged."""
    episode: Episode | None = None
    for page in pages:
        if episode is None or _begins_anew(page):
            episode = Episode(_occasion(page), page.at, page.priority)
        elif page.priority.rank > episode.priority.rank:
            episode = Episode(Occasion(OccasionKind.PRIORITY, page.priority.value), page.at, page.priority)
    return episode


def due_deliveries(alert: OpenAlert, policy: Policy, now: datetime) -> tuple[PlannedDelivery, ...]:
    """Every delivery that should exist by now for an active alert, and does not.

    Each step of the route of the episode's priority is an occasion of the episode. A step that has deliveries is left
    alone, so a policy that changes does not page old steps again.
    """
    episode = current_episode(alert.pages)
    if episode is None or alert.state is not AlertState.ACTIVE:
        return ()
    route = policy.routes.get(episode.priority)
    planned: list[PlannedDelivery] = []
    for number, step in enumerate(route.steps if route else ()):
        occasion = episode.occasion.at_step(number)
        is_due = episode.began_at + timedelta(minutes=step.after_minutes) <= now
        if is_due and occasion not in alert.occasions:
            planned.extend(
                PlannedDelivery(occasion, contact.name, channel.name)
                for contact in policy.contacts
                if contact.name in step.contacts
                for channel in (contact.channels if contact.all_channels_at_once else contact.channels[:1])
            )
    return tuple(planned)


def after_failure(
    failed: PlannedDelivery, priority: Priority, policy: Policy, attempts: int, *, final: bool
) -> tuple[PlannedDelivery, ...]:
    """Who is told instead when a try has failed: the contact's next channel, or else those of the next step.

    Args:
        failed: What could not be sent.
        priority: Its priority, which chooses the route.
        policy: The clinic's.
        attempts: How many tries were made of it.
        final: It will not be tried again.
    """
    if not final and attempts < policy.paging.next_channel_after_attempts:
        return ()
    contact = next((each for each in policy.contacts if each.name == failed.contact), None)
    names = [channel.name for channel in contact.channels] if contact and not contact.all_channels_at_once else []
    after = names[names.index(failed.channel) + 1 :] if failed.channel in names else []
    if after:
        return (PlannedDelivery(failed.occasion, failed.contact, after[0]),)
    route = policy.routes.get(priority)
    number = failed.occasion.step + 1
    if not final or route is None or number >= len(route.steps):
        return ()
    occasion = failed.occasion.at_step(number)
    return tuple(
        PlannedDelivery(occasion, each.name, each.channels[0].name)
        for each in policy.contacts
        if each.name in route.steps[number].contacts
    )


def reaches_nobody(policy: Policy, priority: Priority) -> bool:
    """Tell whether the policy names nobody at all to be told of an alert of this priority."""
    route = policy.routes.get(priority)
    return route is None or not route.steps


def _begins_anew(page: Page) -> bool:
    return (
        (page.kind is TransitionKind.RETURNED and not page.flapped)
        or page.kind is TransitionKind.ACKNOWLEDGEMENT_EXPIRED
        or page.from_state is AlertState.ACKNOWLEDGED
    )


def _occasion(page: Page) -> Occasion:
    match page.kind:
        case TransitionKind.OPENED:
            return Occasion(OccasionKind.OPENED)
        case TransitionKind.PRIORITY_RAISED:
            return Occasion(OccasionKind.PRIORITY, f"{page.priority}:{page.seq}")
        case TransitionKind.RETURNED:
            return Occasion(OccasionKind.RETURNED, str(page.seq))
        case _:
            return Occasion(OccasionKind.EXPIRED, str(page.seq))
