"""Who is told, and when: episodes and steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.policy import Channel, Contact, EscalationStep, Policy, Priority, Route
from services.alerts.delivery.escalate import Episode, after_failure, current_episode, due_deliveries, reaches_nobody
from services.alerts.delivery.planned import PlannedDelivery
from services.alerts.model import AlertState, OpenAlert, Page, Told, TransitionKind, Waiting
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
    contact_name, channel = to
    found = after_failure(
        PlannedDelivery(occasion(why), contact_name, channel), HIGH, ONE_BY_ONE, attempts, final=final
    )
    assert [f"{each.occasion} {each.contact} {each.channel}" for each in found] == expected


def test_without_a_route_nobody_is_told_instead() -> None:
    assert after_failure(PlannedDelivery(occasion("opened"), "x", "y"), INFO, ONE_BY_ONE, 1, final=True) == ()


@pytest.mark.parametrize(("priority", "expected"), [(HIGH, False), (MEDIUM, False), (LOW, True), (INFO, True)])
def test_whether_anybody_can_be_reached(priority: Priority, expected: bool) -> None:
    assert reaches_nobody(POLICY, priority) is expected


def told(newest: str, minutes: float, *, reached: bool = True, version: str | None = None) -> Told:
    """The newest page of an episode, and how long ago it went out."""
    return Told(occasion(newest), ago(minutes / 60), reached, version)


def unanswered(newest: str = "opened/step:2", minutes: float = 5, **values: object) -> OpenAlert:
    """An alert whose every step was told, the last one so long ago."""
    given: dict[str, object] = {"told": (told("returned:3", 999), told(newest, minutes))}
    occasions = frozenset(occasion("opened").at_step(number) for number in range(3))
    return alert(pages=(page(Kind.OPENED, 1, 3, HIGH, None),), occasions=occasions, **given | values)


def due(open_alert: OpenAlert, policy: Policy = POLICY, version: str | None = None) -> list[str]:
    found = due_deliveries(open_alert, policy, NOW, version=version)
    return [f"{each.occasion} {each.contact} {each.channel}" for each in found]


EVERYBODY_AGAIN = ["opened/step:3 nurse sms", "opened/step:3 nurse push", "opened/step:3 doctor sms"]


@pytest.mark.parametrize(
    ("open_alert", "expected"),
    [
        pytest.param(unanswered(minutes=4.9), [], id="not yet"),
        pytest.param(unanswered(), EVERYBODY_AGAIN, id="nobody answered the last step"),
        pytest.param(
            unanswered("opened/step:17"), [each.replace(":3", ":18") for each in EVERYBODY_AGAIN], id="nor a repeat"
        ),
        pytest.param(unanswered(minutes=600), EVERYBODY_AGAIN, id="an outage leaves one, not a hundred"),
        pytest.param(unanswered("opened/step:1"), [], id="the last step is still to come"),
        pytest.param(unanswered(state=State.ACKNOWLEDGED), [], id="somebody has it"),
        pytest.param(unanswered(state=State.CLEARED), [], id="over"),
        pytest.param(unanswered(calm_since=ago(1)), [], id="it looks like over"),
        pytest.param(unanswered(told=()), [], id="nothing of it has been written down"),
        pytest.param(unanswered(priority=MEDIUM), [], id="eased: as often as its priority now says"),
        pytest.param(unanswered(priority=MEDIUM, minutes=30), EVERYBODY_AGAIN, id="eased, 30 minutes later"),
        pytest.param(unanswered(priority=LOW, minutes=9999), [], id="eased to what is not repeated"),
        pytest.param(
            unanswered(waiting=frozenset({Waiting("nurse", "sms")})),
            EVERYBODY_AGAIN[2:],
            id="a page to her waits: none behind it",
        ),
        pytest.param(
            unanswered(waiting=frozenset({Waiting("nurse", "sms", fails=True)})),
            EVERYBODY_AGAIN[1:],
            id="past the channel that fails",
        ),
    ],
)
def test_the_last_step_repeats_until_somebody_answers(open_alert: OpenAlert, expected: list[str]) -> None:
    assert due(open_alert) == expected


def test_a_repeat_says_that_it_is_one() -> None:
    assert {each.repeats for each in due_deliveries(unanswered(), POLICY, NOW)} == {True}
    steps = due_deliveries(alert(pages=(page(Kind.OPENED, 1, 0, HIGH, None),)), POLICY, NOW)
    assert {each.repeats for each in steps} == {False}


def test_of_channels_that_are_used_one_by_one_the_first_that_works_is_used_again() -> None:
    def channels(*failing: str) -> list[str]:
        waiting = frozenset(Waiting("doctor", each, fails=True) for each in failing)
        return [
            each.channel
            for each in due_deliveries(unanswered(waiting=waiting), ONE_BY_ONE, NOW)
            if each.contact == "doctor"
        ]

    assert (channels(), channels("sms"), channels("sms", "push")) == (["sms"], ["push"], [])


@pytest.mark.parametrize(
    ("priority", "given", "expected"),
    [
        (HIGH, None, 5),
        (MEDIUM, None, 30),
        (LOW, None, None),
        (INFO, None, None),
        (HIGH, 0, None),
        (HIGH, 2.5, 2.5),
        (LOW, 240, 240),
    ],
)
def test_how_often_pages_repeat(priority: Priority, given: float | None, expected: float | None) -> None:
    route = Route(steps=(step(0, "nurse"),), repeat_minutes=given)
    policy = POLICY.model_copy(update={"routes": {priority: route}})
    assert policy.repeat_minutes(priority) == expected
    assert Policy().repeat_minutes(priority) == Policy(routes={priority: Route()}).repeat_minutes(priority)


def test_without_a_route_nothing_repeats() -> None:
    assert due(unanswered(), POLICY.model_copy(update={"routes": {}})) == []


def failed(began: float, newest: float, step_number: int = 1, **values: object) -> OpenAlert:
    """An alert that opened `began` minutes ago, and whose pages have all failed, the newest so many minutes ago."""
    occasions = frozenset(occasion("opened").at_step(number) for number in range(step_number + 1))
    given: dict[str, object] = {
        "told": (told(f"opened/step:{step_number}", newest, reached=False, version="old"),),
        "pages": (page(Kind.OPENED, 1, began / 60, HIGH, None),),
    }
    return alert(occasions=occasions, **given | values)


@pytest.mark.parametrize(
    ("open_alert", "version", "expected"),
    [
        pytest.param(failed(2, 0.1), "new", ["opened/step:2 nurse sms", "opened/step:2 nurse push"], id="mended"),
        pytest.param(failed(2, 0.1), "old", [], id="as before: not at once"),
        pytest.param(
            failed(2, 0.1, calm_since=ago(1)),
            "new",
            ["opened/step:2 nurse sms", "opened/step:2 nurse push"],
            id="mended while it looks like over",
        ),
        pytest.param(failed(2, 0.1), None, [], id="nobody knows whether it was mended"),
        pytest.param(failed(1, 1), "old", ["opened/step:2 nurse sms", "opened/step:2 nurse push"], id="after a minute"),
        pytest.param(
            failed(4.9, 3), "old", ["opened/step:2 nurse sms", "opened/step:2 nurse push"], id="as long again"
        ),
        pytest.param(failed(4.9, 2), "old", [], id="not as long again"),
        pytest.param(
            failed(8, 0.1),
            "new",
            [f"opened/step:2 {each}" for each in ("nurse sms", "nurse push", "doctor sms")],
            id="everybody whose step has come",
        ),
        pytest.param(failed(2, 0.1, state=State.ACKNOWLEDGED), "new", [], id="somebody has it"),
        pytest.param(
            failed(2, 0.1, told=(told("opened/step:1", 0.1, version="old"),)), "new", [], id="somebody was reached"
        ),
        pytest.param(failed(2, 0.1, waiting=frozenset({Waiting("nurse", "sms")})), "new", [], id="one is on its way"),
    ],
)
def test_what_reached_nobody_is_told_by_the_policy_of_now(
    open_alert: OpenAlert, version: str | None, expected: list[str]
) -> None:
    assert due(open_alert, POLICY, version) == expected


@pytest.mark.parametrize(("newest", "expected"), [(29, []), (30, ["opened/step:6 nurse sms"])])
def test_what_reaches_nobody_for_long_is_tried_every_half_hour(newest: float, expected: list[str]) -> None:
    """Also where nothing repeats."""
    quiet = Route(steps=(step(0, "nurse"),), repeat_minutes=0)
    assert due(failed(900, newest, 5), ONE_BY_ONE.model_copy(update={"routes": {HIGH: quiet}}), "old") == expected
