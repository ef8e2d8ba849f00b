"""What a caller may see and do, asked of the clinic that a thing is of.

What they may not see answers as what is not there, in the same words; what they may see and not do says why.
"""

from __future__ import annotations

from typing import Protocol, TypeVar
from uuid import UUID

from services.alerts.errors import Cannot, NoSuchPump, NotFound, Refused
from services.alerts.web import store
from services.people.caller import Caller
from services.people.model import Role
from services.runtime.database import Connection
from services.texts.model import msgid


class OfAClinic(Protocol):
    """What belongs to a clinic."""

    @property
    def clinic_id(self) -> str:
        """Whose it is."""


Seen = TypeVar("Seen", bound=OfAClinic)


class Forbidden(Cannot):
    """The caller may see it and not do it; the message says what they would need."""


class UnknownClinic(NotFound):
    """The clinic that a list is limited to is none that the caller sees; the message names those that are."""


class RightsChanged(Cannot):
    """Who asks sees other clinics by now than when they were looked up, so that what was read may leave some out."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(msgid("your rights have changed meanwhile: open the board again"))
        self.caller = caller


def clinics_of(caller: Caller, asked: str | None) -> frozenset[str]:
    """The clinics that a caller sees, of those asked for: one by its name, or all (None, empty)."""
    seen = caller.clinics()
    return seen & {asked} if asked else seen


def must_see_clinic(caller: Caller, asked: str) -> frozenset[str]:
    """The clinics of a list: the one that is asked for, or all that the caller sees (empty).

    Raises:
        UnknownClinic: The caller sees no such clinic: there is none, or it is not theirs.
    """
    return must_be_among(caller.clinics(), asked)


def must_be_among(seen: frozenset[str], asked: str) -> frozenset[str]:
    """The clinics of a list, of those that are seen: the one that is asked for, or all of them (empty).

    Raises:
        UnknownClinic: It is none of them.
    """
    if not asked:
        return seen
    if not seen:
        raise UnknownClinic(msgid("there is no clinic %(clinic)s that you may see: you see none"), clinic=repr(asked))
    if asked not in seen:
        raise UnknownClinic(
            msgid("there is no clinic %(clinic)s that you may see: expected one of %(theirs)s"),
            clinic=repr(asked),
            theirs=", ".join(sorted(seen)),
        )
    return frozenset({asked})


def must_see_pump(caller: Caller, pump_id: str, found: Seen | None) -> Seen:
    """What was found of a pump, of whichever clinic, if the caller may see it.

    Raises:
        NoSuchPump: Nothing was found, or it is another clinic's.
    """
    if found is None or not caller.may(Role.VIEWER, found.clinic_id):
        raise NoSuchPump(pump_id)
    return found


async def must_see_alert(connection: Connection, caller: Caller, alert_id: UUID) -> str:
    """The clinic of an alert that the caller may see.

    Raises:
        NotFound: There is none.
    """
    clinic = await store.clinic_of_alert(connection, alert_id)
    if clinic is None or not caller.may(Role.VIEWER, clinic):
        raise NotFound(msgid("there is no alert %(id)s"), id=alert_id)
    return clinic


async def must_act_on_alert(connection: Connection, caller: Caller, alert_id: UUID) -> None:
    """Make sure that the caller may act on an alert.

    Raises:
        NotFound: There is no such alert.
        Forbidden: They may only read.
    """
    _must_act(caller, await must_see_alert(connection, caller, alert_id))


async def must_act_on_silence(connection: Connection, caller: Caller, silence_id: UUID) -> None:
    """Make sure that the caller may end a silence.

    Raises:
        NotFound: There is no such silence.
        Forbidden: They may only read.
    """
    clinic = await store.clinic_of_silence(connection, silence_id)
    if clinic is None or not caller.may(Role.VIEWER, clinic):
        raise NotFound(msgid("there is no silence %(id)s, or it is over"), id=silence_id)
    _must_act(caller, clinic)


def must_act_in(caller: Caller, clinic_id: str) -> None:
    """Make sure that the caller may act in a clinic.

    Raises:
        Refused: There is no such clinic.
        Forbidden: They may only read.
    """
    if not caller.may(Role.VIEWER, clinic_id):
        raise Refused(msgid("there is no clinic %(clinic)s"), clinic=repr(clinic_id))
    _must_act(caller, clinic_id)


def _must_act(caller: Caller, clinic_id: str) -> None:
    if not caller.may(Role.RESPONDER, clinic_id):
        if caller.key_id:
            msg = f"you may read alerts of {clinic_id}, and not act on them: that takes a key with the scope alerts.act"
            raise Forbidden(msg)
        raise Forbidden(
            msgid("you may read alerts of %(clinic)s, and not act on them: that takes the role of a responder"),
            clinic=clinic_id,
        )
