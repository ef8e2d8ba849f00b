"""What a site can tell a service it can tell it by .env: the lists are made from the services' settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from services.alerts.settings import AlertsSettings
from services.alerts.web.settings import WebSettings
from services.ingest.settings import IngestSettings
from services.people.oidc.groups_file import read_groups_file
from tests.contract.deploy.compose_file import PRODUCTION, ROOT, interpolated, read

SERVICES: dict[str, dict[str, Any]] = read(PRODUCTION)["services"]
EXAMPLE = (ROOT / ".env.example").read_text()
SETTINGS: dict[str, type[BaseSettings]] = {"ingest": IngestSettings, "web": WebSettings}
"""`alerts` is told anything by channels.env, but for files that have to be mounted."""

NO_SITES = {
    # The broker within the stack is reached by a network that nothing else is on.
    "INGEST_MQTT_CA_FILE", "INGEST_MQTT_CERT_FILE", "INGEST_MQTT_KEY_FILE",
    # services/container.py picks one that is free.
    "INGEST_CLIENT_ID",
    # Refused, and the refusal says what is so instead.
    "WEB_API_TOKEN", "WEB_API_TOKEN_FILE",
    # Measured, and good as they are (bench/results); who must change one does it by a file of Compose of their own.
    "INGEST_SESSION_EXPIRY_SECONDS", "INGEST_RECEIVE_MAXIMUM", "INGEST_RECEIVE_BYTES", "INGEST_HTTP_WAITING_MAXIMUM",
    "INGEST_HTTP_BODY_WITHIN_SECONDS", "INGEST_WRITERS", "INGEST_WRITE_WITHIN_SECONDS", "INGEST_FLUSH_MESSAGES",
    "INGEST_FLUSH_BYTES", "INGEST_FLUSH_AFTER_SECONDS", "INGEST_FLUSH_IDLE_SECONDS", "INGEST_CLOCK_AHEAD_HOURS",
    "INGEST_CLOCK_BEHIND_DAYS", "INGEST_DEAD_LETTERS_PER_DEVICE_DAY", "INGEST_DEAD_LETTER_BYTES_PER_DEVICE_DAY",
    "INGEST_LAST_SEEN_SECONDS", "INGEST_REGISTRY_MAX_AGE_SECONDS", "INGEST_STOP_WITHIN_SECONDS", "INGEST_LOG_LEVEL",
    "WEB_MOST_CONNECTIONS", "WEB_REQUEST_WITHIN_SECONDS", "WEB_ANSWER_WITHIN_SECONDS", "WEB_POLICY_POLL_SECONDS",
    "WEB_LOG_LEVEL",
}  # fmt: skip


def variables(settings: type[BaseSettings]) -> set[str]:
    """Names of its variables; a secret that can stand in a file has one, that of the file."""
    names = {f"{settings.model_config.get('env_prefix', '')}{field}".upper() for field in settings.model_fields}
    return {name for name in names if f"{name}_FILE" not in names and f"{name}_FILES" not in names}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_can_be_given_or_is_on_the_list_of_those_that_need_not(name: str) -> None:
    given = SERVICES[name]["environment"].keys()
    assert variables(SETTINGS[name]) - given == variables(SETTINGS[name]) & NO_SITES - given
    assert not given & NO_SITES


def test_the_list_names_settings_that_there_are() -> None:
    every = {f"{s.model_config.get('env_prefix', '')}{f}".upper() for s in SETTINGS.values() for f in s.model_fields}
    assert every >= NO_SITES


def test_the_worker_is_told_the_rest_by_a_file_that_nothing_here_overrides() -> None:
    """A variable that stands here, though empty, counts before the same one in channels.env."""
    alerts = SERVICES["alerts"]
    assert alerts["env_file"] == [{"path": "./deploy/secrets/channels.env", "required": False}]
    asked = {name for name, value in alerts["environment"].items() if re.fullmatch(r"\$\{\w+:-\}", str(value))}
    assert asked == {"ALERTS_PUSH_KEY_FILE"}, "it needs a secret that is mounted, and so could not be given there"
    files = {name for name in variables(AlertsSettings) if name.endswith(("_FILE", "_FILES"))}
    assert files - alerts["environment"].keys() <= {
        "ALERTS_MQTT_CA_FILE",
        "ALERTS_WATCHDOG_URL_FILE",
        "ALERTS_DRILL_MISSED_URL_FILE",
    }


def test_what_is_not_given_is_as_if_it_were_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SERVICES["web"]["environment"].items():
        monkeypatch.setenv(variable, "" if variable.endswith(("_FILE", "_FILES")) else interpolated(value, {}))
    settings: BaseModel = WebSettings(database_url="postgresql://x@127.0.0.1/x")
    for field in ("oidc_issuer", "oidc_groups_claim", "session_hours", "push_public_key", "channel_kinds"):
        assert getattr(settings, field) == WebSettings.model_fields[field].get_default(call_default_factory=True)


def test_a_provider_is_given_by_what_the_example_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each commented line of .env.example, as somebody takes the sign away: the settings are good."""
    said = dict(re.findall(r"^#(WEB_OIDC_\w+)=(.+)$", EXAMPLE, re.MULTILINE))
    folder = SERVICES["web"]["volumes"][-1]
    source, target, _ = interpolated(folder, {}).rsplit(":", 2)
    for variable, value in said.items():
        if variable.endswith("_CA_BUNDLE"):
            assert value.startswith(f"{target}/")
            continue
        assert SERVICES["web"]["environment"][variable] == f"${{{variable}:-}}"
        monkeypatch.setenv(variable, value)
    groups = said["WEB_OIDC_GROUPS_FILE"].replace(target, str(ROOT / source))
    assert read_groups_file(Path(groups))
    monkeypatch.setenv("WEB_OIDC_GROUPS_FILE", groups)
    monkeypatch.delenv("WEB_OIDC_CLIENT_SECRET_FILE")
    settings = WebSettings(database_url="postgresql://x@127.0.0.1/x")
    assert settings.oidc_client_id == "pumpwatch"
    assert "OIDC_CLIENT_SECRET" in SERVICES["web"]["secrets"]
    assert said["WEB_OIDC_CLIENT_SECRET_FILE"] == "/run/secrets/OIDC_CLIENT_SECRET"  # noqa: S105 (a path)
