"""What an operator may set for ingest, all with the prefix `INGEST_`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from services.runtime.addresses import SecretBrokerUrl, SecretDatabaseUrl
from services.runtime.secrets.settings import SettingsWithSecrets


class EnrolmentMode(StrEnum):
    """What happens to a device that the registry does not know."""

    REGISTRY = "registry"
    """It is rejected as `unknown_device`; its messages can be replayed once it is enrolled."""
    AUTO = "auto"
    """It is enrolled as a pump of `enrolment_clinic_id`: for demonstrations and first trials."""


def alarms_client_id(session_id: str) -> str:
    """By which the broker keeps an ingestor's session of alarms. The "/" is in no device's id, so none can take it."""
    return f"{session_id}/alarms"


class IngestSettings(SettingsWithSecrets):
    """Settings of one ingest process. A secret may stand in a file: NAME_FILE in place of NAME."""

    model_config = SettingsConfigDict(env_prefix="INGEST_", env_ignore_empty=True, frozen=True, extra="ignore")

    database_url: SecretDatabaseUrl
    """postgresql://user:password@host:port/database"""
    mqtt_url: SecretBrokerUrl
    """mqtt://user:password@host:port, or mqtts:// for TLS"""
    mqtt_ca_file: Path | None = None
    mqtt_cert_file: Path | None = None
    mqtt_key_file: Path | None = None
    mqtt_password_file: Path | None = None
    """Holds the password instead of the address. It and the three files above are read for each connection anew."""
    client_id: Annotated[str, Field(min_length=1, max_length=64)] = "pumpwatch-ingest-1"
    """Fixed for this ingestor and different from every other's: the broker keeps its session by this name."""
    session_suffix: Annotated[SecretStr, Field(max_length=64)] | None = None
    """A secret part of the session's name at the broker, behind the client id. A broker lets everybody who may log in
    take any session whose name they know, but for those whom it names itself."""
    session_suffix_file: Path | None = None
    share_group: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")] = "ingest"
    share_group_file: Path | None = None
    session_expiry_seconds: Annotated[int, Field(ge=60)] = 7 * 86_400
    receive_maximum: Annotated[int, Field(ge=1, le=65_535)] = 8_000
    """Unacknowledged messages that the broker may send: the only back-pressure that it knows of."""
    receive_bytes: Annotated[int, Field(ge=1_000_000)] = 67_108_864
    """With so many bytes of payload unacknowledged nothing more is read: the bound of memory. Above what the broker has
    on the way at most (`max_inflight_bytes` in deploy/mosquitto/common/limits.conf)."""

    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    gateway_token: SecretStr | None = None
    """Bearer token of HTTP gateways; without one, `POST /v1/devices/...` is closed."""
    gateway_token_file: Path | None = None
    http_waiting_maximum: Annotated[int, Field(ge=1)] = 1_000
    http_body_within_seconds: Annotated[float, Field(gt=0)] = 60
    """A gateway that sent half a request and says no more is cut off; the largest body takes so long at 4 kB/s."""

    enrolment: EnrolmentMode = EnrolmentMode.REGISTRY
    enrolment_clinic_id: str | None = None

    writers: Annotated[int, Field(ge=1, le=8)] = 2
    """Batches that are written at once, each on its own connection."""
    write_within_seconds: Annotated[float, Field(ge=1)] = 5
    """A write without an answer for so long is given up and tried again, and each time with twice as long: a network
    that hangs is noticed soon, and a database that is only slow is not kept from its work."""
    flush_messages: Annotated[int, Field(ge=1)] = 2_000
    flush_bytes: Annotated[int, Field(ge=1)] = 1_000_000
    flush_after_seconds: Annotated[float, Field(gt=0, le=10)] = 0.025
    flush_idle_seconds: Annotated[float, Field(gt=0, le=1)] = 0.001
    """The wire is idle when nothing came for this long."""

    clock_ahead_hours: Annotated[float, Field(ge=0)] = 24
    """An event from further ahead is refused. Wide: a pump whose clock is an hour off must still page."""
    clock_behind_days: Annotated[float, Field(ge=1)] = 400
    """An event from further back is refused. Wider than any pump's log; 1970 is a clock that was reset."""
    dead_letters_per_device_day: Annotated[int, Field(ge=0)] = 5_000
    dead_letter_bytes_per_device_day: Annotated[int, Field(ge=0)] = 20_000_000
    """What is rejected of a device beyond these on a UTC day has a receipt, is counted, and is not kept."""
    last_seen_seconds: Annotated[float, Field(ge=0)] = 10
    count_sequence_gaps: bool = True
    """Count skipped sequence numbers in a metric. Not where several ingestors share the work: each sees only a part of
    a device's messages, and every one would look like a gap. `pumpwatch gaps` is right in any case."""
    registry_max_age_seconds: Annotated[float, Field(gt=0)] = 60
    stop_within_seconds: Annotated[float, Field(gt=0)] = 20

    log_json: bool = True
    log_level: str = "INFO"

    @property
    def session_id(self) -> str:
        """The client id that the broker is told. Not for logs."""
        return self.client_id + (f"/{self.session_suffix.get_secret_value()}" if self.session_suffix else "")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.enrolment is EnrolmentMode.AUTO and not self.enrolment_clinic_id:
            msg = "INGEST_ENROLMENT=auto needs INGEST_ENROLMENT_CLINIC_ID: the clinic that new devices join"
            raise ValueError(msg)
        return self
