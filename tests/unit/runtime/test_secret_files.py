"""A secret in a file: taken as it is, or refused in words that name the setting and the file and quote nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from services.alerts.settings import AlertsSettings
from services.alerts.web.settings import WebSettings
from services.ingest.settings import IngestSettings
from services.runtime.secrets.file import (
    LARGEST_BYTES,
    PasswordUnavailableError,
    SecretFileError,
    is_open,
    password_now,
    read_secret,
)
from services.simulator.settings import SimulatorSettings

DATABASE = "postgresql://u@h/d"
SERVICES: dict[type[BaseSettings], dict[str, Any]] = {
    IngestSettings: {"database_url": DATABASE, "mqtt_url": "mqtt://ingest@h"},
    AlertsSettings: {"database_url": DATABASE},
    WebSettings: {"database_url": DATABASE},
    SimulatorSettings: {"mqtt_url": "mqtt://u@h", "database_url": DATABASE},
}
READ_AT_THE_START: list[tuple[type[BaseSettings], str]] = [
    (IngestSettings, "gateway_token"),
    (IngestSettings, "session_suffix"),
    (IngestSettings, "share_group"),
    (AlertsSettings, "api_token"),
    (AlertsSettings, "watchdog_url"),
    (WebSettings, "worker_token"),
    (SimulatorSettings, "device_password"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("http-s3cret\n")
    return path


def make(settings: type[BaseSettings], **more: object) -> Any:
    return settings(**SERVICES[settings] | more)


def plain(value: Any) -> str:
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)


@pytest.mark.parametrize(("settings", "name"), READ_AT_THE_START)
def test_every_secret_of_a_service_may_stand_in_a_file(
    settings: type[BaseSettings], name: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "watchdog_url":
        file.write_text("http://s3cret")
    secret = file.read_text().strip()
    assert plain(getattr(make(settings, **{f"{name}_file": file}), name)) == secret
    variable = f"{settings.model_config['env_prefix']}{name}_file".upper()
    monkeypatch.setenv(variable, str(file))
    assert plain(getattr(make(settings), name)) == secret
    monkeypatch.setenv(variable.removesuffix("_FILE"), "")  # as Compose writes what is not set
    assert plain(getattr(make(settings), name)) == secret


@pytest.mark.parametrize(("settings", "name"), [*READ_AT_THE_START, (AlertsSettings, "audit_key")])
def test_with_both_set_the_service_names_both_and_does_not_start(
    settings: type[BaseSettings], name: str, file: Path
) -> None:
    with pytest.raises(ValidationError) as caught:
        make(settings, **{f"{name}_file": file, name: "http://other"})
    words = message(caught.value)
    variable = f"{settings.model_config['env_prefix']}{name}".upper()
    assert f"{variable} and {variable}_FILE are both set" in words
    assert "s3cret" not in words


def message(error: ValidationError) -> str:
    """What the command shows of it."""
    return " ".join(fault["msg"] for fault in error.errors(include_input=False, include_url=False))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"  \n", "it is empty"),
        (b"s3cret\ns3cret", "it has several lines"),
        (b"s3cret\n\n", "it has several lines"),
        (b"s3cret\rs3cret", "it has several lines"),
        (b"s3c\x00ret", "it holds characters that cannot be printed"),
        (b"s3c\x1b[2Jret", "it holds characters that cannot be printed"),
        ("s3cret\u202e".encode(), "it holds characters that cannot be printed"),
        ("\ufeffs3cret".encode(), "it holds characters that cannot be printed"),
        (b"s3cret\xff", "it is not UTF-8"),
        (b"s3cret" + b"x" * LARGEST_BYTES, f"it is larger than {LARGEST_BYTES} bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused_and_not_quoted(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValidationError) as caught:
        make(WebSettings, worker_token_file=path)
    words = message(caught.value)
    assert f"WEB_WORKER_TOKEN_FILE: the file {str(path)!r} cannot be used: {why}" in words
    assert "s3c" not in words


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("missing", "No such file"), ("pipe", "no regular file"), (".", "no regular file")):
        with pytest.raises(SecretFileError, match=rf"^X_FILE: the file '.*' cannot be used: .*{why}"):
            read_secret(tmp_path / name, "X_FILE")


@given(st.text(min_size=1, max_size=1000).filter(lambda text: text.isprintable() and text.strip()))
def test_every_line_is_taken_as_it_is(tmp_path_factory: pytest.TempPathFactory, secret: str) -> None:
    path = tmp_path_factory.mktemp("secret") / "file"
    for end in ("", "\n", "\r\n"):
        path.write_bytes((secret + end).encode())
        assert read_secret(path, "X_FILE") == secret


async def test_the_databases_password_is_read_each_time_and_a_file_that_is_missing_is_waited_for(file: Path) -> None:
    settings = make(AlertsSettings, database_password_file=file)
    assert await settings.database_password() == "http-s3cret"
    file.write_text("new")  # noqa: ASYNC240
    assert await settings.database_password() == "new"
    file.unlink()  # noqa: ASYNC240
    make(AlertsSettings, database_password_file=file)  # it starts: pages go past a database that is away
    with pytest.raises(PasswordUnavailableError, match=r"^ALERTS_DATABASE_PASSWORD_FILE: the file"):
        await settings.database_password()
    assert make(AlertsSettings).database_password is None
    with pytest.raises(OSError, match="X_FILE"):
        await password_now(file, "X_FILE")()


@pytest.mark.parametrize("settings", SERVICES)
@pytest.mark.parametrize("url", ["postgresql://u:s3cret@h/d", "postgresql://u@h/d?password=s3cret"])
def test_a_password_in_the_address_and_one_in_a_file_are_refused(
    settings: type[BaseSettings], url: str, file: Path
) -> None:
    with pytest.raises(ValidationError) as caught:
        make(settings, database_url=url, database_password_file=file)
    prefix = settings.model_config["env_prefix"]
    said = message(caught.value)
    assert f"{prefix}DATABASE_URL holds a password and {prefix}DATABASE_PASSWORD_FILE is set" in said
    assert "s3cret" not in said


def test_a_file_that_everybody_may_read_is_told(tmp_path: Path) -> None:
    """A closed folder closes what is in it."""
    tmp_path.chmod(0o700)
    (tmp_path / "secret").write_text("s")
    (tmp_path / "secret").chmod(0o444)
    assert not is_open(tmp_path / "secret")
    assert not is_open(tmp_path / "missing")
    assert is_open(Path("/etc/passwd"))
    settings = make(IngestSettings, mqtt_password_file="/etc/passwd", gateway_token_file=tmp_path / "secret")
    assert list(settings.open_files()) == [("INGEST_MQTT_PASSWORD_FILE", Path("/etc/passwd"))]


def test_no_representation_shows_what_is_in_a_file(file: Path) -> None:
    for settings, name in READ_AT_THE_START:
        if name not in {"share_group", "watchdog_url"}:
            assert "s3cret" not in repr(make(settings, **{f"{name}_file": file}))
