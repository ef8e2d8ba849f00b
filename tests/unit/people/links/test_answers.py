"""What is answered while the database is away is kept on the disk, and holds pages back no longer than it may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.people.links.answered import Answered
from services.people.links.answers import Answer, from_line, to_line
from services.people.links.journal import Journal, JournalError
from services.people.links.keys import read_keys
from services.people.links.signing import Links
from services.people.links.tokens import Link, Purpose, read
from services.runtime.secrets.file import SecretFileError

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CAUSE = ("pump-1", "pump_alarm", "infusion")


def answer(number: int, purpose: Purpose = Purpose.ALARM) -> Answer:
    return Answer(Link(purpose, UUID(int=number), UUID(int=1000), UUID(int=number + 5000)), NOW)


@given(
    st.builds(
        Answer,
        st.builds(Link, st.sampled_from(Purpose), st.uuids(), st.uuids(), st.uuids()),
        st.datetimes(timezones=st.just(UTC)),
    )
)
def test_a_line_says_the_answer_that_it_was_made_of(given_answer: Answer) -> None:
    line = to_line(given_answer)
    assert line.count(b"\n") == 1
    assert from_line(line) == given_answer


@given(st.integers(0, 200))
def test_a_line_that_was_cut_is_no_answer(length: int) -> None:
    assert from_line(to_line(answer(1))[:length]) is None


def test_an_answer_is_on_the_disk_and_is_there_after_a_kill(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state")
    journal.add(answer(1))
    journal.add(answer(2))
    journal.add(answer(1))  # pressed twice
    journal.close()  # as the end of a process does, however it ends
    again = Journal(tmp_path / "state")
    assert again.waiting == (answer(1), answer(2))
    again.remove([answer(1)])
    again.add(answer(3))
    again.close()
    assert Journal(tmp_path / "state").waiting == (answer(2), answer(3))
    assert (tmp_path / "state" / "answers.jsonl").stat().st_mode & 0o077 == 0


def test_a_line_that_a_kill_cut_short_takes_no_other_with_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(answer(1))
    journal.close()
    with (tmp_path / "answers.jsonl").open("ab") as file:
        file.write(to_line(answer(2))[:30])
    again = Journal(tmp_path)
    again.add(answer(3))
    again.close()
    assert Journal(tmp_path).waiting == (answer(1), answer(3))


def test_a_folder_is_of_one_process(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(JournalError, match="in use by another process"):
        Journal(tmp_path)
    first.close()
    Journal(tmp_path)


def test_what_cannot_be_kept_is_said_and_is_not_there(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.add(answer(1))
    (tmp_path / "answers.jsonl").write_bytes(b"\n" * 4_000_001)
    with pytest.raises(JournalError, match="is full"):
        journal.add(answer(2))
    (tmp_path / "answers.jsonl").unlink()
    (tmp_path / "answers.jsonl").mkdir()
    with pytest.raises(JournalError, match="cannot be written"):
        journal.add(answer(2))
    assert journal.waiting == (answer(1),)
    journal.close()
    with pytest.raises(JournalError, match="cannot be used"):
        Journal(Path("/proc/nothing"))
    with pytest.raises(JournalError, match="cannot be read"):
        Journal(tmp_path)


def test_an_answered_alarm_pages_no_further_for_as_long_as_an_acknowledgement_lasts() -> None:
    answered = Answered()
    assert not answered.has(UUID(int=1), CAUSE, NOW, HOUR)
    answered.take(answer(1))
    assert answered.has(UUID(int=1), CAUSE, NOW + HOUR / 2, HOUR)
    assert not answered.has(UUID(int=1), CAUSE, NOW + HOUR, HOUR)
    assert not answered.has(UUID(int=2), CAUSE, NOW, HOUR)  # it began anew
    answered.take(replace(answer(1), given_at=NOW + HOUR))  # somebody answers a later page of it
    answered.take(answer(1))  # and the first answer is told of again
    assert answered.has(UUID(int=1), CAUSE, NOW + HOUR * 1.5, HOUR)


def test_a_page_of_the_database_is_held_for_15_seconds_after_it_is_back_and_no_longer() -> None:
    answered = Answered()
    answered.take(answer(1))
    answered.has(UUID(int=1), CAUSE, NOW, HOUR)
    answered.take(answer(2, Purpose.ALERT))
    assert not answered.holds(UUID(int=9), CAUSE, NOW)  # the database is away: nothing is sent from it
    back = NOW + HOUR
    answered.database_is_there(back)
    for later, held in ((0, True), (14, True), (15, False), (3600, False)):
        now = back + timedelta(seconds=later)
        answered.database_is_there(now)
        assert answered.holds(UUID(int=9), CAUSE, now) is held
        assert answered.holds(UUID(int=2), None, now) is held
    assert not answered.holds(UUID(int=9), ("pump-2", *CAUSE[1:]), back)
    assert not answered.holds(None, None, back)


def test_the_oldest_answers_are_forgotten_first() -> None:
    answered = Answered()
    for number in range(10_001):
        answered.take(answer(number))
        if number < 2:
            answered.has(UUID(int=number), (f"pump-{number}", "pump_alarm", "infusion"), NOW, HOUR)
    assert not answered.has(UUID(int=0), CAUSE, NOW, HOUR)
    assert answered.has(UUID(int=1), CAUSE, NOW, HOUR)


def test_keys_are_files_and_one_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    assert read_keys((), "X_KEY_FILES") == ()
    first, second, short = tmp_path / "first", tmp_path / "second", tmp_path / "short"
    first.write_text("a" * 40 + "\n")
    second.write_text("b" * 32)
    short.write_text("b" * 31)
    assert read_keys((first, second), "X_KEY_FILES") == ("a" * 40, "b" * 32)
    with pytest.raises(SecretFileError, match=r"X_KEY_FILES: the file '.*short'.* 31 characters; expected at least 32"):
        read_keys((first, short), "X_KEY_FILES")
    with pytest.raises(SecretFileError, match="gone"):
        read_keys((first, tmp_path / "gone"), "X_KEY_FILES")


def test_a_page_has_a_link_only_for_a_person_and_with_a_key(tmp_path: Path) -> None:
    key = tmp_path / "key"
    receivers = {("north", "ann"): UUID(int=4)}
    links = Links([key], receivers=receivers)

    def link(contact: str = "ann", clinic: str = "north") -> str | None:
        return links.link_for(Purpose.ALERT, clinic, contact, UUID(int=1), UUID(int=2), NOW)

    def fault() -> str | None:
        return links.fault

    assert link() is None
    assert fault() is not None
    key.write_text("k" * 32)
    path = link()
    assert path is not None
    assert fault() is None
    expected = Link(Purpose.ALERT, UUID(int=1), UUID(int=4), UUID(int=2))
    assert read(path.removeprefix("/l/"), ["k" * 32], NOW) == expected
    assert link("ward") is None
    assert link(clinic="south") is None
    assert Links(receivers=receivers).link_for(Purpose.ALERT, "north", "ann", UUID(int=1), UUID(int=2), NOW) is None
    broken = Links([key], receivers=receivers)
    assert broken.link_for(Purpose.ALERT, "north", "ann", cast("UUID", "no id"), UUID(int=2), NOW) is None
