"""Schemathesis against a running service: what it is asked, and what it may answer, is made from its description.

It runs as its users run it, by its command line, in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from schemas.paths import PUBLISHED_FOLDER

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "missing_required_header", "unsupported_method",
    "allow_header_conformance", "ignored_auth",
)  # fmt: skip
"""Where these hold, nothing is answered that is not described, and nothing is taken that is not."""


@dataclass(frozen=True)
class Run:
    """How a service is asked.

    `names` stand for parameters of that name, so that what is asked for is there; the rest is made up.
    """

    url: str
    description: str
    headers: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    examples: int = 4
    deterministic: bool = True
    without: tuple[str, ...] = ()
    """Checks that do not hold for whoever asks so."""
    phases: str = "examples,coverage,fuzzing"
    only: str = ""
    """Operations, by a pattern of their paths; empty: all."""


async def faults(run: Run, folder: Path) -> str:
    """What schemathesis found, in its own words; empty: nothing."""
    config = folder / "schemathesis.toml"
    lines = ["[generation]", "with-security-parameters = false", "[parameters]"]
    lines += [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in run.names.items()]
    config.write_text("\n".join(lines))
    arguments = [
        "--config-file", str(config), "--no-color", "run", str(PUBLISHED_FOLDER / "http" / f"{run.description}.yaml"),
        "--url", run.url, "--checks", ",".join(each for each in CHECKS if each not in run.without),
        "--phases", run.phases, "--max-examples", str(run.examples), "--warnings", "off",
        "--suppress-health-check", "all", "--request-timeout", "60",
    ]  # fmt: skip
    arguments += ["--generation-deterministic"] if run.deterministic else []
    arguments += [part for name, value in run.headers.items() for part in ("--header", f"{name}: {value}")]
    arguments += ["--include-path-regex", run.only] if run.only else []
    program = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    text = said.decode(errors="replace")
    print(text)  # noqa: T201 - how much was asked stands in it
    return "" if process.returncode == 0 else text
