"""A provider that says what a test tells it to, with signatures that are right or wrong, on a real port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.devstack.ports import free_port
from tests.servers.served import served


def new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}, auto_kid=False)


@dataclass
class LyingProvider:
    """What it answers; a test changes it. `asked` counts by path."""

    issuer: str
    key: RSAKey = field(default_factory=lambda: new_key("one"))
    published: list[RSAKey] | None = None
    """None: the key that signs."""
    claims: dict[str, Any] = field(default_factory=dict)
    token: str | None = None
    """Instead of one that is made of the claims."""
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    redeems_again: bool = False
    seconds: float = 0.0
    asked: dict[str, int] = field(default_factory=dict)
    redeemed: set[str] = field(default_factory=set)
    last_form: dict[str, list[str]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        usual = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/me",
            "authorization_response_iss_parameter_supported": True,
        }
        return {name: value for name, value in (usual | self.metadata).items() if value is not ...}

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        self.asked[path] = self.asked.get(path, 0) + 1
        await asyncio.sleep(self.seconds)
        if path == "/jwks":
            keys = [self.key] if self.published is None else self.published
            return JSONResponse({"keys": [key.as_dict(private=False) for key in keys]})
        if path == "/token":
            return await self._token(request)
        if path == "/me":
            return JSONResponse(self.userinfo)
        return JSONResponse(self.document())

    async def _token(self, request: Request) -> Response:
        self.last_form = parse_qs((await request.body()).decode())
        code = self.last_form["code"][0]
        if code in self.redeemed and not self.redeems_again:
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.redeemed.add(code)
        said = {name: value for name, value in self.claims.items() if value is not ...}
        token = self.token or jwt.encode({"alg": "RS256", "kid": self.key.kid}, said, self.key, algorithms=["RS256"])
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": token})


@asynccontextmanager
async def lying_provider() -> AsyncIterator[LyingProvider]:
    port = free_port()
    provider = LyingProvider(f"http://127.0.0.1:{port}")
    app = Starlette(routes=[Route("/{rest:path}", provider.answer, methods=["GET", "POST"])])
    async with served(app, port):
        yield provider


def groups_file(folder: Any, text: str) -> str:
    path = folder / "oidc-groups.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)
