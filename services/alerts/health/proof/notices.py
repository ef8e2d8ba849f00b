"""PURE. Whom to tell that a person's channel did not prove that it rings: the administrators of their clinics."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.policy import Policy, Priority
from services.alerts.delivery.page_text import PageText
from services.alerts.delivery.planned import Notice, first_told, notices_to
from services.alerts.model import Occasion, OccasionKind
from services.people.rota.people import ClinicPeople
from services.texts.model import TextsOf, in_english


def proof_notices(
    clinic_id: str,
    policy: Policy,
    people: ClinicPeople,
    person: str,
    channel: str,
    episode: str,
    board: str,
    texts_of: TextsOf = in_english,
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
        texts_of: The texts of a clinic's language.
    """
    texts = texts_of(policy.language)
    text = PageText(
        title=texts.say("Pumpwatch LOW: a phone may not ring"),
        body=texts.say(
            "%(who)s has not said that %(channel)s rang at the last drill. Ask them, and look at who is on call. "
            "Board: %(url)s",
            who=person,
            channel=channel,
            url=f"{board.rstrip('/')}/",
        ),
    )
    bosses = frozenset(member.contact_name for member in people.administrators if member.usable)
    occasion = Occasion(OccasionKind.NOTICE, f"proof:{episode}")
    yield from notices_to(bosses or first_told(policy), policy, clinic_id, occasion, text, Priority.LOW)
