"""Reads docker-compose.yml as Compose does, as far as the tests need: merge keys, defaults, `!override`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers.programs import compose_program

ROOT = Path(__file__).parents[3]
PRODUCTION = ROOT / "docker-compose.yml"
DEVELOPMENT = ROOT / "deploy" / "compose.development.yml"
REFERENCE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)(?::(?P<how>[-?])(?P<rest>[^}]*))?\}")
_OLDEST_COMPOSE = (2, 24)  # knows !override and optional env files


class _Loader(yaml.SafeLoader):
    """Reads Compose's own tags as plain values."""


def _plain(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _plain)


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 (a SafeLoader)
    return document


def interpolated(text: str, environment: Mapping[str, str]) -> str:
    """Fill in `${NAME}`, `${NAME:-default}` and `${NAME:?message}`; a required name must be there."""

    def value(match: re.Match[str]) -> str:
        given = environment.get(match["name"])
        if match["how"] == "?":
            assert given, f"{match['name']} is required"
        return given or (match["rest"] if match["how"] == "-" else "") or ""

    return REFERENCE.sub(value, text).replace("$$", "$")


def references(node: Any) -> Iterator[re.Match[str]]:
    """Every `${...}` anywhere in a document."""
    if isinstance(node, dict):
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)
    elif isinstance(node, str):
        yield from REFERENCE.finditer(node)


@dataclass(frozen=True, slots=True)
class Made:
    """What deploy/init-secrets made: the lines of .env and the files of secrets."""

    env: dict[str, str]
    secrets: dict[str, str]


def init_secrets(folder: Path, *arguments: str) -> Made:
    """Run deploy/init-secrets with `folder` in place of the installation's own.

    Raises:
        subprocess.CalledProcessError: It refused; `stderr` says why.
    """
    file, values = folder / ".env", folder / "values"
    subprocess.run(
        ["sh", str(ROOT / "deploy" / "init-secrets"), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PUMPWATCH_ENV_FILE": str(file), "PUMPWATCH_SECRETS_FOLDER": str(values)},
    )
    env = dict(line.split("=", 1) for line in file.read_text().splitlines())
    return Made(env, {path.name: path.read_text() for path in values.iterdir() if not path.name.startswith(".")})


def seconds(text: str) -> float:
    """Read a span such as `30s` or `2m`."""
    return float(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


def compose_command() -> list[str] | None:
    """The Compose of this machine; None: none, or too old.

    `COMPOSE_BINARY`, else `docker-compose`, `docker compose`, or the one in the tree that TimescaleDB runs in.
    """
    named = os.environ.get("COMPOSE_BINARY")
    candidates = [[named]] if named else [["docker-compose"], ["docker", "compose"]]
    if (in_tree := compose_program()) is not None:
        candidates.append([str(in_tree)])
    for command in candidates:
        if shutil.which(command[0]) is None:
            continue
        said = subprocess.run([*command, "version", "--short"], check=False, capture_output=True, text=True)
        version = re.match(r"v?(\d+)\.(\d+)", said.stdout)
        if version is not None and (int(version[1]), int(version[2])) >= _OLDEST_COMPOSE:
            return command
    return None
