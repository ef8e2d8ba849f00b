"""PURE. What Grafana reads at its start about one clinic: its data source, and where its dashboards are.

Guarantees: every data source and every provider names its organisation, so none lands in organisation 1, where Grafana
puts what names none; a password stands in no file that is made here, which name the file that holds it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

DATA_SOURCE_UID: Final = "pumpwatch"
"""As the dashboards name it (deploy/grafana). It is unique within an organisation only."""
_LOGIN_PREFIX: Final = "grafana_"
_LONGEST_NAME: Final = 63
"""Characters of a name in PostgreSQL. It cuts longer ones off, and two clinics would have one login."""
_CLINIC_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_WHAT_IT_IS: Final = "# Written by `pumpwatch grafana`, which may be run again: do not edit.\n"


class GrafanaError(ValueError):
    """It cannot be made so; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How Grafana reaches the database, and where it finds files. Paths are as Grafana sees them."""

    address: str
    """`host:port`."""
    database: str
    ssl_mode: str
    """`disable`, `require` or `verify-full`."""
    ssl_root: str | None
    """The file of the authority, with `verify-full`."""
    folder: str
    """That of `pumpwatch grafana --out`."""
    dashboards: str


def login_of(clinic_id: str) -> str:
    """The login at the database by which a clinic's dashboards read.

    Raises:
        GrafanaError: The clinic's id is too long, so that its login could be another clinic's.
    """
    name = f"{_LOGIN_PREFIX}{clinic_id}"
    if _CLINIC_ID.fullmatch(clinic_id) is None or len(name) > _LONGEST_NAME:
        raise GrafanaError(
            f"clinic {clinic_id!r}: expected an id of at most {_LONGEST_NAME - len(_LOGIN_PREFIX)} letters, digits and "
            f"._- for a login in Grafana; make its login and data source by hand (docs/operating/grafana.md)"
        )
    return name


def password_file(clinic_id: str) -> str:
    """Where its password is, within the folder."""
    return f"passwords/{login_of(clinic_id)}"


def files_of(clinic_id: str, organisation_id: int, reached: Reached) -> dict[str, str]:
    """The files of one clinic: path within the folder to text.

    Args:
        clinic_id: The clinic.
        organisation_id: Grafana's number of its organisation, which must be there: Grafana does not start with
            the data source of another.
        reached: How Grafana reaches the rest.

    Raises:
        GrafanaError: The clinic's id is too long.
    """
    return {
        f"provisioning/datasources/{clinic_id}.yaml": _text(_data_source(clinic_id, organisation_id, reached)),
        f"provisioning/dashboards/{clinic_id}.yaml": _text(_provider(clinic_id, organisation_id, reached)),
    }


def _data_source(clinic_id: str, organisation_id: int, reached: Reached) -> dict[str, Any]:
    tls: dict[str, Any] = {"sslmode": reached.ssl_mode}
    if reached.ssl_root is not None:
        tls |= {"tlsConfigurationMethod": "file-path", "sslRootCertFile": reached.ssl_root}
    return {
        "apiVersion": 1,
        "prune": True,
        "datasources": [
            {
                "name": "TimescaleDB",
                "uid": DATA_SOURCE_UID,
                "orgId": organisation_id,
                "type": "grafana-postgresql-datasource",
                "access": "proxy",
                "isDefault": True,
                "editable": False,
                "url": reached.address,
                "user": login_of(clinic_id),
                "secureJsonData": {"password": f"$__file{{{reached.folder}/{password_file(clinic_id)}}}"},
                "jsonData": {
                    "database": reached.database,
                    **tls,
                    "postgresVersion": 1500,
                    "timescaledb": True,
                    "maxOpenConns": 10,
                    "maxIdleConns": 2,
                    "timeInterval": "1m",
                },
            }
        ],
    }


def _provider(clinic_id: str, organisation_id: int, reached: Reached) -> dict[str, Any]:
    # Grafana remembers by the provider's name which dashboards are its own: one for each clinic.
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": f"pumpwatch-{clinic_id}",
                "orgId": organisation_id,
                "folder": "Pumpwatch",
                "type": "file",
                "allowUiUpdates": False,
                "disableDeletion": True,
                "updateIntervalSeconds": 60,
                "options": {"path": reached.dashboards},
            }
        ],
    }


def _text(document: dict[str, Any]) -> str:
    return _WHAT_IT_IS + yaml.safe_dump(document, sort_keys=False)
