"""The image: pinned, not root, nothing but the services; and each ingest of a host has a name of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

from deploy.security.lock import LOCK, locked
from services.ingest.name import MOST_NAMES, NoNameError, hold_name
from tests.contract.deploy.compose_file import PRODUCTION, read

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
LAST_STAGE = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]

ENTRY = """
import os, sys
from services.container import main
main(lambda: (print(os.environ["INGEST_CLIENT_ID"], sys.argv[1:], flush=True), sys.stdin.read()))
"""
Start = Callable[[], "subprocess.Popen[str]"]
Pin = Callable[[str], "subprocess.CompletedProcess[str]"]


def test_base_images_are_pinned_to_the_tested_python() -> None:
    built_on, runs_on = (name.partition("@")[0] for name in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert built_on == "python:3.11-slim-bookworm"
    assert runs_on == "gcr.io/distroless/python3-debian12:nonroot", "Debian 12 has Python 3.11"
    assert (sys.version_info.major, sys.version_info.minor) == (3, 11)


def test_nothing_in_the_image_needs_a_shell() -> None:
    """There is none: what builds the last stage, what starts it and what asks how it is are programs."""
    commands = re.findall(r"^(?:RUN|ENTRYPOINT|CMD) (.*)$", LAST_STAGE, re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        program, *_ = json.loads(command)
        assert program in {"/usr/bin/python3", "--help"}
    for name, service in read(PRODUCTION)["services"].items():
        if "build" in service:
            assert "entrypoint" not in service, name
            program, *arguments = service.get("healthcheck", {"test": ["CMD", "/usr/bin/python3"]})["test"]
            assert (program, arguments[0]) == ("CMD", "/usr/bin/python3"), name


def test_review_sheets_are_drawn_there_with_letters_of_pumpwatchs_own(packages: Path) -> None:
    done = as_in_the_image(packages, "-c", "from services.alerts.web.review.paper import shown; print(shown('Łucja'))")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "Łucja\n")


@pytest.mark.parametrize("arguments", [["-m", "services.container", "version"], ["-m", "services.cli", "--help"]])
def test_it_runs_with_debians_python_and_the_copied_folder_alone(packages: Path, arguments: list[str]) -> None:
    done = as_in_the_image(packages, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(("0.", "Usage: "))


def test_every_module_of_the_services_is_imported_there(packages: Path) -> None:
    """A wheel that was not copied, or does not fit this Python, is found here and not by a page that is not sent."""
    found = (
        "import importlib, pkgutil, services, schemas\n"
        "for root in (services, schemas):\n"
        "    for module in pkgutil.walk_packages(root.__path__, root.__name__ + '.'):\n"
        "        if 'devstack' not in module.name:\n"
        "            importlib.import_module(module.name)\n"
        "import apprise, ssl; print(apprise.__file__)"
    )
    done = as_in_the_image(packages, "-c", found)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(str(packages))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the image has at /app/packages, as links to what is installed here."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ("services", "schemas"):
        (folder / name).symlink_to(ROOT / name)
    taken_out = set(re.findall(r"pip uninstall --yes (.*)", DOCKERFILE)[0].split())
    locked_names = [each.name for each in locked(LOCK.read_text()) if "win32" not in each.marker]
    for name in {"pumpwatch", *locked_names} - taken_out:
        for file in distribution(name).files or ():
            top = Path(file.parts[0])
            if top.suffix != ".pth" and ".." not in file.parts and not (folder / top).exists():
                source = Path(str(distribution(name).locate_file(top)))
                if source.exists() and not top.name.startswith("__editable__"):
                    (folder / top).symlink_to(source)
    return folder


def as_in_the_image(packages: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """By Debian's own Python where there is one of 3.11. `-S`: nothing but the folder and the standard library."""
    python = shutil.which("python3.11", path="/usr/bin") or sys.executable
    return subprocess.run(
        [python, "-S", "-B", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env={"PYTHONPATH": str(packages), "PYTHONWARNINGS": "ignore", "HOME": "/tmp"},
    )


def test_packages_come_from_the_lock_with_hashes() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert "requirements-dev.lock" not in DOCKERFILE


def test_the_user_is_a_number_that_is_not_root() -> None:
    assert re.search(r"^ARG UID=[1-9]\d+$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.rindex("USER ${UID}:${UID}") > DOCKERFILE.rindex("COPY")


def test_the_image_is_not_built_without_time_zones(tmp_path: Path) -> None:
    (command,) = re.findall(r"^RUN (\[.*ZoneInfo.*\])$", LAST_STAGE, re.MULTILINE)
    _, *arguments = json.loads(command)
    (
        tmp_path / "tzdata"
    ).mkdir()  # hides the package of that name, which tools for development bring and the image lacks
    (tmp_path / "tzdata" / "__init__.py").touch()
    for zones, code in ((None, 0), ("", 1)):  # an empty path: no data of the system's, as in an image without
        environment = os.environ | {"PYTHONPATH": str(tmp_path)} | ({} if zones is None else {"PYTHONTZPATH": zones})
        done = subprocess.run([sys.executable, *arguments], check=False, capture_output=True, env=environment)
        assert done.returncode == code


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore
    let_in = {line[1:] for line in ignore if line.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in [part for part in line.split()[:-1] if not part.startswith("--")]
    }
    assert all(any(source == name or source.startswith(f"{name}/") for name in let_in) for source in copied)
    assert let_in == {"pyproject.toml", "README.md", "requirements.lock", "schemas", "services"}


@pytest.fixture
def start_ingest(tmp_path: Path) -> Iterator[Start]:
    """Starts the container's entry point with a command that says its name and waits."""
    names = tmp_path / "names"
    names.mkdir()
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", ENTRY, "ingest"],
            env={"PYTHONPATH": str(ROOT), "PUMPWATCH_NAMES": str(names)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_each_ingest_of_a_host_has_a_name_of_its_own(start_ingest: Start) -> None:
    assert [said(start_ingest()) for _ in range(3)] == [f"services/ingest-{number} ['ingest']" for number in (1, 2, 3)]


def test_a_name_is_free_again_when_its_process_is_killed(start_ingest: Start) -> None:
    first = start_ingest()
    assert said(first).startswith("services/ingest-1 ")
    assert said(start_ingest()).startswith("services/ingest-2 ")
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert said(start_ingest()).startswith("services/ingest-1 ")


def test_the_names_of_those_that_are_there_stay_when_one_starts_again(start_ingest: Start) -> None:
    assert said(start_ingest()).startswith("services/ingest-1 ")
    second = start_ingest()
    assert said(second).startswith("services/ingest-2 ")
    second.kill()
    second.wait()
    assert said(start_ingest()).startswith("services/ingest-2 ")


@pytest.mark.parametrize(
    ("arguments", "environment", "name"),
    [(["ingest"], {"INGEST_CLIENT_ID": "x"}, "x"), (["version"], {}, "none")],
    ids=["given", "another command"],
)
def test_a_name_is_taken_only_where_one_is_needed(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], name: str
) -> None:
    code = ENTRY.replace('os.environ["INGEST_CLIENT_ID"]', 'os.environ.get("INGEST_CLIENT_ID", "none")')
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={"PYTHONPATH": str(ROOT), "PUMPWATCH_NAMES": str(tmp_path)} | environment,
    )
    assert done.stdout.split()[0] == name
    assert not list(tmp_path.iterdir())


def test_a_folder_of_names_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.container", "ingest"],
        check=False,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PUMPWATCH_NAMES": str(tmp_path / "missing")},
    )
    assert done.returncode == 1
    assert re.fullmatch(r"error: no name .*missing'.*set INGEST_CLIENT_ID\n", done.stderr)


