"""PURE. Whom to tell that a person's channel did not prove that it rings: the administrators of their clinics."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.policy import Policy, Priority
from services.alerts.delivery.page_text import PageText
from services.alerts.delivery.planned import Notice
from services.alerts.model import Occasion, OccasionKind
from services.people.rota.people import ClinicPeople


def proof_notices(
    clinic_id: str, policy: Policy, people: ClinicPeople, person: str, channel: str, episode: str, board: str
) -> Iterator[Notice]:
    """One notice of low priority for each administrator who can be told, or else for the first step of the high route.

    Args:
        clinic_id: Of the clinic.
        policy: As it holds now, with persons as contacts.
        people: Of the clinic.
        person: Whose channel it is.
        channel: Its name.
        episode: What is told once.
        board: Where the page points to.
    """
    text = PageText(
        title="Pumpwatch LOW: a phone may not ring",
        body=f"{person} has not said that {channel} rang at the last drill. Ask them, and look at who is on call. "
        f"Board: {board.rstrip('/')}/",
    )
    bosses = frozenset(member.contact_name for member in people.administrators if member.usable)
    route = policy.routes.get(Priority.HIGH)
    names = bosses or frozenset(route.steps[0].contacts if route and route.steps else ())
    for contact in policy.contacts:
        if contact.name in names and contact.channels:
            occasion = Occasion(OccasionKind.NOTICE, f"proof:{episode}")
            yield Notice(clinic_id, occasion, contact.name, contact.channels[0].name, text, Priority.LOW)
