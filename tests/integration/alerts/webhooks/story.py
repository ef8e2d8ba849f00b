"""A story whose alerts go to a program, and perhaps to a person's pager beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schemas.policy import Channel, Contact, Policy, Priority
from services.alerts.delivery.channels import Channels
from services.alerts.delivery.dispatch import Dispatcher
from services.alerts.delivery.webhooks.resend import Replays
from tests.alerts_world import Story, route
from tests.integration.alerts.webhooks.receiver import Program
from tests.stack import Database


class Told(Story):
    """A dispatcher sends after each step, and nothing is taken as sent."""

    signed_at: datetime | None = None
    """What the sender's clock says; None: what the machine's does, which receivers have."""

    @property
    def channels(self) -> Channels:
        return Channels(0.8, clock=lambda: self.signed_at or datetime.now(UTC))

    async def step(self, text: str, *, seconds: float = 60) -> None:
        self.later(seconds)
        await self._step(self.new_worker(), text)
        await self.send()

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def send(self) -> None:
        resources = self.resources(send_timeout_seconds=0.8, send_attempts=3)
        await Dispatcher(resources, self.channels).send_due()

    def replays(self) -> Replays:
        return Replays(self.resources(), self.channels)


def policy_for(program: Program, *others: str, **more: object) -> Policy:
    """A program, and people by these addresses, who are told at the same time."""
    contacts = [Contact(name="program", channels=(Channel(name="events", url=program.url),))]
    contacts += [
        Contact(name=f"person {number}", channels=(Channel(name="pager", url=url),))
        for number, url in enumerate(others, 1)
    ]
    first = [(0.0, each.name) for each in contacts]
    return Policy.model_validate({"contacts": contacts, "routes": {Priority.HIGH: route(*first)}} | more)


async def told(database: Database, policy: Policy, *steps: str) -> Told:
    story = Told(database.pool, database.dsn, policy=policy)
    await story.enrol()
    for step in steps:
        await story.step(step)
    return story