def test_when_every_name_is_taken_it_says_so(tmp_path: Path) -> None:
    assert len({hold_name(tmp_path) for _ in range(MOST_NAMES)}) == MOST_NAMES
    with pytest.raises(NoNameError, match="set INGEST_CLIENT_ID"):
        hold_name(tmp_path)


@pytest.fixture
def pin(tmp_path: Path) -> Pin:
    """Runs deploy/pin-images on a copy, with a `docker` that answers as it is told."""
    for name in ("deploy/pin-images", "docker-compose.yml", "deploy/docker/Dockerfile"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()

    def run(docker: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "bin/docker").write_text(f"#!/bin/sh\n{docker}\n")
        (tmp_path / "bin/docker").chmod(0o755)
        return subprocess.run(
            ["sh", str(tmp_path / "deploy/pin-images")],
            check=False,
            capture_output=True,
            text=True,
            env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"},
        )

    return run


def test_digests_are_written_behind_the_tags_and_renewed(tmp_path: Path, pin: Pin) -> None:
    """What the real `docker` answers was not tried: there is none here."""
    for character in ("a", "b"):
        digest = f"sha256:{character * 64}"
        assert pin(f"echo {digest}").returncode == 0
        services = read(tmp_path / "docker-compose.yml")["services"]
        for name, service in read(PRODUCTION)["services"].items():
            plain = service["image"].partition("@")[0]
            assert services[name]["image"] == (plain if "build" in service else f"{plain}@{digest}")
        bases = re.findall(r"^FROM (.+)$", (tmp_path / "deploy/docker/Dockerfile").read_text(), re.MULTILINE)
        assert bases == [
            f"python:3.11-slim-bookworm@{digest} AS build",
            f"gcr.io/distroless/python3-debian12:nonroot@{digest}",
        ]


@pytest.mark.parametrize("docker", ["echo sha256:abc", "exit 1", '[ "$4" = python:3.11-slim-bookworm ] || echo'])
def test_without_a_digest_for_each_nothing_is_changed(tmp_path: Path, pin: Pin, docker: str) -> None:
    assert pin(docker).returncode != 0
    for name in ("docker-compose.yml", "deploy/docker/Dockerfile"):
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()
