"""PURE. Pages that are to go out, before they are written down."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.policy import Priority
from services.alerts.delivery.page_text import PageText
from services.alerts.model import Occasion


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """One page to one contact over one channel, on one occasion.

    `repeats`: it is no step of the route, but goes out because an earlier page was not answered or reached nobody.
    """

    occasion: Occasion
    contact: str
    channel: str
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A page about Pumpwatch itself, to one contact of one clinic, once for each time that it happens."""

    clinic_id: str
    occasion: Occasion
    contact: str
    channel: str
    text: PageText
    priority: Priority = Priority.HIGH
