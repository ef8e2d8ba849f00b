"""PURE. Pages that are to go out, before they are written down."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from schemas.policy import Policy, Priority
from services.alerts.delivery.page_text import PageText
from services.alerts.model import Occasion
from services.texts.model import ENGLISH, Texts, msgid


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """One page to one contact over one channel, on one occasion.

    `repeats`: it is no step of the route, but goes out because an earlier page was not answered or reached nobody.
    """

    occasion: Occasion
    contact: str
    channel: str
    repeats: bool = False


class Failed(Protocol):
    """A page that did not reach who it was for."""

    @property
    def delivery_id(self) -> UUID:
        """Of the page."""

    @property
    def clinic_id(self) -> str:
        """Whose it is."""

    @property
    def contact(self) -> str:
        """Who it was for."""

    @property
    def channel(self) -> str:
        """By which it was sent."""

    @property
    def attempts(self) -> int:
        """How often."""

    @property
    def occasion(self) -> Occasion:
        """Why it went out."""

    @property
    def priority(self) -> Priority:
        """Its own."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A page about Pumpwatch itself, to one contact of one clinic, once for each time that it happens."""

    clinic_id: str
    occasion: Occasion
    contact: str
    channel: str
    text: PageText
    priority: Priority = Priority.HIGH


def first_told(policy: Policy) -> frozenset[str]:
    """The contacts of the first step of the high route: who is told where nobody else can be."""
    route = policy.routes.get(Priority.HIGH)
    return frozenset(route.steps[0].contacts if route and route.steps else ())


def notices_to(
    names: Collection[str], policy: Policy, clinic_id: str, occasion: Occasion, text: PageText, priority: Priority
) -> Iterator[Notice]:
    """One for each of these contacts that can be told, over its first channel; `policy` as it holds now."""
    for contact in policy.contacts:
        if contact.name in names and contact.channels:
            yield Notice(clinic_id, occasion, contact.name, contact.channels[0].name, text, priority)


@dataclass(frozen=True, slots=True)
class About:
    """Which alert a page is about, for a receiver that takes more than words."""

    alert_id: UUID
    rule: str
    key: str
    pump_id: str
    patient_ref: str | None = None
    """The clinic's own opaque reference to the patient whom the alert is about; None: not known."""
    recorded: bool = True
    """False: it goes past a database that is away, and `alert_id` is the id of the device's event."""


@dataclass(frozen=True, slots=True)
class OutgoingPage:
    """One page as it is handed to a channel. The same page tried again is equal to it."""

    delivery_id: UUID
    clinic_id: str
    occasion: Occasion
    priority: Priority
    title: str
    body: str
    created_at: datetime
    about: About | None = None
    """None: it is about no single alert."""
    include_patient_data: bool = False
    """What the clinic's policy says: without it nothing of `about` but the alert's id and kind goes out."""
    link: str | None = field(default=None, repr=False)
    """By which its receiver may answer without signing in; who has it may act, so it stands in no record."""
    link_label: str = msgid("Acknowledge")
    """What a button says that answers by the link, where the channel has buttons."""

    def with_link(self, link: str | None, instead_of: str, texts: Texts = ENGLISH) -> OutgoingPage:
        """The page with a link in its text, in the place of an address that asks to sign in."""
        if link is None:
            return self
        if instead_of in self.body:
            body = self.body.replace(instead_of, link)
        else:
            body = f"{self.body} {texts.say('Open %(url)s', url=link)}"
        return replace(self, body=body, link=link, link_label=texts.say("Acknowledge"))
