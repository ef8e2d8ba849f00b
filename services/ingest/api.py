"""HTTP: health, metrics, and the way in for gateways that cannot speak MQTT.

`POST /v1/devices/{device_id}/events` takes the bytes that MQTT takes on the topic `.../events/batch` and goes the same
way: the answer comes after the commit and is the receipt.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import SecretStr
from starlette.requests import ClientDisconnect

from schemas.events import MAX_PAYLOAD_BYTES, Receipt
from services.ingest.inbox import NotStoredError
from services.ingest.pipeline import Pipeline
from services.runtime.http.callers import Said, holds_token, is_addressed_here
from services.runtime.http.guard import Guarded

Missing = Callable[[], Awaitable[dict[str, Said]]]
"""Says what keeps the process from its work: part -> why."""

_RETRY_AFTER: Final = {"Retry-After": "5"}


def build_api(
    pipeline: Pipeline,
    metrics: CollectorRegistry,
    missing: Missing,
    *,
    gateway_token: SecretStr | None,
    body_within_seconds: float,
    trusts_everybody: bool = False,
) -> Guarded:
    """Build the application of one ingest process, behind its guard.

    Args:
        pipeline: What takes events.
        metrics: What is counted.
        missing: Asked what does not work.
        gateway_token: What gateways bring along; None: that way in is closed.
        body_within_seconds: For the body of one request.
        trusts_everybody: Whether /readyz tells all without the token: where only this machine can ask.
    """
    api = FastAPI(title="Pumpwatch ingest", version="1", docs_url=None, redoc_url=None)

    @api.get("/livez")
    async def live() -> dict[str, str]:
        """Answer while the event loop runs; depends on nothing else."""
        return {"status": "alive"}

    @api.get("/readyz", responses={503: {"description": "What is missing, and why"}})
    async def ready(request: Request) -> JSONResponse:
        """Answer 200 when events are taken in and stored, else 503 with what is missing.

        Only who brings the gateway token is told the names of servers, users and migrations.
        """
        found = await missing()
        trusted = _is_trusted(request, gateway_token, trusts_everybody)
        said = {part: fault.to(trusted=trusted) for part, fault in found.items()}
        return JSONResponse({"ready": not found, "missing": said}, 503 if found else 200)

    @api.get("/metrics", include_in_schema=False)
    async def prometheus() -> Response:
        pipeline.observe()
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    @api.post(
        "/v1/devices/{device_id}/events",
        responses={
            401: {"description": "The bearer token is missing or wrong"},
            403: {"description": "No gateway token is set"},
            408: {"description": "The body did not come in time"},
            413: {"description": "The body is too large"},
            422: {"description": "Nothing of the message was stored", "model": Receipt},
            503: {"description": "Not stored: send it again"},
        },
        openapi_extra={"requestBody": {"content": {"application/json": {"schema": {}}}, "required": True}},
    )
    async def post_events(
        device_id: str, request: Request, authorization: Annotated[str | None, Header()] = None
    ) -> Response:
        """Store one event or an array of up to 500, each naming its `kind`. 200: the receipt, after the commit."""
        _check_gateway(authorization, gateway_token)
        payload = await _body(request, body_within_seconds)
        try:
            receipt = await pipeline.submit(device_id, None, payload)
        except NotStoredError as error:
            raise HTTPException(503, f"{error}: send it again later", _RETRY_AFTER) from error
        nothing_stored = receipt.stored == 0 and receipt.duplicates == 0
        content = receipt.model_dump_json().encode()
        return Response(content, 422 if nothing_stored else 200, media_type="application/json")

    return Guarded(api)


def _is_trusted(request: Request, token: SecretStr | None, everybody: bool) -> bool:
    if everybody and is_addressed_here(request.headers.get("host", ""), ""):
        return True
    return token is not None and holds_token(request.headers.get("authorization", ""), token.get_secret_value())


def _check_gateway(authorization: str | None, token: SecretStr | None) -> None:
    if token is None:
        detail = "this way in is closed: set INGEST_GATEWAY_TOKEN to open it"
        raise HTTPException(403, detail)
    expected = f"Bearer {token.get_secret_value()}"
    if not hmac.compare_digest((authorization or "").encode(), expected.encode()):
        detail = "expected the header 'Authorization: Bearer <gateway token>'"
        raise HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})


async def _body(request: Request, within_seconds: float) -> bytes:
    """Read the body; a sender that is slow or gone holds nobody else up, and is not waited for for ever."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(within_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_PAYLOAD_BYTES:
                    detail = f"the body has more than {MAX_PAYLOAD_BYTES} bytes: send fewer events at once"
                    raise HTTPException(413, detail)
                chunks.append(chunk)
    except TimeoutError as error:
        detail = f"the body did not come within {within_seconds:g} s: send it again"
        raise HTTPException(408, detail, {"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the request ended before its body") from error
    return b"".join(chunks)
