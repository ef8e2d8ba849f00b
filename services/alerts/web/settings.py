"""Settings of the board and the API, from `WEB_*` in the environment."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.alerts.delivery.persons.push_address import KNOWN_SERVICES
from services.people.channels.model import USUAL_KINDS
from services.people.oidc.settings import OidcSettings
from services.runtime.addresses import SecretDatabaseUrl
from services.runtime.secrets.settings import Paths


def _web_address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        msg = "expected an address that begins with http:// or https://"
        raise ValueError(msg)
    return url.rstrip("/")


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        msg = f"{text!r}: expected an address or a network, such as 172.18.0.0/16"
        raise ValueError(msg) from None


_LISTS: Final = ("trusted_proxies", "push_services", "channel_kinds")


class WebSettings(OidcSettings):
    """Built once, passed down. Every span names its unit. A secret may stand in a file: NAME_FILE in place of NAME."""

    model_config = SettingsConfigDict(env_prefix="WEB_", env_ignore_empty=True, frozen=True, extra="ignore")

    database_url: SecretDatabaseUrl
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8081
    public_url: Annotated[str, AfterValidator(_web_address)] = "http://127.0.0.1:8081"
    """Where staff reach the board from their phones."""
    session_idle_minutes: Annotated[float, Field(ge=1, le=1440)] = 60.0
    """A session ends when it was not used for so long; a page of the board that stands open uses it."""
    session_hours: Annotated[float, Field(ge=0.1, le=168)] = 12.0
    """It ends at the latest so long after the sign-in."""
    api_token: SecretStr | None = None
    """Of an earlier release, and refused: everybody shared it."""
    api_token_file: Path | None = None
    worker_url: Annotated[str, AfterValidator(_web_address)] = "http://127.0.0.1:8082"
    """Where an alert worker answers: while the database is away, what it has paged is asked there."""
    link_key_files: Paths = ()
    """The files of ALERTS_LINK_KEY_FILES, the alert worker's: what they signed opens here. Left out: nothing does."""
    state_folder: Path | None = None
    """A folder of this process alone, on a disk that stays: answers by links are kept there while the database is
    away. Left out: they are refused then."""
    worker_token: Annotated[SecretStr, Field(min_length=1)] | None = None
    """ALERTS_API_TOKEN of the worker: it tells what it has paged to who brings this, and so does /readyz here."""
    worker_token_file: Path | None = None
    trusted_proxies: Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode] = ()
    """Addresses or networks of TLS proxies, with commas between. What they say of who asks (X-Forwarded-For) is
    believed; without it, everybody who comes by a proxy counts as one."""
    grafana_url: Annotated[str, AfterValidator(_web_address)] | None = None
    """Where Grafana is: a pump's page leads to its dashboard there. Left out: it does not."""
    push_public_key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{87}$")] | None = None
    """The public key of pushes to browsers (`pumpwatch push-key`). Left out: nobody can add a browser."""
    push_services: Annotated[tuple[str, ...], NoDecode] = KNOWN_SERVICES
    """Hosts of services of pushes that a browser may name, with commas between."""
    channel_kinds: Annotated[tuple[str, ...], NoDecode] = tuple(sorted(USUAL_KINDS))
    """Kinds of addresses that a person may give, as these begin, with commas between."""
    most_connections: Annotated[int, Field(ge=16, le=10_000)] = 2_048
    request_within_seconds: Annotated[float, Field(ge=0.1, le=120)] = 10.0
    answer_within_seconds: Annotated[float, Field(ge=1, le=600)] = 30.0
    policy_poll_seconds: Annotated[float, Field(gt=0, le=60)] = 3.0
    log_json: bool = False
    log_level: str = "INFO"

    @model_validator(mode="before")
    @classmethod
    def _split(cls, values: dict[str, object]) -> dict[str, object]:
        lists = {name: values[name] for name in _LISTS if isinstance(values.get(name), str)}
        return values | {
            name: [each.strip() for each in str(text).split(",") if each.strip()] for name, text in lists.items()
        }

    @model_validator(mode="before")
    @classmethod
    def _without_what_was_shared(cls, values: dict[str, object]) -> dict[str, object]:
        if values.get("api_token") is not None or values.get("api_token_file") is not None:
            msg = (
                "WEB_API_TOKEN opens nothing any more: people sign in (`pumpwatch user add`), programs show keys "
                "(`pumpwatch keys create`), and the worker is asked with WEB_WORKER_TOKEN. Take WEB_API_TOKEN and "
                "WEB_API_TOKEN_FILE away (docs/operating/upgrade.md)"
            )
            raise ValueError(msg)
        return values
