"""What an operator does to the registry: enrols devices, pairs and unpairs, implants and explants, moves and retires.

Guarantees: running the same again changes nothing, or says what is so already; a device never changes its kind; who
did it is written down in the transaction that does it; the pumps that it is about are looked at at once. Ingest hears
of every change (`registry_changed`). No event that is stored is touched.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from schemas.topics import DEVICE_ID_RULE, DRILL, RESERVED_PREFIX, is_device_id, is_reserved_id
from services.admin.registry import periods, store
from services.admin.registry.model import (
    FOREVER,
    AlertLine,
    Device,
    DeviceKind,
    Pairing,
    RegistryError,
    Shown,
)
from services.admin.registry.periods import shown
from services.runtime.database import Connection

_NEAR: Final = 3
Plan = TypeVar("Plan")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes the registry, and when."""

    name: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """What was changed, in sentences, and the alerts that were open and that this ends or judges anew."""

    sentences: tuple[str, ...]
    alerts: tuple[AlertLine, ...] = ()


async def enrol(
    connection: Connection,
    device_ids: Sequence[str],
    actor: Actor,
    *,
    kind: DeviceKind,
    clinic_id: str,
    clinic_name: str | None = None,
) -> None:
    """Put devices into a clinic, which is made if it is not there.

    Raises:
        RegistryError: An id or the clinic is not allowed, or a device is enrolled as the other kind.
    """
    for device_id in device_ids:
        if not is_device_id(device_id):
            msg = f"device id {device_id[:80]!r} is not allowed: expected {DEVICE_ID_RULE}"
            raise RegistryError(msg)
        if is_reserved_id(device_id):
            msg = f"device id {device_id!r} is reserved: names that begin with {RESERVED_PREFIX!r} are of services"
            raise RegistryError(msg)
    _refuse_the_drills(clinic_id)
    async with connection.transaction():
        await store.add_clinic(connection, clinic_id, clinic_name or clinic_id)
        enrolled = await store.enrol_devices(connection, device_ids, kind, clinic_id)
        if refused := set(device_ids) - enrolled:
            other = "handheld" if kind == "pump" else "pump"
            msg = f"{', '.join(sorted(refused))}: enrolled as a {other}, and a device never changes its kind"
            raise RegistryError(msg)
        await store.record_change(connection, actor.name, "enrol", device_ids, {"clinic": clinic_id, "kind": kind})


