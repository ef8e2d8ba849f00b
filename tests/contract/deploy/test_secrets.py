"""Secrets of an installation: a file for each, made by deploy/init-secrets, and in no container's environment."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.deploy.compose_file import DEVELOPMENT, PRODUCTION, ROOT, init_secrets, read

COMPOSE = read(PRODUCTION)
OVERLAY = read(DEVELOPMENT)
ALL = COMPOSE["services"] | {f"{name} (development)": each for name, each in OVERLAY["services"].items()}
DECLARED: dict[str, dict[str, str]] = COMPOSE["secrets"] | OVERLAY["secrets"]
EXAMPLE = (ROOT / ".env.example").read_text()
THE_SITES_OWN = {"OIDC_CLIENT_SECRET", "PUSH_KEY", "BOARD_CERTIFICATE"}
"""Made elsewhere, and empty until somebody puts them there."""
IN_FILE = re.compile(r"/run/secrets/(\w+)")
BEFORE = "".join(
    f"{name}={value}\n"
    for name, value in {
        "POSTGRES_PASSWORD": "a1",
        "OWNER_DB_PASSWORD": "a2",
        "INGEST_DB_PASSWORD": "a3",
        "ALERTS_DB_PASSWORD": '"a4"',
        "WEB_DB_PASSWORD": "'a5'",
        "GRAFANA_DB_PASSWORD": "a6",
        "INGEST_MQTT_PASSWORD": "old\nINGEST_MQTT_PASSWORD=a7",
        "MQTT_BIND": "0.0.0.0",
        "INGEST_SHARE_GROUP": "a8",
        "INGEST_GATEWAY_TOKEN": "a9",
        "ALERTS_API_TOKEN": "a+/=10",
        "AUDIT_KEY": "a11",
        "GRAFANA_ADMIN_PASSWORD": "a12",
        "SIMULATOR_MQTT_PASSWORD": "",
    }.items()
)
"""An .env of before, by a person who has quoted values and written one twice."""


def environment(service: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in service.get("environment", {}).items()}


@pytest.mark.parametrize("name", ALL)
def test_no_secret_stands_in_a_containers_environment(name: str) -> None:
    """`docker inspect` shows what stands there to whoever may ask Docker, and a crash report shows it to more."""
    secret = re.compile(r"PASSWORD|TOKEN|SECRET|KEY|SHARE_GROUP|SUFFIX|DEVICES")
    for variable, value in environment(ALL[name]).items():
        if secret.search(variable) and not variable.endswith("PUBLIC_KEY"):
            assert variable.endswith(("_FILE", "_FILES")), variable
            assert value.startswith("/run/secrets/") or value == f"${{{variable}:-}}", variable
        assert not any(re.search(rf"\$\{{{each}\b", value) for each in DECLARED), variable
        assert not re.search(r"://[^/@]*:[^/@]*@", value), variable


@pytest.mark.parametrize("name", ALL)
def test_each_container_is_given_the_secrets_that_it_names_and_no_others(name: str) -> None:
    service = ALL[name]
    given = set(service.get("secrets", ()))
    named = set(IN_FILE.findall(" ".join([*environment(service).values(), *map(str, service.get("entrypoint", ()))])))
    for variable, value in environment(service).items():
        if value == f"${{{variable}:-}}":  # .env says whether there is one
            named |= set(re.findall(rf"^#{variable}=/run/secrets/(\w+)$", EXAMPLE, re.MULTILINE))
    if name == "timescaledb":
        named |= set(re.findall(r"\$\(secret (\w+)\)", (ROOT / "deploy/timescaledb/make-roles").read_text()))
    if name == "grafana":
        source = (ROOT / "deploy/grafana/provisioning/datasources/timescaledb.yaml").read_text()
        named |= set(re.findall(r"\$__file\{/run/secrets/(\w+)\}", source))
    if name == "proxy":
        named |= set(re.findall(r"/run/secrets/(\w+)", (ROOT / "deploy/proxy/haproxy.cfg").read_text()))
    assert given == named
    assert given <= DECLARED.keys()


def test_every_secret_is_a_file_that_init_secrets_makes(tmp_path: Path) -> None:
    assert init_secrets(tmp_path).secrets.keys() == DECLARED.keys()
    for name, how in DECLARED.items():
        assert how == {"file": f"${{SECRETS_FOLDER:?run deploy/init-secrets}}/{name}"}


def test_secrets_are_random_and_kept(tmp_path: Path) -> None:
    first = init_secrets(tmp_path)
    assert init_secrets(tmp_path) == first
    made = [value for value in first.secrets.values() if re.fullmatch(r"[0-9a-f]{32}", value)]
    assert len(made) == len(set(made)) == len(DECLARED.keys() - THE_SITES_OWN) - 1
    assert {first.secrets[name] for name in THE_SITES_OWN} == {""}
    (tmp_path / "values" / "WEB_DB_PASSWORD").unlink()
    again = init_secrets(tmp_path)
    assert again.secrets["WEB_DB_PASSWORD"] != first.secrets["WEB_DB_PASSWORD"]
    assert again.secrets | {"WEB_DB_PASSWORD": first.secrets["WEB_DB_PASSWORD"]} == first.secrets


def test_production_has_no_simulator_login_and_does_not_take_over_a_development_file(tmp_path: Path) -> None:
    (tmp_path / "production").mkdir()
    (tmp_path / "development").mkdir()
    made = init_secrets(tmp_path / "production", "--production")
    assert made.secrets["SIMULATOR_MQTT_PASSWORD"] == made.secrets["DEVELOPMENT_DEVICES"] == ""
    assert "COMPOSE_FILE" not in made.env
    init_secrets(tmp_path / "development")
    refused(tmp_path / "development", "--production", words="made for development")


def refused(folder: Path, *arguments: str, words: str) -> None:
    """It is refused in these words, and nothing is changed by it."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(subprocess.CalledProcessError) as caught:
        init_secrets(folder, *arguments)
    assert words in caught.value.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_an_installation_whose_secrets_stand_in_env_goes_over_with_its_values(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(BEFORE)
    made = init_secrets(tmp_path, "--production")
    new = {made.secrets[name] for name in ("ALERTS_MQTT_PASSWORD", "DRILL_MQTT_PASSWORD", "LINK_KEY")}
    assert len(new) == 3  # of later releases
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in new)
    kept = [made.secrets[name] for name in DECLARED if made.secrets[name] not in {"", *new}]
    assert kept == [*(f"a{number}" for number in range(1, 10)), "a+/=10", "a11", "a12"]
    assert made.env == {"MQTT_BIND": "0.0.0.0", "SECRETS_FOLDER": str(tmp_path / "values")}
    assert (tmp_path / "values" / ".env-before").read_text() == BEFORE
    assert init_secrets(tmp_path, "--production") == made


