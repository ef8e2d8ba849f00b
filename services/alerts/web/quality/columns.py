"""PURE. The figures of alerts in columns, each with words that say what it means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from services.alerts.quality.figures import Review, RuleFigures, span
from services.alerts.wording import ALARM_SIGN, rule_words

NOTHING: Final = "\u2013"
_PAGED_AGAIN: Final = {
    "expired": "acknowledgement expired",
    "priority": "more urgent",
    "returned": "came back",
    "unanswered": "not answered",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its head, what it means, and its cell of one rule."""

    head: str
    means: str
    cell: Callable[[RuleFigures], str]


@dataclass(frozen=True, slots=True)
class Figures:
    """A table: its title, heads and rows; of several periods their rows stand beneath each other."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


ANSWERS: Final = (
    Column("Alerts", "How many opened in the time.", lambda each: f"{each.answers.alerts}"),
    Column(
        "For each pump and week",
        "Alerts for one patient in one week. Only given if a week of at least one pump was watched.",
        lambda each: _rate(each.answers.per_pump_week),
    ),
    Column(
        "Acted on",
        "Somebody wrote down what was done, resolved the alert, or accepted the new level. The share is the actionable "
        "rate, at the least: what was done and not written down is not in it.",
        lambda each: f"{each.answers.acted_on} ({_share(each.answers.acted_on_share)})",
    ),
    Column(
        "Only seen",
        "Somebody acknowledged it, confirmed it or wrote a comment, and nothing that was done.",
        lambda each: f"{each.answers.only_seen}",
    ),
    Column(
        "Ended by itself",
        "It is over, and nobody did or wrote anything.",
        lambda each: f"{each.answers.closed_without_action}",
    ),
    Column("Still open", "It is open, and nobody has answered.", lambda each: f"{each.answers.open_without_action}"),
    Column(
        "Acknowledged after (median)",
        "Half of those that were acknowledged had been by then.",
        lambda each: _span(each.answers.median_seconds_to_acknowledge),
    ),
    Column(
        "95 % within",
        "All but one in twenty of those that were acknowledged had been by then.",
        lambda each: _span(each.answers.ninety_five_percent_within_seconds),
    ),
    Column(
        "Flapping",
        "How often the condition came back at once and was taken to be the same, without a new page.",
        lambda each: f"{each.answers.flapped}",
    ),
)
PAGES: Final = (
    Column("Pages", "Pages that went out; one page for many alerts is one.", lambda each: f"{each.pages.sent}"),
    Column("At night", "Of these, in the clinic's night.", lambda each: f"{each.pages.at_night}"),
    Column(
        "For each night",
        "Pages in one night, of all pumps together.",
        lambda each: _rate(each.pages.per_night),
    ),
    Column(
        "To the next step",
        "Of those that went out: to the next step of the route, as nobody had acknowledged.",
        lambda each: f"{each.pages.escalated}",
    ),
    Column(
        "Again",
        "Of those that went out: again, as nobody answered, the acknowledgement expired, the alert came back or "
        "became more urgent.",
        lambda each: f"{sum(each.pages.repeated.values())}",
    ),
    Column("Failed", "Pages that did not go out, whatever was tried.", lambda each: f"{each.pages.failed}"),
    Column(
        "Alerts held",
        "Alerts with a page that a silence or quiet hours held.",
        lambda each: f"{each.pages.alerts_held}",
    ),
    Column(
        "Nobody reached",
        "Alerts for which a page failed and none went out; and those of high or medium priority for which there never "
        "was one, as the policy named nobody.",
        lambda each: f"{each.pages.alerts_undelivered}",
    ),
)


def tables(found: Review) -> tuple[Figures, Figures]:
    """What became of alerts, and of pages, by rule."""
    rows = [(named(each.rule), each) for each in (found.total, *found.rules)]
    return (_table("What became of alerts", ANSWERS, rows), _table("Pages", PAGES, rows))


def beside(this: Review, before: Review) -> tuple[Figures, Figures]:
    """The same of two times: of each rule that of this time, and beneath it that of the time before."""
    of_before = {each.rule: each for each in (before.total, *before.rules)}
    of_this = {each.rule: each for each in (this.total, *this.rules)}
    names = ["all", *sorted((of_before.keys() | of_this.keys()) - {"all"})]
    rows = [
        (f"{named(name)}, {words}", found[name])
        for name in names
        for words, found in (("this year", of_this), ("the year before", of_before))
        if name in found
    ]
    return (_table("What became of alerts", ANSWERS, rows), _table("Pages", PAGES, rows))


def busiest(found: Review) -> Figures:
    """The pumps with most alerts."""
    rows = tuple((each.pump_id, f"{each.alerts}", _rate(each.per_week), named(each.mostly)) for each in found.busiest)
    return Figures("Pumps with most alerts", ("Pump", "Alerts", "In a week", "Mostly"), rows)


def paged_again(found: Review) -> str:
    """Why pages went out again, in words; empty: none did."""
    again = found.total.pages.repeated.items()
    return ", ".join(f"{count} {_PAGED_AGAIN.get(why, why)}" for why, count in again)


def named(counted: str) -> str:
    """What a report counts under, in words: "pump alarm: motor stall"."""
    rule, _, key = counted.partition("/")
    if counted == "all":
        return "All"
    words = rule_words(rule, key)
    about = key.removeprefix(ALARM_SIGN).replace("_", " ")
    return f"{words}: {about}" if about and about != "device" else words


def _table(title: str, columns: Sequence[Column], rows: Sequence[tuple[str, RuleFigures]]) -> Figures:
    return Figures(
        title,
        ("Rule", *(each.head for each in columns)),
        tuple((name, *(column.cell(figures) for column in columns)) for name, figures in rows),
    )


def _rate(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3g}"


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0%}"


def _span(seconds: float | None) -> str:
    return NOTHING if seconds is None else span(seconds)
