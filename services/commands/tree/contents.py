"""PURE. The table of contents: every command of `pumpwatch`, by who uses it, in one line.

To add a command, add a line: its name, where it is (the module, and in it a function, or the `typer.Typer` of a
group), and what it is for. `pumpwatch --help` prints this and imports none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_HERE: Final = "services.commands"


@dataclass(frozen=True, slots=True)
class Entry:
    """A command, or a group of commands."""

    name: str
    at: str
    """Such as "services.commands.fleet:gaps"."""
    help: str
    """Ends without a stop; a line of 80 columns must hold it beside the name."""
    below: tuple[tuple[str, str], ...] = ()
    """Of a group: the commands that the table of contents names one by one."""


@dataclass(frozen=True, slots=True)
class Section:
    """What one kind of people uses."""

    title: str
    entries: tuple[Entry, ...]


CONTENTS: Final = (
    Section(
        "Try it out",
        (
            Entry("demo", f"{_HERE}.serving:demo", "Run everything on this machine, with a simulated fleet"),
            Entry("simulate", f"{_HERE}.serving:simulate", "Be a fleet of pumps and handhelds"),
        ),
    ),
    Section(
        "Run the services",
        (
            Entry("migrate", f"{_HERE}.database:migrate", "Bring the database's schema up to date"),
            Entry("ingest", f"{_HERE}.serving:ingest", "Take events from the broker and store them"),
            Entry("alerts", f"{_HERE}.alerting.group:app", "Decide about alerts and page people (no word after it)"),
            Entry("web", f"{_HERE}.serving:web", "Show the alert board, and answer the API"),
        ),
    ),
    Section(
        "Alerts",
        (
            Entry(
                "alerts",
                f"{_HERE}.alerting.group:app",
                "",
                (
                    ("alerts list", "Alerts that are open, or others, the most urgent first"),
                    ("alerts show", "One alert: what happened, what to do, who was told"),
                    ("alerts ack", "Take an alert, as a person with an account"),
                ),
            ),
            Entry("report", f"{_HERE}.clinics.report:app", "How many alerts there were, and how soon answered"),
        ),
    ),
    Section(
        "Clinics and policy",
        (
            Entry("policy", f"{_HERE}.clinics.policies:app", "Check a clinic's policy file, or take a policy away"),
            Entry(
                "backtest", f"{_HERE}.clinics.backtest:backtest", "What a policy would have raised on stored history"
            ),
            Entry("rota", f"{_HERE}.people.rota:app", "Who is on call, from when until when"),
            Entry("coverage", f"{_HERE}.people.rota:coverage", "Times in which a high alarm would reach nobody"),
            Entry("grafana", f"{_HERE}.people.grafana:grafana", "An organisation of Grafana for each clinic"),
        ),
    ),
    Section(
        "Devices",
        (
            Entry("enrol", f"{_HERE}.enrol:enrol", "Put devices into a clinic"),
            Entry("devices", f"{_HERE}.devices:app", "Whose devices are, from when to when, and how they are"),
            Entry("certificates", f"{_HERE}.certificates:app", "Certificates by which devices log in at the broker"),
            Entry(
                "conformance", f"{_HERE}.makers.conformance:conformance", "Hold a device against the guide, on a bench"
            ),
            Entry("gaps", f"{_HERE}.fleet:gaps", "Events that never came, by the devices' own counters"),
        ),
    ),
    Section(
        "People and keys",
        (
            Entry("user", f"{_HERE}.people.users:app", "Persons, and what each may do in which clinic"),
            Entry("keys", f"{_HERE}.keys:app", "Keys of programs, for FHIR and for the API"),
            Entry("page-test", f"{_HERE}.people.channels:page_test", "Send a test over every channel of a person"),
            Entry("push-key", f"{_HERE}.people.channels:push_key", "Make the keys of pushes to browsers"),
            Entry("webhooks", f"{_HERE}.webhooks:app", "Secrets of programs that take alerts; what they missed"),
            Entry("patient", f"{_HERE}.people.patient:app", "A copy of one patient's data, and its erasure"),
        ),
    ),
    Section(
        "Upkeep and proof",
        (
            Entry("doctor", f"{_HERE}.health.doctor:doctor", "What is wrong with this installation, and what to do"),
            Entry("drill", f"{_HERE}.health.drill:drill", "Send a test alarm all the way to a page, now"),
            Entry("audit", f"{_HERE}.audit:app", "Whether the audit trail is whole, and a copy of it"),
            Entry("dead-letters", f"{_HERE}.dead_letters:app", "Messages that were rejected: why, and storing them"),
            Entry("retention", f"{_HERE}.storage:retention", "Remove old readings, bolus requests and statuses"),
            Entry("database", f"{_HERE}.database:app", "Copy everything into another database"),
            Entry("version", f"{_HERE}.tree.version:version", "Print the version"),
        ),
    ),
)
FORMER: Final = (Entry("rejects", f"{_HERE}.dead_letters:app", "The name of dead-letters up to migration 0019"),)
"""Names of before: they work, and are not listed."""


def entries() -> dict[str, Entry]:
    """Every command by its name, in the order of the table; one that stands in two sections goes by the first."""
    found: dict[str, Entry] = {}
    for each in (*(entry for section in CONTENTS for entry in section.entries), *FORMER):
        found.setdefault(each.name, each)
    return found


def lines_of(section: Section) -> tuple[tuple[str, str], ...]:
    """What the table of contents says of a section."""
    return tuple(line for each in section.entries for line in (each.below or ((each.name, each.help),)))
