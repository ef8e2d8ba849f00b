"""The link of a page's receiver, in the page. It is made when the page goes out, and stands in no record.

Guarantee: who reads the database, a backup or the board finds no link by which another person could act. Nothing comes
after the link in the text: a full stop would be taken for a part of it.
"""

from __future__ import annotations

from datetime import datetime

from schemas.parts.languages import Language
from services.alerts.delivery.page_text import address_of_alert, board_for_the_pump
from services.alerts.delivery.planned import OutgoingPage
from services.alerts.model import OccasionKind
from services.people.links.signing import Links
from services.people.links.tokens import Purpose
from services.texts.catalogue import texts_in
from services.texts.model import ENGLISH, Texts


def with_link(
    page: OutgoingPage,
    contact: str,
    links: Links,
    public_url: str,
    now: datetime,
    texts: Texts = ENGLISH,
    *,
    past_the_database: bool = False,
) -> OutgoingPage:
    """The page as it goes to a contact; without a link where the contact is no person, or it is about no single alert.

    Args:
        page: As it was planned.
        contact: Whom it goes to.
        links: Make the link.
        public_url: Where the board is.
        now: The moment.
        texts: In the language of the page.
        past_the_database: `page.about` names an event, as there is no alert yet.
    """
    kind = page.occasion.kind
    if page.about is None or kind.is_follow_up or kind in {OccasionKind.GROUP, OccasionKind.NOTICE}:
        return page
    purpose = Purpose.ALARM if past_the_database else Purpose.ALERT
    path = links.link_for(purpose, page.clinic_id, contact, page.about.alert_id, page.delivery_id, now)
    url = public_url.rstrip("/")
    address = address_in(page.body, url) if past_the_database else address_of_alert(url, page.about.alert_id)
    return page.with_link(f"{url}{path}" if path else None, address, texts)


def address_in(body: str, url: str) -> str:
    """Where the board stands in the text of a page past the database, in whichever language the clinic's pages are."""
    ends = [board_for_the_pump(url, texts_in(language)) for language in Language]
    return next((each for each in ends if each in body), ends[0])
