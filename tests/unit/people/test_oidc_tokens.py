"""What is believed of an identity provider's token: the table of attacks, each with a token that was really signed."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from authlib.oidc.core.util import create_half_hash
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from services.people.oidc.tokens import (
    LONGEST_TOKEN,
    Expected,
    NewerKeysNeededError,
    TokenRefusedError,
    claims_of,
    groups_in,
    usable_keys,
)

NOW = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
RSA = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, auto_kid=False)
OTHER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, auto_kid=False)
EC = ECKey.generate_key("P-256", {"kid": "two"}, auto_kid=False)
PUBLISHED = {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]}
KEYS = usable_keys(PUBLISHED)
ISSUER = "https://id.example.org"
EXPECTED = Expected(ISSUER, "pumpwatch", "the-nonce", "the-access-token")
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "aud": "pumpwatch", "sub": "248289761001", "nonce": "the-nonce", "iat": SECONDS,
    "exp": SECONDS + 300,
    "at_hash": create_half_hash("the-access-token", "RS256").decode(),
}  # fmt: skip


def signed(key: Any = RSA, alg: str = "RS256", kid: str | None = "one", **claims: Any) -> str:
    header = {"alg": alg} | ({"kid": kid} if kid else {})
    said = {name: value for name, value in (CLAIMS | claims).items() if value is not ...}
    return jwt.encode(header, said, key, algorithms=[alg])


def text_of(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def by_hmac(secret: bytes) -> str:
    """By hand: the library refuses to sign so."""
    parts = [text_of(json.dumps(each).encode()) for each in ({"alg": "HS256", "kid": "one"}, CLAIMS)]
    return ".".join([*parts, text_of(hmac.digest(secret, ".".join(parts).encode(), "sha256"))])


def unsigned(**header: Any) -> str:
    return ".".join([*(text_of(json.dumps(each).encode()) for each in (header, CLAIMS)), ""])


def test_what_the_provider_signed_for_this_sign_in_is_believed():
    assert claims_of(signed(), KEYS, EXPECTED, NOW)["sub"] == "248289761001"
    assert claims_of(signed(EC, "ES256", "two", at_hash=...), KEYS, EXPECTED, NOW)["sub"] == "248289761001"
    assert claims_of(signed(kid=None), usable_keys({"keys": [RSA.as_dict(private=False)]}), EXPECTED, NOW)


ATTACKS = {
    "algorithm none": lambda: unsigned(alg="none"),
    "algorithm None": lambda: unsigned(alg="None", kid="one"),
    "no algorithm": lambda: unsigned(kid="one"),
    "HMAC with the public key as PEM": lambda: by_hmac(RSA.as_pem(private=False)),
    "HMAC with the public key as DER": lambda: by_hmac(RSA.as_der(private=False)),
    "HMAC with the public key as JSON": lambda: by_hmac(json.dumps(RSA.as_dict(private=False)).encode()),
    "HMAC with no secret": lambda: by_hmac(b""),
    "its own key in the header": lambda: unsigned(alg="RS256", jwk=OTHER.as_dict(private=False)),
    "no token": lambda: "x",
    "empty": lambda: "",
    "not ASCII": lambda: "ä.ö.ü",
    "too long": lambda: "x" * (LONGEST_TOKEN + 1),
    "encrypted": lambda: "a.b.c.d.e",
    "another issuer": lambda: signed(iss="https://id.example.org.evil"),
    "no issuer": lambda: signed(iss=...),
    "issuer with a slash": lambda: signed(iss=ISSUER + "/"),
    "another audience": lambda: signed(aud="other"),
    "audiences without us": lambda: signed(aud=["other", "third"]),
    "audiences and nobody authorised": lambda: signed(aud=["pumpwatch", "other"]),
    "somebody else authorised": lambda: signed(azp="other"),
    "another nonce": lambda: signed(nonce="of another sign-in"),
    "no nonce": lambda: signed(nonce=...),
    "nonce of another kind": lambda: signed(nonce=["the-nonce"]),
    "ended": lambda: signed(iat=SECONDS - 900, exp=SECONDS - 61),
    "without an end": lambda: signed(exp=...),
    "an end that is no number": lambda: signed(exp="tomorrow"),
    "from the future": lambda: signed(iat=SECONDS + 61),
    "good only later": lambda: signed(nbf=SECONDS + 61),
    "of another access token": lambda: signed(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "at_hash of another kind": lambda: signed(at_hash=[1]),
    "nobody's": lambda: signed(sub=...),
    "an empty subject": lambda: signed(sub=""),
    "a subject of two lines": lambda: signed(sub="a\r\nb"),
    "a number as subject": lambda: signed(sub=7),
    "a long subject": lambda: signed(sub="x" * 256),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_token_that_is_not_for_this_sign_in_is_refused(name: str):
    with pytest.raises(TokenRefusedError) as refused:
        claims_of(ATTACKS[name](), KEYS, EXPECTED, NOW)
    assert "248289761001" not in str(refused.value)


@pytest.mark.parametrize("token", [lambda: signed(OTHER), lambda: signed(OTHER, kid="three"), lambda: signed(kid=None)])
def test_a_key_that_is_not_in_the_set_may_be_a_newer_one(token):
    with pytest.raises(NewerKeysNeededError):
        claims_of(token(), KEYS, EXPECTED, NOW)


def test_a_key_type_that_does_not_fit_the_algorithm_is_refused():
    with pytest.raises(TokenRefusedError):
        claims_of(signed(EC, "ES256", "one", at_hash=...), KEYS, EXPECTED, NOW)


def test_clocks_may_differ_by_the_leeway():
    assert claims_of(signed(iat=SECONDS + 59, exp=SECONDS + 300), KEYS, EXPECTED, NOW)
    assert claims_of(signed(iat=SECONDS - 300, exp=SECONDS - 59), KEYS, EXPECTED, NOW)


def test_several_audiences_are_good_where_we_are_the_one_authorised():
    assert claims_of(signed(aud=["pumpwatch", "other"], azp="pumpwatch"), KEYS, EXPECTED, NOW)


@given(st.text(max_size=80) | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}", fullmatch=True))
def test_no_text_is_believed_and_none_is_a_fault_of_ours(text: str):
    with pytest.raises(TokenRefusedError):
        claims_of(text, KEYS, EXPECTED, NOW)


def test_of_a_published_set_the_keys_that_can_sign_are_taken():
    short = {"kty": "RSA", "n": base64.urlsafe_b64encode(b"\xff" * 128).decode().rstrip("="), "e": "AQAB"}
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "one"}
    odd = [7, {"kty": "RSA"}, {"kty": "EC", "crv": "P-256", "x": 7}, {"kty": "OKP"}, {}]
    encrypting = EC.as_dict(private=False) | {"use": "enc"}
    found = usable_keys({"keys": [short, secret, encrypting, *odd, RSA.as_dict(private=True)]})
    assert [key.kid for key in found] == ["one"]
    assert not any(key.is_private for key in found)


@pytest.mark.parametrize(
    "published", [None, [], {}, {"keys": None}, {"keys": []}, {"keys": [{"kty": "oct", "k": "eA"}]}]
)
def test_a_set_without_a_key_that_can_sign_is_refused(published: Any):
    with pytest.raises(TokenRefusedError):
        usable_keys(published)


def test_groups_as_providers_write_them():
    assert groups_in({"groups": ["a", "b", 7]}, "groups") == frozenset({"a", "b"})
    assert groups_in({"groups": "a"}, "groups") == frozenset({"a"})
    assert groups_in({"groups": []}, "groups") == frozenset()
    assert groups_in({"groups": {"a": 1}}, "groups") == frozenset()
    assert groups_in({}, "groups") is None
    with pytest.raises(TokenRefusedError, match="too many groups"):
        groups_in({"_claim_names": {"groups": "src1"}}, "groups")


def test_the_set_of_the_tests_is_one():
    assert isinstance(KEYS, KeySet)
