"""The pictures of the documents: each that is named is there, each that is there is named, and they are no burden."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from tests.contract.prose import ROOT_FOLDER

FOLDER = ROOT_FOLDER / "docs" / "pictures"
OF_THE_README = ["board-light", "board-phone", "board-dark", "pump"]
MOST_BYTES_OF_THE_README = 400_000
MOST_BYTES = 900_000
_NAMED = re.compile(r"!\[([^\]]+)\]\(([^)]+\.webp)\)")


def named_by(page: Path) -> list[tuple[str, Path]]:
    """What each picture of a page shows, in words, and its file."""
    return [(words, (page.parent / path).resolve()) for words, path in _NAMED.findall(page.read_text())]


def test_the_readme_shows_the_board_by_day_on_a_phone_by_night_and_a_pump() -> None:
    shown = [path for _, path in named_by(ROOT_FOLDER / "README.md")]
    assert shown == [FOLDER / f"{name}.webp" for name in OF_THE_README]
    assert sum(path.stat().st_size for path in shown) < MOST_BYTES_OF_THE_README


def test_each_picture_is_shown_by_a_page_with_words_for_who_does_not_see_it() -> None:
    pages = [ROOT_FOLDER / "README.md", *ROOT_FOLDER.glob("docs/**/*.md")]
    shown = [each for page in pages for each in named_by(page)]
    assert {path for _, path in shown} == set(FOLDER.iterdir())
    assert all(len(words) > 10 for words, _ in shown)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MOST_BYTES


def test_each_is_a_picture_of_a_window_and_lossless() -> None:
    for path in FOLDER.iterdir():
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "WEBP"
            assert min(picture.size) >= 700
        assert path.read_bytes()[12:16] == b"VP8L"
