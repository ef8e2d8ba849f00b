"""Which policy of a clinic holds: files here, what was last good, and what other hosts found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import PurePath

import pytest

from schemas.policy import LowReservoirPolicy, Policy
from services.alerts.policy_files.agreement import FileRead, LastGood, agree, newest

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FOLDER = PurePath("/policies")


def policy(clinic: str = "north", level: float = 3) -> Policy:
    return Policy(clinic_id=clinic, low_reservoir=LowReservoirPolicy(level_ml=level))


def good(name: str = "north.yaml", clinic: str = "north", level: float = 3, minute: float = 0) -> FileRead:
    content = policy(clinic, level)
    return FileRead(FOLDER / name, T0 + timedelta(minutes=minute), content, content.version, named=clinic)


def bad(name: str = "north.yaml", named: str | None = None) -> FileRead:
    return FileRead(FOLDER / name, T0, fault=f"{name}: broken", named=named)


def kept(clinic: str = "north", level: float | None = 3, minute: float = 0, host: str = "a") -> LastGood:
    content = None if level is None else policy(clinic, level)
    version = content.version if content else ""
    return LastGood(clinic, content, version, T0 + timedelta(minutes=minute), f"{clinic}.yaml", host)


def levels(known: dict[str, LastGood]) -> dict[str, float | None]:
    return {clinic: last.policy.low_reservoir.level_ml if last.policy else None for clinic, last in known.items()}


@pytest.mark.parametrize(
    ("files", "known", "expected", "stale", "unusable"),
    [
        pytest.param([good()], [], {"north": 3}, "", "", id="a first file"),
        pytest.param([good(level=4, minute=1)], [kept()], {"north": 4}, "", "", id="a newer one"),
        pytest.param([good(minute=-9)], [kept()], {"north": 3}, "", "", id="an older date, the same content"),
        pytest.param([good(level=4, minute=-1)], [kept()], {"north": 3}, "version b is older", "", id="an older one"),
        pytest.param([good(level=4)], [kept()], {"north": 3}, "is older than", "", id="as old, and another"),
        pytest.param([bad()], [kept()], {"north": 3}, "north.yaml: broken", "", id="broken, known by its name"),
        pytest.param([bad("x.yaml", "north")], [kept()], {"north": 3}, "x.yaml: broken", "", id="known by what it was"),
        pytest.param([bad("x.yaml")], [], {}, "", "x.yaml: broken", id="nobody knows whose"),
        pytest.param([bad(named="north")], [kept(level=None)], {"north": None}, "", "broken", id="of a removed one"),
        pytest.param([bad("x.yaml", "north"), good()], [kept()], {"north": 3}, "", "", id="broken beside a good one"),
        pytest.param([], [kept()], {"north": 3}, "north.yaml: is gone; clinic 'north'", "", id="gone"),
        pytest.param([], [kept(host="b")], {"north": 3}, "is not here, but was on b", "", id="only on another host"),
        pytest.param(
            [good(clinic="south", level=5)],
            [kept()],
            {"north": 3, "south": 5},
            "/policies/north.yaml: no longer names clinic 'north'",
            "",
            id="names another clinic",
        ),
        pytest.param(
            [good("a.yaml", level=9, minute=9), good()],
            [kept()],
            {"north": 3},
            "/policies/a.yaml and /policies/north.yaml: each names clinic 'north'",
            "",
            id="two of one clinic",
        ),
        pytest.param([good("a.yaml"), good()], [], {}, "", "each names clinic 'north'", id="two, and none before"),
        pytest.param([], [kept(level=None)], {"north": None}, "", "", id="removed"),
        pytest.param(
            [good(minute=-1)],
            [kept(level=None)],
            {"north": None},
            "",
            "clinic 'north' was removed at 2026-03-02 09:00:00Z, after this file was changed",
            id="removed, and an old file comes back",
        ),
        pytest.param([good(minute=1)], [kept(level=None)], {"north": 3}, "", "", id="removed, and a new file"),
    ],
)
def test_what_holds(
    files: list[FileRead], known: list[LastGood], expected: dict[str, float | None], stale: str, unusable: str
) -> None:
    agreed = agree(files, "", {each.clinic_id: each for each in known}, "a")
    assert levels(dict(agreed.last_good)) == expected
    stale = stale.replace("version b", f"version {policy(level=4).version}")
    assert (stale in agreed.stale["north"]) if stale else agreed.stale == {}
    assert (unusable in agreed.unusable[0]) if unusable else agreed.unusable == ()
    said = [*agreed.stale.values(), *agreed.unusable]
    assert set(said) <= set(agreed.faults)


def test_a_file_whose_name_two_clinics_had_is_nobodys() -> None:
    other = LastGood("south", policy("south"), "v", T0, "north.yaml", "b")
    agreed = agree([bad()], "", {"north": kept(), "south": other}, "a")
    assert agreed.unusable == ("north.yaml: broken",)
    assert set(agreed.stale) == {"north", "south"}


def test_a_folder_that_cannot_be_read_takes_nothing_away() -> None:
    agreed = agree([], "/policies: cannot be read", {"north": kept()}, "a")
    assert (levels(dict(agreed.last_good)), agreed.unusable) == ({"north": 3}, ())
    assert agreed.stale == {"north": "/policies: cannot be read"}
    assert agree([], "/policies: cannot be read", {}, "a").unusable == ("/policies: cannot be read",)


def test_of_two_hosts_the_newest_change_holds_on_both_in_whatever_order() -> None:
    old, new = {"north": kept(level=3)}, {"north": kept(level=4, minute=1, host="b")}
    assert newest(old, new) == newest(new, old) == new
    same = {"north": kept(level=5, host="b")}
    assert newest(old, same) == old
