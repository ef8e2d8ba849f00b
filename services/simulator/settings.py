"""Settings of the simulator; each can be given as an environment variable `SIMULATOR_...`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from schemas.events import MAX_BATCH_EVENTS
from services.runtime.addresses import SecretBrokerUrl, SecretDatabaseUrl
from services.runtime.secrets.settings import SettingsWithSecrets
from services.simulator.patients.plan import parse_request


class SimulatorSettings(SettingsWithSecrets):
    """What to simulate, how fast, and where to publish it."""

    model_config = SettingsConfigDict(env_prefix="SIMULATOR_", env_ignore_empty=True, frozen=True, extra="ignore")

    mqtt_url: SecretBrokerUrl
    """`mqtt://user:password@host:1883`, or `mqtts://`."""
    database_url: SecretDatabaseUrl | None = None
    """Where to enrol the fleet; left out, it must be enrolled already, or ingest must enrol by itself."""
    clinic_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "demo"
    clinic_name: str = "Demo clinic"

    pumps: Annotated[int, Field(ge=1, le=100_000)] = 300
    handheld_share: Annotated[float, Field(ge=0, le=1)] = 0.8
    demand_memory: bool = False
    """Patients whose demand wanders from day to day, as real people's does; without it each day is independent of the
    day before. Nothing else about the fleet of a seed changes."""
    seed: int = 1
    utc_offset_minutes: Annotated[int, Field(ge=-720, le=840)] = 60
    """Of the devices' own clocks."""

    history_days: Annotated[int, Field(ge=0, le=730)] = 30
    live: bool = True
    live_lead_minutes: Annotated[float, Field(ge=0, le=10_080)] = 120.0
    """The live phase begins so long ago, and catches up."""
    speed: Annotated[float, Field(ge=1, le=100_000)] = 60.0
    """How much faster than the wall clock simulated time runs until it has caught up."""
    duration_seconds: Annotated[float, Field(ge=0)] | None = None
    """Of the live phase, on the wall; left out, until SIGTERM."""

    scenarios: Annotated[tuple[str, ...], NoDecode] = ("motor_stall", "low_reservoir", "demand_surge")
    """`NAME`, `NAME/PUMP_ID`, `NAME@-6h`, `NAME@+15s`, separated by commas or as a JSON array; see `plan`."""
    first_scenario_seconds: Annotated[float, Field(ge=0)] = 8.0
    """Wall seconds from the start of the live phase to the first scenario that names no time."""
    scenario_gap_seconds: Annotated[float, Field(ge=0)] = 4.0
    truth_file: Path | None = None

    connections: Annotated[int, Field(ge=0, le=10_000)] = 1
    """Shared by all devices; 0: one for each device, logged in by its id and `device_password`."""
    device_password: SecretStr | None = None
    device_password_file: Path | None = None
    batch_events: Annotated[int, Field(ge=1, le=MAX_BATCH_EVENTS)] = 200
    """Events in one message, for the history and for what a handheld kept while out of reach."""
    window_events: Annotated[int, Field(ge=1)] = 20_000
    """The most events without a receipt on one connection."""
    resend_after_seconds: Annotated[float, Field(gt=0)] = 10.0
    keep_alive_seconds: Annotated[int, Field(ge=0, le=65_535)] = 60
    drain_seconds: Annotated[float, Field(ge=0)] = 10.0
    """At the end, wait so long for the receipts that are missing."""

    mqtt_password_file: Path | None = None
    """Holds the password instead of the address."""
    mqtt_ca_file: Path | None = None
    mqtt_cert_file: Path | None = None
    mqtt_key_file: Path | None = None
    log_json: bool = False

    @field_validator("scenarios", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str) and value.lstrip().startswith("["):
            return json.loads(value)
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("scenarios")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            parse_request(text)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.mqtt_cert_file is None) != (self.mqtt_key_file is None):
            msg = "mqtt_cert_file and mqtt_key_file go together"
            raise ValueError(msg)
        return self
