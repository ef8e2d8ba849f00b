"""The routes of programs: what is asked for is understood whole, or refused; what has not changed is not sent again."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from schemas.http.problems import ProblemType
from services.alerts.web.identity.forms import check_form
from services.alerts.web.programs.negotiation import (
    JSON,
    etag_of,
    faults_of_parameters,
    has_body,
    is_json,
    is_known,
    takes_json,
)

_ETAG: Final = "ETag"


class ProblemFound(Exception):  # noqa: N818 - read as what is answered
    """What a program is answered, in place of what it asked for."""

    def __init__(self, kind: ProblemType, detail: str, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.errors = kind, detail, errors or []


class ProgramRoute(APIRoute):
    """One route. Its handler is asked only what it declares, and its answers have names (ETag).

    Raises:
        ProblemFound: From its handler: it is asked what it does not know, in or for what is no JSON.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind its checks."""
        handle = super().get_route_handler()
        known, takes_body = tuple(dict.fromkeys(_parameters_of(self.dependant))), self.body_field is not None

        async def handle_program(request: Request) -> Response:
            await check_form(request)  # whoever may not do it is told nothing else
            if faults := faults_of_parameters(request.query_params.multi_items(), known):
                raise ProblemFound(ProblemType.NOT_UNDERSTOOD, faults[0]["detail"], faults)
            if request.method == "GET":
                return _named(request, await _read(request, handle))
            if takes_body:
                _must_be_json(request)
            return await handle(request)

        return handle_program


async def _read(request: Request, handle: Callable[[Request], Coroutine[Any, Any, Response]]) -> Response:
    if not takes_json(request.headers.get("accept", "")):
        raise ProblemFound(ProblemType.NOT_ACCEPTABLE, f"expected an Accept header that takes {JSON}")
    return await handle(request)


def _named(request: Request, response: Response) -> Response:
    """The answer with its name; without its body where the program has it."""
    if response.status_code != 200:
        return response
    etag = etag_of(bytes(response.body))
    if is_known(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers={_ETAG: etag})
    response.headers[_ETAG] = etag
    return response


def _must_be_json(request: Request) -> None:
    headers = request.headers
    if not has_body(headers.get("content-length"), headers.get("transfer-encoding")):
        return
    content_type = headers.get("content-type", "")
    if not is_json(content_type):
        shown = repr(content_type[:80]) if content_type else "none"
        raise ProblemFound(ProblemType.NOT_JSON, f"expected the Content-Type {JSON}, and it is {shown}")


def _parameters_of(dependant: Dependant) -> Iterator[str]:
    """The parameters of the address that a handler, or what it depends on, declares."""
    yield from (each.alias for each in dependant.query_params)
    for each in dependant.dependencies:
        yield from _parameters_of(each)
