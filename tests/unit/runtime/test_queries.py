"""A `.sql` file of named statements."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.runtime.database import QueryFileError, load_queries

TEXT = """-- What the file is for.

-- name: first
-- why it is so
INSERT INTO a -- what a is
VALUES (1);

-- What is said of the second,
-- in two lines.
-- name: second
SELECT 1;
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "queries.sql"
    path.write_text(text)
    return path


def test_a_statement_ends_where_what_is_said_of_the_next_one_begins(tmp_path: Path) -> None:
    """Else nothing can be added to it, as ingest adds RETURNING."""
    assert load_queries(written(tmp_path, TEXT)) == {
        "first": "-- why it is so\nINSERT INTO a -- what a is\nVALUES (1)",
        "second": "SELECT 1",
    }


@pytest.mark.parametrize("text", ["SELECT 1;", TEXT + TEXT])
def test_a_file_without_names_and_a_name_that_stands_twice_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(QueryFileError, match="expected named statements"):
        load_queries(written(tmp_path, text))


def test_a_name_that_stands_in_two_files_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.sql"
    other.write_text("-- name: second\nSELECT 2;\n")
    with pytest.raises(QueryFileError, match="each name once"):
        load_queries(written(tmp_path, TEXT), other)
