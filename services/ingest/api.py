"""HTTP: health, metrics, and the way in for gateways that cannot speak MQTT.

`POST /v1/devices/{device_id}/events` takes the bytes that MQTT takes on the topic `.../events/batch` and goes the same
way: the answer comes after the commit and is the receipt. A parameter that means nothing is passed over here: an alarm
that were refused for one would be heard by nobody.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import structlog
from fastapi import FastAPI, HTTPException, Path, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import SecretStr
from starlette.exceptions import HTTPException as FrameworkException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from schemas.events import MAX_PAYLOAD_BYTES
from schemas.http.problems import ProblemType, type_of_status
from services.ingest.description import EVENTS, LIVE, METRICS, READY, describe
from services.ingest.inbox import NotStoredError
from services.ingest.pipeline import Pipeline
from services.runtime.http.callers import Said, holds_token, is_addressed_here
from services.runtime.http.guard import Guarded
from services.runtime.http.head import AnswersHead
from services.runtime.http.problems import problem

Missing = Callable[[], Awaitable[dict[str, Said]]]
"""Says what keeps the process from its work: part -> why."""

log = structlog.get_logger()

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
    """Build the application of one ingest process, behind its guard: what `application` says."""
    api = application(
        pipeline,
        metrics,
        missing,
        gateway_token=gateway_token,
        body_within_seconds=body_within_seconds,
        trusts_everybody=trusts_everybody,
    )
    return Guarded(api, answer=_refused)


def application(
    pipeline: Pipeline,
    metrics: CollectorRegistry,
    missing: Missing,
    *,
    gateway_token: SecretStr | None,
    body_within_seconds: float,
    trusts_everybody: bool = False,
) -> FastAPI:
    """Build it without its guard.

    Args:
        pipeline: What takes events.
        metrics: What is counted.
        missing: Asked what does not work.
        gateway_token: What gateways bring along; None: that way in is closed.
        body_within_seconds: For the body of one request.
        trusts_everybody: Whether /readyz tells all without the token: where only this machine can ask.
    """
    api = FastAPI(title="Pumpwatch ingest", version="1", docs_url=None, redoc_url=None)
    api.openapi = lambda: describe(api)  # type: ignore[method-assign] # as FastAPI's guide has it
    api.add_middleware(AnswersHead)
    api.add_exception_handler(FrameworkException, _not_done)
    api.add_exception_handler(Exception, _fault)

    @api.get("/livez", **LIVE)
    async def live() -> dict[str, str]:
        """Answer while the event loop runs; depends on nothing else."""
        return {"status": "alive"}

    @api.get("/readyz", **READY)
    async def ready(request: Request) -> JSONResponse:
        """Answer 200 when events are taken in and stored, else 503 with what is missing.

        Only who brings the gateway token is told the names of servers, users and migrations.
        """
        found = await missing()
        trusted = _is_trusted(request, gateway_token, trusts_everybody)
        said = {part: fault.to(trusted=trusted) for part, fault in found.items()}
        return JSONResponse({"ready": not found, "missing": said}, 503 if found else 200)

    @api.get("/metrics", **METRICS)
    async def prometheus() -> Response:
        """Everything that is counted, for Prometheus. No label names a device or a patient."""
        pipeline.observe()
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    @api.post("/v1/devices/{device_id}/events", **EVENTS)
    async def post_events(
        device_id: Annotated[str, Path(description="The device, as it is enrolled.")], request: Request
    ) -> Response:
        """Store one event or an array of up to 500, each naming its `kind`. 200: the receipt, after the commit."""
        if gateway_token is None:
            return problem(ProblemType.GATEWAYS_CLOSED, "this way in is closed: set INGEST_GATEWAY_TOKEN to open it")
        _check_gateway(request.headers.get("authorization"), gateway_token)
        payload = await _body(request, body_within_seconds)
        try:
            receipt = await pipeline.submit(device_id, None, payload)
        except NotStoredError as error:
            text = f"{error}: send it again later"
            return problem(ProblemType.NOT_STORED, text, headers=_RETRY_AFTER)
        nothing_stored = receipt.stored == 0 and receipt.duplicates == 0
        content = receipt.model_dump_json().encode()
        return Response(content, 422 if nothing_stored else 200, media_type="application/json")

    return api


def _refused(_: Scope, status_code: int, detail: str) -> Response:
    return problem(type_of_status(status_code), detail)


async def _not_done(request: Request, error: Exception) -> Response:
    if not isinstance(error, FrameworkException):
        raise error
    kind, detail, headers = type_of_status(error.status_code), error.detail, dict(error.headers or {})
    if kind is ProblemType.NO_SUCH_PATH:
        detail = "there is nothing at this address"
    elif kind is ProblemType.WRONG_METHOD:
        methods = headers.get("Allow", "")
        headers["Allow"] = f"{methods}, HEAD" if methods == "GET" else methods
        detail = f"this address takes {headers['Allow']}, and not {request.method[:20]}"
    return problem(kind, detail, headers=headers)


async def _fault(_: Request, error: Exception) -> Response:
    log.error("request_fault", error=type(error).__name__)
    return problem(ProblemType.FAULT, "something went wrong here, and is written down")


def _is_trusted(request: Request, token: SecretStr | None, everybody: bool) -> bool:
    if everybody and is_addressed_here(request.headers.get("host", ""), ""):
        return True
    return token is not None and holds_token(request.headers.get("authorization", ""), token.get_secret_value())


def _check_gateway(authorization: str | None, token: SecretStr) -> None:
    expected = f"Bearer {token.get_secret_value()}"
    if not hmac.compare_digest((authorization or "").encode(), expected.encode()):
        detail = "expected the header 'Authorization: Bearer <gateway token>'"
        raise HTTPException(401, detail)


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
