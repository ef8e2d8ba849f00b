"""PURE. Which alerts a list shows, as its address says it: filter, order, headings and page.

Guarantee: what is not understood is refused, with what was expected. A filter that were passed over in silence would
show what nobody asked for, and a value that nothing can match would look like a calm ward.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from schemas.policy import Priority
from services.alerts.model import RuleName
from services.alerts.web.read_models import StateFilter
from services.alerts.wording import near_names, priority_words, rule_words
from services.texts.model import ENGLISH, Texts, msgid

PAGE_SIZE: Final = 50
"""So many alerts stand on one page of the board."""
LONGEST: Final = 80
LONGEST_NAME: Final = 64
"""Of a clinic."""
_MOST_PAGES: Final = 100_000
_PAGE: Final = "page"
_MEANS_MORE: Final = re.compile(r"([\\%_])")
_ESCAPED: Final = r"\\\1"


class Sort(StrEnum):
    """Which alert comes first."""

    URGENT = "urgent"
    NEWEST = "newest"
    OLDEST = "oldest"
    PUMP = "pump"


class Group(StrEnum):
    """What the headings of a list name. Of these, too, the most urgent comes first."""

    NONE = "none"
    PUMP = "pump"
    RULE = "rule"


class NotUnderstood(ValueError):  # noqa: N818 - read as what is answered: 422
    """What an address asks for is none of what there is; the message names it and what was expected."""

    def __init__(self, message: str, parameter: str = "") -> None:
        super().__init__(message)
        self.parameter = parameter
        """Which one it was, where programs are told."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list shows. Empty text: of any kind."""

    clinic_id: str = ""
    state: StateFilter = StateFilter.OPEN
    priority: str = ""
    rule: str = ""
    person: str = ""
    """A part of the name of who has it, or had it."""
    text: str = ""
    """Words that all stand in the name of the pump, the title or the explanation."""
    sort: Sort = Sort.URGENT
    group: Group = Group.NONE
    page: int = 1

    @property
    def patterns(self) -> list[str]:
        """What must be found, in small letters and as LIKE has it."""
        return patterns_of(self.text)

    @property
    def filters(self) -> bool:
        """Whether it leaves out anything that is open."""
        return replace(self, sort=Sort.URGENT, group=Group.NONE, page=1) != Asked()

    @property
    def query(self) -> str:
        """The same as the end of an address, without what is usual."""
        usual = Asked()
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return urlencode({name: str(value) for name, value in given.items() if value != getattr(usual, name)})

    @property
    def address(self) -> str:
        """The board's address for it."""
        return f"/?{self.query}" if self.query else "/"

    @property
    def high(self) -> Asked:
        """The high alerts that wait in the same clinics."""
        return Asked(self.clinic_id, StateFilter.ACTIVE, Priority.HIGH.value)

    def at_page(self, page: int) -> Asked:
        """The same, at another page."""
        return replace(self, page=page)

    def in_words(self, texts: Texts = ENGLISH) -> tuple[str, ...]:
        """What is filtered by, for people, in a few words each."""
        priority = priority_words(self.priority, texts)
        named = (
            (self.clinic_id, texts.say("clinic %(clinic)s", clinic=self.clinic_id)),
            (self.state is not StateFilter.OPEN, texts.say(SHORT_STATE_WORDS[self.state])),
            (self.priority, texts.say("%(priority)s only", priority=priority)),
            (self.rule, rule_words(self.rule, texts=texts)),
            (self.person, texts.say("acknowledged by %(who)s", who=self.person)),
            (self.text, texts.say("with “%(text)s”", text=self.text)),
        )
        return tuple(words for given, words in named if given)


