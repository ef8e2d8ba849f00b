"""Which library sends to which address: MLLP for HL7 receivers (`mllp://`, `mllps://`), Apprise for everything else."""

from __future__ import annotations

from services.alerts.delivery.channel import AppriseChannel, server_of
from services.alerts.delivery.hl7.address import is_mllp, mllp_fault, read_mllp
from services.alerts.delivery.hl7.mllp import MllpChannel
from services.alerts.delivery.planned import OutgoingPage
from services.alerts.delivery.send_outcome import SendOutcome


class Channels:
    """Sends a page to whatever address it has.

    Args:
        timeout_seconds: For each attempt, from the connection to the answer.
        at_once: So many may be under way through Apprise.
    """

    def __init__(self, timeout_seconds: float, at_once: int = 32) -> None:
        self._apprise = AppriseChannel(timeout_seconds, at_once)
        self._mllp = MllpChannel(timeout_seconds)

    async def warm_up(self) -> None:
        """Load now what the first page would have to wait for."""
        await self._apprise.warm_up()

    async def send(self, url: str, page: OutgoingPage) -> SendOutcome:
        """Send one page to one address."""
        if is_mllp(url):
            return await self._mllp.send(url, page)
        return await self._apprise.send(url, page.title, page.body, page.priority, page.delivery_id, page.link)


def server_at(url: str) -> str:
    """PURE. Which server an address uses, as far as can be told. For counting; it may hold a part that is secret."""
    if not is_mllp(url):
        return server_of(url)
    return "mllp" if mllp_fault(url) else str(read_mllp(url)).lower()
