"""The link of a page's receiver, in its text and on its button."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from schemas.parts.languages import Language
from schemas.policy import Priority
from services.alerts.delivery.channel import with_button
from services.alerts.delivery.persons.page_links import with_link
from services.alerts.delivery.planned import About, OutgoingPage
from services.alerts.model import Occasion, OccasionKind
from services.alerts.outage.bypass_plan import delivery_id_of
from services.people.links.signing import Links
from services.people.links.tokens import Link, Purpose, read
from services.texts.catalogue import texts_in

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALERT, ANN, DELIVERY = UUID(int=1), UUID(int=2), UUID(int=3)
URL = "https://pw.example.org"
PAGE = OutgoingPage(
    DELIVERY,
    "north",
    Occasion(OccasionKind.OPENED),
    Priority.HIGH,
    "Pumpwatch HIGH: pump alarm",
    f"Alert 00000000. Open {URL}/alerts/{ALERT}",
    NOW,
    About(ALERT, "pump_alarm", "infusion", "pump-1"),
)


@pytest.fixture
def links(tmp_path: Path) -> Links:
    key = tmp_path / "key"
    key.write_text("k" * 40)
    return Links([key], receivers={("north", "ann"): ANN})


def test_the_link_stands_at_the_end_of_the_text_in_the_place_of_the_address(links: Links) -> None:
    page = with_link(PAGE, "ann", links, f"{URL}/", NOW)
    head, _, token = page.body.partition(f"{URL}/l/")
    assert head == "Alert 00000000. Open "
    assert read(token, links.keys(), NOW) == Link(Purpose.ALERT, ALERT, ANN, DELIVERY)
    assert page.link == f"{URL}/l/{token}"
    assert "/l/" not in repr(page.link and replace(page, body=""))  # a log of a page tells no link


def test_a_text_without_the_address_gets_the_link_behind_it(links: Links) -> None:
    page = with_link(replace(PAGE, body="Something."), "ann", links, URL, NOW)
    assert page.body == f"Something. Open {page.link}"


def test_the_button_says_in_the_language_of_the_page_what_it_does(links: Links) -> None:
    page = with_link(replace(PAGE, body="Etwas."), "ann", links, URL, NOW, texts_in(Language.GERMAN))
    assert (page.link_label, page.body) == ("Bestätigen", f"Etwas. Öffnen: {page.link}")
    assert page.link is not None
    assert "http%2C%20Best%C3%A4tigen%2C%20https" in with_button("ntfy://host/topic", page.link, page.link_label)
    for label in ("Ja, ich", 'a"b', "a;b"):  # would end the label there
        assert with_button("ntfy://host/topic", page.link, label) == with_button("ntfy://host/topic", page.link)


def test_a_page_past_the_database_has_a_link_for_its_event(links: Links) -> None:
    page = replace(PAGE, body=f"Clinic north. The database is away. Open {URL}/ for the pump.")
    page = with_link(page, "ann", links, URL, NOW, past_the_database=True)
    head, _, token = page.body.partition(f"{URL}/l/")
    assert head == "Clinic north. The database is away. Open "
    assert read(token, links.keys(), NOW).purpose is Purpose.ALARM


@pytest.mark.parametrize(
    ("page", "contact"),
    [
        (PAGE, "ward telephone"),
        (replace(PAGE, about=None), "ann"),
        (replace(PAGE, occasion=Occasion(OccasionKind.GROUP)), "ann"),
        (replace(PAGE, occasion=Occasion(OccasionKind.NOTICE)), "ann"),
        (replace(PAGE, occasion=Occasion(OccasionKind.ACKNOWLEDGED)), "ann"),
    ],
)
def test_what_is_about_no_single_alert_or_goes_to_no_person_has_none(
    page: OutgoingPage, contact: str, links: Links
) -> None:
    assert with_link(page, contact, links, URL, NOW) == page


def test_a_push_message_has_the_button_and_other_addresses_are_as_they_were() -> None:
    link = f"{URL}/l/a.b-c_d"
    with_one = with_button("ntfys://push.example.org/topic", link)
    assert with_one.startswith("ntfys://push.example.org/topic?actions=http%2C%20Acknowledge%2C%20https%3A%2F%2F")
    assert "method%3DPOST" in with_one
    assert "&click=https%3A%2F%2Fpw.example.org" in with_one
    for url, own in (
        ("ntfy://host/topic?actions=view,x,y", link),
        ("mailto://a:b@c.example", link),
        ("json://127.0.0.1/", link),
        ("ntfy://host/topic", None),
    ):
        assert with_button(url, own) == url
    assert with_button("ntfy://host/topic?click=x&priority=max", link).count("click=") == 1


def test_a_page_about_an_event_has_one_id_in_every_process() -> None:
    occasion = Occasion(OccasionKind.OPENED)
    ids = {delivery_id_of(ALERT, occasion.at_step(step), "ann", channel) for step in (0, 1) for channel in ("a", "b")}
    assert len(ids) == 4
    assert delivery_id_of(ALERT, occasion, "ann", "a") in ids
