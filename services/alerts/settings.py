"""Settings of the alert service, from `ALERTS_*` in the environment."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from services.runtime.addresses import SecretBrokerUrl, SecretDatabaseUrl
from services.runtime.http.callers import is_loopback
from services.runtime.secrets.settings import Paths, SettingsWithSecrets


class AlertsSettings(SettingsWithSecrets):
    """Built once, passed down. Every span names its unit. A secret may stand in a file: NAME_FILE in place of NAME."""

    model_config = SettingsConfigDict(env_prefix="ALERTS_", env_ignore_empty=True, frozen=True, extra="ignore")

    database_url: SecretDatabaseUrl
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8082
    """Health and metrics; the board is `pumpwatch web`."""
    public_url: str = "http://127.0.0.1:8081"
    """Where staff reach the board from their phones; stands in every page."""
    api_token: Annotated[SecretStr, Field(min_length=1)] | None = None
    """Who brings it is told everything by /readyz. Without one the worker listens on this machine only."""
    api_token_file: Path | None = None
    link_key_files: Paths = ()
    """Files of keys, one each: the first signs the links of pages, every one is good. Left out: pages have no links."""
    policy_folder: Path | None = None
    """One YAML file for each clinic. Without it every threshold has its default, and nobody is told."""
    mqtt_url: SecretBrokerUrl | None = None
    """mqtt://user:password@host:port or mqtts://, from which high pump alarms are paged while the database is away.
    Left out: nobody is paged then."""
    mqtt_ca_file: Path | None = None
    mqtt_password_file: Path | None = None
    """Holds the password instead of the address; like the file above, it is read for each connection anew."""
    broker_certificates: Path | None = None
    """The folder of the broker's ca.crt, server.crt and crl.pem: their ends are watched. Left out: they are not."""
    bypass_after_seconds: Annotated[float, Field(ge=1, le=300)] = 10.0
    """A high alarm that was heard from the broker and is not evaluated by then is paged from there."""
    watchdog_url: SecretStr | None = None
    """http(s) address of an outside service that pages when these pings stop."""
    watchdog_url_file: Path | None = None
    watchdog_seconds: Annotated[float, Field(ge=0.1, le=600)] = 30.0
    drill_mqtt_url: SecretBrokerUrl | None = None
    """As which device the drill logs in at the broker (docs/operating/paging/drill.md). Left out: there is no drill."""
    drill_mqtt_password_file: Path | None = None
    drill_at: time = time(9, 0)
    """When there is one each day, HH:MM in UTC."""
    drill_within_seconds: Annotated[float, Field(ge=1, le=600)] = 60.0
    """In how long its page has to go out."""
    drill_missed_url: SecretStr | None = None
    """Apprise address of the operator, by another way than pages go: who is told of a drill that was missed."""
    drill_missed_url_file: Path | None = None
    audit_anchors: str | None = None
    """Where signed ends of the audit trail are left: a file, a folder, `syslog` or `syslog:/path/of/its/socket`. Left
    out: nowhere, and a trail that was rewritten as a whole is not found."""
    audit_anchor_seconds: Annotated[float, Field(ge=1, le=86_400)] = 3600.0
    audit_key: SecretStr | None = None
    """What they are signed with, at least 16 characters that nobody can guess; or the file that holds it:"""
    audit_key_file: Path | None = None
    push_key: SecretStr | None = None
    """The private key of pushes to browsers (`pumpwatch push-key`). Left out: no page goes to a browser."""
    push_key_file: Path | None = None
    worker_name: str | None = None
    """Names this process among several; the host's name when left out."""
    log_json: bool = False
    log_level: str = "INFO"

    poll_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0
    """How often the queue and the outbox are looked at when no notification comes."""
    sweep_seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
    """Every enrolled pump is evaluated at least this often, heard of or not."""
    sweep_slice_pumps: Annotated[int, Field(ge=1, le=5000)] = 500
    escalation_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0
    """How often unacknowledged alerts, expired acknowledgements and the drill are looked at."""
    policy_poll_seconds: Annotated[float, Field(gt=0, le=60)] = 3.0
    heartbeat_seconds: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Others take over what this process was sending when it has not been heard of for 3 seconds."""

    send_timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 10.0
    send_lease_seconds: Annotated[float, Field(gt=0, le=600)] = 15.0
    """A delivery being sent for longer than this is taken to be lost with its process, and is sent again."""
    send_attempts: Annotated[int, Field(ge=1, le=100)] = 12
    retry_first_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0
    retry_longest_seconds: Annotated[float, Field(gt=0, le=3600)] = 300.0
    sends_at_once: Annotated[int, Field(ge=1, le=64)] = 64
    sends_per_channel: Annotated[int, Field(ge=1, le=64)] = 16
    """So that a channel that hangs cannot hold up every other one."""

    @classmethod
    def _read_when_needed(cls) -> frozenset[str]:
        return frozenset({"audit_key"})  # for each anchor: a key that cannot be read stops no page

    @field_validator("watchdog_url")
    @classmethod
    def _is_web_address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("http://", "https://")):
            msg = "expected an address that begins with http:// or https://"
            raise ValueError(msg)
        return url

    @model_validator(mode="after")
    def _protected(self) -> Self:
        if self.api_token is None and not is_loopback(self.http_host):
            msg = (
                f"ALERTS_HTTP_HOST is {self.http_host!r}, which others can reach, and ALERTS_API_TOKEN is not "
                "set: what it says of itself names clinics and pumps. Set ALERTS_API_TOKEN, or listen on 127.0.0.1"
            )
            raise ValueError(msg)
        if self.audit_anchors is not None and self.audit_key is None and self.audit_key_file is None:
            msg = "ALERTS_AUDIT_ANCHORS is set and no key to sign them: set ALERTS_AUDIT_KEY_FILE or ALERTS_AUDIT_KEY"
            raise ValueError(msg)
        if self.send_lease_seconds <= self.send_timeout_seconds:
            msg = "ALERTS_SEND_LEASE_SECONDS must exceed ALERTS_SEND_TIMEOUT_SECONDS, or pages go out twice"
            raise ValueError(msg)
        return self
