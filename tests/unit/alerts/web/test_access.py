"""What the settings refuse, where pages go and how, and what the board warns of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from schemas.policy import Priority
from services.alerts.delivery.channel import server_of, with_delivery_id
from services.alerts.delivery.send_outcome import SendResult, outcome_of_failure, outcome_of_status
from services.alerts.health.readiness import warnings_of
from services.alerts.health.store import Status
from services.alerts.settings import AlertsSettings
from services.alerts.web.settings import WebSettings
from tests.unit.alerts.rules.builders import NOW

UNKNOWN = "Pump states are unknown; alarms may be missing. Use the backup procedure."


def settings(**values: Any) -> AlertsSettings:
    return AlertsSettings(database_url="postgresql://localhost/pumpwatch", **values)


def test_nothing_is_served_to_others_without_a_token() -> None:
    with pytest.raises(ValidationError, match=r"Set ALERTS_API_TOKEN, or listen on 127\.0\.0\.1"):
        settings(http_host="0.0.0.0")
    assert settings(http_host="0.0.0.0", api_token="secret").api_token is not None
    with pytest.raises(ValidationError, match="at least 1 item"):
        settings(http_host="0.0.0.0", api_token="")


@pytest.mark.parametrize("given", [{"api_token": "s3cret"}, {"api_token_file": "/run/secrets/token"}])
def test_the_token_that_everybody_shared_is_refused_with_what_there_is_instead(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"people sign in \(`pumpwatch user add`\), programs show keys"):
        WebSettings(database_url="postgresql://localhost/pumpwatch", **given)


def test_a_lease_shorter_than_a_send_is_refused() -> None:
    with pytest.raises(ValidationError, match="must exceed"):
        settings(send_lease_seconds=10, send_timeout_seconds=10)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (302, SendResult.RETRY),
        (400, SendResult.PERMANENT),
        (401, SendResult.PERMANENT),
        (404, SendResult.PERMANENT),
        (408, SendResult.RETRY),
        (429, SendResult.RETRY),
        (499, SendResult.PERMANENT),
        (500, SendResult.RETRY),
        (503, SendResult.RETRY),
    ],
)
def test_what_an_answer_means(status: int, expected: SendResult) -> None:
    outcome = outcome_of_status(status)
    assert (outcome.result, outcome.error) == (expected, f"the receiver answered {status}")


def test_the_delivery_id_goes_along_where_it_can() -> None:
    number = UUID(int=9)
    extra = f":delivery_id={number}&+Idempotency-Key={number}"
    high, low = Priority.HIGH, Priority.LOW
    assert with_delivery_id("json://example.org/hook", number, high) == f"json://example.org/hook?{extra}"
    assert with_delivery_id("jsons://example.org/?verify=no", number, low) == f"jsons://example.org/?verify=no&{extra}"
    mail = f"+X-Pumpwatch-Delivery={number}&+Auto-Submitted=auto-generated"
    assert with_delivery_id("mailto://u:pw@example.org", number, low) == f"mailto://u:pw@example.org?{mail}&format=text"
    assert with_delivery_id("mailtos://h/?format=html", number, high) == (
        f"mailtos://h/?format=html&{mail}&+Importance=high&+X-Priority=1"
    )
    assert with_delivery_id("tgram://token/chat", number, high) == "tgram://token/chat"
    assert with_delivery_id("ntfy://h/topic", number, high) == "ntfy://h/topic?priority=max"
    assert with_delivery_id("ntfys://h/topic?priority=low", number, high) == "ntfys://h/topic?priority=low"
    assert with_delivery_id("ntfy://h/topic", number, low) == "ntfy://h/topic"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("json://me:pw@Hooks.example.org:8080/token?x=1", "hooks.example.org:8080"),
        ("jsons://hooks.example.org", "hooks.example.org"),
        ("mailto://me:pw@gmail.com?to=a@b.org", "gmail.com"),
        ("mailtos://me@clinic.org/?from=a@b.org&smtp=mail.clinic.org&to=c@d.org", "mail.clinic.org"),
        ("tgram://token/chat", "tgram"),
        ("", ""),
    ],
)
def test_channels_of_one_server_are_known_as_such(url: str, server: str) -> None:
    assert server_of(url) == server


@pytest.mark.parametrize(
    ("warning", "detail", "error", "expected"),
    [
        ("Failed to send JSON POST notification: error=404.", "", "the receiver answered 404", SendResult.PERMANENT),
        ("Failed to send ntfy notification: error=40301.", "", "the receiver answered 403", SendResult.PERMANENT),
        ("", "Socket Exception: (451, b'4.7.1 later')", "the mail server answered 451", SendResult.RETRY),
        ("", "Socket Exception: {'a@b.org': (550, b'no')}", "the mail server answered 550", SendResult.PERMANENT),
        (
            "",
            "Socket Exception: {'a@b': (550, b''), 'c@d': (451, b'')}",
            "the mail server answered 451",
            SendResult.RETRY,
        ),
        ("SMTP recipient a@b.org was refused: 553 no", "", "the mail server answered 553", SendResult.PERMANENT),
        (
            "Connection error",
            "Socket Exception: (535, b'5.7.8 bad')",
            "the mail server refused the login with 535",
            SendResult.PERMANENT,
        ),
        (
            "",
            "Socket Exception: CERTIFICATE_VERIFY_FAILED: certificate has expired",
            "the certificate has expired",
            SendResult.RETRY,
        ),
        (
            "",
            "Socket Exception: CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate",
            "the certificate is signed by nobody that is trusted",
            SendResult.RETRY,
        ),
        ("", "JSON Payload: error=404 (550, b'timed out", "the channel reported a failure", SendResult.RETRY),
        ("A Connection error occurred", "", "no connection to the receiver", SendResult.RETRY),
        ("A Connection error occurred", "Socket Exception: timed out", "no answer within 7 s", SendResult.RETRY),
    ],
)
def test_what_a_failure_means(warning: str, detail: str, error: str, expected: SendResult) -> None:
    outcome = outcome_of_failure([warning], [detail], 7.0)
    assert (outcome.result, outcome.error) == (expected, error)
    assert outcome.at("host:25").error == f"{error} (host:25)"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"alerts_alive_at": None}, [f"{UNKNOWN} (No alert worker is running.)"]),
        (
            {"alerts_alive_at": NOW - timedelta(minutes=2)},
            [f"{UNKNOWN} (No alert worker is running.)"],
        ),
        (
            {"oldest_queued_at": NOW - timedelta(minutes=3)},
            [f"{UNKNOWN} (What came has waited for 3 min to be judged.)"],
        ),
        ({"oldest_queued_at": NOW - timedelta(seconds=3)}, []),
        ({"ingest_alive_at": None}, []),
        (
            {"ingest_alive_at": NOW - timedelta(hours=3)},
            [f"{UNKNOWN} (Nothing is received: ingest was last alive 3 h ago.)"],
        ),
        ({"unjudged": 1}, ["1 pump cannot be judged, by a fault of Pumpwatch: use the backup procedure."]),
        ({"unjudged": 3}, ["3 pumps cannot be judged, by a fault of Pumpwatch: use the backup procedure."]),
    ],
)
def test_warnings(changes: dict[str, Any], expected: list[str]) -> None:
    well = Status(
        oldest_queued_at=None, oldest_evaluated_at=NOW, pumps=1, unjudged=0, alerts_alive_at=NOW, ingest_alive_at=NOW
    )
    assert list(warnings_of(replace(well, **changes), NOW)) == expected
