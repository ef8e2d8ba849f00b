"""From the database to a sheet: who asks may see the pump, and that they read of it stands in the trail."""

from __future__ import annotations

import asyncio

from services.alerts.health.hand_over.store import zone_of
from services.alerts.policies import Policies
from services.alerts.quality.nights import night_of
from services.alerts.web.allowed import Forbidden, must_see_pump
from services.alerts.web.dependencies import Web
from services.alerts.web.review.figures import figures_of
from services.alerts.web.review.parts import Sheet
from services.alerts.web.review.period import Choice, period_of
from services.alerts.web.review.store import load_stored, pump_now, refills_until
from services.alerts.web.review.words import sheet_of
from services.people.caller import Caller
from services.runtime.database import Connection
from services.texts.model import ENGLISH, Texts


async def sheet_for(
    connection: Connection,
    caller: Caller,
    web: Web,
    policies: Policies,
    pump_id: str,
    choice: Choice,
    texts: Texts = ENGLISH,
) -> Sheet:
    """The sheet of one pump, as of one moment, in the language of `texts`.

    Raises:
        NoSuchPump: There is none in the caller's clinics.
        Forbidden: A program asks: it reads by FHIR, with a key for that.
    """
    now = web.clock()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        pump = must_see_pump(caller, pump_id, await pump_now(connection, pump_id, now))
        if caller.person_id is None:
            msg = "this sheet is for persons: a program reads by /fhir/R4, with a key for that"
            raise Forbidden(msg)
        policy, until = policies.of(pump.clinic_id), pump.explanted_at or now
        zone = await zone_of(connection, policies, pump.clinic_id)
        refills = await refills_until(connection, pump, until)
        period = period_of(
            choice,
            until=until,
            refills_at=[each.at for each in refills],
            implanted_at=pump.since,
            zone=zone,
            night=night_of(policy, zone),
            texts=texts,
        )
        stored = await load_stored(connection, pump, refills, period.since, until, now)
    await web.reads.note(connection, caller, [(pump.clinic_id, pump.pump_id)], now)
    figures = await asyncio.to_thread(figures_of, stored, period, policy.infusion.minimum_delivery_ml)
    return sheet_of(pump, stored, figures, period, policy, texts)
