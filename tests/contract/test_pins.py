"""The MQTT libraries are pinned: the version of each stands in one line, and the locks follow it."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("library", ["aiomqtt", "mqtt5"])
def test_a_version_stands_in_one_line_and_the_locks_and_this_environment_have_it(library):
    pins = re.findall(rf'"{library}==([^"]+)"', (ROOT / "pyproject.toml").read_text())
    assert len(pins) == 1
    for lock in ("requirements.lock", "requirements-dev.lock"):
        assert re.findall(rf"^{library}==(\S+)", (ROOT / lock).read_text(), re.MULTILINE) == pins, "run 'make lock'"
    assert version(library) == pins[0], "run 'make test', which installs what the lock says"
