"""A policy file that is wrong says in which line."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.policy import Policy, QuietHours
from schemas.policy_file import PolicyError, load_policy
from schemas.yaml_lines import read_yaml

TEXT = """\
clinic_id: north
low_reservoir:
  level_ml: 4
contacts:
  - name: nurse
    channels:
      - {name: sms, url: "env:NURSE"}
routes:
  high:
    steps:
      - after_minutes: 0
        contacts: [nurse]
"""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            ("level_ml: 4", "level_ml: -4"), ["3: low_reservoir.level_ml: expected more than 0; got -4"], id="a value"
        ),
        pytest.param(
            ("level_ml", "level"), ["3: low_reservoir.level: there is no such field"], id="a name that is none"
        ),
        pytest.param(("env:NURSE", "nurse"), ["7: contacts.0.channels.0.url: expected an Apprise URL"], id="in a list"),
        pytest.param(
            ("name: nurse\n", "nam: nurse\n"),
            ["5: contacts.0.nam: there is no", "5: contacts.0.name: is missing"],
            id="two",
        ),
        pytest.param(
            ("high:", "hihg:"),
            ["9: routes.hihg: expected one of 'high', 'medium', 'low' or 'info'; got \"hihg\""],
            id="a key",
        ),
        pytest.param(("[nurse]", "[doctor]"), ["1: file: routes.high: contact 'doctor'"], id="across the file"),
        pytest.param(("clinic_id: north", "- north"), ["2: is not valid YAML: "], id="no YAML"),
        pytest.param(("routes:\n", "clinic_id: south\nroutes:\n"), ["8: is not valid YAML: 'clinic_id' stands twice"]),
        pytest.param(("north", "nor\x07th"), ["1: is not valid YAML: special characters"], id="a control character"),
        pytest.param(("level_ml: 4", "level_ml: *x"), ["3: is not valid YAML: anchors (&) and aliases"], id="an alias"),
    ],
)
def test_each_fault_names_its_line(tmp_path: Path, change: tuple[str, str], expected: list[str]) -> None:
    path = tmp_path / "north.yaml"
    path.write_text(TEXT.replace(*change))
    with pytest.raises(PolicyError) as raised:
        load_policy(path)
    lines = str(raised.value).splitlines()
    assert len(lines) == len(expected)
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(f"{path}:{start}")


def test_values_are_those_of_any_yaml_and_the_nearest_line_is_known() -> None:
    lined = read_yaml("a: [1, 2.5]\nb: [no, 'x', ~]\nc:\n  d: 2026-13-45\n  1: =\n")
    assert lined.values == {"a": [1, 2.5], "b": [False, "x", None], "c": {"d": "2026-13-45", "1": "="}}
    assert [lined.line_of(place) for place in [("a", 1), ("b",), ("c", "d"), ("c", "f"), ("z",)]] == [1, 2, 4, 3, 1]
    assert (read_yaml("").values, read_yaml("").line_of(("a",))) == (None, 1)
    assert read_yaml("- 1\n- a").values == [1, "a"]


@pytest.mark.parametrize(("begins", "ends"), [("22:00", "07:00"), (1320, 420)])
def test_quiet_hours_with_and_without_quotes(begins: object, ends: object) -> None:
    quiet = QuietHours.model_validate({"begins": begins, "ends": ends, "timezone": "Europe/Berlin"})
    assert (quiet.begins, quiet.ends) == ("22:00", "07:00")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"begins": "22:00", "ends": "22:00"}, "two different times"),
        ({"begins": "22:00", "ends": "7:00", "timezone": "Berlin"}, "no time zone 'Berlin' is known"),
        ({"begins": True, "ends": 1440}, "begins"),
    ],
)
def test_quiet_hours_that_cannot_be(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        QuietHours.model_validate(values)


def test_a_policy_without_a_word_about_paging_has_every_default() -> None:
    assert Policy().paging.quiet_hours is None
