"""PURE. YAML that knows its lines: what a file says, and where it says it.

Guarantees: whatever the text is, it is read or refused as `YamlFaultError` with its line, in time and memory that grow
with its length only: lines, nesting, the number of things and the digits of a number are bounded. What can make a small
text large, or say one thing twice, is refused: anchors and aliases, tags, merges (`<<`), and a key that stands twice in
one mapping. Keys and dates are text; everything else is what `yaml.safe_load` makes of it. Lines are counted from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import yaml

Place = tuple[str | int, ...]
"""How to get somewhere: the keys and places on the way, as in a Pydantic error's `loc`."""

_DEEPEST: Final = 20
_MOST_THINGS: Final = 4_000
_MOST_LINES: Final = 5_000
_MOST_DIGITS: Final = 60
_LONGEST_WORDS: Final = 200
_LONGEST_PATH: Final = 1000
_AS_TEXT: Final = frozenset({"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"})
_NUMBERS: Final = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
_TOO_DEEP: Final = f"lies more than {_DEEPEST} brackets or indents deep"
_NO_PLACE: Final = "no place here: write out what is meant"


class YamlFaultError(ValueError):
    """The text is not YAML that can be used; `line` is where."""

    def __init__(self, line: int, fault: str) -> None:
        super().__init__(visible(fault))
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


def visible(text: str, longest: int = _LONGEST_WORDS) -> str:
    """A file's words on one line, cut, with everything escaped that a log or a terminal would take for a command."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[:longest]}..."


def visible_path(path: PurePath) -> str:
    """A file's name, which may be any bytes, as it can be shown and stored."""
    return visible(str(path), _LONGEST_PATH)


def read_yaml(text: str) -> Lined:
    """Read one document.

    Raises:
        YamlFaultError: It is not YAML, or YAML that can be used (see above).
    """
    if len(text.splitlines()) > _MOST_LINES:
        raise YamlFaultError(_MOST_LINES + 1, f"there are more than {_MOST_LINES} lines")
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Place, int] = {}
        return Lined(None if node is None else loader.note(node, (), lines), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlFaultError(mark.line + 1 if mark else 1, error.problem or str(error)) from error
    except (ValueError, OverflowError) as error:
        if isinstance(error, YamlFaultError):
            raise
        # Of the scanner: an escape such as "\U99999999", which is no character.
        raise YamlFaultError(loader.line + 1, str(error)) from error
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Composes as PyYAML does, and refuses what has no place before it is built."""

    def __init__(self, text: str) -> None:
        self._depth = self._things = 0
        try:
            super().__init__(text)
        except yaml.reader.ReaderError as error:
            raise YamlFaultError(text.count("\n", 0, error.position) + 1, error.reason) from error

    def fetch_flow_collection_start(self, token: Any) -> None:
        """Reading ahead, before anything is composed: what lies deep takes the square of its depth."""
        if self.flow_level >= _DEEPEST:
            raise YamlFaultError(self.line + 1, _TOO_DEEP)
        super().fetch_flow_collection_start(token)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise YamlFaultError(line, f"anchors (&) and aliases (*) have {_NO_PLACE}")
        if event.tag is not None:
            raise YamlFaultError(line, f"tags ({event.tag}) have {_NO_PLACE}")
        self._depth += 1
        self._things += 1
        if self._depth > _DEEPEST:
            raise YamlFaultError(line, _TOO_DEEP)
        if self._things > _MOST_THINGS:
            raise YamlFaultError(line, f"there are more than {_MOST_THINGS} things in it")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def note(self, node: yaml.Node, place: Place, lines: dict[Place, int]) -> Any:
        """What a node says; notes the line of it and of everything in it."""
        lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self.note(item, (*place, number), lines) for number, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        found: dict[str, Any] = {}
        for key_node, value in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise YamlFaultError(line, "a key is a list or a mapping; expected a name")
            if key_node.tag == "tag:yaml.org,2002:merge":
                raise YamlFaultError(line, f"merges (<<) have {_NO_PLACE}")
            key = _text(key_node)
            if key in found:
                raise YamlFaultError(line, f"{key!r} stands twice here; first in line {lines[*place, key]}")
            lines[*place, key] = line
            found[key] = self.note(value, (*place, key), lines)
        return found

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag in _AS_TEXT:
            return _text(node)
        if node.tag in _NUMBERS and len(node.value) > _MOST_DIGITS:
            raise YamlFaultError(node.start_mark.line + 1, f"a number of {len(node.value)} digits")
        try:
            value = self.construct_object(node)
        except ValueError as error:  # such as "0b_"
            raise YamlFaultError(node.start_mark.line + 1, str(error)) from error
        return _text(node) if isinstance(value, str) else value


def _text(node: yaml.ScalarNode) -> str:
    text: str = node.value
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise YamlFaultError(node.start_mark.line + 1, f"{text!r} holds half a character")
    return text
