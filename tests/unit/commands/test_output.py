"""Results as JSON and as tables, and what is said while work goes on."""

from __future__ import annotations

import io
import json
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
import typer

from services.commands.progress import UNDER_WAY, Progress, how_far, under_way
from services.commands.terminal import answer, fail, json_of, say, table, utc, words_ask_for

AT_ONCE = (0.001, 0.001)
AT = datetime(2026, 11, 27, 3, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Thing:
    name: str
    at: datetime | None


def test_a_table_is_as_wide_as_it_must_be_and_has_no_heading_alone() -> None:
    assert list(table(("DEVICE", "N"), [("p-1", 12), ("pump\n2", 3)])) == ["DEVICE   N", "p-1      12", "pump\\n2  3"]
    assert list(table(("DEVICE", "N"), [])) == []


def test_a_moment_says_its_zone() -> None:
    assert utc(AT) == "2026-11-27 03:12Z"
    assert (utc(None), utc(None, "never")) == ("-", "never")


def test_a_document_is_json_whatever_stands_in_it(capsys) -> None:
    things = (Thing("\x1b[2J", AT), Thing("b", None))
    more = {
        "set": frozenset({"b", "a"}),
        "raw": b"\x01\xff",
        "id": UUID(int=1),
        "day": date(2026, 1, 2),
        "at": Path("x"),
    }
    answer({"things": things, **more}, ["not shown"], as_json=True)
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert json.loads(said) == {
        "things": [{"name": "\x1b[2J", "at": AT.isoformat()}, {"name": "b", "at": None}],
        "set": ["a", "b"],
        "raw": "01ff",
        "id": str(UUID(int=1)),
        "day": "2026-01-02",
        "at": "x",
    }


def test_lines_are_for_people(capsys) -> None:
    answer({"a": 1}, ["one", "two"], as_json=False)
    assert capsys.readouterr().out == "one\ntwo\n"


def test_the_option_documents_the_members() -> None:
    assert json_of("total", "devices").help == "Print one JSON document: total, devices."


@pytest.mark.parametrize(
    ("words", "asks"),
    [(["x", "--json"], True), (["--json", "--", "y"], True), (["x", "--", "--json"], False), (["x"], False)],
)
def test_what_follows_two_dashes_asks_for_nothing(monkeypatch, words, asks) -> None:
    monkeypatch.setattr(sys, "argv", ["pumpwatch", *words])
    assert words_ask_for("--json") is asks


def test_an_error_is_lines_for_people_and_a_document_for_programs(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["pumpwatch"])
    with pytest.raises(typer.Exit) as ended:
        fail("no such\nthing", "b", exit_code=2)
    assert ended.value.exit_code == 2
    assert capsys.readouterr().err == "error: no such\\nthing\nb\n"
    monkeypatch.setattr(sys, "argv", ["pumpwatch", "--json"])
    with pytest.raises(typer.Exit):
        fail("no such thing", "b", exit_code=2)
    problem = json.loads(capsys.readouterr().err)
    assert problem == {"title": "not understood", "detail": "no such thing", "more": ["b"], "exit_code": 2}


class Heard(io.StringIO):
    """Tells when something was written."""

    def wait_for(self, text: str) -> str:
        while text not in self.getvalue():
            pass
        return self.getvalue()


def test_at_a_terminal_one_line_is_written_over_and_is_gone_at_the_end(capsys) -> None:
    out = Heard()
    progress = Progress(out, at_a_terminal=True, pace=AT_ONCE)
    token = UNDER_WAY.set(progress)
    progress.begin()
    try:
        out.wait_for("still at work, 0 s")
        how_far(1_200, 3_000, "pumps")
        out.wait_for("1,200 of 3,000 pumps, 0 s")
        say("a line")
    finally:
        progress.end()
        UNDER_WAY.reset(token)
    assert "\n" not in out.getvalue()
    assert out.getvalue().endswith("\r")
    assert capsys.readouterr().out == "a line\n"


def test_elsewhere_it_is_lines() -> None:
    out = Heard()
    progress = Progress(out, at_a_terminal=False, pace=AT_ONCE)
    progress.begin()
    out.wait_for("still at work, 0 s\n")
    progress.end()
    assert "\r" not in out.getvalue()


class Away(io.StringIO):
    """A terminal that is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()

    def write(self, _: str) -> int:
        self.asked.set()
        raise OSError(5, "Input/output error")


def test_a_reader_who_went_away_ends_no_work() -> None:
    out = Away()
    progress = Progress(out, at_a_terminal=True, pace=AT_ONCE)
    progress.begin()
    assert out.asked.wait(30)
    progress.end()


@pytest.mark.parametrize(("quiet", "for_programs"), [(True, False), (False, True)])
def test_nothing_is_said_to_programs_or_where_quiet_is_asked_for(quiet: bool, for_programs: bool) -> None:
    with under_way(quiet=quiet, for_programs=for_programs):
        assert UNDER_WAY.get() is None
        how_far(1, 2, "pumps")


def test_else_it_is(capsys) -> None:
    with under_way(quiet=False, for_programs=False):
        assert UNDER_WAY.get() is not None
    assert UNDER_WAY.get() is None