STATE_WORDS: Final[Mapping[StateFilter, str]] = {
    StateFilter.OPEN: msgid("Everything open"),
    StateFilter.ACTIVE: msgid("Waiting for somebody"),
    StateFilter.ACKNOWLEDGED: msgid("Acknowledged"),
    StateFilter.CLEARED: msgid("Ended, not acknowledged"),
    StateFilter.CLOSED: msgid("Closed"),
    StateFilter.ALL: msgid("Open and closed"),
}
SHORT_STATE_WORDS: Final[Mapping[StateFilter, str]] = {
    StateFilter.OPEN: msgid("everything open"),
    StateFilter.ACTIVE: msgid("waiting for somebody"),
    StateFilter.ACKNOWLEDGED: msgid("acknowledged"),
    StateFilter.CLEARED: msgid("ended, not acknowledged"),
    StateFilter.CLOSED: msgid("closed"),
    StateFilter.ALL: msgid("open and closed"),
}
SORT_WORDS: Final[Mapping[Sort, str]] = {
    Sort.URGENT: msgid("Most urgent first"),
    Sort.NEWEST: msgid("Newest first"),
    Sort.OLDEST: msgid("Oldest first"),
    Sort.PUMP: msgid("By pump"),
}
GROUP_WORDS: Final[Mapping[Group, str]] = {
    Group.NONE: msgid("No headings"),
    Group.PUMP: msgid("A heading for each pump"),
    Group.RULE: msgid("A heading for each kind of alert"),
}
_CHOICES: Final[Mapping[str, Sequence[StrEnum]]] = {
    "state": tuple(StateFilter),
    "priority": tuple(Priority),
    "rule": tuple(RuleName),
    "sort": tuple(Sort),
    "group": tuple(Group),
}
PARAMETERS: Final = tuple(each.name for each in fields(Asked))


def choices(name: str) -> tuple[str, ...]:
    """What a parameter may be; empty: any text."""
    return tuple(each.value for each in _CHOICES.get(name, ()))


def asked_for(pairs: Iterable[tuple[str, str]]) -> Asked:
    """Read the parameters of an address. What is left empty is as if it were not there.

    Raises:
        NotUnderstood: One of them is none of a list, stands there twice, or says what there is not.
    """
    given: dict[str, Any] = {}
    for name, text in pairs:
        must_be_known(name, PARAMETERS)
        value = text.strip()
        if not value:
            continue
        if name in given:
            msg = f"{name} stands in the address twice: expected it once"
            raise NotUnderstood(msg)
        given[name] = _value(name, value)
    return Asked(**given)


def patterns_of(text: str) -> list[str]:
    """Words that must all be found, in small letters and as LIKE has each."""
    return [f"%{_MEANS_MORE.sub(_ESCAPED, word)}%" for word in text.lower().split()]


def address_of(query: str) -> str:
    """Where the board shows the list of `Asked.query`; its first page where `query` is none."""
    try:
        return asked_for(parse_qsl(query, max_num_fields=len(PARAMETERS))).address
    except ValueError:  # NotUnderstood is one
        return "/"


def must_be_known(name: str, names: Sequence[str]) -> None:
    """Refuse a parameter that is none.

    Raises:
        NotUnderstood: It is none of `names`.
    """
    if name not in names:
        shown = _short(name)
        msg = f"a list has no {shown!r}{near_names(shown, names)}: expected {_one_of(names)}"
        raise NotUnderstood(msg)


def _value(name: str, text: str) -> object:
    if name in _CHOICES:
        return _chosen(name, text)
    if name == _PAGE:
        if not (text.isascii() and text.isdigit() and len(text) < len(str(_MOST_PAGES)) and int(text)):
            msg = f"page {_short(text)!r}: expected a number from 1 on"
            raise NotUnderstood(msg)
        return int(text)
    longest = LONGEST_NAME if name == "clinic_id" else LONGEST
    if len(text) > longest:
        msg = f"{name}: expected at most {longest} characters, not {len(text)}"
        raise NotUnderstood(msg)
    return text


def _chosen(name: str, text: str) -> StrEnum | str:
    for each in _CHOICES[name]:
        if each.value == text:
            return each
    shown, names = _short(text), [each.value for each in _CHOICES[name]]
    msg = f"there is no {name} {shown!r}{near_names(shown, names)}: expected {_one_of(names)}"
    raise NotUnderstood(msg)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _one_of(names: Sequence[str]) -> str:
    return f"one of {', '.join(names)}"
