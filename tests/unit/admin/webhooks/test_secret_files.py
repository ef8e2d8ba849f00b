"""Files of secrets: made once, replaced as a whole, and readable for who could read them before."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from services.admin.webhooks.secret_files import WebhookFileError, make, retire, rotate
from services.alerts.delivery.webhooks.secret_file import read_secrets


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "dashboard"
    make(made)
    return made


def texts(file: Path) -> list[str]:
    return [each.text for each in read_secrets(file)]


def test_a_new_file_holds_one_secret_and_is_its_owners_alone(file: Path) -> None:
    assert len(texts(file)) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert file.stat().st_uid == file.parent.stat().st_uid


def test_two_files_hold_two_secrets(file: Path) -> None:
    make(file.with_name("other"))
    assert texts(file) != texts(file.with_name("other"))


def test_a_file_that_is_there_is_not_overwritten(file: Path) -> None:
    before = file.read_text()
    with pytest.raises(WebhookFileError, match="is there already") as raised:
        make(file)
    assert file.read_text() == before
    assert before.strip() not in str(raised.value)


def test_a_secret_is_replaced_in_two_steps_and_the_file_keeps_its_rights(file: Path) -> None:
    (old,) = texts(file)
    file.chmod(0o440)
    rotate(file)
    new, *rest = texts(file)
    assert rest == [old]
    with pytest.raises(WebhookFileError, match="end the old one first"):
        rotate(file)
    retire(file)
    assert texts(file) == [new]
    assert stat.S_IMODE(file.stat().st_mode) == 0o440
    with pytest.raises(WebhookFileError, match="no old one"):
        retire(file)


def test_root_leaves_a_file_to_whoever_owns_it_or_its_folder(tmp_path: Path) -> None:
    """Whoever else calls it owns both already, and nothing is given away."""
    owner = 10_001 if os.geteuid() == 0 else os.geteuid()
    os.chown(tmp_path, owner, -1)
    made = tmp_path / "dashboard"
    make(made)
    assert made.stat().st_uid == owner
    os.chown(tmp_path, os.geteuid(), -1)
    rotate(made)
    assert made.stat().st_uid == owner


def test_nothing_is_left_beside_a_file(file: Path) -> None:
    rotate(file)
    assert [each.name for each in file.parent.iterdir()] == ["dashboard"]


@pytest.mark.parametrize("work", [rotate, retire])
def test_what_holds_no_secret_is_not_changed_and_not_repeated(tmp_path: Path, work) -> None:
    other = tmp_path / "password"
    other.write_text("tops3cret\n")
    with pytest.raises(WebhookFileError, match="no secret of a webhook") as raised:
        work(other)
    assert other.read_text() == "tops3cret\n"
    assert "tops3cret" not in str(raised.value)


@pytest.mark.parametrize("work", [make, rotate, retire])
def test_a_folder_that_is_not_there_is_said(tmp_path: Path, work) -> None:
    with pytest.raises(WebhookFileError, match="No such file or directory"):
        work(tmp_path / "nowhere" / "dashboard")
