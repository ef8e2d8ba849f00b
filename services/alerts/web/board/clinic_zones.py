"""By what clock the board shows a moment: that of the clinic which it is about.

Guarantee: every moment on a page is written with the name of its clock, so it is never wrong, only perhaps in UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from services.alerts.health.hand_over.store import zones_of
from services.alerts.health.paged import PagedPast
from services.alerts.policies import Policies, zone_for
from services.runtime.database import Connection

UTC_CLOCK: Final = ZoneInfo("UTC")


class ClinicZones:
    """Of one process: the clocks of clinics as they were read last, for pages that are drawn without the database."""

    def __init__(self) -> None:
        self._known: dict[str, ZoneInfo] = {}

    async def read(
        self, connection: Connection, policies: Policies, clinics: Collection[str]
    ) -> Mapping[str, ZoneInfo]:
        """The clocks of these clinics, by clinic."""
        found = await zones_of(connection, policies, clinics)
        self._known |= found
        return found

    async def one(self, connection: Connection, policies: Policies, clinic_id: str) -> ZoneInfo:
        """The clock of one clinic."""
        return (await self.read(connection, policies, [clinic_id]))[clinic_id]

    def known(self, policies: Policies, clinic_id: str) -> ZoneInfo:
        """The clock of a clinic, as far as it is known here."""
        return self._known.get(clinic_id) or zone_for(policies.of(clinic_id), None)

    def of_paged(self, policies: Policies, paged: Sequence[PagedPast] | None) -> dict[str, ZoneInfo]:
        """The clocks of what was paged past the database."""
        return {each.clinic_id: self.known(policies, each.clinic_id) for each in paged or ()}

    def of_reader(self, policies: Policies, clinics: Collection[str]) -> ZoneInfo:
        """The clock for what is about no clinic: that of all clinics of the reader, or UTC where they differ."""
        zones = {self.known(policies, clinic) for clinic in clinics}
        return zones.pop() if len(zones) == 1 else UTC_CLOCK
