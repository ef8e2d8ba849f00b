"""What Grafana's PostgreSQL data source does to a query before it runs, for the macros that the dashboards use.

An unknown macro is an error here as it is there; so is a macro whose argument holds a bracket.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

_VARIABLE = re.compile(r"\$\{(?P<name>\w+):sqlstring\}")
_MACRO = re.compile(r"\$(?P<name>__[A-Za-z]+)\((?P<arguments>[^)]*)\)")


@dataclass(frozen=True, slots=True)
class View:
    """What is chosen on the screen: the time, and a value or several for each variable."""

    start: datetime
    end: datetime
    interval_seconds: int
    variables: Mapping[str, Sequence[str]]
    timescaledb: bool = True


def variables_in(query: str) -> set[str]:
    """The dashboard variables that a query needs."""
    return {match["name"] for match in _VARIABLE.finditer(query)}


def filled_in(query: str, view: View) -> str:
    """The statement that reaches the database.

    Raises:
        ValueError: A macro or a variable is not one of those that are known here.
    """
    text = _VARIABLE.sub(lambda match: _quoted(view.variables[match["name"]]), query)
    text = text.replace("$__interval", f"{view.interval_seconds}s")
    text = _MACRO.sub(lambda match: _macro(match["name"], _arguments(match["arguments"]), view), text)
    if "$" in text:
        msg = f"not filled in: {text[text.index('$') :][:60]}"
        raise ValueError(msg)
    return text


def _quoted(values: Sequence[str]) -> str:
    return ",".join("'" + value.replace("'", "''") + "'" for value in values)


def _arguments(text: str) -> list[str]:
    return [argument.strip() for argument in text.split(",")] if text.strip() else []


def _macro(name: str, arguments: list[str], view: View) -> str:
    start, end = (f"'{moment.isoformat().replace('+00:00', 'Z')}'" for moment in (view.start, view.end))
    match name, arguments:
        case "__timeFilter", [column]:
            return f"{column} BETWEEN {start} AND {end}"
        case "__timeFrom", []:
            return start
        case "__timeTo", []:
            return end
        case "__timeGroup" | "__timeGroupAlias", [column, width]:
            seconds = float(width.removesuffix("s"))
            group = (
                f"time_bucket('{seconds:.3f}s',{column})"
                if view.timescaledb
                else f"floor(extract(epoch from {column})/{seconds:g})*{seconds:g}"
            )
            return f'{group} AS "time"' if name.endswith("Alias") else group
        case _:
            msg = f"unknown macro ${name}({', '.join(arguments)})"
            raise ValueError(msg)
