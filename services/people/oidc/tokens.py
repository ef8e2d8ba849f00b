"""PURE. What a provider says of somebody (an ID token, RFC 7519 and OpenID Connect Core 3.1.3.7), and whether it is so.

Guarantees: believed is only what the issuer signed for us, for this one sign-in, and for now: by a key of its published
set and an algorithm with a public key. `none`, and HMAC whose key everybody could know, are no algorithms here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, ExpiredTokenError, InvalidClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
LONGEST_TOKEN: Final = 64_000
_LONGEST_SUBJECT: Final = 255
_SHORTEST_MODULUS: Final = 342
"""Of 2048 bits, as text; the library warns of what is shorter, and takes it."""
_MOST_KEYS: Final = 50
_WRONG: Final = (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What the libraries raise at a token that is none."""


class TokenRefusedError(ValueError):
    """An ID token that is not believed; the message says what is wrong with it and quotes nothing of it."""


class NewerKeysNeededError(TokenRefusedError):
    """It is signed by a key that is not in the set: the provider may have changed its keys since."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token of this sign-in says."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str | None = None
    leeway_seconds: int = 60
    """By how much the clocks of the provider and of this machine may differ."""


def usable_keys(published: Any) -> KeySet:
    """The public keys of a provider's set that can sign; what is of another kind, or too short, is passed over.

    Raises:
        TokenRefusedError: It is no set of keys, or none of them can be used.
    """
    keys = published.get("keys") if isinstance(published, dict) else None
    if not isinstance(keys, list):
        msg = "the provider's jwks_uri holds no set of keys"
        raise TokenRefusedError(msg)
    found: list[RSAKey | ECKey] = []
    for each in keys[:_MOST_KEYS]:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        public = {name: value for name, value in each.items() if name not in ("d", "p", "q", "dp", "dq", "qi", "oth")}
        try:
            if each.get("kty") == "RSA" and len(str(each.get("n", ""))) >= _SHORTEST_MODULUS:
                found.append(RSAKey.import_key(public))
            elif each.get("kty") == "EC":
                found.append(ECKey.import_key(public))
        except _WRONG:
            continue
    if not found:
        msg = "the provider publishes no key that can be used: expected RSA of 2048 bits, or EC"
        raise TokenRefusedError(msg)
    return KeySet(list(found))


def claims_of(token: str, keys: KeySet, expected: Expected, now: datetime) -> dict[str, Any]:
    """What an ID token says, if it is to be believed.

    Raises:
        NewerKeysNeededError: It is signed by a key that is not in the set.
        TokenRefusedError: It is not to be believed.
    """
    if len(token) > LONGEST_TOKEN:
        msg = "the ID token is too long"
        raise TokenRefusedError(msg)
    try:
        read = jwt.decode(token, keys, algorithms=ALGORITHMS)
    except (InvalidKeyIdError, BadSignatureError):
        msg = "the ID token is not signed by a key of the provider"
        raise NewerKeysNeededError(msg) from None
    except _WRONG as error:
        msg = f"the ID token cannot be used: {type(error).__name__}"
        raise TokenRefusedError(msg) from None
    options: dict[str, Any] = {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client_id},
        "sub": {"essential": True},
        "nonce": {"essential": True, "value": expected.nonce},
        "exp": {"essential": True},
        "iat": {"essential": True},
    }
    params = {"nonce": expected.nonce, "client_id": expected.client_id, "access_token": expected.access_token}
    try:
        CodeIDToken(read.claims, read.header, options, params).validate(int(now.timestamp()), expected.leeway_seconds)
    except ExpiredTokenError:
        msg = "the ID token has ended; is the clock of this machine right?"
        raise TokenRefusedError(msg) from None
    except InvalidClaimError as error:
        msg = f"the ID token says another {error.claim} than expected"
        raise TokenRefusedError(msg) from None
    except _WRONG as error:
        msg = f"the ID token lacks something, or says something odd: {type(error).__name__}"
        raise TokenRefusedError(msg) from None
    subject = read.claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        msg = "the ID token's sub is no name of somebody"
        raise TokenRefusedError(msg)
    return dict(read.claims)


def groups_in(claims: dict[str, Any], claim: str) -> frozenset[str] | None:
    """The groups in a token or in what userinfo says; None: nothing is said of them.

    Raises:
        TokenRefusedError: There are more than the provider writes into a token, so that it names them nowhere.
    """
    elsewhere = claims.get("_claim_names")
    if isinstance(elsewhere, dict) and claim in elsewhere:
        msg = "the provider says too many groups for a token: let it send only those that are given to this application"
        raise TokenRefusedError(msg)
    found = claims.get(claim)
    if found is None:
        return None
    if isinstance(found, str):
        return frozenset({found})
    return frozenset(each for each in found if isinstance(each, str)) if isinstance(found, list) else frozenset()
