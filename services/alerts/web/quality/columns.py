"""PURE. The figures of alerts in columns, each with words that say what it means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from services.alerts.quality.figures import Review, RuleFigures, span
from services.alerts.wording import ALARM_SIGN, ALARM_WORDS, rule_words
from services.texts.model import ENGLISH, Texts, msgid

NOTHING: Final = "\u2013"
_PAGED_AGAIN: Final = {
    "expired": msgid("acknowledgement expired"),
    "priority": msgid("more urgent"),
    "returned": msgid("came back"),
    "unanswered": msgid("not answered"),
}
_THIS_YEAR: Final = msgid("%(rule)s, this year")
_YEAR_BEFORE: Final = msgid("%(rule)s, the year before")
_KEYS: Final = {code.value: words for code, words in ALARM_WORDS.items() if words == code.value.replace("_", " ")} | {
    "elective_replacement": msgid("elective replacement"),
    "low_battery_reset": msgid("low battery reset"),
    "infusion": msgid("infusion"),
    "replacement": msgid("replacement"),
    "memory": msgid("memory"),
    "battery": msgid("battery"),
    "catheter": msgid("catheter"),
    "other": msgid("other"),
    "explanted": msgid("explanted"),
    "report": msgid("report"),
    "beyond_size": msgid("beyond size"),
    "reading_beyond_size": msgid("reading beyond size"),
    "reservoir": msgid("reservoir"),
    "refill": msgid("refill"),
    "pocket_fill": msgid("pocket fill"),
    "volume": msgid("volume"),
    "under_delivery": msgid("under delivery"),
    "over_delivery": msgid("over delivery"),
    "drift": msgid("drift"),
    "limit_days": msgid("limit days"),
    "refused_share": msgid("refused share"),
    "silent": msgid("silent"),
    "attempts_24h": msgid("attempts 24h"),
}
"""What the keys of alerts are called; each of these says the same in English."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its head and what it means, both texts of the catalogue, and its cell of one rule."""

    head: str
    means: str
    cell: Callable[[RuleFigures, Texts], str]

    def titled(self, texts: Texts) -> str:
        """Its head in a language."""
        return _pages(texts) if self.head == "Pages" else texts.say(self.head)