async def pair(
    connection: Connection,
    handheld_id: str,
    pump_id: str,
    actor: Actor,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Done:
    """Pair a handheld with a pump; without an end, a pairing with another pump ends where this one begins.

    Args:
        connection: To the database.
        handheld_id: The handheld.
        pump_id: The pump.
        actor: Who does it.
        since: From when on; None: from now on, or as far back as anybody knows where it is the handheld's first.
        until: For a time that is over; None: it holds.

    Raises:
        RegistryError: One of them is not in use or of the wrong kind, their clinics differ, or the dates cannot be.
    """
    async with connection.transaction():
        handheld = await device_in_use(connection, handheld_id, "handheld")
        pump = await device_in_use(connection, pump_id, "pump")
        if handheld.clinic_id != pump.clinic_id:
            msg = f"{handheld_id} belongs to clinic {handheld.clinic_id} and {pump_id} to {pump.clinic_id}"
            raise RegistryError(msg)
        before = await store.pairings(connection, handheld_id)
        plan = _of(handheld_id, lambda: periods.plan_pairing(before, pump_id, since, until, actor.now))
        told = [sentence for each in plan.changed for sentence in await _changed(connection, each, before)]
        if plan.begin is not None:
            await store.begin_pairing(connection, handheld_id, pump_id, *plan.begin)
            told.insert(0, f"{handheld_id} is paired with {pump_id} {_span(*plan.begin)}")
        if not told:
            return Done((f"{handheld_id} is paired with {pump_id} already: nothing changed",))
        pumps = [pump_id, *(each.pump_id for each in plan.changed)]
        await _record(connection, actor, "pair", [handheld_id, *pumps], told, pumps)
    return Done(tuple(told))


async def unpair(
    connection: Connection, handheld_id: str, actor: Actor, *, at: datetime | None = None, undo: bool = False
) -> Done:
    """End a handheld's pairing, or take back that it ended.

    Raises:
        RegistryError: It is no enrolled handheld, or there is no such pairing.
    """
    async with connection.transaction():
        await device_in_use(connection, handheld_id, "handheld")
        before = await store.pairings(connection, handheld_id)
        if undo:
            after = _of(handheld_id, lambda: periods.plan_re_pairing(before))
        else:
            after = _of(handheld_id, lambda: periods.plan_unpairing(before, at or actor.now, actor.now))
        told = await _changed(connection, after, before)
        await _record(connection, actor, "unpair", [handheld_id, after.pump_id], told, [after.pump_id])
    return Done(tuple(told))


async def implant(
    connection: Connection,
    pump_id: str,
    actor: Actor,
    *,
    patient_ref: str | None,
    since: datetime | None = None,
    clinic_id: str | None = None,
) -> Done:
    """Say in which patient a pump is: facts begin anew, unless it is only the name of who has it.

    Raises:
        RegistryError: It is no enrolled pump, is in another patient, the clinic is not there, or the date cannot be.
    """
    async with connection.transaction():
        await device_in_use(connection, pump_id, "pump")
        known = await store.implantations(connection, pump_id)
        began = _of(pump_id, lambda: periods.plan_implantation(known, patient_ref, since, actor.now))
        alerts: tuple[AlertLine, ...] = ()
        told = [f"{pump_id} is in patient {patient_ref}: only the reference was not known, and nothing else changes"]
        if began is None:
            assert patient_ref is not None  # noqa: S101 - the plan refuses it
            await store.name_patient(connection, known[-1], patient_ref)
        else:
            await store.begin_implantation(connection, pump_id, began, patient_ref, implanted=True)
            alerts = await store.open_alerts(connection, pump_id)
            who = f"patient {patient_ref}" if patient_ref else "a patient without a reference"
            told = [f"{pump_id} is in {who} since {shown(began)}; nothing from before counts any more"]
        if clinic_id is not None:
            told += await _move(connection, pump_id, clinic_id, began or actor.now, actor.now)
        await _record(connection, actor, "implant", [pump_id], told, [pump_id])
    return Done(tuple(told), alerts)


async def explant(
    connection: Connection, pump_id: str, actor: Actor, *, at: datetime | None = None, undo: bool = False
) -> Done:
    """Say that a pump is in nobody any more, or take that back.

    Raises:
        RegistryError: It is no enrolled pump, is explanted already (or is not), or the date cannot be.
    """
    async with connection.transaction():
        await device_in_use(connection, pump_id, "pump")
        known = await store.implantations(connection, pump_id)
        alerts = await store.open_alerts(connection, pump_id)
        if undo:
            taken_back = _of(pump_id, lambda: periods.plan_re_implantation(known))
            await store.take_back(connection, taken_back)
            told = [f"{pump_id} is not explanted: what is known of its patient counts again"]
        else:
            moment = _of(pump_id, lambda: periods.plan_explantation(known, at or actor.now, actor.now))
            await store.begin_implantation(connection, pump_id, moment, None, implanted=False)
            told = [f"{pump_id} is explanted since {shown(moment)}; of what it says from then on only alarms are told"]
        await _record(connection, actor, "explant", [pump_id], told, [pump_id])
    return Done(tuple(told), alerts)


async def move(
    connection: Connection, pump_id: str, clinic_id: str, actor: Actor, *, since: datetime | None = None
) -> Done:
    """Let another clinic look after a pump and its handhelds; the patient stays the same, and so do the facts.

    Raises:
        RegistryError: It is no enrolled pump, the clinic is not there, or the date cannot be.
    """
    async with connection.transaction():
        await device_in_use(connection, pump_id, "pump")
        alerts = await store.open_alerts(connection, pump_id)
        told = await _move(connection, pump_id, clinic_id, since or actor.now, actor.now)
        await _record(connection, actor, "move", [pump_id], told, [pump_id])
    return Done(tuple(told), alerts)


async def retire(
    connection: Connection, device_ids: Sequence[str], actor: Actor, *, at: datetime | None = None
) -> Done:
    """Say that devices are not used any more: their pairings end, and alerts of pumps end with that reason.

    Raises:
        RegistryError: One is not there or retired already, or the date is in the future.
    """
    moment = at or actor.now
    if moment > actor.now:
        msg = f"{shown(moment)} is in the future: expected a time up to now, {shown(actor.now)}"
        raise RegistryError(msg)
    told: list[str] = []
    alerts: tuple[AlertLine, ...] = ()
    async with connection.transaction():
        pumps = set()
        for device_id in dict.fromkeys(device_ids):
            await device_in_use(connection, device_id, None)
            told.append(
                f"{device_id} is retired since {shown(moment)}; what it sends from now on becomes a dead letter"
            )
            before = await store.pairings(connection, device_id)
            for each in before:
                if each.holds:
                    ended = Pairing(
                        each.pairing_id, each.handheld_id, each.pump_id, each.since, max(each.since, moment)
                    )
                    told += await _changed(connection, ended, before)
                    pumps.add(each.pump_id)
            await store.retire_device(connection, device_id, moment)
            if (ends := await store.certificate_ends(connection, device_id, actor.now)) is not None:
                revoke = f"`pumpwatch certificates revoke {device_id}` ends that"
                told.append(f"the broker lets {device_id} in until {shown(ends)}: {revoke}")
            alerts += await store.open_alerts(connection, device_id)
            pumps.add(device_id)
        await _record(connection, actor, "retire", device_ids, told, pumps)
    return Done(tuple(told), alerts)


async def show(connection: Connection, device_id: str) -> Shown:
    """Everything that the registry says of one device.

    Raises:
        RegistryError: There is no such device.
    """
    async with connection.transaction():
        device = await known_device(connection, device_id)
        return Shown(
            device,
            await store.pairings(connection, device_id),
            await store.implantations(connection, device_id),
            await store.memberships(connection, device_id),
            await store.open_alerts(connection, device_id),
            await store.changes(connection, device_id),
        )


def _of(device_id: str, plan: Callable[[], Plan]) -> Plan:
    """Make a plan; a refusal names the device."""
    try:
        return plan()
    except RegistryError as error:
        raise RegistryError(f"{device_id}: {error}") from None


async def known_device(connection: Connection, device_id: str) -> Device:
    """A device of the registry, also a retired one, held until the transaction ends.

    Raises:
        RegistryError: There is none; the message names some that are near.
    """
    device = await store.lock_device(connection, device_id)
    if device is None:
        near = difflib.get_close_matches(device_id, await store.device_ids(connection), _NEAR)
        hint = f": did you mean {' or '.join(near)}?" if near else ""
        msg = f"{device_id[:80]}: expected an enrolled device, and it is not enrolled{hint}"
        raise RegistryError(msg)
    return device


async def device_in_use(connection: Connection, device_id: str, kind: DeviceKind | None) -> Device:
    """A device in use, held until the transaction ends.

    Raises:
        RegistryError: It is not enrolled, retired, the drill's, or of another kind; None: either kind will do.
    """
    if device_id == DRILL and kind is not None:
        msg = f"{DRILL} is the pump of the drill: expected one that can be in a patient"
        raise RegistryError(msg)
    try:
        device = await known_device(connection, device_id)
    except RegistryError as error:
        raise RegistryError(str(error).replace("enrolled device,", f"enrolled {kind or 'device'},")) from None
    if kind is not None and device.kind != kind:
        msg = f"{device_id}: expected an enrolled {kind}, and it is a {device.kind}"
        raise RegistryError(msg)
    if device.retired_at is not None:
        msg = f"{device_id}: expected a device in use, and it is retired since {shown(device.retired_at)}"
        raise RegistryError(msg)
    return device


def _refuse_the_drills(clinic_id: str) -> None:
    if clinic_id == DRILL:
        msg = f"clinic {DRILL} is the drill's: expected one that has patients"
        raise RegistryError(msg)


async def _move(connection: Connection, pump_id: str, clinic_id: str, since: datetime, now: datetime) -> list[str]:
    _refuse_the_drills(clinic_id)
    clinics = await store.clinic_ids(connection)
    if clinic_id not in clinics:
        near = difflib.get_close_matches(clinic_id, clinics, _NEAR)
        hint = f": did you mean {' or '.join(near)}?" if near else ""
        msg = f"there is no clinic {clinic_id[:80]!r}{hint}"
        raise RegistryError(msg)
    known = await store.memberships(connection, pump_id)
    _of(pump_id, lambda: periods.plan_move(known, clinic_id, since, now))
    await store.move_pump(connection, pump_id, clinic_id, since)
    with_it = [each.handheld_id for each in await store.pairings(connection, pump_id) if each.holds]
    await store.set_clinic(connection, [pump_id, *with_it], clinic_id)
    also = f", with {', '.join(with_it)}" if with_it else ""
    return [f"{pump_id} is with clinic {clinic_id} since {shown(since)}{also}"]


async def _changed(connection: Connection, after: Pairing, before: Sequence[Pairing]) -> list[str]:
    """Write a pairing as it is now, and say what that leaves behind: nothing that is stored moves."""
    await store.change_pairing(connection, after)
    [was] = [each for each in before if each.pairing_id == after.pairing_id]
    what = _span(after.since, after.until) if after.held else "never"
    told = [f"{after.handheld_id} is paired with {after.pump_id} {what}"]
    left = 0
    for since, until in ((was.since, min(was.until, after.since)), (max(was.since, after.until), was.until)):
        if since < until:
            left += await store.stored_events(connection, after.handheld_id, after.pump_id, since, until)
    if left:
        many = "1 event" if left == 1 else f"{left} events"
        told.append(f"{many} of {after.handheld_id} outside that time are stored for {after.pump_id}, and stay there")
    return told


def _span(since: datetime, until: datetime) -> str:
    return f"since {shown(since)}" if until == FOREVER else f"from {shown(since)} until {shown(until)}"


async def _record(
    connection: Connection,
    actor: Actor,
    command: str,
    device_ids: Sequence[str],
    told: Sequence[str],
    pump_ids: Collection[str],
) -> None:
    await store.record_change(connection, actor.name, command, list(dict.fromkeys(device_ids)), {"did": list(told)})
    await store.queue_evaluation(connection, list(pump_ids))
