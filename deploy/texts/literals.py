"""Finds what a template or a module says to people through the catalogue, and what without it.

It goes by what looks like words: two of them, or one with a capital letter. What is none, and looks like it, is named
in rooms.py. Guarantee: of a template, whatever stands between the marks of HTML or is read out (aria-label, title,
placeholder, alt) is found.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from html.parser import HTMLParser
from typing import Final

from jinja2 import Environment, nodes

_PLURALS: Final = frozenset({"plural", "plural_phrase", "plural_sentence"})
_SAYS: Final = frozenset({"msgid", "msgids", "phrase", "say", "sentence"}) | _PLURALS
_READ_OUT: Final = frozenset({"aria-label", "title", "placeholder", "alt"})
_NO_WORDS: Final = frozenset({"code", "script", "style"})
_LETTERS: Final = re.compile(r"[A-Za-z]{2,}")
_NAMES: Final = re.compile(r"\b(?:Pumpwatch|UTC|mL)\b")
_SENTENCE: Final = re.compile(r"[A-Za-z]{2,},? [A-Za-z(]{2,}|^[A-Z][a-z]+[.:!?]?$|^[,;:]? ?[a-z]+ by $")
_VALUE: Final = "…"
"""What stands for a value in what is read."""
_QUIET: Final = frozenset({"log", "warn", "ValueError", "AssertionError", "TypeError"})


def of_template(source: str) -> Iterator[str]:
    """What a template says outside the catalogue."""
    tree = Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(source)
    reader, html = _Words(), ""
    for output in tree.find_all(nodes.Output):
        for each in output.nodes:
            html += each.data if isinstance(each, nodes.TemplateData) else _VALUE
            yield from _of_choice(each)
    reader.feed(html)
    reader.close()
    yield from reader.found
    for call in tree.find_all(nodes.Call):
        is_text = bool(call.args) and isinstance(call.args[0], nodes.Const)
        if isinstance(call.node, nodes.Name) and call.node.name in {"_", "gettext", "ngettext"} and not is_text:
            yield f"{call.node.name} is given what is no text of the catalogue (line {call.lineno}): use say"


def _of_choice(node: nodes.Node) -> Iterator[str]:
    if not isinstance(node, nodes.CondExpr):
        return
    for part in (node.expr1, node.expr2):
        if isinstance(part, nodes.Const) and isinstance(part.value, str) and _SENTENCE.search(part.value):
            yield f"says {part.value!r} without the catalogue (line {part.lineno})"
        elif part is not None:
            yield from _of_choice(part)


class _Words(HTMLParser):
    """Reads HTML, and finds the words in it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at what is read out."""
        if tag in _NO_WORDS:
            self._within.append(tag)
        for name, value in attrs:
            if name in _READ_OUT:
                self._look(value or "")

    def handle_endtag(self, tag: str) -> None:
        """What follows may be words again."""
        if tag in self._within:
            self._within.remove(tag)

    def handle_data(self, data: str) -> None:
        """Look at what is shown."""
        if not self._within:
            self._look(data)

    def _look(self, text: str) -> None:
        if _LETTERS.search(_NAMES.sub("", text)):
            self.found.append(f"says {' '.join(text.split())!r} without the catalogue")


def texts_of_module(source: str) -> Iterator[str | tuple[str, str]]:
    """The texts that a module says through the catalogue; of a plural, both forms."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _name_of(node) in _SAYS:
            words = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            if _name_of(node) in _PLURALS and len(words) > 1:
                yield words[0], words[1]
            elif _name_of(node) == "msgids":
                yield words[0]
                yield words[1], words[2]
            elif words and _name_of(node) not in _PLURALS:
                yield words[0]


def of_module(source: str, no_text: Collection[str]) -> Iterator[str]:
    """What a module says outside the catalogue.

    Args:
        source: Of the module.
        no_text: Literals that are no words to people.
    """
    tree = ast.parse(source)
    for node, text in _literals(tree):
        if text not in no_text and _SENTENCE.search(text.replace("\x00", "")):
            yield f"says {text.replace(chr(0), '{}')!r} without the catalogue (line {node.lineno})"


def _literals(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Texts as they are written, values in them as NUL; none of documentation, of the log or of the catalogue."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.Call) and _is_quiet(child):
            for keyword in child.keywords:  # values of a text are looked at, and the text itself is in the catalogue
                if _name_of(child) in _SAYS:
                    yield from _literals(ast.Expression(keyword.value))
            continue
        if isinstance(child, ast.Subscript | ast.Compare | ast.AnnAssign | ast.Assign):
            parts = {ast.Subscript: ("value",), ast.Compare: (), ast.AnnAssign: ("value",), ast.Assign: ("value",)}
            for name in parts[type(child)]:
                value = getattr(child, name)
                if value is not None:
                    yield from _literals(ast.Expression(value))
            continue
        if isinstance(child, ast.Dict):
            for value in child.values:
                yield from _literals(ast.Expression(value))
            continue
        if isinstance(child, ast.Constant):
            if isinstance(child.value, str):
                yield child, child.value
            continue
        if isinstance(child, ast.JoinedStr):
            yield child, "".join(str(part.value) if isinstance(part, ast.Constant) else "\x00" for part in child.values)
            continue
        if not isinstance(child, ast.arguments):
            yield from _literals(child)


def _is_quiet(call: ast.Call) -> bool:
    function = call.func
    holder = function.value if isinstance(function, ast.Attribute) else None
    is_logged = isinstance(holder, ast.Name) and holder.id in _QUIET
    return is_logged or _name_of(call) in _SAYS | _QUIET


def _name_of(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
