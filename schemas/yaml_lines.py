"""PURE. YAML that knows its lines: what a file says, and where it says it.

Guarantees: the same values as `yaml.safe_load`, except that a key that stands twice in one mapping is an error
(safe_load takes the last without a word); lines are counted from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Place = tuple[str | int, ...]
"""How to get somewhere: the keys and places on the way, as in a Pydantic error's `loc`."""


class YamlFaultError(ValueError):
    """The text is not YAML that can be used; `line` is where."""

    def __init__(self, line: int, fault: str) -> None:
        super().__init__(fault)
        self.line = line


@dataclass(frozen=True, slots=True)
class Lined:
    """A document, and the line of each thing in it."""

    values: Any
    lines: Mapping[Place, int]

    def line_of(self, place: Place) -> int:
        """The line of `place`, or of the nearest thing around it that stands in the file."""
        for length in range(len(place), -1, -1):
            line = self.lines.get(place[:length])
            if line is not None:
                return line
        return 1


def read_yaml(text: str) -> Lined:
    """Read one document.

    Raises:
        YamlFaultError: It is not YAML, or a key stands twice.
    """
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        lines: dict[Place, int] = {}
        if node is None:
            return Lined(None, lines)
        _note_lines(node, (), lines, frozenset())
        return Lined(loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlFaultError(mark.line + 1 if mark else 1, error.problem or str(error)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlFaultError(line, error.reason) from error
    except YamlFaultError:
        raise
    except ValueError as error:  # a date that does not exist
        raise YamlFaultError(1, str(error)) from error


def _note_lines(node: yaml.Node, place: Place, lines: dict[Place, int], above: frozenset[int]) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if id(node) in above:  # an alias that contains itself
        return
    above = above | {id(node)}
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _note_lines(item, (*place, number), lines, above)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key, line = key_node.value, key_node.start_mark.line + 1
            if key in seen:
                raise YamlFaultError(line, f"{key!r} stands twice here; first in line {seen[key]}")
            seen[key] = line
            lines[*place, key] = line
            _note_lines(value, (*place, key), lines, above)