def test_a_session_suffix_of_before_stays_in_use(tmp_path: Path) -> None:
    """Without its line in .env ingest would leave the sessions in which events wait."""
    (tmp_path / ".env").write_text(BEFORE + "INGEST_SESSION_SUFFIX=deep")
    made = init_secrets(tmp_path)
    assert made.secrets["INGEST_SESSION_SUFFIX"] == "deep"
    assert made.env["INGEST_SESSION_SUFFIX_FILE"] == "/run/secrets/INGEST_SESSION_SUFFIX"


def test_a_secret_that_is_set_in_env_later_moves_into_its_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(BEFORE)
    init_secrets(tmp_path)
    with (tmp_path / ".env").open("a") as file:
        file.write("INGEST_SESSION_SUFFIX=deep\n")
    made = init_secrets(tmp_path)
    assert made.secrets["INGEST_SESSION_SUFFIX"] == "deep"
    assert "INGEST_SESSION_SUFFIX" not in made.env


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("AUDIT_KEY=a b#c", "AUDIT_KEY holds more than letters and digits"),
        ("AUDIT_KEY=$OTHER", "AUDIT_KEY holds more than letters and digits"),
        ("export AUDIT_KEY=a11", "write AUDIT_KEY as AUDIT_KEY=VALUE"),
        ("AUDIT_KEY = a11", "write AUDIT_KEY as AUDIT_KEY=VALUE"),
    ],
)
def test_a_value_that_compose_reads_in_its_own_way_is_left_to_a_person(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / ".env").write_text(BEFORE.replace("AUDIT_KEY=a11", line))
    refused(tmp_path, words=words)


def test_what_could_lose_a_secret_is_refused(tmp_path: Path) -> None:
    init_secrets(tmp_path)
    env = tmp_path / ".env"
    kept = env.read_text()
    env.write_text(f"{kept}WEB_DB_PASSWORD=other\n")
    refused(tmp_path, words="WEB_DB_PASSWORD stands in")
    env.unlink()
    refused(tmp_path, words="holds secrets: put .env back")
    env.write_text(kept)
    (tmp_path / "values").rename(tmp_path / "elsewhere")
    refused(tmp_path, words="put the folder back from a backup")


def test_an_empty_file_is_no_reason_for_a_new_password(tmp_path: Path) -> None:
    init_secrets(tmp_path)
    file = tmp_path / "values" / "OWNER_DB_PASSWORD"
    file.chmod(0o600)
    file.write_text("")
    refused(tmp_path, words="OWNER_DB_PASSWORD is empty")


def make_roles(folder: Path, secrets: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """deploy/timescaledb/make-roles with a `psql` that says what it was given."""
    (folder / "secrets").mkdir()
    for name, value in secrets.items():
        (folder / "secrets" / name).write_text(value)
    (folder / "psql").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (folder / "psql").chmod(0o755)
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "PUMPWATCH_SECRETS": str(folder / "secrets"),
        "POSTGRES_DB": "pumpwatch",
    }
    command = ["sh", str(ROOT / "deploy/timescaledb/make-roles")]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


def test_each_role_gets_the_password_of_its_own_file(tmp_path: Path) -> None:
    jobs = ("owner", "ingest", "alerts", "web", "grafana")
    done = make_roles(tmp_path, {f"{job.upper()}_DB_PASSWORD": f"of {job}\n" for job in jobs})
    assert done.returncode == 0, done.stderr
    given = dict(re.findall(r"^--set=(\w+)_password=(.*)$", done.stdout, re.MULTILINE))
    assert given == {job: f"of {job}" for job in jobs}


def test_a_role_without_a_password_is_not_made(tmp_path: Path) -> None:
    done = make_roles(tmp_path, {"OWNER_DB_PASSWORD": "x", "INGEST_DB_PASSWORD": ""})
    assert (done.returncode, done.stdout) == (1, "")
    assert "INGEST_DB_PASSWORD is missing or empty" in done.stderr
