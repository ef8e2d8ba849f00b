"""PURE. Who is to be told about an alert, and when.

Guarantees: what is planned depends on the alert's audited pages, the policy and the time alone, so asking
again plans nothing twice; every planned delivery belongs to one occasion, and an occasion is unique for its
alert.

An **episode** begins when an alert pages: it opened, rose above everything it was before, returned, or its
acknowledgement expired. Its steps are counted from that moment. A priority that falls and rises again
inside an episode neither pages again nor puts off the next step, and neither does a condition that flaps.

The last step **repeats**, as often as the policy says for the priority that the alert has now, until somebody
acknowledges or it is over. One repeat is planned at a time and counts from when the page before it went out: an outage
leaves none to be caught up with, and a contact whose page is held, or new, gets no second one behind it.

An episode whose every page failed or was called off has **reached nobody**: everybody whose step has come is told by
the policy of now, at once when that is another policy than the one before, otherwise when as much time again has passed
as since the episode began, at least a minute and at most half an hour.

A contact's channels are used one after the other: the next one when tries on one have failed (unless the policy
says all at once). When a contact's last channel has failed for good, the next step is not waited for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.policy import Contact, EscalationStep, Policy, Priority
from services.alerts.delivery.planned import PlannedDelivery
from services.alerts.model import AlertState, Occasion, OccasionKind, OpenAlert, Page, Told, TransitionKind, Waiting

_TRY_AGAIN_AT_LEAST: Final = timedelta(minutes=1)
_TRY_AGAIN_AT_MOST: Final = timedelta(minutes=30)


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


def due_deliveries(
    alert: OpenAlert, policy: Policy, now: datetime, *, version: str | None = None
) -> tuple[PlannedDelivery, ...]:
    """Every delivery that should exist by now for an active alert, and does not.

    These are steps of the route, or else its last step again, or else a new try of what has reached nobody.

    Args:
        alert: With its pages so far.
        policy: The clinic's.
        now: The moment of the decision.
        version: Of the policy; None: not known.
    """
    return due_steps(alert, policy, now) or _again(alert, policy, now, version)


def due_steps(alert: OpenAlert, policy: Policy, now: datetime) -> tuple[PlannedDelivery, ...]:
    """The steps of the route that are due for an active alert.

    Each step of the route of the episode's priority is an occasion of the episode. A step that has deliveries is left
    alone, so a policy that changes does not page old steps again.
    """
    episode = current_episode(alert.pages)
    if episode is None or alert.state is not AlertState.ACTIVE:
        return ()
    planned: list[PlannedDelivery] = []
    for number, step in enumerate(_steps(policy, episode.priority)):
        occasion = episode.occasion.at_step(number)
        if _is_due(step, episode, now) and occasion not in alert.occasions:
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
    steps = _steps(policy, priority)
    number = failed.occasion.step + 1
    if not final or number >= len(steps):
        return ()
    occasion = failed.occasion.at_step(number)
    return tuple(
        PlannedDelivery(occasion, each.name, each.channels[0].name)
        for each in policy.contacts
        if each.name in steps[number].contacts and each.channels
    )


def reaches_nobody(policy: Policy, priority: Priority) -> bool:
    """Tell whether the policy names nobody at all to be told of an alert of this priority."""
    return not _steps(policy, priority)


def _again(alert: OpenAlert, policy: Policy, now: datetime, version: str | None) -> tuple[PlannedDelivery, ...]:
    """What goes out once more, because nobody has answered or nobody was reached."""
    episode = current_episode(alert.pages)
    if episode is None or alert.state is not AlertState.ACTIVE:
        return ()
    told = next((each for each in alert.told if each.occasion.is_of(episode.occasion)), None)
    steps = _steps(policy, episode.priority)
    if told is None or not steps:
        return ()
    # What looks like over is not told again meanwhile; what reached nobody is.
    every = policy.repeat_minutes(alert.priority) if alert.calm_since is None else None
    was_last = told.occasion.step >= len(steps) - 1
    if was_last and every is not None and now >= told.at + timedelta(minutes=every):
        return _once_more(told, steps[-1].contacts, alert.waiting, policy)
    if not told.reached and (_is_new(version, told) or now >= told.at + _try_again_after(told.at - episode.began_at)):
        come = [name for step in steps if _is_due(step, episode, now) for name in step.contacts]
        return _once_more(told, come, alert.waiting, policy)
    return ()


def _is_new(version: str | None, told: Told) -> bool:
    return version is not None and version != told.policy_version


def _try_again_after(lasted: timedelta) -> timedelta:
    return min(max(lasted, _TRY_AGAIN_AT_LEAST), _TRY_AGAIN_AT_MOST)


def _once_more(
    told: Told, contacts: Collection[str], waiting: frozenset[Waiting], policy: Policy
) -> tuple[PlannedDelivery, ...]:
    occasion = told.occasion.at_step(told.occasion.step + 1)
    return tuple(
        PlannedDelivery(occasion, contact.name, channel, repeats=True)
        for contact in policy.contacts
        if contact.name in contacts
        for channel in _free_channels(contact, waiting)
    )


def _free_channels(contact: Contact, waiting: frozenset[Waiting]) -> list[str]:
    """Over which channels a contact is told again: none while a page waits, past those that fail at the moment."""
    own = [each for each in waiting if each.contact == contact.name]
    if not all(each.fails for each in own):
        return []
    failing = {each.channel for each in own}
    free = [channel.name for channel in contact.channels if channel.name not in failing]
    return free if contact.all_channels_at_once else free[:1]


def _steps(policy: Policy, priority: Priority) -> tuple[EscalationStep, ...]:
    route = policy.routes.get(priority)
    return route.steps if route else ()


def _is_due(step: EscalationStep, episode: Episode, now: datetime) -> bool:
    return episode.began_at + timedelta(minutes=step.after_minutes) <= now


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
