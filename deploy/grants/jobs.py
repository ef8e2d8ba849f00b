"""Which named statements each job runs, read from the code.

A job is what one process does, and has a login of its own. Its modules are those that its entry imports, and what these
import in turn. Of a `store.py` among them it has the functions that one of them asks for by name, and what these call;
a function has the statements that it asks for. Where a name is known only while it runs, as in
`QUERIES[f"insert_{kind}"]`, every statement that it can be is counted.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from services.alerts.web.identity.pool import WEB_SCHEMAS
from services.runtime.migrate import VERSIONS_APPLIED

ROOT: Final = Path(__file__).parents[2]

ENTRIES: Final[Mapping[str, str]] = {
    "pumpwatch_ingest": "services.ingest.app",
    "pumpwatch_alerts": "services.alerts.app",
    "pumpwatch_web": "services.alerts.web.process",
}
"""The login of each job, and the module or the folder that it begins with."""

SCHEMAS: Final[Mapping[str, str]] = {"pumpwatch_web": WEB_SCHEMAS}
"""Where a login's connections look names up, if not in `public` alone."""

OF_EVERY_JOB: Final[Mapping[str, str]] = {"services.runtime.migrate.VERSIONS_APPLIED": VERSIONS_APPLIED}
"""No service begins before the migrations that it knows were applied."""


@dataclass(frozen=True, slots=True)
class Use:
    """That a module asks another for a name; no name: for the module."""

    module: str
    name: str | None = None


def statements_of_jobs() -> dict[str, dict[str, str]]:
    """By login, the statements of its job: where each stands (`module.name`) to its SQL."""
    return {login: statements_of(entry) for login, entry in ENTRIES.items()}


def statements_of(entry: str) -> dict[str, str]:
    """The statements of one job, by where they stand."""
    found = dict(OF_EVERY_JOB)
    modules = modules_of(entry)
    asked = {use for module in modules for use in _uses(module) if use.name and _is_store(use.module)}
    for use in asked:
        if use.module in modules:
            queries: Mapping[str, str] = importlib.import_module(use.module).QUERIES
            found.update((f"{use.module}.{name}", queries[name]) for name in _led_to(use, queries))
    return dict(sorted(found.items()))


def modules_of(entry: str) -> frozenset[str]:
    """The modules of ours that run where `entry` does: it, those below it if it is a folder, and what they import."""
    path = ROOT / entry.replace(".", "/")
    waiting = [entry, *(_module_at(each) for each in path.rglob("*.py"))] if path.is_dir() else [entry]
    found: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(use.module for use in _uses(module))
            waiting.extend(module.rpartition(".")[:1] if "." in module else ())  # whose __init__ runs first
    return frozenset(found)


def _is_store(module: str) -> bool:
    return module.endswith(".store")


def _module_at(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _file_of(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)


@cache
def _tree(module: str) -> ast.Module:
    file = _file_of(module)
    if file is None:
        msg = f"there is no module {module}"
        raise LookupError(msg)
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def _uses(module: str) -> frozenset[Use]:
    """What a module imports of ours, wherever in it; of a module that it has under a name, what it asks that for."""
    tree = _tree(module)
    found: set[Use] = set()
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(Use(each.name) for each in node.names if _file_of(each.name))
        elif isinstance(node, ast.ImportFrom) and node.module and _file_of(node.module):
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                if _file_of(inner):
                    found.add(Use(inner))
                    aliases[each.asname or each.name] = inner
                else:
                    found.add(Use(node.module, each.name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            found.add(Use(aliases[node.value.id], node.attr))
    return frozenset(use for use in found if use.module.startswith(("services.", "schemas.")))


def _led_to(use: Use, queries: Mapping[str, str]) -> Iterator[str]:
    """The statements that a name of a store leads to, by itself or by what it calls there."""
    parts = {name: node for node in _tree(use.module).body for name in _names_of(node)}
    waiting, seen = [use.name or ""], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in parts:
            continue
        seen.add(name)
        for node in ast.walk(parts[name]):
            if isinstance(node, ast.Name):
                waiting.append(node.id)
            elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "QUERIES":
                yield from _matching(node.slice, queries)


def _names_of(node: ast.stmt) -> Iterable[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return (node.name,)
        case ast.Assign():
            return tuple(each.id for each in node.targets if isinstance(each, ast.Name))
        case ast.AnnAssign(target=ast.Name() as target):
            return (target.id,)
        case _:
            return ()


def _matching(asked: ast.expr, queries: Mapping[str, str]) -> Iterator[str]:
    match asked:
        case ast.Constant(value=str() as name):
            yield name
        case ast.JoinedStr(values=values):
            parts = (re.escape(str(each.value)) if isinstance(each, ast.Constant) else r"\w+" for each in values)
            pattern = "".join(parts)
            yield from (name for name in queries if re.fullmatch(pattern, name))
        case _:
            yield from queries
