"""Gathers what the doctor judges: settings, database, broker, files and disks. It changes nothing.

Guarantees: each part is looked at by itself, with a time limit, so that one that is away hides none of the others; no
secret goes into what is returned.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pydantic

from schemas.faults.expectations import setting_faults
from schemas.paths import GRANTS_FILE, SQL_FOLDER
from schemas.policy import Priority
from schemas.policy_file import PolicyError, load_policy
from services.admin.doctor import store
from services.admin.doctor.model import DatabaseFacts, Disk, Facts, Kept, PolicyFacts, Served
from services.alerts.delivery.addresses import reach_of, secret_files
from services.alerts.health.broker_files import read_endings
from services.alerts.health.drill.course import trouble_of
from services.alerts.health.drill.store import last_ended, passed_at
from services.alerts.health.endings import ending_warnings
from services.alerts.health.store import clinics_with_pumps, count_unreached, load_status, load_upkeep
from services.alerts.health.upkeep import upkeep_warnings
from services.alerts.settings import AlertsSettings
from services.people.rota.effective import NOBODY, Nobody, resolve
from services.people.rota.people import ClinicPeople
from services.people.rota.store import load_everybody
from services.runtime.addresses import BrokerUnavailableError, broker_address
from services.runtime.database import FAILED, Connection, plainly
from services.runtime.grants import read_grants
from services.runtime.migrate import pending
from services.runtime.mqtt import connect
from services.runtime.secrets.file import is_open

_SECONDS: Final = 10.0
_GRANT: Final = re.compile(
    r"GRANT (\w+)(?:\s+\(([^)]*)\))?\s+ON\s+(?!FUNCTION|SEQUENCE|SCHEMA)(\w+(?:\.\w+)?)\s+TO", re.DOTALL
)
_SECRET_FILE: Final = re.compile(r"(PASSWORD|TOKEN|KEY|URL|SHARE_GROUP|SESSION_SUFFIX)_FILE$")
_NO_CONNECTION: Final[tuple[type[Exception], ...]] = (*FAILED, ValueError)
_BACKUP_HOURS: Final = 26.0
_ANCHOR_HOURS_LEAST: Final = 1.0


@dataclass(frozen=True, slots=True)
class Places:
    """What no setting names."""

    broker_config: Path | None = None
    """The broker's configuration: a file, or a folder of `.conf` files."""
    backups: Path | None = None
    disks: tuple[Path, ...] = ()


async def gather(environment: Mapping[str, str], places: Places) -> Facts:
    """Look at everything that the environment and the places name.

    Args:
        environment: As the alert worker has it; files of other services' secrets are looked at too.
        places: Further files and folders.
    """
    try:
        settings = AlertsSettings()
    except pydantic.ValidationError as error:
        faults = tuple(setting_faults(error, "ALERTS_"))
        return replace(await _beside_settings(environment, places), settings_faults=faults)
    facts = await _beside_settings(environment, places)
    fault, database, people = await _database(settings)
    policy_faults, policies, secrets = await asyncio.to_thread(_policies, settings.policy_folder, environment, people)
    broker_fault, served = await _broker(settings)
    unseen = list(facts.unseen)
    endings = None
    if settings.broker_certificates is None:
        unseen.append("the broker's certificates: set ALERTS_BROKER_CERTIFICATES")
    else:
        endings = tuple(ending_warnings(read_endings(settings.broker_certificates), datetime.now(UTC)))
    if settings.mqtt_url is None:
        unseen.append("the broker: set ALERTS_MQTT_URL; without it nobody is paged while the database is away")
    public = urlsplit(settings.public_url)
    if public.scheme == "https" and public.hostname:
        served = (*served, await _served(public.hostname, public.port or 443, ssl.create_default_context()))
    return replace(
        facts,
        database_fault=fault,
        database=database,
        broker_fault=broker_fault,
        endings=endings,
        served=served,
        policy_faults=policy_faults,
        policies=policies,
        open_secrets=(*facts.open_secrets, *(("secret of a webhook", str(each)) for each in secrets if is_open(each))),
        has_watchdog=settings.watchdog_url is not None,
        tells_of_a_missed_drill=settings.drill_missed_url is not None,
        anchors=_anchors(settings),
        unseen=tuple(unseen),
    )


async def _beside_settings(environment: Mapping[str, str], places: Places) -> Facts:
    unseen = []
    if places.broker_config is None:
        unseen.append("the broker's limits: --broker-config FILE")
    if places.backups is None:
        unseen.append("the age of the backups: --backups FOLDER")
    return Facts(
        broker_settings=None if places.broker_config is None else _broker_settings(places.broker_config),
        open_secrets=tuple(
            (name, value)
            for name, value in sorted(environment.items())
            if _SECRET_FILE.search(name) and value and is_open(Path(value))
        ),
        disks=tuple(_disks(places)),
        backups=None if places.backups is None else _kept(places.backups, _BACKUP_HOURS),
        unseen=tuple(unseen),
    )


async def _database(
    settings: AlertsSettings,
) -> tuple[str | None, DatabaseFacts | None, Mapping[str, ClinicPeople] | None]:
    try:
        connection = await asyncpg.connect(
            settings.database_url.get_secret_value(),
            password=settings.database_password,
            timeout=_SECONDS,
            command_timeout=_SECONDS,
        )
    except _NO_CONNECTION as error:
        return plainly(error), None, None
    try:
        facts = await _asked(connection)
        people = None if facts.pending else await load_everybody(connection, datetime.now(UTC))
    except FAILED as error:
        return plainly(error), None, None
    else:
        return None, facts, people
    finally:
        connection.terminate()


