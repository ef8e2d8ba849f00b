"""PURE. What is wrong, as far as the facts go, each with what to do; the most urgent first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from schemas.events import MAX_PAYLOAD_BYTES
from schemas.topics import DRILL
from services.admin.doctor.model import DatabaseFacts, Disk, Facts, Finding, Kept
from services.alerts.wording import age

_CLOCK_SECONDS: Final = 2.0
"""More than this is no network's delay. Devices that are 10 minutes ahead are refused, by the clock of ingest."""
_QUIET: Final = timedelta(seconds=60)
_CERTIFICATE: Final = timedelta(days=30)
_LEAST_FREE: Final = 0.10
_LEAST_FREE_BYTES: Final = 2_000_000_000
_GIGABYTE: Final = 1e9
_LEAST_QUEUED: Final = 100_000
_LEAST_INFLIGHT: Final = 1_000


def findings(facts: Facts, now: datetime) -> tuple[Finding, ...]:
    """Everything that is wrong.

    Args:
        facts: What was gathered.
        now: The moment of it.
    """
    return tuple(_all(facts, now))


def _all(facts: Facts, now: datetime) -> Iterator[Finding]:
    for fault in facts.settings_faults:
        yield Finding("settings", fault, "Mend this setting: the alert worker does not start with it.")
    if facts.database_fault is not None:
        yield Finding(
            "database", facts.database_fault, "Start the database, or mend its address and its password's file."
        )
    if facts.database is not None:
        yield from _database(facts.database, now)
    yield from _telling(facts)
    yield from _broker(facts, now)
    yield from _secrets(facts)
    for disk in facts.disks:
        yield from _disk(disk)
    for what, kept in (("anchors", facts.anchors), ("backups", facts.backups)):
        if kept is not None:
            yield from _kept(what, kept, now)


def _database(database: DatabaseFacts, now: datetime) -> Iterator[Finding]:
    ahead = database.clock_ahead_seconds
    if abs(ahead) > _CLOCK_SECONDS:
        direction = "ahead of" if ahead > 0 else "behind"
        yield Finding(
            "clock",
            f"this machine's clock is {abs(ahead):.1f} s {direction} the database's",
            "Let every machine set its clock by NTP (chrony or systemd-timesyncd), and look whether it does.",
        )
    if database.pending:
        yield Finding(
            "migrations",
            f"not applied: {', '.join(database.pending)}",
            "Run `pumpwatch migrate` as the owner; no service works before.",
        )
        return
    if database.logins_missing:
        yield Finding(
            "logins",
            f"the database has no login {', '.join(database.logins_missing)}",
            "Make them (deploy/timescaledb/roles.sql; docs/operating/upgrade.md), then run `pumpwatch migrate`.",
        )
    if database.rights_missing:
        first, more = database.rights_missing[0], len(database.rights_missing) - 1
        yield Finding(
            "grants",
            f"missing rights: {first}{f' and {more} more' if more else ''}",
            "Run `pumpwatch migrate` as the owner of the tables: it gives each login what its job needs.",
        )
    yield from _logins(database)
    yield from _services(database, now)


def _logins(database: DatabaseFacts) -> Iterator[Finding]:
    applications = defaultdict(set)
    for each in database.sessions:
        applications[each.login].add(each.application)
        if each.is_superuser:
            yield Finding(
                "superuser",
                f"{each.application} logs in as {each.login}, who may do everything",
                "Give each service the login of its job (docs/operating/upgrade.md).",
            )
    for login, names in applications.items():
        if len(names) > 1:
            yield Finding(
                "shared-login",
                f"{', '.join(sorted(names))} share the login {login}",
                "Give each service the login of its job, so that one that is taken over can do that job only.",
            )


def _services(database: DatabaseFacts, now: datetime) -> Iterator[Finding]:
    for what, at, command in (
        ("alert worker", database.alerts_alive_at, "pumpwatch alerts"),
        ("ingest", database.ingest_alive_at, "pumpwatch ingest"),
    ):
        if at is None or now - at > _QUIET:
            heard = "has never been heard of" if at is None else f"was last heard of {age(now - at)} ago"
            yield Finding("service", f"{what}: {heard}", f"Start `{command}`, and read its log and its /readyz.")
    if database.unjudged:
        yield Finding(
            "unjudged",
            f"pumps that cannot be judged: {database.unjudged}",
            "Use the backup procedure for them, and report the traceback of the worker's log.",
        )
    if database.unreached:
        yield Finding(
            "unreached",
            f"alerts that reached nobody: {database.unreached}",
            "Call somebody, then mend the addresses; the board shows what each channel answered.",
        )
    if database.drill is not None:
        yield Finding(
            "drill",
            f"drill: {database.drill}",
            "Run `pumpwatch drill` and read what it says; docs/operating/paging/drill.md sets it up.",
        )
    for late in database.upkeep:
        yield Finding("jobs", late, "Read docs/operating/monitoring.md, 'What the database does by itself'.")


