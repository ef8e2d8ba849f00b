"""The broker's address: what may be written down of it."""

from __future__ import annotations

import pytest

from services.runtime.mqtt import broker_address


def test_the_password_is_shown_nowhere():
    address = broker_address("mqtt://ann:hu%3Ash@broker.example:1884")
    assert (address.host, address.port, address.username, address.password) == ("broker.example", 1884, "ann", "hu:sh")
    assert str(address) == "mqtt://broker.example:1884"
    assert "hu" not in repr(address)
    assert "hu" not in f"{[address]}"


@pytest.mark.parametrize("url", ["", "broker:1883", "http://broker", "mqtt://"])
def test_what_is_no_address_of_a_broker_is_refused(url):
    with pytest.raises(ValueError, match=r"expected mqtt://\[user:password@\]host"):
        broker_address(url)
