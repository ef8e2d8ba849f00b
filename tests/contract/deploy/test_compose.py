"""docker-compose.yml: hardened, free of secrets, in order, and in the words of the services' settings."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from schemas.paths import GRANTS_FILE
from schemas.policy_file import load_policy
from services.alerts.settings import AlertsSettings
from services.alerts.web.settings import WebSettings
from services.ingest.settings import IngestSettings
from services.runtime.grants import read_grants
from services.simulator.settings import SimulatorSettings
from tests.contract.deploy.compose_file import (
    DEVELOPMENT,
    PRODUCTION,
    ROOT,
    compose_command,
    init_secrets,
    interpolated,
    read,
    references,
    seconds,
)

COMPOSE = read(PRODUCTION)
OVERLAY = read(DEVELOPMENT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"migrate", "readers", "grafana-clinics"}
SETTINGS: dict[str, type[BaseSettings]] = {
    "ingest": IngestSettings,
    "alerts": AlertsSettings,
    "web": WebSettings,
    "simulator": SimulatorSettings,
}
EXAMPLE = (ROOT / ".env.example").read_text()
OF_LIBRARIES = {"REQUESTS_CA_BUNDLE"}


@pytest.fixture(scope="module")
def made_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What deploy/init-secrets makes."""
    return init_secrets(tmp_path_factory.mktemp("env")).env


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_hardened_and_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert service["logging"]["options"]["max-size"]
    assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")
    assert not {"privileged", "container_name", "network_mode", "pid", "ipc", "devices"} & service.keys()
    if name not in ONE_SHOT:
        assert seconds(service["stop_grace_period"]) >= 30


@pytest.mark.parametrize("name", SERVICES)
def test_each_image_is_pinned_or_built_here(name: str) -> None:
    image = SERVICES[name]["image"]
    assert "build" in SERVICES[name] or re.search(r":\d+\.\d+\.\d+(-[a-z0-9]+)?(@sha256:[0-9a-f]{64})?$", image), image


def test_every_name_is_explained_in_the_example_and_required_ones_are_made() -> None:
    for match in (*references(COMPOSE), *references(OVERLAY)):
        assert re.search(rf"^#?{match['name']}=", EXAMPLE, re.MULTILINE), match["name"]
        if match["how"] == "?":
            assert re.search(rf"^{match['name']}=.", EXAMPLE, re.MULTILINE), match["name"]
            assert match["rest"] == "run deploy/init-secrets"


def test_what_is_published_is_published_on_the_loopback_address() -> None:
    published = {
        name: interpolated(port, {})
        for document in (COMPOSE, OVERLAY)
        for name, service in document["services"].items()
        for port in service.get("ports", ())
    }
    assert set(published) == {"mosquitto", "web", "grafana", "proxy"}
    assert all(port.startswith("127.0.0.1:") for port in published.values())


def test_the_database_and_the_inner_broker_port_are_on_inner_networks_only() -> None:
    assert COMPOSE["networks"]["data"] == COMPOSE["networks"]["messages"] == {"internal": True}
    assert SERVICES["timescaledb"]["networks"] == ["data"]
    assert SERVICES["ingest"]["networks"] == ["data", "messages"]


def test_the_alert_service_reads_alarms_at_the_broker_and_does_not_wait_for_it() -> None:
    alerts = SERVICES["alerts"]
    assert "messages" in alerts["networks"]
    assert "messages" in SERVICES["mosquitto"]["networks"]
    assert alerts["environment"]["ALERTS_MQTT_URL"] == "mqtt://alerts@mosquitto:1883"
    assert "/run/secrets/ALERTS_MQTT_PASSWORD" in alerts["environment"].values()
    assert "ALERTS_MQTT_PASSWORD" in SERVICES["mosquitto"]["secrets"]
    assert "mosquitto" not in alerts["depends_on"], "it pages what is stored also when the broker is away"


def test_every_wait_is_for_something_that_happens() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{name} waits for {other}"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert other in ONE_SHOT


@pytest.mark.parametrize(
    ("name", "before"), [("ingest", "migrate"), ("alerts", "migrate"), ("web", "migrate"), ("grafana", "readers")]
)
def test_nothing_uses_the_database_before_it_is_ready_for_it(name: str, before: str) -> None:
    assert SERVICES[name]["depends_on"][before] == {"condition": "service_completed_successfully"}


