"""What every command does alike: errors, exit codes, JSON, versions, progress, and what happens when nobody reads."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import at_a_terminal, pumpwatch, pumpwatch_from_scratch
from tests.stack import Database

NOWHERE = "postgresql://postgres@127.0.0.1:1/nowhere"
COMMAND = (sys.executable, "-m", "services.cli")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("devicse",), "no such command 'devicse': did you mean 'devices'? (`pumpwatch --help` says more)"),
        (("devices", "lits"), "no such command 'lits': did you mean 'list'? (`pumpwatch devices --help` says more)"),
        (("alerts", "lits"), "no such command 'lits': did you mean 'list'? (`pumpwatch alerts --help` says more)"),
        (
            ("devices", "list", "--clnic", "x"),
            "there is no option --clnic: expected --clinic (`pumpwatch devices list --help` says more)",
        ),
        (
            ("enrol", "p-1"),
            "--clinic is missing: expected the clinic's id; it is made if it is not there (`pumpwatch enrol ",
        ),
        (("devices", "list", "--limit", "many"), "--limit: expected a whole number (`pumpwatch devices list "),
        (("devices", "list", "--limit", "0"), "--limit: expected at least 1 (`pumpwatch devices list "),
        (("devices", "list", "--kind", "cat"), "--kind: 'cat' is not one of 'pump', 'handheld' (`pumpwatch devices "),
        (("enrol", "--clinic", "x"), "DEVICES is missing: expected device ids, as in the topic (`pumpwatch enrol "),
        (
            ("rota", "show", "--clinic"),
            "option '--clinic' requires an argument",
        ),
        (("version", "now"), "got unexpected extra argument"),
    ],
)
def test_a_word_that_is_none_is_one_line_and_two(words, says) -> None:
    done = pumpwatch(*words, DATABASE_URL=NOWHERE)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {says}")
    assert done.stderr.count("\n") == 1


def test_a_fleet_too_small_for_what_is_to_happen_is_one_line() -> None:
    done = pumpwatch(
        "simulate",
        SIMULATOR_MQTT_URL="mqtt://127.0.0.1:1",
        SIMULATOR_PUMPS="1",
        SIMULATOR_SCENARIOS="motor_stall,motor_stall",
    )
    assert (done.returncode, done.stderr) == (
        2,
        "error: SIMULATOR_SCENARIOS: motor_stall: of 1 pumps none that is left suits: use more pumps\n",
    )


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (("devices", "list", "--json"), 1, "the database cannot be used: "),
        (("devices", "list", "--json", "--limit", "0"), 2, "--limit: "),
        (("policy", "check", "/nowhere.yaml", "--json"), 1, "/nowhere.yaml"),
        (("gaps", "--json", "--device", "a\x1b[2J"), 2, "'a\\x1b[2J' "),
        (("gaps", "--json", "--since", "soon"), 2, "--since: 'soon' is not a time"),
    ],
)
def test_for_a_program_an_error_is_a_document_on_standard_error(words, exit_code, says) -> None:
    done = pumpwatch(*words, DATABASE_URL=NOWHERE)
    assert (done.returncode, done.stdout) == (exit_code, "")
    problem = json.loads(done.stderr)
    assert problem["exit_code"] == exit_code
    assert problem["detail"].startswith(says)
    assert problem["title"]
    assert isinstance(problem["more"], list)


@pytest.mark.parametrize("words", [(), ("devices",), ("devices", "list"), ("alerts", "ack"), ("ingest",)])
def test_every_command_says_its_version_and_does_nothing_else(words) -> None:
    done = pumpwatch(*words, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"pumpwatch \d+\.\d+\S*, schema \d{4}\n", done.stdout)


def test_the_version_is_a_document_too() -> None:
    document = json.loads(pumpwatch("version", "--json").stdout)
    assert set(document) == {"version", "schema"}


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("alerts", "--help"),
        ("devices", "list", "--help"),
        ("devices", "pair", "--help"),
        ("backtest", "--help"),
    ],
)
def test_help_reads_well_without_colours_in_eighty_columns(words) -> None:
    done = pumpwatch(*words, COLUMNS="80", TERM="dumb")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout
    assert not re.search(r"<(str|int|float|path)\b", done.stdout)
    assert done.stdout.startswith("Usage: pumpwatch ")


def test_help_is_a_table_of_contents() -> None:
    said = pumpwatch("--help", COLUMNS="80").stdout
    titles = ["Try it out", "Run the services", "Alerts", "Clinics and policy", "Devices", "People and keys"]
    places = [said.index(f"\n{title}:\n") for title in [*titles, "Upkeep and proof"]]
    assert places == sorted(places)
    assert re.search(r"^  alerts ack +Take an alert, as a person with an account$", said, re.MULTILINE)
    assert "More:" not in said
    assert "rejects" not in said


def test_a_group_alone_says_its_help_and_that_this_was_not_understood() -> None:
    done = pumpwatch("devices")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: pumpwatch devices [OPTIONS] COMMAND")


def test_the_name_of_before_still_works() -> None:
    assert pumpwatch("rejects", "list", DATABASE_URL=NOWHERE).stderr.startswith("error: the database cannot be used: ")


LISTING = ("devices", "list", "--limit", "5000")


async def test_a_reader_that_goes_away_is_no_error(database: Database) -> None:
    await database.pool.execute("INSERT INTO clinics VALUES ('north', 'North')")
    await database.pool.execute(
        "INSERT INTO devices (device_id, kind, clinic_id) "
        "SELECT 'a-pump-with-a-long-name-' || n, 'pump', 'north' FROM generate_series(1, 5000) n"
    )
    await database.pool.execute(
        "SELECT count(*) FROM (SELECT append_to_access_log(now(), 'read', 'x', NULL, 'north', 'p', '{}') "
        "FROM generate_series(1, 2000) OFFSET 0) written"
    )
    for words in (LISTING, (*LISTING, "--json"), ("audit", "export", "--access")):
        listing = subprocess.Popen(  # noqa: ASYNC220 - nothing else is to be done meanwhile
            [*COMMAND, *words],
            env={**os.environ, "DATABASE_URL": database.dsn},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert listing.stdout is not None
        assert listing.stderr is not None
        assert listing.stdout.readline()
        listing.stdout.close()
        assert listing.stderr.read() == b""
        assert listing.wait(30) == 141
        listing.stderr.close()


@pytest.fixture
def waiting(database: Database) -> Iterator[subprocess.Popen[str]]:
    """A command that waits for a worker that is not there."""
    command = subprocess.Popen(
        [*COMMAND, "drill", "--wait", "600"],
        env={**os.environ, "DATABASE_URL": database.dsn},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield command
    command.kill()
    command.communicate()


async def test_ctrl_c_is_said_in_a_word_and_has_a_code_of_its_own(waiting, database: Database) -> None:
    until = time.monotonic() + 30
    while not await database.pool.fetchval("SELECT count(*) FROM drills") and time.monotonic() < until:
        pass
    waiting.send_signal(signal.SIGINT)
    said, errors = waiting.communicate(timeout=30)
    assert (waiting.returncode, said, errors) == (130, "", "stopped\n")
    assert await database.pool.fetchval("SELECT count(*) FROM drills") == 0


@pytest.mark.parametrize(("more", "is_told"), [((), True), (("--json",), True), (("--quiet",), False)])
async def test_who_waits_at_a_terminal_is_told_that_it_goes_on(database: Database, more, is_told: bool) -> None:
    code, said = at_a_terminal("drill", "--wait", "2", *more, DATABASE_URL=database.dsn)
    assert code == 1
    assert ("\rstill at work, 1 s" in said) is is_told
    assert ("no alert worker began the drill within 2 s" in said.rpartition("\r ")[2]) or not is_told


async def test_a_backtest_says_of_how_many_pumps(database: Database, tmp_path: Path) -> None:
    await database.pool.execute("INSERT INTO clinics VALUES ('north', 'North')")
    await database.pool.execute(
        "INSERT INTO devices (device_id, kind, clinic_id) "
        "SELECT 'p-' || n, 'pump', 'north' FROM generate_series(1, 10) n"
    )
    (tmp_path / "north.yaml").write_text("clinic_id: north\n")
    words = ("backtest", "--policy", str(tmp_path / "north.yaml"), "--since", "60d")
    code, said = at_a_terminal(*words, DATABASE_URL=database.dsn)
    assert code == 0
    assert re.search(r"\r\d+ of 10 pumps, \d+ s", said)
    assert "0 alerts, 0 pages: this policy names nobody" in said.rpartition("\r ")[2]


def test_the_whole_of_what_is_imported_for_help_is_small() -> None:
    """A table of contents needs none of the commands."""
    look = (
        "import sys, services.cli\nsys.argv[1:] = ['--help']\n"
        "try:\n    services.cli.main()\nexcept SystemExit:\n    pass\n"
        "print(sorted(each for each in sys.modules if each.startswith('services.')), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=30)
    loaded = done.stderr
    for name in ("devices", "certificates", "people", "alerting"):
        assert f"services.commands.{name}" not in loaded
    assert "services.commands.tree.contents" in loaded


@pytest.mark.parametrize("words", [("--help",), ("alerts", "list", "--help")])
def test_help_from_scratch_says_the_same(words) -> None:
    assert pumpwatch_from_scratch(*words).stdout == pumpwatch(*words).stdout


BASH = """
set -eu
export PATH="$1:$PATH" HOME="$2"
pumpwatch --show-completion bash > "$2/completion" 2> /dev/null || pumpwatch --show-completion > "$2/completion"
source "$2/completion"
complete_line() {
    COMP_LINE="$*"; COMP_WORDS=($COMP_LINE); [[ "$COMP_LINE" == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
    _pumpwatch_completion pumpwatch
    echo "${COMPREPLY[*]}"
}
complete_line "pumpwatch dev"
complete_line "pumpwatch alerts "
complete_line "pumpwatch alerts list --pri"
complete_line "pumpwatch alerts list --priority "
complete_line "pumpwatch devices list --kind "
"""


def test_a_real_bash_completes_commands_options_and_choices(tmp_path: Path) -> None:
    (tmp_path / "pumpwatch").write_text(f'#!/bin/sh\nexec {sys.executable} -m services.cli "$@"\n')
    (tmp_path / "pumpwatch").chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", str(tmp_path), str(home)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "devices",
        "list show ack",
        "--priority",
        "high medium low info",
        "pump handheld",
    ]
