"""What the scripts write that is secret is its owner's alone, from the first byte, whatever the umask of who runs them.

Each script runs with a umask of 0 and without a `chmod`: what is private only afterwards is found.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.devstack.demo.folder import append_privately, fresh_folder
from tests.contract.deploy.mosquitto import DEPLOY

SECRET = re.compile(rb"PRIVATE KEY|PASSWORD=\w|TOKEN=\w|SUFFIX=\w|^(ingest|alerts|health|pump-\w+):", re.MULTILINE)
PASSWORD = "correct-horse-battery"  # noqa: S105 - of the test


def readable_by_others(folder: Path) -> dict[str, str]:
    """The files with something secret in them that others get at, with their modes.

    Their owner's alone is a file that says so, and one in a folder below `folder` that nobody else may enter.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (SECRET.search(path.read_bytes()) or PASSWORD.encode() in path.read_bytes()):
            mode = stat.S_IMODE(path.stat().st_mode)
            closed = any(not each.stat().st_mode & 0o077 for each in path.parents if folder in each.parents)
            if mode & 0o077 and not closed:
                found[str(path.relative_to(folder))] = f"{mode:04o}"
    return found


def secret_files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and SECRET.search(path.read_bytes())}


@pytest.fixture
def no_chmod(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `chmod` that does nothing."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "chmod").write_text("#!/bin/sh\n")
    (folder / "chmod").chmod(0o755)
    return folder


@pytest.fixture
def any_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def run(script: str, *arguments: str, path: Path, **environment: str) -> str:
    done = subprocess.run(
        ["sh", str(DEPLOY / script), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": f"{path}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        umask=0,
    )
    return done.stdout


def test_the_keys_of_the_test_authority_its_server_and_its_devices(tmp_path: Path, no_chmod: Path) -> None:
    make = "tls/make-test-certificates"
    run(make, str(tmp_path), "server", "localhost", path=no_chmod)
    run(make, str(tmp_path), "device", "pump-a", "pump-b", path=no_chmod)
    run(make, str(tmp_path), "revoke", "pump-b", path=no_chmod)
    assert secret_files(tmp_path) == {"ca.key", "server.key", "pump-a.key", "pump-b.key"}
    assert readable_by_others(tmp_path) == {}
    assert stat.S_IMODE((tmp_path / "authority").stat().st_mode) == 0o700


def test_the_broker_gets_at_its_own_key_and_everybody_at_what_is_public(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    said = run("tls/make-test-certificates", str(folder), "server", "localhost", path=Path("/bin"), BROKER_USER="4711")
    key = (folder / "server.key").stat()
    if os.geteuid() == 0:
        assert key.st_uid == 4711
    else:
        assert "chown 4711" in said
    assert stat.S_IMODE(key.st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("ca.crt", "server.crt", "crl.pem")} == {0o644}


def test_a_key_that_an_earlier_release_left_open_is_closed(tmp_path: Path) -> None:
    run("tls/make-test-certificates", str(tmp_path), "device", "pump-a", path=Path("/bin"))
    (tmp_path / "pump-a.key").chmod(0o644)
    run("tls/make-test-certificates", str(tmp_path), "device", "pump-b", path=Path("/bin"))
    assert readable_by_others(tmp_path) == {}


def test_the_passwords_of_an_installation(tmp_path: Path, no_chmod: Path) -> None:
    for arguments in ((), ("--production",)):
        file, folder = tmp_path / f"env{len(arguments)}", tmp_path / f"values{len(arguments)}"
        run(
            "init-secrets",
            *arguments,
            path=no_chmod,
            PUMPWATCH_ENV_FILE=str(file),
            PUMPWATCH_SECRETS_FOLDER=str(folder),
        )
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert set(modes.values()) == {0o444}, "each container reads them by a user id of its own"
        assert len(modes) == 21
        values = [value for path in folder.iterdir() if len(value := path.read_bytes()) >= 32]
        assert len(values) >= 14
        assert not any(value in file.read_bytes() for value in values)
    assert secret_files(tmp_path) <= {"DEVELOPMENT_DEVICES"}
    assert readable_by_others(tmp_path) == {}


def test_a_folder_of_secrets_that_was_open_is_closed_before_one_is_in_it(tmp_path: Path) -> None:
    """Seen by an `od`, which makes the first secret."""
    folder, seen, bin_folder = tmp_path / "values", tmp_path / "seen", tmp_path / "bin"
    folder.mkdir(mode=0o755)
    bin_folder.mkdir()
    real = shutil.which("od")
    (bin_folder / "od").write_text(f'#!/bin/sh\nstat -c %a "{folder}" >> "{seen}"\nexec {real} "$@"\n')
    (bin_folder / "od").chmod(0o755)
    environment = {"PUMPWATCH_ENV_FILE": str(tmp_path / ".env"), "PUMPWATCH_SECRETS_FOLDER": str(folder)}
    run("init-secrets", path=bin_folder, **environment)
    assert set(seen.read_text().split()) == {"700"}


def test_an_env_file_that_was_open_is_closed_before_a_password_is_added(tmp_path: Path) -> None:
    """Seen by a `grep` in place of the real one, which the script asks before it adds anything."""
    file, seen, bin_folder = tmp_path / ".env", tmp_path / "seen", tmp_path / "bin"
    file.write_text("MQTT_PORT=8883\n")
    file.chmod(0o644)
    bin_folder.mkdir()
    real = shutil.which("grep")
    (bin_folder / "grep").write_text(f'#!/bin/sh\nstat -c %a "{file}" >> "{seen}"\nexec {real} "$@"\n')
    (bin_folder / "grep").chmod(0o755)
    folder = tmp_path / "values"
    run("init-secrets", path=bin_folder, PUMPWATCH_ENV_FILE=str(file), PUMPWATCH_SECRETS_FOLDER=str(folder))
    assert set(seen.read_text().split()) == {"600"}
    assert readable_by_others(tmp_path) == {}


@pytest.mark.parametrize("mode", ["production", "development"])
def test_the_brokers_password_files(tmp_path: Path, no_chmod: Path, mosquitto_program: Path, mode: str) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "password").write_text(PASSWORD)
    (secrets / "devices").write_text(f"pump-a:{PASSWORD}\n")
    named = {"INGEST_MQTT_PASSWORD": "password", "ALERTS_MQTT_PASSWORD": "password", "DEVELOPMENT_DEVICES": "devices"}
    given = {f"{name}_FILE": str(secrets / file) for name, file in named.items()}
    run_folder = tmp_path / "run"
    run_folder.mkdir()
    (no_chmod / "mosquitto").write_text("#!/bin/sh\n")
    (no_chmod / "mosquitto").chmod(0o755)
    tools = no_chmod / "mosquitto_passwd"
    tools.symlink_to(shutil.which("mosquitto_passwd") or mosquitto_program.parent.parent / "bin/mosquitto_passwd")
    run(
        "mosquitto/start",
        mode,
        path=no_chmod,
        MOSQUITTO_CONFIG=str(DEPLOY / "mosquitto"),
        MOSQUITTO_RUN=str(run_folder),
        **given,
    )
    assert secret_files(run_folder) == {"passwords"} | ({"devices"} if mode == "development" else set())
    modes = {stat.S_IMODE(path.stat().st_mode) for path in run_folder.iterdir()}
    assert modes == {0o600}


@pytest.mark.usefixtures("any_umask")
def test_the_demos_folder_with_its_pages_and_their_links(tmp_path: Path) -> None:
    with fresh_folder(tmp_path / ".demo"):
        assert stat.S_IMODE((tmp_path / ".demo").stat().st_mode) == 0o700
        append_privately(tmp_path / ".demo" / "pages.log", "a link that acknowledges\n")
        append_privately(tmp_path / ".demo" / "pages.log", "another\n")
        pages = tmp_path / ".demo" / "pages.log"
        assert stat.S_IMODE(pages.stat().st_mode) == 0o600
        assert pages.read_text() == "a link that acknowledges\nanother\n"


@pytest.mark.usefixtures("any_umask")
def test_the_folder_of_an_earlier_demo_is_closed(tmp_path: Path) -> None:
    (tmp_path / ".demo").mkdir(mode=0o755)
    with fresh_folder(tmp_path / ".demo"):
        assert stat.S_IMODE((tmp_path / ".demo").stat().st_mode) == 0o700
