"""What the loops of one alert process share: the database, the policies, the clock, and what is known of its health."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.alerts.clock import Clock
from services.alerts.metrics import Metrics
from services.alerts.on_call import OnCall
from services.alerts.policies import Policies
from services.alerts.policy_files.folder import PolicyFolder
from services.alerts.settings import AlertsSettings
from services.people.links.answered import Answered
from services.people.links.signing import Links
from services.runtime.database import Pool


@dataclass(slots=True)
class Health:
    """What the loops know of themselves; kept by them, read by /readyz."""

    listening: bool = False
    failing: dict[str, str] = field(default_factory=dict)
    """Loops that cannot work right now, each with the reason."""
    drill: str | None = None
    """What is wrong with the drills; None: nothing, or there are none."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Made once by `services.alerts.app`, and handed to every part."""

    pool: Pool
    policies: PolicyFolder
    settings: AlertsSettings
    metrics: Metrics
    clock: Clock
    worker_id: str = "alerts"
    """Two processes must never share it: what one sends while it dies, the other takes over by it."""
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """Where the addresses stand that a policy names as `env:NAME`."""
    health: Health = field(default_factory=Health)
    on_call: OnCall = field(default_factory=OnCall)
    links: Links = field(default_factory=Links)
    """By which a person answers a page without signing in."""
    answered: Answered = field(default_factory=Answered)
    """What was answered and may stand in no record yet."""
    pages_written: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there are pages to be sent; it only wakes the dispatcher."""

    @property
    def holding(self) -> Policies:
        """The clinics' policies as they hold now, with whoever is on call in the place of rotas."""
        return self.on_call.holding(self.policies.now, self.clock())
