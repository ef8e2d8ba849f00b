"""The reference clients stay as short as the guide says, so that a maker reads them whole."""

from __future__ import annotations

import ast

import pytest

from tests.contract.prose import code

MOST_LINES = 45
"""Some forty."""


def lines_of_python(text: str) -> int:
    """Lines of code: no comment, docstring, import or blank line."""
    tree, left_out = ast.parse(text), set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            left_out |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = [line.strip() for number, line in enumerate(text.splitlines(), 1) if number not in left_out]
    return sum(bool(line) and not line.startswith("#") for line in lines)


def lines_of_javascript(text: str) -> int:
    lines = [line.strip() for line in text.splitlines()]
    return sum(bool(line) and not line.startswith("//") and "= require(" not in line for line in lines)


@pytest.mark.parametrize(("path", "lines_of"), [("device.py", lines_of_python), ("device.js", lines_of_javascript)])
def test_a_reference_client_has_some_forty_lines(path, lines_of):
    text = code(f"docs/examples/{path}")
    assert 30 < lines_of(text) <= MOST_LINES
    assert max(map(len, text.splitlines())) <= 120
