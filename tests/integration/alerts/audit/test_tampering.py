"""Who owns the database can do anything to the audit trail; that it was done is found.

By the chain itself, if what they did does not follow; else by what was seen of it elsewhere.
"""

from __future__ import annotations

import pytest

from services.alerts.audit.chain import FaultKind
from services.alerts.audit.verify import AuditReport, verify_chain
from tests.integration.alerts.audit.tampering import anchor_now, begin_trail, go_on, tamper
from tests.stack import Database

CHANGE = "UPDATE alert_transitions SET actor = 'nobody' WHERE clinic_seq = 3"
TAKE_OUT = "DELETE FROM alert_transitions WHERE clinic_seq = 3"
PUT_IN = (
    "UPDATE alert_transitions SET clinic_seq = clinic_seq + 100 WHERE clinic_seq > 3; "
    "INSERT INTO alert_transitions SELECT clinic_id, 4, alert_id, at, kind, from_state, to_state, priority, reason, "
    "'Dr Who', detail, previous_hash, row_hash, recorded_at, recorded_by FROM alert_transitions WHERE clinic_seq = 3"
)
CUT_OFF = "DELETE FROM alert_transitions WHERE clinic_seq > 3"
DATE_BACK = (
    "UPDATE alert_transitions SET at = at - interval '1 day', recorded_at = recorded_at - interval '1 day' "
    "WHERE clinic_seq >= 3"
)
EACH = [
    pytest.param(CHANGE, id="changed"),
    pytest.param(TAKE_OUT, id="missing"),
    pytest.param(PUT_IN, id="put in"),
    pytest.param(CUT_OFF, id="cut off"),
    pytest.param(DATE_BACK, id="dated back"),
]


async def verified(database: Database, *anchors: object) -> AuditReport:
    async with database.pool.acquire() as connection:
        return await verify_chain(connection, None, anchors)  # type: ignore[arg-type]


async def test_an_untouched_trail_is_whole(database: Database) -> None:
    alert = await begin_trail(database, 5)
    seen = await anchor_now(database)
    await go_on(database, alert, ["Ann"])
    report = await verified(database, seen, await anchor_now(database))
    assert (report.rows, report.faults) == (6, ())


@pytest.mark.parametrize("done", EACH)
async def test_what_does_not_follow_is_found_without_anchors(database: Database, done: str) -> None:
    await begin_trail(database, 5)
    await tamper(database, done, rewrite=False)
    assert (await verified(database)).faults


@pytest.mark.parametrize("done", EACH)
async def test_what_was_made_to_follow_again_is_not_what_was_seen(database: Database, done: str) -> None:
    await begin_trail(database, 5)
    seen = await anchor_now(database)
    await tamper(database, done, rewrite=True)
    report = await verified(database, seen)
    assert {fault.kind for fault in (await verified(database)).faults} <= {FaultKind.DATE}, "it follows from itself"
    assert FaultKind.ANCHOR in {fault.kind for fault in report.faults}


async def test_a_row_after_the_last_anchor_cannot_be_dated_before_it(database: Database) -> None:
    alert = await begin_trail(database, 2)
    seen = await anchor_now(database)
    await go_on(database, alert, ["Ann", "Bob", "Cem"])
    await tamper(database, DATE_BACK, rewrite=True)
    faults = [fault.fault for fault in (await verified(database, seen)).faults if fault.clinic_seq > 2]
    assert any("it was not there yet at" in fault for fault in faults)


async def test_a_database_that_was_put_back_to_an_older_state_is_found(database: Database) -> None:
    """Also when it goes on from there, and has as many rows again."""
    alert = await begin_trail(database, 5)
    seen = await anchor_now(database)
    await tamper(database, CUT_OFF, rewrite=True)  # the rows and heads of a backup
    [fault] = (await verified(database, seen)).faults
    assert "the trail ends at row 3" in fault.fault
    await go_on(database, alert, ["Ann", "Bob", "Cem"])
    assert (await verified(database)).faults == ()
    [fault] = (await verified(database, seen)).faults
    assert (fault.clinic_seq, fault.kind) == (5, FaultKind.ANCHOR)


async def test_a_service_cannot_date_a_row_back_without_that_it_shows(database: Database) -> None:
    alert = await begin_trail(database, 2)
    await go_on(database, alert, ["Ann"], dated="now() - interval '1 day'")
    [fault] = (await verified(database)).faults
    assert (fault.clinic_seq, fault.kind) == (3, FaultKind.DATE)
    [told] = await database.pool.fetch("SELECT recorded_by, now() - recorded_at AS age FROM alert_transitions OFFSET 2")
    assert told["recorded_by"] == "pumpwatch_alerts"
    assert told["age"].total_seconds() < 60
