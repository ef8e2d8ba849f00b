"""Whatever a policy file holds, and whatever lies where one is expected: a policy or a `PolicyError`, and soon."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.policy_files import mistreated, outcome_of
from schemas.policy_file import LARGEST_BYTES, MOST_FAULTS, PolicyError, load_policy, parse_policy
from schemas.yaml_lines import YamlFaultError, read_yaml, visible

BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    + ["clinic_id: *a8"]
)
"""Nine levels of nine: 382 bytes, and 3 GB of a list."""
NORTH = "clinic_id: north\n"
QUIET = NORTH + 'paging: {quiet_hours: {begins: "22:00", ends: "07:00", timezone: "%s"}}'

HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "a tag of a time": ("a: !!timestamp foo", ":1: is not valid YAML: tags (tag:yaml.org,2002:timestamp)"),
    "a tag of a number": (NORTH + "a: !!int ''", ":2: is not valid YAML: tags (tag:yaml.org,2002:int)"),
    "a tag of yes or no": ("a: !!bool foo", ":1: is not valid YAML: tags (tag:yaml.org,2002:bool)"),
    "a tag of nothing": ("a: ! x", ":1: is not valid YAML: tags (!)"),
    "a tag of half a character": ("!%ff x", ":1: is not valid YAML: 'utf-8' codec can't decode"),
    "3,000 brackets": ("[" * 3000, ":1: is not valid YAML: lies more than 20 brackets or indents deep"),
    "3,000 brackets on lines": ("[\n" * 3000, ":21: is not valid YAML: lies more than 20"),
    "3,000 braces": ("{a: " * 3000, ":1: is not valid YAML: lies more than 20"),
    "3,000 dashes": ("- " * 3000, ":1: is not valid YAML: lies more than 20"),
    "an alias bomb": (BOMB, ":1: is not valid YAML: anchors (&) and aliases (*) have no place here"),
    "an alias": ("a: *b", ":1: is not valid YAML: anchors (&) and aliases (*) have no place here"),
    "a list that holds itself": ("&x [*x]", ":1: is not valid YAML: anchors"),
    "a merge": (NORTH + "<<: {clinic_id: south}", ":2: is not valid YAML: merges (<<)"),
    "a key twice": (NORTH + "'clinic_id': south", ":2: is not valid YAML: 'clinic_id' stands twice"),
    "a list as a key": ("? [1]\n: 2", ":1: is not valid YAML: a key is a list or a mapping"),
    "NUL": ("clinic_id: no\0rth", ":1: is not valid YAML: special characters"),
    "NUL in a name": (
        NORTH + r'contacts: [{name: "a\0", channels: [{name: b, url: "c://d"}]}]',
        ":2: contacts.0.name: holds '\\x00'",
    ),
    "a line end in a name": (r'clinic_id: "no\nrth"', ":1: clinic_id: holds '\\n' at place 3"),
    "another direction in a channel's name": (
        NORTH + r'contacts: [{name: a, channels: [{name: "\u202eb", url: "c://d"}]}]',
        ":2: contacts.0.channels.0.name: holds U+202E (right-to-left override) at place 1",
    ),
    "a line end in an address": (
        NORTH + r'contacts: [{name: a, channels: [{name: b, url: "c://d\r\n"}]}]',
        ":2: contacts.0.channels.0.url: holds '\\r'",
    ),
    "NUL in a step": (
        NORTH + r'routes: {high: {steps: [{after_minutes: 0, contacts: ["\0"]}]}}',
        "steps.0.contacts.0: holds",
    ),
    "NUL in a drug": (NORTH + r'dangerous_to_stop: ["baclofen\0"]', ":2: dangerous_to_stop.0: holds '\\x00'"),
    "NUL in a brand": (NORTH + r'brand_names: {"li\0": baclofen}', ":2: brand_names.li\\x00: holds '\\x00'"),
    "NUL in a time zone": (QUIET % r"a\0b", ":2: paging.quiet_hours.timezone: no time zone"),
    "a way out of the time zones": (QUIET % "../../etc/passwd", ":2: paging.quiet_hours.timezone: no time zone"),
    "a key that steers the terminal": (NORTH + r'"\e[2J": 1', r":2: \x1b[2J: there is no such field"),
    "half a character": (r'clinic_id: "\uD800"', ":1: is not valid YAML: '\\ud800' holds half a character"),
    "a character that is none": (NORTH + r'a: "\U00110000"', ":2: is not valid YAML: chr() arg not in range"),
    "a character far from any": (NORTH + r'a: "\U99999999"', ":2: is not valid YAML: Python int too large"),
    "a number of 5,000 digits": (
        NORTH + "acknowledgement_expires_hours: " + "9" * 5000,
        ":2: is not valid YAML: a number of 5000",
    ),
    "a number in base 60 without end": ("a: 1" + ":59" * 9000, ":1: is not valid YAML: a number of 27001 digits"),
    "a large number": (
        NORTH + "acknowledgement_expires_hours: 0x" + "f" * 50,
        ":2: acknowledgement_expires_hours: expected at most 168; got 16069380442",
    ),
    "a number without digits": ("a: 0b_", ":1: is not valid YAML: invalid literal for int()"),
    "no number": (
        NORTH + "paging: {flapping_minutes: .nan}",
        ":2: paging.flapping_minutes: expected a finite number; got NaN",
    ),
    "bytes": (bytes(range(32, 256)), ":1: is not valid YAML: not UTF-8 at byte 96"),
    "UTF-16": (NORTH.encode("utf-16"), ":1: is not valid YAML: not UTF-8 at byte 0; expected a text saved as UTF-8"),
    "UTF-16 without a mark": (NORTH.encode("utf-16-le"), ":1: is not valid YAML: special characters"),
    "nothing": ("", ":1: says nothing; expected at least the clinic_id"),
    "a comment": ("# clinic_id: north", ":1: says nothing"),
    "no clinic": ("include_patient_data: true", ":1: clinic_id: is missing"),
    "two documents": (NORTH + "---\n" + NORTH, ":2: is not valid YAML: but found another document"),
    "250,000 lines": (NORTH + "\n" * 250_000, ":5001: is not valid YAML: there are more than 5000 lines"),
    "120,000 items": (
        NORTH + "contacts: [" + "a," * 120_000 + "]",
        ":2: is not valid YAML: there are more than 4000 things",
    ),
    "a long word": ("clinic_id: " + "n" * 200_000, ":1: clinic_id: "),
    "a large file": (b"#" * (LARGEST_BYTES + 1), ": is larger than 256 kB"),
}


@pytest.mark.parametrize(("content", "words"), HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_file_holds_is_a_policy_error_with_its_line(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    path = tmp_path / "north.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    gc.freeze()  # what the tests before this one left in memory is not looked through for what the file makes
    began = time.thread_time()
    with pytest.raises(PolicyError) as refused:
        load_policy(path)
    took = time.thread_time() - began
    gc.unfreeze()
    assert took < 1
    assert f"{path}{words}" in str(refused.value) or words in str(refused.value)
    assert len(str(refused.value)) < 1000
    assert all(line.isprintable() for line in str(refused.value).split("\n"))


def test_a_mark_of_the_byte_order_and_dates_are_no_fault() -> None:
    assert parse_policy(b"\xef\xbb\xbfclinic_id: 2026-13-45", "f")[0].clinic_id == "2026-13-45"


def test_faults_are_counted_to_20(tmp_path: Path) -> None:
    path = tmp_path / "north.yaml"
    path.write_text(NORTH + "".join(f"k{number}: 1\n" for number in range(1900)))
    with pytest.raises(PolicyError) as refused:
        load_policy(path)
    lines = str(refused.value).splitlines()
    assert (len(lines), lines[-1]) == (MOST_FAULTS + 1, f"{path}: and 1880 more faults")
    path.write_text(NORTH + "contacts: [{name: a, channels: [{name: b}]}]")
    with pytest.raises(PolicyError, match=r"2: contacts\.0\.channels\.0\.url: is missing$"):
        load_policy(path)


def test_what_is_no_regular_file_is_refused_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "link.yaml").symlink_to("nowhere")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    for name, words in (
        ("pipe", "is no regular file"),
        ("folder", "cannot be read: Is a directory"),
        ("link", "cannot be read: No such file"),
        ("loop", "cannot be read: Too many levels"),
    ):
        with pytest.raises(PolicyError, match=words):
            load_policy(tmp_path / f"{name}.yaml")


@given(st.integers(min_value=0, max_value=2**32))
def test_a_file_that_was_mistreated_is_a_policy_or_a_policy_error(seed: int) -> None:
    assert outcome_of(mistreated(seed)) in ("a policy", "not YAML", "no policy")


@given(st.text() | st.text(alphabet="[]{}:,-?&*!|>'\"%@`#~<=\\ \n\ta0."))
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    fault: YamlFaultError | None = None
    try:
        read_yaml(text)
    except YamlFaultError as error:
        fault = error
    assert fault is None or (fault.line >= 1 and str(fault).isprintable())


def test_words_of_a_file_are_shown_cut_and_escaped() -> None:
    assert visible("a\n\x1b[2Jb") == "a\\n\\x1b[2Jb"
    assert visible("x" * 300) == "x" * 200 + "..."
