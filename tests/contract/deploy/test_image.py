"""The image: pinned, not root, nothing but the services; and each ingest of a host has a name of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
SCRIPT = ROOT / "deploy" / "docker" / "pumpwatch"

Start = Callable[[], "subprocess.Popen[str]"]


def test_base_images_are_pinned_to_the_tested_python() -> None:
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:3.11-slim-bookworm"}


def test_packages_come_from_the_lock_with_hashes() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert "requirements-dev.lock" not in DOCKERFILE


def test_the_user_is_a_number_that_is_not_root() -> None:
    assert re.search(r"^ARG UID=[1-9]\d+$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.rindex("USER ${UID}:${UID}") > DOCKERFILE.rindex("COPY")


def test_the_image_is_not_built_without_time_zones(tmp_path: Path) -> None:
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    (command,) = re.findall(r"^RUN (\[.*ZoneInfo.*\])$", last, re.MULTILINE)
    program, *arguments = json.loads(command)
    assert program == "/app/venv/bin/python"
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
    assert let_in == {"pyproject.toml", "README.md", "requirements.lock", "schemas", "services", "deploy/docker"}


@pytest.fixture
def start_ingest(tmp_path: Path) -> Iterator[Start]:
    """Starts the container's entry point with a stand-in for Python that says its name and waits."""
    stand_in = tmp_path / "python"
    stand_in.write_text('#!/bin/sh\necho "$INGEST_CLIENT_ID $*"\nexec cat\n')
    stand_in.chmod(0o755)
    names = tmp_path / "names"
    names.mkdir()
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["sh", str(SCRIPT), "ingest"],
            env={"PATH": "/usr/bin:/bin", "PUMPWATCH_PYTHON": str(stand_in), "PUMPWATCH_NAMES": str(names)},
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
    assert [said(start_ingest()) for _ in range(3)] == [
        f"services/ingest-{number} -m services.cli ingest" for number in (1, 2, 3)
    ]


def test_a_name_is_free_again_when_its_process_is_killed(start_ingest: Start) -> None:
    first = start_ingest()
    assert said(first).startswith("services/ingest-1 ")
    assert said(start_ingest()).startswith("services/ingest-2 ")
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert said(start_ingest()).startswith("services/ingest-1 ")


def test_a_name_that_is_given_is_kept(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", str(SCRIPT), "version"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PUMPWATCH_PYTHON": sys.executable, "INGEST_CLIENT_ID": "x"},
    )
    assert done.stdout
