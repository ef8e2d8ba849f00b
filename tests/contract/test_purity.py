"""Three lists say which modules are pure: their own text, the import rules, and what unit tests must reach wholly."""

from __future__ import annotations

import ast
import configparser
import tomllib

from tests.contract.prose import ROOT_FOLDER

FORBIDDEN_OF_RUNTIME = "services.runtime."


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def says_pure() -> set[str]:
    paths = [path for folder in ("services", "schemas") for path in sorted((ROOT_FOLDER / folder).rglob("*.py"))]
    return {
        module_of(path.relative_to(ROOT_FOLDER).as_posix())
        for path in paths
        if (ast.get_docstring(ast.parse(path.read_text())) or "").startswith("PURE.")
    }


def core_contract() -> dict[str, list[str]]:
    rules = configparser.ConfigParser()
    rules.read(ROOT_FOLDER / ".importlinter")
    return {key: value.split() for key, value in rules["importlinter:contract:core"].items()}


def test_what_says_that_it_is_pure_is_held_to_it_by_the_import_rules() -> None:
    assert set(core_contract()["source_modules"]) == says_pure()


def test_what_says_that_it_is_pure_is_wholly_reached_by_the_unit_tests() -> None:
    settings = tomllib.loads((ROOT_FOLDER / "pyproject.toml").read_text())
    assert {module_of(path) for path in settings["tool"]["coverage"]["run"]["include"]} == says_pure()


def test_the_pure_core_may_use_nothing_of_the_runtime_but_what_is_pure_itself() -> None:
    paths = (path for path in (ROOT_FOLDER / "services/runtime").rglob("*.py") if path.name != "__init__.py")
    runtime = {module_of(path.relative_to(ROOT_FOLDER).as_posix()) for path in paths}
    forbidden = {each for each in core_contract()["forbidden_modules"] if each.startswith(FORBIDDEN_OF_RUNTIME)}
    assert forbidden == runtime - says_pure()
