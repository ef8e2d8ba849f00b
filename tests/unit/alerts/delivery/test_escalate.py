"""Who is told, and when: episodes and steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.policy import Channel, Contact, EscalationStep, Policy, Priority, Route
from services.alerts.delivery.escalate import Episode, after_failure, current_episode, due_deliveries, reaches_nobody
from services.alerts.delivery.planned import PlannedDelivery
from services.alerts.model import AlertState, Page, TransitionKind
from tests.unit.alerts.rules.builders import HIGH, INFO, LOW, MEDIUM, NOW, ago, alert, occasion, page

Kind, State = TransitionKind, AlertState


def contact(name: str, *channels: str) -> Contact:
    return Contact(
        name=name,
        channels=tuple(Channel(name=each, url="json://example.org/") for each in channels),
        all_channels_at_once=True,
    )


def step(minutes: float, *names: str) -> EscalationStep:
    return EscalationStep(after_minutes=minutes, contacts=names)


POLICY = Policy(
    contacts=(contact("nurse", "sms", "push"), contact("doctor", "sms")),
    routes={
        HIGH: Route(steps=(step(0, "nurse"), step(5, "doctor"), step(10, "nurse", "doctor"))),
        MEDIUM: Route(steps=(step(5, "nurse"),)),
        LOW: Route(),
    },
)
OPENED_MEDIUM = page(Kind.OPENED, 1, 9, MEDIUM, None)
OPENED = page(Kind.OPENED, 1, 9, HIGH, None)


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        pytest.param((), None, id="never paged"),
        pytest.param((OPENED,), ("opened", 9, HIGH), id="opened"),
        pytest.param(
            (OPENED_MEDIUM, page(Kind.PRIORITY_RAISED, 4, 2, HIGH, State.ACTIVE)), ("priority:high", 2, HIGH), id="rose"
        ),
        pytest.param(
            (
                OPENED_MEDIUM,
                page(Kind.PRIORITY_RAISED, 4, 5, HIGH, State.ACTIVE),
                page(Kind.PRIORITY_RAISED, 6, 2, HIGH, State.ACTIVE),
            ),
            ("priority:high", 5, HIGH),
            id="fell and rose again: the steps go on",
        ),
        pytest.param(
            (OPENED, page(Kind.PRIORITY_RAISED, 6, 2, HIGH, State.ACTIVE)), ("opened", 9, HIGH), id="was as high before"
        ),
        pytest.param(
            (OPENED_MEDIUM, page(Kind.PRIORITY_RAISED, 6, 2, HIGH, State.ACKNOWLEDGED)),
            ("priority:high:6", 2, HIGH),
            id="rose after somebody took it",
        ),
        pytest.param((OPENED, page(Kind.RETURNED, 8, 1, HIGH, State.CLEARED)), ("returned:8", 1, HIGH), id="returned"),
        pytest.param(
            (OPENED, page(Kind.ACKNOWLEDGEMENT_EXPIRED, 8, 1, MEDIUM, State.ACKNOWLEDGED)),
            ("expired:8", 1, MEDIUM),
            id="expired",
        ),
        pytest.param(
            (
                OPENED,
                page(Kind.ACKNOWLEDGEMENT_EXPIRED, 8, 2, MEDIUM, State.ACKNOWLEDGED),
                page(Kind.PRIORITY_RAISED, 9, 1, HIGH, State.ACTIVE),
            ),
            ("priority:high", 1, HIGH),
            id="expired lower, and rose",
        ),
    ],
)
def test_the_episode(pages: tuple[Page, ...], expected: tuple[str, float, Priority] | None) -> None:
    assert current_episode(pages) == (expected and Episode(occasion(expected[0]), ago(expected[1]), expected[2]))


@pytest.mark.parametrize(
    ("minutes", "have", "expected"),
    [
        (0, set(), ["opened nurse sms", "opened nurse push"]),
        (4.9, {"opened"}, []),
        (5, {"opened"}, ["opened/step:1 doctor sms"]),
        (5, set(), ["opened nurse sms", "opened nurse push", "opened/step:1 doctor sms"]),
        (
            30,
            {"opened", "opened/step:1"},
            ["opened/step:2 nurse sms", "opened/step:2 nurse push", "opened/step:2 doctor sms"],
        ),
        (30, {"opened", "opened/step:1", "opened/step:2"}, []),
    ],
)
def test_steps_become_due(minutes: float, have: set[str], expected: list[str]) -> None:
    open_alert = alert(
        pages=(page(Kind.OPENED, 1, minutes / 60, HIGH, None),), occasions=frozenset(map(occasion, have))
    )
    found = due_deliveries(open_alert, POLICY, NOW)
    assert [f"{each.occasion} {each.contact} {each.channel}" for each in found] == expected


@pytest.mark.parametrize(
    "open_alert",
    [
        pytest.param(alert(state=State.ACKNOWLEDGED, pages=(OPENED,)), id="somebody has it"),
        pytest.param(alert(state=State.CLEARED, pages=(OPENED,)), id="over"),
        pytest.param(alert(pages=()), id="never paged"),
        pytest.param(alert(pages=(page(Kind.OPENED, 1, 9, LOW, None),)), id="a route without steps"),
        pytest.param(alert(pages=(page(Kind.OPENED, 1, 9, INFO, None),)), id="no route"),
        pytest.param(alert(pages=(page(Kind.OPENED, 1, 0, MEDIUM, None),)), id="a first step that waits"),
    ],
)
def test_nobody_is_told(open_alert) -> None:
    assert due_deliveries(open_alert, POLICY, NOW) == ()


def test_a_new_episode_tells_again() -> None:
    pages = (OPENED, page(Kind.RETURNED, 8, 0, HIGH, State.CLEARED))
    found = due_deliveries(alert(pages=pages, occasions=frozenset({occasion("opened")})), POLICY, NOW)
    assert {each.occasion for each in found} == {occasion("returned:8")}


def test_what_flaps_goes_on_with_its_episode() -> None:
    flapped = replace(page(Kind.RETURNED, 8, 0, HIGH, State.CLEARED), flapped=True)
    assert current_episode((OPENED, flapped)) == Episode(occasion("opened"), ago(9), HIGH)


ONE_BY_ONE = POLICY.model_copy(
    update={
        "contacts": tuple(
            each.model_copy(update={"all_channels_at_once": each.name == "both"})
            for each in (contact("nurse", "sms", "push"), contact("doctor", "sms", "push"), contact("both", "a", "b"))
        )
    }
)


def test_the_first_channel_is_used_first() -> None:
    found = due_deliveries(alert(pages=(page(Kind.OPENED, 1, 0.01, HIGH, None),)), ONE_BY_ONE, NOW)
    assert [(each.contact, each.channel) for each in found] == [("nurse", "sms")]


@pytest.mark.parametrize(
    ("failed", "attempts", "final", "expected"),
    [
        pytest.param("opened nurse sms", 1, False, [], id="once: it is tried again"),
        pytest.param("opened nurse sms", 2, False, ["opened nurse push"], id="twice: the next channel"),
        pytest.param("opened nurse sms", 1, True, ["opened nurse push"], id="for good: the next channel"),
        pytest.param("opened nurse push", 9, False, [], id="the last channel: it is tried again"),
        pytest.param("opened nurse push", 12, True, ["opened/step:1 doctor sms"], id="for good: the next contact"),
        pytest.param(
            "opened/step:1 doctor push",
            12,
            True,
            ["opened/step:2 nurse sms", "opened/step:2 doctor sms"],
            id="and the one after",
        ),
        pytest.param("opened/step:2 doctor push", 12, True, [], id="nobody is left"),
        pytest.param("expired:7 both a", 1, True, ["expired:7/step:1 doctor sms"], id="all were used at once"),
        pytest.param(
            "opened somebody fax", 1, True, ["opened/step:1 doctor sms"], id="the policy knows no such contact"
        ),
    ],
)
def test_who_is_told_instead(failed: str, attempts: int, final: bool, expected: list[str]) -> None:
    why, *to = failed.split()
    found = after_failure(PlannedDelivery(occasion(why), *to), HIGH, ONE_BY_ONE, attempts, final=final)
    assert [f"{each.occasion} {each.contact} {each.channel}" for each in found] == expected


def test_without_a_route_nobody_is_told_instead() -> None:
    assert after_failure(PlannedDelivery(occasion("opened"), "x", "y"), INFO, ONE_BY_ONE, 1, final=True) == ()


@pytest.mark.parametrize(("priority", "expected"), [(HIGH, False), (MEDIUM, False), (LOW, True), (INFO, True)])
def test_whether_anybody_can_be_reached(priority: Priority, expected: bool) -> None:
    assert reaches_nobody(POLICY, priority) is expected
