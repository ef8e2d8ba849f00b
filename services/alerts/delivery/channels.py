"""Which library sends to which address: MLLP for HL7 receivers (`mllp://`, `mllps://`), signed events for programs
(`webhook+https://`), Web Push for browsers (`webpush://`), Twilio and Pushover where they can say later what became of
a page, Apprise for everything else.
"""

from __future__ import annotations

from services.alerts.clock import Clock, utc_now
from services.alerts.delivery.channel import AppriseChannel, server_of
from services.alerts.delivery.hl7.address import is_mllp, mllp_fault, read_mllp
from services.alerts.delivery.hl7.mllp import MllpChannel
from services.alerts.delivery.persons.push import PushChannel
from services.alerts.delivery.persons.push_address import PushAddressError, is_push, read_url
from services.alerts.delivery.planned import OutgoingPage
from services.alerts.delivery.receipts.channel import ReceiptedChannel, Services
from services.alerts.delivery.receipts.model import Answer
from services.alerts.delivery.send_outcome import SendOutcome
from services.alerts.delivery.webhooks.address import is_webhook, read_webhook
from services.alerts.delivery.webhooks.channel import WebhookChannel


class Channels:
    """Sends a page to whatever address it has.

    Args:
        timeout_seconds: For each attempt, from the connection to the answer.
        at_once: So many may be under way through Apprise.
        push: Sends to browsers; None: nobody has a key for it.
        services: Where Twilio and Pushover are.
        clock: Gives the time at which an event is signed.
    """

    def __init__(
        self,
        timeout_seconds: float,
        at_once: int = 32,
        push: PushChannel | None = None,
        services: Services | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._apprise = AppriseChannel(timeout_seconds, at_once)
        self._mllp = MllpChannel(timeout_seconds)
        self._webhooks = WebhookChannel(timeout_seconds, at_once, clock)
        self._receipted = ReceiptedChannel(timeout_seconds, at_once, services)
        self._push = push or PushChannel(None, "", timeout_seconds)

    async def warm_up(self) -> None:
        """Load now what the first page would have to wait for."""
        await self._apprise.warm_up()

    async def send(self, url: str, page: OutgoingPage) -> SendOutcome:
        """Send one page to one address."""
        if is_mllp(url):
            return await self._mllp.send(url, page)
        if is_webhook(url):
            return await self._webhooks.send(url, page)
        if is_push(url):
            return await self._push.send(url, page)
        if self._receipted.takes(url):
            return await self._receipted.send(url, page)
        return await self._apprise.send(
            url, page.title, page.body, page.priority, page.delivery_id, page.link, page.link_label
        )

    async def ask(self, url: str, receipt: str) -> Answer | None:
        """What became of a page that went to this address; None: it cannot be told now."""
        return await self._receipted.ask(url, receipt)


def server_at(url: str) -> str:
    """PURE. Which server an address uses, as far as can be told. For counting; it may hold a part that is secret."""
    if is_push(url):
        try:
            return read_url(url).host
        except PushAddressError:
            return "webpush"
    if is_webhook(url):
        try:
            return read_webhook(url).place.lower()
        except ValueError:
            return "webhook"
    if not is_mllp(url):
        return server_of(url)
    return "mllp" if mllp_fault(url) else str(read_mllp(url)).lower()
