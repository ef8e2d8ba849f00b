"""A record of the log is one line, of what the process says: a value cannot begin another, or steer a terminal."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from services.runtime.log import configure_logging

FORGED = "gone\n2026-03-02T09:00:00Z [info     ] all_is_well\r\x1b[2J\x9b31m\u2028\u202etxt\x00"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def said(capsys: pytest.CaptureFixture[str], *, as_json: bool) -> str:
    configure_logging(json=as_json)
    log = structlog.get_logger()
    log.warning("database_lost", error=FORGED, names=[FORGED], by={"why": FORGED}, fault=ValueError(FORGED))
    logging.getLogger("uvicorn.error").error("refused %s", FORGED)
    return capsys.readouterr().err


@pytest.mark.parametrize("as_json", [True, False])
def test_a_value_stays_on_its_line(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    lines = said(capsys, as_json=as_json).removesuffix("\n").split("\n")
    assert len(lines) == 2
    assert [line for line in lines if not line.isprintable()] == []
    assert all("all_is_well" in line for line in lines), "it is shown, escaped"


def test_json_says_the_value_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    [first, _] = said(capsys, as_json=True).splitlines()
    assert json.loads(first)["error"] == FORGED


def test_the_lines_of_a_traceback_begin_with_a_space(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json=False)
    try:
        raise ValueError(FORGED)
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("uvicorn.error").exception("failed too")
    lines = capsys.readouterr().err.removesuffix("\n").split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert [line for line in lines if not line.startswith(" ") and "failed" not in line] == []
    assert any("ValueError: gone" in line for line in lines)
