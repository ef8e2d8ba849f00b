"""Each thing that sites get wrong is found by itself, and comes with what to do; a sound installation is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from schemas.topics import DRILL
from services.admin.doctor.checks import findings
from services.admin.doctor.model import DatabaseFacts, Disk, Facts, Kept, PolicyFacts, Served, Session

NOW: Final = datetime(2026, 11, 26, 12, tzinfo=UTC)
LATELY: Final = NOW - timedelta(seconds=2)
GB: Final = 1_000_000_000
DATABASE: Final = DatabaseFacts(
    clock_ahead_seconds=0.02,
    sessions=(
        Session("pumpwatch-alerts", "pumpwatch_alerts", False),
        Session("pumpwatch-ingest", "pumpwatch_ingest", False),
    ),
    clinics=("north",),
    alerts_alive_at=LATELY,
    ingest_alive_at=LATELY,
)
BROKER: Final = {
    "max_queued_messages": "1000000",
    "max_inflight_messages": "8000",
    "max_packet_size": "266240",
    "persistence": "true",
    "retain_available": "false",
    "allow_anonymous": "false",
}
SOUND: Final = Facts(
    database=DATABASE,
    broker_settings=BROKER,
    endings=(),
    served=(Served("broker:8883", NOW + timedelta(days=90)), Served("board:443")),
    policies=(PolicyFacts("north", high_steps=2),),
    has_watchdog=True,
    tells_of_a_missed_drill=True,
    disks=(Disk("/srv", 50 * GB, 100 * GB),),
    anchors=Kept("audit.jsonl", LATELY, 3),
    backups=Kept("/backups", NOW - timedelta(hours=20), 26),
)


def test_a_sound_installation_has_no_finding():
    assert findings(SOUND, NOW) == ()
    assert findings(Facts(), NOW) == ()  # what was not named is not judged
    drill = (*SOUND.policies, PolicyFacts(DRILL)) if SOUND.policies else ()  # one step is enough to page its operator
    assert findings(replace(SOUND, policies=drill), NOW) == ()


def database(**changes: object) -> Facts:
    return replace(SOUND, database=replace(DATABASE, **changes))  # type: ignore[arg-type]


def broker(**changes: str) -> Facts:
    return replace(SOUND, broker_settings={**BROKER, **changes})


PLANTED: Final = (
    (replace(SOUND, settings_faults=("ALERTS_HTTP_PORT: no",)), "settings", "HTTP_PORT"),
    (replace(SOUND, database=None, database_fault="refused"), "database", "refused"),
    (database(clock_ahead_seconds=3.0), "clock", "3.0 s ahead of"),
    (database(clock_ahead_seconds=-9.0), "clock", "9.0 s behind"),
    (database(pending=("0053_drills.sql",)), "migrations", "0053"),
    (database(logins_missing=("pumpwatch_web",)), "logins", "pumpwatch_web"),
    (database(rights_missing=("a: SELECT on b",)), "grants", "a: SELECT on b"),
    (database(rights_missing=("a: SELECT on b", "c", "d")), "grants", "and 2 more"),
    (database(sessions=(Session("pumpwatch-web", "postgres", True),)), "superuser", "postgres"),
    (
        database(sessions=(Session("pumpwatch-web", "one", False), Session("pumpwatch-ingest", "one", False))),
        "shared-login",
        "pumpwatch-ingest, pumpwatch-web share the login one",
    ),
    (database(alerts_alive_at=None), "service", "alert worker: has never"),
    (database(ingest_alive_at=NOW - timedelta(minutes=5)), "service", "ingest: was last heard of"),
    (database(unjudged=3), "unjudged", "3"),
    (database(unreached=2), "unreached", "2"),
    (database(upkeep=("database: the job is not run",)), "jobs", "not run"),
    (database(clinics=("north", "south")), "no-policy", "south"),
    (replace(SOUND, policy_faults=("north.yaml:3: no",)), "policy", "north.yaml:3"),
    (replace(SOUND, policies=(PolicyFacts("north", ("Ann: bad",), high_steps=2),)), "channel", "Ann: bad"),
    (replace(SOUND, policies=(PolicyFacts("north", nobody=("step",), high_steps=2),)), "nobody", "step"),
    (replace(SOUND, policies=(PolicyFacts("north", high_steps=0),)), "nobody", "high"),
    (replace(SOUND, policies=(PolicyFacts("north"),)), "last-step", "nobody stands behind"),
    (replace(SOUND, database=None, policies=(PolicyFacts("north"),)), "last-step", "nobody stands behind"),
    (replace(SOUND, has_watchdog=False), "watchdog", "ALERTS_WATCHDOG_URL"),
    (replace(SOUND, tells_of_a_missed_drill=False), "drill", "ALERTS_DRILL_MISSED_URL"),
    (database(drill="none has come through yet"), "drill", "drill: none has come through yet"),
    (replace(SOUND, broker_fault="refused"), "broker", "refused"),
    (replace(SOUND, endings=("broker: ends in 3 days",)), "certificate", "3 days"),
    (replace(SOUND, served=(Served("b:1", fault="self-signed"),)), "tls", "self-signed"),
    (replace(SOUND, served=(Served("b:1", NOW + timedelta(days=3)),)), "tls", "ends in 3 days"),
    (replace(SOUND, served=(Served("b:1", NOW),)), "tls", "has ended"),
    (broker(max_queued_messages="1000"), "broker-limits", "max_queued_messages is 1000"),
    (broker(max_inflight_messages="many"), "broker-limits", "max_inflight_messages is 20"),
    (broker(max_packet_size="65536"), "broker-limits", "max_packet_size"),
    (broker(persistence="false"), "broker-limits", "persistence"),
    (broker(retain_available="true"), "broker-limits", "retain_available"),
    (broker(allow_anonymous="true"), "broker-limits", "anybody can be any device"),
    (replace(SOUND, open_secrets=(("WEB_KEY_FILE", "/k"),)), "open-secret", "/k (WEB_KEY_FILE)"),
    (replace(SOUND, disks=(Disk("/srv", GB, 4 * GB),)), "disk", "1.0 GB of 4.0 GB"),
    (replace(SOUND, disks=(Disk("/srv", 9 * GB, 100 * GB),)), "disk", "9.0 GB"),
    (replace(SOUND, anchors=Kept("a.jsonl", None, 3)), "anchors", "there is none"),
    (replace(SOUND, backups=Kept("/b", NOW - timedelta(hours=27), 26)), "backups", "27 h"),
)


@pytest.mark.parametrize(("facts", "check", "words"), PLANTED, ids=[f"{check}: {words}" for _, check, words in PLANTED])
def test_a_planted_fault_is_found_alone_with_what_to_do(facts: Facts, check: str, words: str):
    (found,) = findings(facts, NOW)
    assert (found.check, words in found.wrong) == (check, True), found
    assert found.do.endswith(".")


def test_no_limit_is_no_fault():
    """0 means "as many as there are" to Mosquitto, and a packet has no limit by default."""
    assert findings(broker(max_queued_messages="0", max_packet_size="0"), NOW) == ()
