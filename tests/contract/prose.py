"""What the project's files say to people: comments and docstrings of code, comments of other files, Markdown."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT_FOLDER: Final = Path(__file__).parents[2]
FOLDERS: Final = ("bench", "deploy", "docs", "schemas", "services", "tests")
_HASH_SUFFIXES: Final = frozenset({".yml", ".yaml", ".toml", ".conf", ".acl", ".sh", ".ini", ".example"})
_HASH_NAMES: Final = frozenset({"Makefile", "Dockerfile", ".importlinter", "run"})


def texts() -> Iterator[tuple[str, str]]:
    """Each file that says something: its path from the root, and what it says, without line breaks."""
    for path in sorted(_files()):
        said = _said(path)
        if said:
            yield path.relative_to(ROOT_FOLDER).as_posix(), " ".join(said.split())


def _files() -> Iterator[Path]:
    yield from (path for path in ROOT_FOLDER.iterdir() if path.is_file())
    for folder in (*FOLDERS, ".ci"):
        yield from (path for path in (ROOT_FOLDER / folder).rglob("*") if path.is_file())


def _said(path: Path) -> str:
    if path.suffix == ".py":
        return "\n".join(_of_python(path.read_text()))
    if path.suffix == ".sql":
        return "\n".join(re.findall(r"--(.*)", path.read_text()))
    if path.suffix == ".md":
        return path.read_text()
    if path.suffix in _HASH_SUFFIXES or path.name in _HASH_NAMES:
        return "\n".join(re.findall(r"(?:^|\s)#(.*)", path.read_text()))
    return ""


def _of_python(code: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            yield token.string.lstrip("#")
    yield from _texts_of(ast.parse(code))


def _texts_of(node: ast.AST) -> Iterator[str]:
    """Of docstrings, and of strings that stand as one. Within an expression there are none."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.Expr):
            if isinstance(each.value, ast.Constant) and isinstance(each.value.value, str):
                yield each.value.value
        elif not isinstance(each, ast.expr):
            yield from _texts_of(each)


def code(path: str) -> str:
    """A file of the project."""
    return (ROOT_FOLDER / path).read_text()