def test_migrate_waits_for_the_database_and_readers_for_the_tables() -> None:
    assert SERVICES["migrate"]["depends_on"] == {"timescaledb": {"condition": "service_healthy"}}
    assert SERVICES["readers"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_every_long_running_service_but_the_simulator_has_a_health_check() -> None:
    assert {name for name in SERVICES if "healthcheck" not in SERVICES[name]} == {*ONE_SHOT, "simulator"}


def test_ingest_can_be_scaled() -> None:
    assert not {"ports", "container_name", "hostname"} & SERVICES["ingest"].keys()
    assert "INGEST_CLIENT_ID" not in SERVICES["ingest"]["environment"], "services/ingest/name.py picks it"
    assert SERVICES["ingest"]["volumes"] == ["ingest-names:/var/lib/pumpwatch/names"]


@pytest.mark.parametrize("document", [COMPOSE, OVERLAY], ids=["production", "development"])
@pytest.mark.parametrize("name", SETTINGS)
def test_every_name_is_a_setting(name: str, document: dict[str, Any]) -> None:
    settings = SETTINGS[name]
    prefix = settings.model_config["env_prefix"]
    given = document["services"].get(name, {}).get("environment", {})
    known = {f"{prefix}{field}".upper() for field in settings.model_fields} | OF_LIBRARIES
    assert given.keys() <= known


@pytest.mark.parametrize("name", SETTINGS)
def test_the_settings_can_be_built_from_the_file(
    name: str, made_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = SERVICES[name]["environment"] | OVERLAY["services"].get(name, {}).get("environment", {})
    for key, value in given.items():
        monkeypatch.setenv(key, interpolated(value, made_env))
    for key in given:  # the containers' own folder of secrets is not here
        if key.endswith("_FILE") and os.environ[key]:
            monkeypatch.setenv(key, f"{made_env['SECRETS_FOLDER']}/{Path(os.environ[key]).name}")
    settings = SETTINGS[name]()
    required = {field for field, info in settings.__class__.model_fields.items() if info.is_required()}
    assert required <= settings.model_fields_set


@pytest.mark.parametrize(("name", "path"), [("ingest", "readyz"), ("alerts", "readyz"), ("web", "livez")])
def test_the_health_check_asks_where_the_service_listens(name: str, path: str) -> None:
    assert f"127.0.0.1:{listens(name)}/{path}" in SERVICES[name]["healthcheck"]["test"][-1]


def listens(name: str) -> str:
    return str(SERVICES[name]["environment"][f"{SETTINGS[name].model_config['env_prefix']}HTTP_PORT"])


def test_what_people_reach_is_not_what_pages() -> None:
    assert "ports" not in SERVICES["alerts"]
    assert SERVICES["web"]["ports"][0].endswith(f":{listens('web')}")
    assert SERVICES["web"]["environment"]["WEB_WORKER_URL"] == f"http://alerts:{listens('alerts')}"
    names = {"web": "WEB_WORKER_TOKEN_FILE", "alerts": "ALERTS_API_TOKEN_FILE"}
    tokens = {SERVICES[service]["environment"][name] for service, name in names.items()}
    assert tokens == {"/run/secrets/ALERTS_API_TOKEN"}, "the worker tells the board what it has paged"
    assert "messages" not in SERVICES["web"]["networks"]
    assert "env_file" not in SERVICES["web"], "it needs nobody's address"


def test_prometheus_asks_where_the_services_listen() -> None:
    jobs = read(ROOT / "deploy/prometheus/prometheus.yml")["scrape_configs"]
    found = {job["job_name"]: str(job["dns_sd_configs"][0]["port"]) for job in jobs}
    assert found == {name: listens(name) for name in ("ingest", "alerts", "web")}


@pytest.mark.parametrize("name", ["ingest", "alerts", "web", "mosquitto"])
def test_there_are_files_enough_for_the_connections(name: str) -> None:
    allowed = SERVICES[name]["ulimits"]["nofile"]
    assert allowed["soft"] == allowed["hard"] >= 4096
    if name == "web":
        assert allowed["soft"] >= 2 * WebSettings.model_fields["most_connections"].default


def test_ingest_is_given_the_time_it_takes_to_stop() -> None:
    takes = IngestSettings.model_fields["stop_within_seconds"].default
    assert seconds(SERVICES["ingest"]["stop_grace_period"]) > takes


def test_database_logins_are_the_ones_that_are_made() -> None:
    made = set(
        re.findall(
            r"--set=(?:owner|ingest|alerts|web|grafana)=(\w+)", (ROOT / "deploy/timescaledb/make-roles").read_text()
        )
    )
    used = set(re.findall(r"postgresql://(\w+)@", PRODUCTION.read_text())) | {
        SERVICES["readers"]["environment"]["PGUSER"]
    }
    assert used | read_grants(GRANTS_FILE).keys() <= made
    assert "pumpwatch_grafana" in made
    assert "'pumpwatch_grafana'" in (ROOT / "deploy/timescaledb/readers.sql").read_text()


def test_the_brokers_queue_fits_into_its_memory() -> None:
    limits = (ROOT / "deploy/mosquitto/common/limits.conf").read_text()
    queued = int(re.findall(r"^max_queued_bytes (\d+)$", limits, re.MULTILINE)[0])
    assert SERVICES["mosquitto"]["deploy"]["resources"]["limits"]["memory"] == "1g"
    assert queued <= 2**30 / 2


def test_every_mounted_file_is_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = interpolated(volume, {}).split(":")[0]
            if source.startswith("./") and "secrets" not in source:
                assert (ROOT / source).exists(), source
            elif not source.startswith("./"):
                assert source in COMPOSE["volumes"], source


def test_the_policies_that_come_with_it_are_valid() -> None:
    files = sorted((ROOT / "deploy" / "policies").glob("*.yaml"))
    assert files
    for file in files:
        assert load_policy(file).clinic_id == file.stem


@pytest.mark.parametrize("files", [(PRODUCTION,), (PRODUCTION, DEVELOPMENT)], ids=["production", "development"])
def test_compose_itself_accepts_the_files(files: tuple[Path, ...], made_env: dict[str, str]) -> None:
    """Needs no engine. Where there is no Compose (2.24 or newer), the rules above are what is checked."""
    command = compose_command()
    if command is None:
        return
    arguments = [argument for file in files for argument in ("--file", str(file))]
    settings = {name: value for name, value in made_env.items() if name != "COMPOSE_FILE"}
    base = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    wanted = [*command, "--project-directory", str(ROOT), "--env-file", "/dev/null", *arguments]
    done = subprocess.run(
        [*wanted, "--profile", "sim", "--profile", "grafana-clinics", "config", "-q"],
        check=False,
        capture_output=True,
        text=True,
        env=base | settings,
    )
    assert (done.returncode, done.stderr) == (0, "")
    refused = subprocess.run([*wanted, "config", "-q"], check=False, capture_output=True, text=True, env=base)
    assert "run deploy/init-secrets" in refused.stderr
