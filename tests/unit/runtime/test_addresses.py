"""An address is read, or refused in words that tell nothing of the password that may be in it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from services.alerts.settings import AlertsSettings
from services.ingest.settings import IngestSettings
from services.runtime.addresses import BrokerAddress, broker_address, check_database_url
from services.simulator.settings import SimulatorSettings

SPECIAL = "@/?#[]%:"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@h:5432/db",
        "postgres://u@h/db?sslmode=require&target_session_attrs=primary",
        "postgresql://u:p@h1:5432,h2:5433/db",
        "postgresql://u:p@[::1]:5432/db",
        "postgresql:///db?host=/var/run/postgresql",
        "postgresql://u:%40%2F%3F%23%5B@h/db",
    ],
)
def test_what_postgresql_reads_is_taken(url: str) -> None:
    assert check_database_url(url) == url


def said(read: Callable[[str], object], url: str) -> str | None:
    """What is said of an address that is refused; None: it is taken."""
    try:
        read(url)
    except ValueError as error:
        return f"{error} {error.__cause__} {'' if error.__suppress_context__ else error.__context__}"
    return None


@pytest.mark.parametrize("special", "@/?#[")
def test_a_password_that_breaks_its_address_is_not_told(special: str) -> None:
    for password in (f"se{special}cret", f"{special}secret", f"1883{special}secret", f"12{special}a=secret"):
        for url, read in (
            (f"mqtt://u:{password}@h:1883", broker_address),
            (f"postgresql://u:{password}@h:5432/x", check_database_url),
        ):
            words = said(read, url)
            assert words is not None, url
            assert "cret" not in words
            assert "%23 for #" in words


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_password_is_read_as_it_is_once_it_is_encoded(password: str) -> None:
    encoded = quote(password, safe="")
    assert broker_address(f"mqtt://u:{encoded}@h:1883").password == password
    assert check_database_url(f"postgresql://u:{encoded}@h/x")


@given(st.text(st.sampled_from("ab1=" + SPECIAL), min_size=1))
def test_a_password_as_it_is_is_read_or_refused_and_never_cut(password: str) -> None:
    url = f"mqtt://u:{password}@h:1883"
    if said(broker_address, url) is None:
        assert broker_address(url) == BrokerAddress("h", 1883, "u", unquote(password))


@pytest.mark.parametrize(
    "url", ["", "mqtt://", "mqtt://:1883", "http://h", "mqtt://h:x1", "mqtt://h:99999", "mqtt://h1,h2", "mqtt://[::1"]
)
def test_what_is_no_broker_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected mqtt://"):
        broker_address(url)


@pytest.mark.parametrize(
    "url", ["", "h", "mysql://h/x", "postgresql://h:x/y", "postgresql://u:p@h/x?y", "postgresql://[h/x"]
)
def test_what_is_no_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected postgresql://"):
        check_database_url(url)


@pytest.mark.parametrize("settings", [IngestSettings, AlertsSettings, SimulatorSettings])
@pytest.mark.parametrize("name", ["database_url", "mqtt_url"])
def test_settings_refuse_it_at_the_start(settings: type[BaseSettings], name: str) -> None:
    good = {"database_url": "postgresql://u@h/x", "mqtt_url": "mqtt://h"}
    settings.model_validate(good)
    with pytest.raises(ValidationError) as refused:
        settings.model_validate({**good, name: f"{good[name].split(':')[0]}://u:se#cret@h/x"})
    [fault] = refused.value.errors(include_input=False, include_url=False)
    assert (fault["loc"], "expected" in fault["msg"], "cret" in fault["msg"]) == ((name,), True, False)