def _telling(facts: Facts) -> Iterator[Finding]:
    for fault in facts.policy_faults:
        yield Finding("policy", fault, "Mend the file; `pumpwatch policy check FILE` names the line.")
    if facts.policies is not None:
        known = {policy.clinic_id for policy in facts.policies}
        for clinic in facts.database.clinics if facts.database else ():
            if clinic not in known:
                yield Finding(
                    "no-policy",
                    f"clinic {clinic} has pumps and no policy: nobody is told",
                    "Write a file with this clinic_id into ALERTS_POLICY_FOLDER (docs/operating/paging/policy.md).",
                )
        for policy in facts.policies:
            where = f"clinic {policy.clinic_id}"
            for fault in policy.faults:
                yield Finding("channel", f"{where}: {fault}", "Give this contact an address that works.")
            for fault in policy.nobody:
                yield Finding("nobody", f"{where}: {fault}", "Name somebody in this step who can be told.")
            if not policy.high_steps:
                yield Finding(
                    "nobody",
                    f"{where}: alerts of high priority page nobody",
                    "Give `routes.high` steps, the first after 0 minutes.",
                )
            elif policy.high_steps == 1 and policy.clinic_id != DRILL:
                yield Finding(
                    "last-step",
                    f"{where}: nobody stands behind the first step of high",
                    "Add a step, such as after 10 minutes, with somebody else or everybody.",
                )
    if facts.tells_of_a_missed_drill is False:
        yield Finding(
            "drill",
            "nobody is told of a drill that was missed: ALERTS_DRILL_MISSED_URL is not set",
            "Set ALERTS_DRILL_MISSED_URL_FILE to an Apprise address of the operator that no policy uses.",
        )
    if facts.has_watchdog is False:
        yield Finding(
            "watchdog",
            "nobody is told when Pumpwatch itself stops: ALERTS_WATCHDOG_URL is not set",
            "Set ALERTS_WATCHDOG_URL_FILE to the address of an outside service that pages when pings stop.",
        )


def _broker(facts: Facts, now: datetime) -> Iterator[Finding]:
    if facts.broker_fault is not None:
        yield Finding(
            "broker", facts.broker_fault, "Start the broker, or mend its address, its login or its authority."
        )
    for line in facts.endings or ():
        yield Finding("certificate", line, "Renew it (docs/operating/devices/certificates.md).")
    for served in facts.served:
        if served.fault is not None:
            yield Finding("tls", f"{served.where}: {served.fault}", "Look at its certificate and its name.")
        elif served.ends_at is not None and served.ends_at - now <= _CERTIFICATE:
            left = served.ends_at - now
            when = f"ends in {age(left)}" if left > timedelta(0) else "has ended"
            yield Finding(
                "tls", f"{served.where}: the certificate {when}", "Renew it, and let it be renewed by itself."
            )
    if facts.broker_settings is not None:
        yield from _broker_limits(facts.broker_settings)


def _broker_limits(settings: Mapping[str, str]) -> Iterator[Finding]:
    def number(name: str, default: int) -> int:
        text = settings.get(name, "")
        return int(text) if text.isdecimal() else default

    # 0 is "no limit" for each of these; the defaults are those of Mosquitto 2.
    for name, default, least, why in (
        ("max_queued_messages", 1000, _LEAST_QUEUED, "while ingest is away the broker drops what is more, silently"),
        ("max_inflight_messages", 20, _LEAST_INFLIGHT, "a batch of ingest never fills"),
        ("max_packet_size", 0, MAX_PAYLOAD_BYTES, "a handheld's log of 500 events is refused"),
    ):
        value = number(name, default)
        if 0 < value < least:
            yield Finding(
                "broker-limits",
                f"the broker's {name} is {value}: {why}",
                f"Set it to at least {least} (deploy/mosquitto/common/limits.conf has the reasons).",
            )
    for name, otherwise, wrong, why in (
        ("persistence", "false", "false", "a restart of the broker loses what waits in it"),
        ("retain_available", "true", "true", "a retained event comes again at each subscription"),
        ("allow_anonymous", "false", "true", "anybody can be any device"),
    ):
        if settings.get(name, otherwise) == wrong:
            right = "true" if wrong == "false" else "false"
            yield Finding("broker-limits", f"the broker's {name} is {wrong}: {why}", f"Set `{name} {right}`.")


def _secrets(facts: Facts) -> Iterator[Finding]:
    for variable, path in facts.open_secrets:
        yield Finding(
            "open-secret",
            f"everybody on this machine can read {path} ({variable})",
            "Close it (`chmod o-r`, or a folder above it), and take a new secret: somebody may have the old one.",
        )


def _disk(disk: Disk) -> Iterator[Finding]:
    if disk.free_bytes < _LEAST_FREE_BYTES or disk.free_bytes < disk.total_bytes * _LEAST_FREE:
        yield Finding(
            "disk",
            f"{disk.folder}: {disk.free_bytes / _GIGABYTE:.1f} GB of {disk.total_bytes / _GIGABYTE:.1f} GB are free",
            "Make room before the database or the broker stops: a larger disk, or shorter retention.",
        )


def _kept(what: str, kept: Kept, now: datetime) -> Iterator[Finding]:
    if kept.newest_at is None:
        yield Finding(what, f"{kept.where}: there is none", _DO_KEPT[what])
    elif now - kept.newest_at > timedelta(hours=kept.expected_every_hours):
        yield Finding(what, f"{kept.where}: the newest is {age(now - kept.newest_at)} old", _DO_KEPT[what])


_DO_KEPT: Final[Mapping[str, str]] = {
    "anchors": "Look into the worker's log, and whether it may write there (docs/operating/audit.md).",
    "backups": "Look why the backup does not run, and try to restore one (docs/operating/backup.md).",
}
