"""What Grafana reads about a clinic names that clinic's organisation, login and password, and nothing of another's."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from services.admin.grafana.files import GrafanaError, Reached, files_of, login_of, password_file

REACHED = Reached(
    "timescaledb:5432", "pumpwatch", "disable", None, "/etc/pumpwatch/clinics", "/etc/pumpwatch/dashboards"
)
CLINICS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,54}", fullmatch=True)

# What Grafana knows (https://grafana.com/docs/grafana/v12.0/administration/provisioning). Of others it says nothing.
DATA_SOURCE = {
    "name", "type", "access", "orgId", "uid", "url", "user", "database", "basicAuth", "basicAuthUser",
    "withCredentials", "isDefault", "jsonData", "secureJsonData", "version", "editable",
}  # fmt: skip
POSTGRES = {
    "database", "sslmode", "tlsConfigurationMethod", "sslRootCertFile", "sslCertFile", "sslKeyFile", "postgresVersion",
    "timescaledb", "maxOpenConns", "maxIdleConns", "maxIdleConnsAuto", "connMaxLifetime", "timeInterval",
}  # fmt: skip
PROVIDER = {
    "name", "orgId", "folder", "folderUid", "type", "disableDeletion", "updateIntervalSeconds", "allowUiUpdates",
    "options",
}  # fmt: skip


def read(clinic_id: str, organisation_id: int, reached: Reached = REACHED) -> tuple[dict[str, Any], dict[str, Any]]:
    """Its one data source and its one provider of dashboards."""
    files = files_of(clinic_id, organisation_id, reached)
    source, provider = (
        yaml.safe_load(files[f"provisioning/{kind}/{clinic_id}.yaml"]) for kind in ("datasources", "dashboards")
    )
    assert len(files) == 2
    assert source.keys() == {"apiVersion", "prune", "datasources"}
    assert provider.keys() == {"apiVersion", "providers"}
    [one], [other] = source["datasources"], provider["providers"]
    return one, other


@given(CLINICS, st.integers(1, 10**9))
def test_both_are_of_its_organisation_and_read_by_its_login(clinic_id, organisation_id):
    source, provider = read(clinic_id, organisation_id)
    assert source["orgId"] == provider["orgId"] == organisation_id
    assert source["user"] == login_of(clinic_id)
    assert source["secureJsonData"] == {"password": f"$__file{{/etc/pumpwatch/clinics/{password_file(clinic_id)}}}"}
    assert source["url"] == "timescaledb:5432"
    assert source["jsonData"]["database"] == "pumpwatch"
    assert provider["options"] == {"path": "/etc/pumpwatch/dashboards"}
    assert (source["editable"], provider["allowUiUpdates"]) == (False, False)


@given(CLINICS, CLINICS)
def test_two_clinics_share_no_login_no_file_and_no_provider(one, other):
    assume(one != other)
    assert login_of(one) != login_of(other)
    assert files_of(one, 2, REACHED).keys().isdisjoint(files_of(other, 3, REACHED))
    assert read(one, 2)[1]["name"] != read(other, 3)[1]["name"]


def test_grafana_knows_every_name():
    source, provider = read("north", 2, dataclasses.replace(REACHED, ssl_mode="verify-full", ssl_root="/etc/ca.crt"))
    assert source.keys() <= DATA_SOURCE
    assert source["jsonData"].keys() <= POSTGRES
    assert provider.keys() <= PROVIDER
    assert source["jsonData"]["sslmode"] == "verify-full"
    assert source["jsonData"]["sslRootCertFile"] == "/etc/ca.crt"


@pytest.mark.parametrize("clinic_id", ["n" * 56, "../north", "", "no rth", "north\n", "$HOME"])
def test_an_id_that_would_be_another_clinics_login_is_refused(clinic_id):
    """PostgreSQL cuts a name off at 63: 56 letters and what precedes them are one more."""
    with pytest.raises(GrafanaError, match="at most 55"):
        files_of(clinic_id, 2, REACHED)