@dataclass(frozen=True, slots=True)
class Figures:
    """A table: its title, heads and rows; of several periods their rows stand beneath each other."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


ANSWERS: Final = (
    Column(
        msgid("Alerts"),
        msgid("How many opened in the time."),
        lambda each, _: f"{each.answers.alerts}",
    ),
    Column(
        msgid("For each pump and week"),
        msgid("Alerts for one patient in one week. Only given if a week of at least one pump was watched."),
        lambda each, texts: _rate(each.answers.per_pump_week, texts),
    ),
    Column(
        msgid("Acted on"),
        msgid(
            "Somebody wrote down what was done, resolved the alert, or accepted the new level. The share is the "
            "actionable rate, at the least: what was done and not written down is not in it."
        ),
        lambda each, texts: f"{each.answers.acted_on} ({_share(each.answers.acted_on_share, texts)})",
    ),
    Column(
        msgid("Only seen"),
        msgid("Somebody acknowledged it, confirmed it or wrote a comment, and nothing that was done."),
        lambda each, _: f"{each.answers.only_seen}",
    ),
    Column(
        msgid("Ended by itself"),
        msgid("It is over, and nobody did or wrote anything."),
        lambda each, _: f"{each.answers.closed_without_action}",
    ),
    Column(
        msgid("Still open"),
        msgid("It is open, and nobody has answered."),
        lambda each, _: f"{each.answers.open_without_action}",
    ),
    Column(
        msgid("Acknowledged after (median)"),
        msgid("Half of those that were acknowledged had been by then."),
        lambda each, texts: _span(each.answers.median_seconds_to_acknowledge, texts),
    ),
    Column(
        msgid("95 %% within"),
        msgid("All but one in twenty of those that were acknowledged had been by then."),
        lambda each, texts: _span(each.answers.ninety_five_percent_within_seconds, texts),
    ),
    Column(
        msgid("Flapping"),
        msgid("How often the condition came back at once and was taken to be the same, without a new page."),
        lambda each, _: f"{each.answers.flapped}",
    ),
)
PAGES: Final = (
    Column(
        msgid("Pages"),
        msgid("Pages that went out; one page for many alerts is one."),
        lambda each, _: f"{each.pages.sent}",
    ),
    Column(
        msgid("At night"),
        msgid("Of these, in the clinic's night."),
        lambda each, _: f"{each.pages.at_night}",
    ),
    Column(
        msgid("For each night"),
        msgid("Pages in one night, of all pumps together."),
        lambda each, texts: _rate(each.pages.per_night, texts),
    ),
    Column(
        msgid("To the next step"),
        msgid("Of those that went out: to the next step of the route, as nobody had acknowledged."),
        lambda each, _: f"{each.pages.escalated}",
    ),
    Column(
        msgid("Again"),
        msgid(
            "Of those that went out: again, as nobody answered, the acknowledgement expired, the alert came back or "
            "became more urgent."
        ),
        lambda each, _: f"{sum(each.pages.repeated.values())}",
    ),
    Column(
        msgid("Failed"),
        msgid("Pages that did not go out, whatever was tried."),
        lambda each, _: f"{each.pages.failed}",
    ),
    Column(
        msgid("Alerts held"),
        msgid("Alerts with a page that a silence or quiet hours held."),
        lambda each, _: f"{each.pages.alerts_held}",
    ),
    Column(
        msgid("Nobody reached"),
        msgid(
            "Alerts for which a page failed and none went out; and those of high or medium priority for which there "
            "never was one, as the policy named nobody."
        ),
        lambda each, _: f"{each.pages.alerts_undelivered}",
    ),
)


def meanings(texts: Texts = ENGLISH) -> tuple[tuple[str, str], ...]:
    """The head of each column, and what it means."""
    return tuple((each.titled(texts), texts.say(each.means)) for each in (*ANSWERS, *PAGES))


def tables(found: Review, texts: Texts = ENGLISH) -> tuple[Figures, Figures]:
    """What became of alerts, and of pages, by rule."""
    return _both([(named(each.rule, texts), each) for each in (found.total, *found.rules)], texts)


def beside(this: Review, before: Review, texts: Texts = ENGLISH) -> tuple[Figures, Figures]:
    """The same of two times: of each rule that of this time, and beneath it that of the time before."""
    of_before = {each.rule: each for each in (before.total, *before.rules)}
    of_this = {each.rule: each for each in (this.total, *this.rules)}
    names = ["all", *sorted((of_before.keys() | of_this.keys()) - {"all"})]
    rows = [
        (texts.say(words, rule=named(name, texts)), found[name])
        for name in names
        for words, found in ((_THIS_YEAR, of_this), (_YEAR_BEFORE, of_before))
        if name in found
    ]
    return _both(rows, texts)


def busiest(found: Review, texts: Texts = ENGLISH) -> Figures:
    """The pumps with most alerts."""
    rows = tuple(
        (each.pump_id, f"{each.alerts}", _rate(each.per_week, texts), named(each.mostly, texts))
        for each in found.busiest
    )
    heads = (texts.say("Pump"), texts.say("Alerts"), texts.say("In a week"), texts.say("Mostly"))
    return Figures(texts.say("Pumps with most alerts"), heads, rows)


def paged_again(found: Review, texts: Texts = ENGLISH) -> str:
    """Why pages went out again, in words; empty: none did."""
    again = found.total.pages.repeated.items()
    return ", ".join(f"{count} {texts.say(_PAGED_AGAIN.get(why, why))}" for why, count in again)


def named(counted: str, texts: Texts = ENGLISH) -> str:
    """What a report counts under, in words: "pump alarm: motor stall"."""
    rule, _, key = counted.partition("/")
    if counted == "all":
        return texts.say("All")
    words, about = rule_words(rule, key, texts), key.removeprefix(ALARM_SIGN)
    return f"{words}: {_about(about, texts)}" if about and about != "device" else words


def _about(key: str, texts: Texts) -> str:
    """What the key of an alert says; one that this release does not know goes by its stored name."""
    return texts.say(_KEYS[key]) if key in _KEYS else key.replace("_", " ")


def _both(rows: Sequence[tuple[str, RuleFigures]], texts: Texts) -> tuple[Figures, Figures]:
    of_alerts = _table(texts.say("What became of alerts"), ANSWERS, rows, texts)
    return (of_alerts, _table(_pages(texts), PAGES, rows, texts))


def _pages(texts: Texts) -> str:
    """Pages to phones: "Pages" alone is those of the board."""
    return texts.plural("Page", "Pages", 2)


def _table(title: str, columns: Sequence[Column], rows: Sequence[tuple[str, RuleFigures]], texts: Texts) -> Figures:
    return Figures(
        title,
        (texts.say("Rule"), *(each.titled(texts) for each in columns)),
        tuple((name, *(column.cell(figures, texts) for column in columns)) for name, figures in rows),
    )


def _rate(value: float | None, texts: Texts) -> str:
    return NOTHING if value is None else texts.shortest(value, 3)


def _share(value: float | None, texts: Texts) -> str:
    return NOTHING if value is None else texts.say("%(percent)s%%", percent=f"{value:.0%}".removesuffix("%"))


def _span(seconds: float | None, texts: Texts) -> str:
    return NOTHING if seconds is None else span(seconds, texts)
