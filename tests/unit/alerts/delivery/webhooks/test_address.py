"""Addresses of signed webhooks: what they are read as, and what is said of one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.policy import Channel, Contact, Policy
from services.alerts.delivery.addresses import channel_fault, secret_files, webhook_faults
from services.alerts.delivery.channels import server_at
from services.alerts.delivery.webhooks.address import WebhookAddress, is_webhook, read_webhook
from services.alerts.delivery.webhooks.programs import is_program
from tests.unit.alerts.delivery.webhooks.pages import PUBLISHED_SECRET

TOKEN = "tops3cret"  # noqa: S105 - stands in every address, and in nothing that is said of it


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (
            f"webhook+https://events.example.org/in?t={TOKEN}#secret=/s/north",
            WebhookAddress(f"https://events.example.org/in?t={TOKEN}", "events.example.org", Path("/s/north")),
        ),
        (
            "webhook+https://10.0.0.7:8443/#secret=/s/a%20b&ca=/s/ca.pem",
            WebhookAddress("https://10.0.0.7:8443/", "10.0.0.7:8443", Path("/s/a b"), Path("/s/ca.pem")),
        ),
        ("webhook+http://[::1]:9/#secret=/s", WebhookAddress("http://[::1]:9/", "[::1]:9", Path("/s"))),
    ],
)
def test_an_address_is_the_receivers_own_and_the_files_behind_it(url: str, address: WebhookAddress) -> None:
    assert read_webhook(url) == address
    assert (is_webhook(url), is_program(url)) == (True, True)
    assert server_at(url) == address.place
    assert TOKEN not in repr(read_webhook(url))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"webhook+https://h/{TOKEN}", "names no secret"),
        (f"webhook+https://h/{TOKEN}#", "names no secret"),
        (f"webhook+https://h/{TOKEN}#ca=/ca", "names no secret"),
        (f"webhook+https://h/#secret={TOKEN}", "no path from /"),
        (f"webhook+https://h/#secret=/s&ca={TOKEN}", "no path from /"),
        (f"webhook+https://h/#secret=/s&{TOKEN}=1", "not known here"),
        (f"webhook+https://h/#{TOKEN}", "no address of a webhook"),
        (f"webhook+http://h/{TOKEN}#secret=/s&ca=/ca", "without TLS"),
        (f"webhook+https:///{TOKEN}#secret=/s", "without a host"),
        (f"webhook+ftp://h/{TOKEN}#secret=/s", "no address of a webhook"),
        (f"webhook+https://h:{TOKEN}/#secret=/s", "no address of a webhook"),
        (f"webhook+https://[{TOKEN}/#secret=/s", "no address of a webhook"),
    ],
)
def test_an_address_that_cannot_be_used_says_why_and_nothing_of_itself(url: str, words: str) -> None:
    fault = channel_fault(Channel(name="events", url=url), {})
    assert fault is not None
    assert words in fault
    assert TOKEN not in fault
    assert server_at(url) == "webhook"


def test_what_is_no_webhook_is_none() -> None:
    assert not is_webhook(None)
    assert not is_program("json://127.0.0.1")
    assert is_program("mllp://127.0.0.1:6661")
    with pytest.raises(ValueError, match="no address of a webhook"):
        read_webhook("https://h/#secret=/s")


def test_an_address_can_be_used_while_its_secret_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "north"
    channel = Channel(name="events", url="env:EVENTS")
    environment = {"EVENTS": f"webhook+https://h/{TOKEN}#secret={file}"}
    policy = Policy(contacts=(Contact(name="program", channels=(channel,)),))
    missing = channel_fault(channel, environment)
    assert missing is not None
    assert f"{str(file)!r} cannot be used: No such file" in missing
    file.write_text(f"{PUBLISHED_SECRET}\n")
    assert channel_fault(channel, environment) is None
    assert webhook_faults([policy], environment) == ()
    assert list(secret_files(policy, environment)) == [file]
    file.write_text(f"{TOKEN}\n")
    wrong = channel_fault(channel, environment)
    assert wrong is not None
    assert "no secret of a webhook" in wrong
    assert TOKEN not in wrong
    assert len(webhook_faults([policy], environment)) == 1


def test_secrets_of_addresses_that_cannot_be_read_are_nowhere() -> None:
    contact = Contact(
        name="program",
        channels=(
            Channel(name="one", url="webhook+https://h/"),
            Channel(name="two", url="env:NOT_SET"),
            Channel(name="three", url="json://h/"),
        ),
    )
    assert list(secret_files(Policy(contacts=(contact,)), {})) == []
    assert len(webhook_faults([Policy(contacts=(contact,))], {})) == 1
