"""Addresses of HL7 receivers."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.policy import Channel
from services.alerts.delivery.addresses import channel_fault
from services.alerts.delivery.channels import server_at
from services.alerts.delivery.hl7.address import MllpAddress, is_mllp, read_mllp


@pytest.mark.parametrize(
    ("url", "address", "shown"),
    [
        ("mllp://alarms.example.org:2575", MllpAddress("alarms.example.org", 2575), "alarms.example.org:2575"),
        ("mllp://[::1]:2575/", MllpAddress("::1", 2575), "[::1]:2575"),
        (
            "mllps://a.example:6661?application=MW&facility=North%20Wing&ca=/etc/ca.pem&cert=/c&key=/k",
            MllpAddress("a.example", 6661, True, "MW", "North Wing", Path("/etc/ca.pem"), Path("/c"), Path("/k")),
            "a.example:6661",
        ),
    ],
)
def test_an_address_says_where_and_what_for(url: str, address: MllpAddress, shown: str) -> None:
    assert is_mllp(url)
    assert read_mllp(url) == address
    assert str(address) == shown == server_at(url)
    assert channel_fault(Channel(name="middleware", url=url), {}) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "mllp://s3cret",
            "mllp://... is an address of an HL7 receiver without a host or a port; expected 'mllp://host:",
        ),
        ("mllp://:2575", "without a host or a port"),
        ("mllp://s3cret:port", "mllp://... is no address of an HL7 receiver; expected 'mllp://host:port'"),
        ("mllp://s3cret:99999", "no address of an HL7 receiver"),
        ("mllp://ann:s3cret@a.example:2575", "with a login, a path or a '#'"),
        ("mllp://a.example:2575/s3cret", "with a login, a path or a '#'"),
        ("mllp://a.example:2575#s3cret", "with a login, a path or a '#'"),
        (
            "mllp://a.example:2575?s3cret=1",
            "something after '?' that is not known here; expected application, facility",
        ),
        ("mllp://a.example:2575?s3cret", "no address of an HL7 receiver"),
        ("mllp://a.example:2575?ca=/s3cret", "not known here; expected application, facility"),
        ("mllps://a.example:2575?cert=/s3cret", "an address with one of 'cert' and 'key'; expected both or none"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_before_a_page_finds_out(url: str, words: str) -> None:
    fault = channel_fault(Channel(name="middleware", url=url), {})
    assert fault is not None
    assert words in fault
    assert "expected" in fault
    assert "s3cret" not in fault
    assert server_at(url) == "mllp"


def test_other_addresses_are_not_ours() -> None:
    assert not is_mllp(None)
    assert not is_mllp("json://127.0.0.1")
    assert server_at("json://127.0.0.1:9/x") == "127.0.0.1:9"
