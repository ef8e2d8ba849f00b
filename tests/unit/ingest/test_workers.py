"""Names and ports of workers, and how long one that keeps ending waits."""

from __future__ import annotations

import pytest

from services.ingest.workers import WorkerName, WorkerNameError, name_workers, pause_seconds


def test_names_and_ports_are_counted_from_one():
    assert name_workers("ingest", 8080, 2) == (WorkerName("ingest-1", 8080), WorkerName("ingest-2", 8081))
    assert {name.http_port for name in name_workers("ingest", 0, 3)} == {0}


def test_a_worker_counts_no_gaps():
    assert name_workers("ingest", 8080, 2)[1].environment == {
        "INGEST_CLIENT_ID": "ingest-2",
        "INGEST_HTTP_PORT": "8081",
        "INGEST_COUNT_SEQUENCE_GAPS": "false",
    }


@pytest.mark.parametrize(("client_id", "port", "says"), [("x" * 63, 8080, "CLIENT_ID"), ("x", 65_535, "HTTP_PORT")])
def test_what_does_not_fit_is_refused(client_id, port, says):
    with pytest.raises(WorkerNameError, match=says):
        name_workers(client_id, port, 2)


def test_pauses_double_up_to_half_a_minute():
    assert [pause_seconds(failures, 0.5) for failures in (0, 1, 2, 3, 4, 9)] == [0, 0.5, 1, 2, 4, 30]