async def _asked(connection: Connection) -> DatabaseFacts:
    before = datetime.now(UTC)
    there = await store.database_clock(connection)
    after = datetime.now(UTC)
    # Between asking and the answer its clock was read: the error of the middle is at most half of the way.
    facts = DatabaseFacts(((before + (after - before) / 2) - there).total_seconds())
    if names := await pending(connection, SQL_FOLDER):
        return replace(facts, pending=names)
    wanted = read_grants(GRANTS_FILE)
    logins = await store.logins_there(connection, list(wanted))
    status = await load_status(connection)
    return replace(
        facts,
        logins_missing=tuple(name for name in wanted if name not in logins),
        rights_missing=await store.rights_missing(connection, [r for r in wanted_rights(wanted) if r[0] in logins]),
        sessions=await store.service_sessions(connection),
        clinics=await clinics_with_pumps(connection),
        alerts_alive_at=status.alerts_alive_at,
        ingest_alive_at=status.ingest_alive_at,
        unjudged=status.unjudged,
        drill=trouble_of(await last_ended(connection), await passed_at(connection), datetime.now(UTC)),
        unreached=sum((await count_unreached(connection)).values()),
        upkeep=tuple(upkeep_warnings(await load_upkeep(connection), datetime.now(UTC))),
    )


def wanted_rights(grants: Mapping[str, str]) -> Iterator[store.Right]:
    """The rights on tables and columns that a file of grants gives."""
    for login, text in grants.items():
        for privilege, columns, relation in _GRANT.findall(text):
            for column in columns.split(",") if columns else (None,):
                yield login, relation, column.strip() if column else None, privilege


def _policies(
    folder: Path | None, environment: Mapping[str, str], people: Mapping[str, ClinicPeople] | None
) -> tuple[tuple[str, ...], tuple[PolicyFacts, ...], tuple[Path, ...]]:
    """What the files say, with the persons of now in the place of rotas, and files of secrets that they name.

    `people` None: they are not known.
    """
    if folder is None:
        return ("ALERTS_POLICY_FOLDER is not set: nobody is told of anything",), (), ()
    faults: list[str] = []
    found: list[PolicyFacts] = []
    secrets: dict[Path, None] = {}
    for path in sorted(each for each in folder.glob("*") if each.suffix in {".yaml", ".yml"}):
        try:
            policy = load_policy(path)
        except PolicyError as error:
            faults.append(str(error))
            continue
        secrets |= dict.fromkeys(secret_files(policy, environment))
        now = datetime.now(UTC)
        known = None if people is None else resolve(policy, people.get(policy.clinic_id, NOBODY), now)
        policy = known.policy if known else policy
        reach, high = reach_of(policy, environment), policy.routes.get(Priority.HIGH)
        found.append(
            PolicyFacts(
                policy.clinic_id,
                tuple(each.fault for each in reach.faults),
                (
                    *(each.fault for each in reach.nobody),
                    *(_stand_in(each) for each in (known.troubles if known else ())),
                ),
                len(high.steps) if high else 0,
                path.name,
            )
        )
    return tuple(faults), tuple(found), tuple(secrets)


def _stand_in(contact: Nobody) -> str:
    instead = ", ".join(contact.instead) or "nobody at all"
    return f"contact {contact.contact} stands for nobody who can be told now: {contact.why}; told instead: {instead}"


async def _broker(settings: AlertsSettings) -> tuple[str | None, tuple[Served, ...]]:
    if settings.mqtt_url is None:
        return None, ()
    address = broker_address(
        settings.mqtt_url.get_secret_value(), ca_file=settings.mqtt_ca_file, password_file=settings.mqtt_password_file
    )
    try:
        async with asyncio.timeout(_SECONDS), connect(address, client_id="pumpwatch-doctor"):
            pass
        context = address.tls_context()
    except (BrokerUnavailableError, OSError, TimeoutError) as error:
        return str(error) or f"{address} does not answer", ()
    return None, () if context is None else (await _served(address.host, address.port, context),)


async def _served(host: str, port: int, context: ssl.SSLContext) -> Served:
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    except (OSError, TimeoutError) as error:  # also what ssl raises
        return Served(where, fault=str(error) or "no answer")
    shown: Any = writer.get_extra_info("peercert")
    writer.transport.abort()
    return Served(where, datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC))


def _broker_settings(path: Path) -> Mapping[str, str]:
    files: Sequence[Path] = sorted(path.rglob("*.conf")) if path.is_dir() else [path]
    settings = {}
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            name, _, value = line.strip().partition(" ")
            if name and not name.startswith("#"):
                settings[name] = value.strip()
    return settings


def _disks(places: Places) -> Iterator[Disk]:
    for folder in dict.fromkeys((*places.disks, *((places.backups,) if places.backups else ()))):
        usage = shutil.disk_usage(folder)
        yield Disk(str(folder), usage.free, usage.total)


def _anchors(settings: AlertsSettings) -> Kept | None:
    where = settings.audit_anchors
    if where is None or where.startswith("syslog"):
        return None
    return _kept(Path(where), max(_ANCHOR_HOURS_LEAST, 3 * settings.audit_anchor_seconds / 3600))


def _kept(path: Path, hours: float) -> Kept:
    files = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    times = [file.stat().st_mtime for file in files if file.exists()]
    return Kept(str(path), datetime.fromtimestamp(max(times), UTC) if times else None, hours)
