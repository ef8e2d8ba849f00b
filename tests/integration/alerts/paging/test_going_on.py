"""A page goes on until a person answers: timelines (tests.alerts_world), with the repeats that they make."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.policy import Channel, Contact, EscalationStep, PagingPolicy, Policy, Priority, Route
from services.devstack.pages import PageCollector
from tests.alerts_pages import dispatcher_for
from tests.alerts_world import POLICY, T0, Step, Story, contact, enrol
from tests.integration.alerts.timelines import OPENED_STALL, RECOVERED, STALL, case
from tests.stack import Database

NO_GROUPS = PagingPolicy(group_wait_seconds=0)
EXPIRED_LOW = "725 low_reservoir acknowledgement_expired medium"
UNANSWERED = [
    case(
        "nobody ever answers: the last step again every five minutes",
        [(0, STALL), *((minute, "tick") for minute in range(1, 31))],
        [OPENED_STALL],
        [
            "0 nurse opened",
            "10 doctor step:1",
            *(f"{10 + 5 * again} doctor step:{1 + again}" for again in range(1, 5)),
        ],
    ),
    case(
        "nobody answers a medium one: again every half hour",
        [(0, "alarm other raised"), *((minute, "tick") for minute in range(5, 95, 5))],
        ["0 pump_alarm opened medium"],
        ["0 nurse opened", "30 nurse step:1", "60 nurse step:2", "90 nurse step:3"],
    ),
    case(
        "somebody answers a repeat: silence",
        [(0, STALL), (10, "tick"), (15, "tick"), (18, "ack Ann"), (20, "tick"), (60, "tick")],
        [OPENED_STALL, "18 pump_alarm acknowledged high"],
        ["0 nurse opened", "10 doctor step:1", "15 doctor step:2"],
    ),
    case(
        "it ends between repeats, and what returns begins anew",
        [
            (0, STALL),
            (10, "tick"),
            (15, "tick"),
            (16, RECOVERED),
            (30, "tick"),
            (40, STALL),
            (50, "tick"),
            (55, "tick"),
        ],
        [OPENED_STALL, "16 pump_alarm cleared high", "40 pump_alarm returned high"],
        [
            "0 nurse opened",
            "10 doctor step:1",
            "15 doctor step:2",
            "40 nurse returned",
            "50 doctor step:1",
            "55 doctor step:2",
        ],
    ),
    case(
        "what flaps goes on with its repeats",
        [(0, STALL), (10, "tick"), (12, RECOVERED), (14, STALL), (15, "tick"), (19, "tick"), (20, "tick")],
        [OPENED_STALL, "12 pump_alarm cleared high", "14 pump_alarm returned high"],
        ["0 nurse opened", "10 doctor step:1", "15 doctor step:2", "20 doctor step:3"],
    ),
    case(
        "an acknowledgement expires while the condition only lingers: somebody is told",
        [(0, "level 1.9"), (5, "ack Ann"), (60, "level 2.5"), (724, "tick"), (725, "tick"), (755, "tick")],
        ["0 low_reservoir opened medium", "5 low_reservoir acknowledged medium", EXPIRED_LOW],
        ["0 nurse opened", "725 nurse expired", "755 nurse step:1"],
    ),
    case(
        "a worker that was away for two hours repeats once and not twenty times",
        [(0, STALL), (10, "tick"), (130, "tick"), (131, "tick"), (135, "tick")],
        [OPENED_STALL],
        ["0 nurse opened", "10 doctor step:1", "130 doctor step:2", "135 doctor step:3"],
    ),
]


@pytest.mark.parametrize("rough", [False, True], ids=["plain", "rough"])
@pytest.mark.parametrize(("steps", "trail", "pages"), UNANSWERED)
async def test_timeline(database: Database, steps: list[Step], trail: list[str], pages: list[str], rough: bool) -> None:
    story = Story(database.pool, database.dsn, rough=rough)
    await story.run(steps)
    assert await story.trail() == trail
    assert await story.pages() == pages


def once(name: str = "nurse", channel: str = "sms", url: str = "env:NOT_SET") -> Policy:
    """Who is told of everything, one time."""
    step = EscalationStep(after_minutes=0, contacts=(name,))
    contacts = (Contact(name=name, channels=(Channel(name=channel, url=url),)),)
    return Policy(contacts=contacts, routes=dict.fromkeys(Priority, Route(steps=(step,), repeat_minutes=0)))


@pytest.mark.usefixtures("apprise_is_loaded")
@pytest.mark.parametrize("what", ["the address was wrong", "the contact has another name", "another channel"])
@pytest.mark.parametrize("alarm", ["motor_stall", "other"])
async def test_what_reached_nobody_is_paged_when_the_policy_is_mended(
    database: Database, page_collector: PageCollector, what: str, alarm: str
) -> None:
    url = page_collector.url
    good = {"the contact has another name": once("ward", url=url), "another channel": once(channel="push", url=url)}
    mended = good.get(what, once(url=url))
    planned_by = once() if what == "the address was wrong" else once(url=url)
    sent_by = planned_by if what == "the address was wrong" else mended
    story = Story(database.pool, database.dsn, policy=planned_by.model_copy(update={"paging": NO_GROUPS}))
    await story.enrol()
    await story._step(story.new_worker(), f"alarm {alarm} raised")
    story.policy = sent_by.model_copy(update={"paging": NO_GROUPS})
    await dispatcher_for(story.resources()).send_due()
    assert await database.pool.fetchval("SELECT state FROM deliveries") == "failed"
    story.policy = mended.model_copy(update={"paging": NO_GROUPS})
    for second in range(1, 130, 2):
        story.now = T0 + timedelta(seconds=second)
        await story.new_worker().escalate_once()
        await dispatcher_for(story.resources()).send_due()
    assert len(page_collector.pages) == 1


@pytest.mark.usefixtures("apprise_is_loaded")
@pytest.mark.parametrize(
    ("before", "worse"),
    [
        pytest.param(["alarm memory_error raised"], "alarm critical_memory_error raised", id="for the first time"),
        pytest.param(
            [
                "alarm memory_error raised",
                "alarm critical_memory_error raised",
                "alarm critical_memory_error cleared",
            ],
            "alarm critical_memory_error raised",
            id="as bad as it was before",
        ),
        pytest.param(["alarm other raised", "alarm other cleared"], "alarm other raised", id="it returns"),
    ],
)
async def test_what_reached_nobody_is_paged_when_it_worsens(
    database: Database, page_collector: PageCollector, before: list[str], worse: str
) -> None:
    story = Story(database.pool, database.dsn, policy=once().model_copy(update={"paging": NO_GROUPS}))
    await story.enrol()
    for second, text in enumerate(before):
        story.now = T0 + timedelta(seconds=second)
        await story._step(story.new_worker(), text)
        await dispatcher_for(story.resources()).send_due()
    assert {row["state"] for row in await database.pool.fetch("SELECT state FROM deliveries")} == {"failed"}
    story.policy = once(url=page_collector.url).model_copy(update={"paging": NO_GROUPS})
    story.now = T0 + timedelta(minutes=1)
    await story._step(story.new_worker(), worse)
    await dispatcher_for(story.resources()).send_due()
    assert len(page_collector.pages) == 1


@pytest.mark.usefixtures("apprise_is_loaded")
async def test_repeats_are_grouped_as_first_pages_are(database: Database, page_collector: PageCollector) -> None:
    """Nobody answers six alarms of one kind: one page, and half an hour later one more."""
    story = Story(database.pool, database.dsn)
    story.policy = POLICY.model_copy(update={"contacts": (contact("nurse", page_collector.url), contact("doctor"))})
    names = await enrol(database, 6)
    await database.pool.execute(
        "INSERT INTO pump_alarms (pump_id, observed_at, event_id, received_at, device_id, code, state) "
        "SELECT each, $2, gen_random_uuid(), $2, each, 'other', 'raised' FROM unnest($1::text[]) AS each",
        names,
        T0,
    )
    await database.pool.execute("INSERT INTO evaluation_queue (pump_ids) VALUES ($1)", names)
    await story.new_worker().queue_once()
    for minutes in (0, 29, 31):
        story.now = T0 + timedelta(minutes=minutes)
        await story.new_worker().escalate_once()
        story.now += timedelta(seconds=6)
        await dispatcher_for(story.resources()).send_due()
    assert [page.title for page in page_collector.pages] == [
        "Pumpwatch MEDIUM: 6 alerts: pump alarm",
        "Pumpwatch MEDIUM (nobody has acknowledged): 6 alerts: pump alarm",
    ]


async def test_what_cannot_be_sent_is_not_tried_with_every_evaluation(database: Database) -> None:
    story = Story(database.pool, database.dsn, policy=once())
    await story.enrol()
    await story._step(story.new_worker(), STALL)
    for second in range(0, 240, 2):
        story.now = T0 + timedelta(seconds=second)
        await story.new_worker().escalate_once()
        await dispatcher_for(story.resources()).send_due()
    moments = await database.pool.fetch("SELECT created_at FROM deliveries ORDER BY created_at")
    assert [(row["created_at"] - T0).total_seconds() for row in moments] == [0, 60, 120]


@pytest.mark.parametrize(
    ("before", "minute", "times"),
    [
        pytest.param([(0, STALL), (1, "ack Ann"), (2, "alarm other raised")], 3, [0, 0, 0], id="active and taken"),
        pytest.param([(0, "level 1.9"), (5, "ack Ann"), (60, "level 2.5")], 725, [1, 0, 0], id="taken too long ago"),
    ],
)
async def test_a_pump_of_which_nobody_has_to_be_told_is_not_evaluated_over_and_over(
    database: Database, before: list[Step], minute: float, times: list[int]
) -> None:
    story = Story(database.pool, database.dsn)
    await story.run(before)
    looked = []
    for second in range(3):
        story.now = T0 + timedelta(minutes=minute, seconds=2 * second)
        looked.append(await story.new_worker().escalate_once())
    assert looked == times


async def test_an_acknowledgement_of_a_pump_that_cannot_be_judged_expires(database: Database) -> None:
    story = Story(database.pool, database.dsn)
    await story.run([(0, STALL), (5, "ack Ann")])
    await database.pool.execute(
        "INSERT INTO therapies (pump_id, observed_at, event_id, received_at, device_id, drugs, profile, "
        "reservoir_size_ml) VALUES ($1, now(), gen_random_uuid(), now(), $1, '[{}]', '[]', 20)",
        story.pump_id,
    )
    await story.run_more([(725, "tick"), (725.1, "tick")])
    assert [each for each in await story.trail() if "expired" in each] == [
        "725 pump_alarm acknowledgement_expired high"
    ]
    assert "725 nurse expired" in await story.pages()
    assert await story.new_worker().escalate_once() == 0
