"""Signatures, by the published vector of Standard Webhooks; secrets on their line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.delivery.webhooks.signing import (
    Secret,
    WebhookSecretError,
    new_secret,
    read_line,
    retired,
    rotated,
    signature_headers,
)

ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
SENT_AT = 1614265330
BODY = b'{"test": 2432232314}'
PUBLISHED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = new_secret(b"k" * 32)


def test_a_body_is_signed_as_the_published_vector_says() -> None:
    assert signature_headers(read_line(PUBLISHED), ID, SENT_AT, BODY) == {
        "webhook-id": ID,
        "webhook-timestamp": str(SENT_AT),
        "webhook-signature": SIGNATURE,
    }


def test_each_secret_that_is_in_force_signs_the_newest_first() -> None:
    both = signature_headers(read_line(f"{OTHER} {PUBLISHED}"), ID, SENT_AT, BODY)["webhook-signature"].split()
    assert both[1] == SIGNATURE
    assert both[0] == signature_headers(read_line(OTHER), ID, SENT_AT, BODY)["webhook-signature"]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="nothing"),
        pytest.param("whsec_", id="no bytes"),
        pytest.param(new_secret(b"k" * 23), id="too short"),
        pytest.param(new_secret(b"k" * 65), id="too long"),
        pytest.param("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id="no prefix"),
        pytest.param("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS*", id="no base64"),
        pytest.param(f"{OTHER} {PUBLISHED} {OTHER}", id="three"),
        pytest.param(f"{OTHER} tops3cretpassword", id="another secret"),
        pytest.param("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSé", id="no ASCII"),
    ],
)
def test_what_are_no_secrets_is_refused_and_not_repeated(line: str) -> None:
    with pytest.raises(WebhookSecretError) as raised:
        read_line(line)
    assert not any(word in str(raised.value) for word in line.split() if word != "whsec_")


@given(st.text())
def test_a_line_of_any_text_is_secrets_or_an_error(line: str) -> None:
    try:
        secrets = read_line(line)
    except WebhookSecretError:
        return
    assert all(24 <= len(each.key) <= 64 for each in secrets)


def test_a_secret_is_replaced_in_two_steps() -> None:
    both = rotated(PUBLISHED, b"n" * 32)
    assert both.split() == [new_secret(b"n" * 32), PUBLISHED]
    with pytest.raises(WebhookSecretError, match="end the old one first"):
        rotated(both, b"m" * 32)
    assert retired(both) == new_secret(b"n" * 32)
    with pytest.raises(WebhookSecretError, match="no old one"):
        retired(PUBLISHED)


def test_a_secret_shows_nothing_of_itself() -> None:
    (secret,) = read_line(PUBLISHED)
    assert repr(secret) == "Secret()"
    assert secret == Secret(secret.key, PUBLISHED)
