"""Talks to the identity provider: discovery, keys, the token for a code, and userinfo.

Guarantees: each answer is waited for at most `timeout_seconds`, in threads of its own, so that a provider that is away
or slow holds up nobody who does not sign in by it; no redirect is followed; what is sent in clear is sent on loopback
only; its keys are fetched anew when a token names one that is not among them, and at most once a minute for that.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

import requests
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.jwk import KeySet

from services.people.oidc.address import fault_of_address
from services.people.oidc.attempt import AnswerRefusedError, Attempt
from services.people.oidc.tokens import (
    Expected,
    NewerKeysNeededError,
    TokenRefusedError,
    claims_of,
    groups_in,
    usable_keys,
)

_THREADS: Final = 4
_MOST_BYTES: Final = 1_000_000
_METADATA_SECONDS: Final = 3600.0
_KEYS_SECONDS: Final = 60.0
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_MORE_ENDPOINTS: Final = ("userinfo_endpoint", "end_session_endpoint")

log = structlog.get_logger()
Found = TypeVar("Found")


class ProviderAwayError(Exception):
    """The provider does not answer in time, or not as one; the message is for the log."""


@dataclass(frozen=True, slots=True)
class Client:
    """What Pumpwatch is at the provider."""

    issuer: str
    client_id: str
    secret: str | None
    redirect_uri: str
    scopes: str = "openid profile"
    groups_claim: str = "groups"
    leeway_seconds: int = 60
    timeout_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Said:
    """What the provider says of somebody who signed in there."""

    subject: str
    groups: frozenset[str]
    claims: Mapping[str, Any] = field(repr=False)

    def text(self, claim: str) -> str:
        """One claim, if it is text; else empty."""
        found = self.claims.get(claim)
        return found if isinstance(found, str) else ""


class Provider:
    """One provider, and what is known of it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="oidc")
        self._on_loopback = client.issuer.startswith("http://")
        self._metadata: dict[str, Any] | None = None
        self._metadata_at = self._keys_at = float("-inf")
        self._keys: KeySet | None = None
        self._one_at_a_time = asyncio.Lock()

    async def address_for(self, attempt: Attempt) -> str:
        """Where a browser goes to sign in.

        Raises:
            ProviderAwayError: The provider cannot be used now.
        """
        metadata = await self.metadata()
        with self._session() as session:
            address, _ = session.create_authorization_url(
                metadata["authorization_endpoint"],
                state=attempt.state,
                code_verifier=attempt.verifier,
                nonce=attempt.nonce,
                response_mode="query",
            )
        return str(address)

    async def address_after(self, public_url: str) -> str:
        """Where a browser goes to sign out at the provider as well.

        Raises:
            ProviderAwayError: The provider cannot be used now, or has no such page.
        """
        metadata = await self.metadata()
        where = metadata.get("end_session_endpoint")
        if where is None:
            msg = "it announces no end_session_endpoint"
            raise ProviderAwayError(msg)
        more = urlencode({"client_id": self.client.client_id, "post_logout_redirect_uri": f"{public_url}/sign-in"})
        return f"{where}{'&' if urlsplit(where).query else '?'}{more}"

    async def who(self, code: str, attempt: Attempt, now: datetime) -> Said:
        """Whom the provider signed in, by the code that the browser brought back.

        Raises:
            AnswerRefusedError: The code is good no more.
            TokenRefusedError: What the provider says is not to be believed.
            ProviderAwayError: The provider cannot be used now.
        """
        metadata = await self.metadata()
        tokens = await self._in_a_thread(lambda: self._redeem(metadata["token_endpoint"], code, attempt))
        token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(token, str):
            msg = "the provider gave no ID token"
            raise TokenRefusedError(msg)
        client = self.client
        access = access_token if isinstance(access_token, str) else None
        expected = Expected(client.issuer, client.client_id, attempt.nonce, access, client.leeway_seconds)
        claims = await self._believed(token, expected, now)
        groups = groups_in(claims, client.groups_claim)
        if groups is None and access and "userinfo_endpoint" in metadata:
            more = await self._in_a_thread(
                lambda: _answer(metadata["userinfo_endpoint"], client.timeout_seconds, bearer=access)
            )
            if more.get("sub") != claims["sub"]:
                msg = "userinfo is about somebody else than the ID token"
                raise TokenRefusedError(msg)
            claims = more | claims
            groups = groups_in(more, client.groups_claim)
        return Said(claims["sub"], groups or frozenset(), claims)

    async def metadata(self) -> dict[str, Any]:
        """The provider's discovery document.

        Raises:
            ProviderAwayError: It does not answer, or as another one.
        """
        async with self._one_at_a_time:
            if time.monotonic() - self._metadata_at > _METADATA_SECONDS:
                address = self.client.issuer.rstrip("/") + _WELL_KNOWN
                try:
                    found = await self._in_a_thread(lambda: _answer(address, self.client.timeout_seconds))
                    self._metadata = self._checked(found)
                    self._metadata_at = time.monotonic()
                except ProviderAwayError as error:
                    if self._metadata is None:
                        raise
                    log.warning("oidc_metadata_is_of_before", error=str(error))
            assert self._metadata is not None  # noqa: S101 - or it was raised
            return self._metadata

    def _checked(self, found: dict[str, Any]) -> dict[str, Any]:
        if found.get("issuer") != self.client.issuer:
            msg = "its discovery document names another issuer: expected WEB_OIDC_ISSUER, to the letter"
            raise ProviderAwayError(msg)
        for name in (*_ENDPOINTS, *_MORE_ENDPOINTS):
            url = found.get(name)
            if url is None and name in _MORE_ENDPOINTS:
                continue
            if not isinstance(url, str) or fault_of_address(url, on_loopback=self._on_loopback):
                msg = f"its {name} is no https address"
                raise ProviderAwayError(msg)
        challenges = found.get("code_challenge_methods_supported")
        if challenges is not None and "S256" not in challenges:
            msg = "it does not know PKCE with S256"
            raise ProviderAwayError(msg)
        return {name: value for name, value in found.items() if value is not None}

    async def _believed(self, token: str, expected: Expected, now: datetime) -> dict[str, Any]:
        if self._keys is None:
            await self._fetch_keys()
        try:
            return claims_of(token, self._known_keys(), expected, now)
        except NewerKeysNeededError:
            if not await self._fetch_keys():
                raise
            return claims_of(token, self._known_keys(), expected, now)

    def _known_keys(self) -> KeySet:
        assert self._keys is not None  # noqa: S101 - fetched before
        return self._keys

    async def _fetch_keys(self) -> bool:
        """Fetch the keys, unless that was done just now; tells whether it was."""
        metadata = await self.metadata()
        async with self._one_at_a_time:
            if self._keys is not None and time.monotonic() - self._keys_at < _KEYS_SECONDS:
                return False
            self._keys_at = time.monotonic() if self._keys is not None else self._keys_at
            found = await self._in_a_thread(lambda: _answer(metadata["jwks_uri"], self.client.timeout_seconds))
            self._keys = usable_keys(found)
            return True

    def _redeem(self, where: str, code: str, attempt: Attempt) -> dict[str, Any]:
        try:
            with self._session() as session:
                found = session.fetch_token(
                    where,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=attempt.verifier,
                    redirect_uri=self.client.redirect_uri,
                    timeout=self.client.timeout_seconds,
                    allow_redirects=False,
                )
        except OAuthError as error:
            if error.error == "invalid_grant":
                msg = "This sign-in was used already, or took too long. Begin again."
                raise AnswerRefusedError(msg, is_forged=False) from None
            msg = f"its token endpoint refuses us ({str(error.error)[:60]!a}): look at the client's id and secret"
            raise ProviderAwayError(msg) from None
        except (requests.RequestException, ValueError) as error:
            msg = f"its token endpoint does not answer: {type(error).__name__}"
            raise ProviderAwayError(msg) from None
        return dict(found)

    def _session(self) -> OAuth2Session:
        client = self.client
        return OAuth2Session(
            client.client_id,
            client.secret,
            scope=client.scopes,
            redirect_uri=client.redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if client.secret else "none",  # nosec B106
        )

    async def _in_a_thread(self, work: Callable[[], Found]) -> Found:
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(self._threads, work), self.client.timeout_seconds)
        except TimeoutError:
            msg = f"it does not answer within {self.client.timeout_seconds:g} s"
            raise ProviderAwayError(msg) from None


def _answer(where: str, timeout_seconds: float, *, bearer: str | None = None) -> dict[str, Any]:
    """What is said there, as JSON."""
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    until = time.monotonic() + timeout_seconds
    content = b""
    try:
        with requests.get(
            where, headers=headers, timeout=timeout_seconds, allow_redirects=False, stream=True
        ) as answer:
            if answer.status_code != requests.codes.ok:
                msg = f"{urlsplit(where).path} answers {answer.status_code}"
                raise ProviderAwayError(msg)
            for part in answer.iter_content(65_536):
                content += part
                if len(content) > _MOST_BYTES or time.monotonic() > until:
                    msg = f"{urlsplit(where).path} answers more than can be read"
                    raise ProviderAwayError(msg)
        found = json.loads(content)
    except (requests.RequestException, ValueError, RecursionError) as error:
        msg = f"{urlsplit(where).path} does not answer as expected: {type(error).__name__}"
        raise ProviderAwayError(msg) from None
    if not isinstance(found, dict):
        msg = f"{urlsplit(where).path} answers no JSON object"
        raise ProviderAwayError(msg)
    return found
