"""Organisations by Grafana's HTTP API, which is the one way to make them.

Guarantees: an organisation that is there is found and not made again; what Grafana refuses ends in one line that says
what it was asked and what it answered. The API of organisations takes a user of the server's administrators with a
password (basic authentication), and no token.
"""

from __future__ import annotations

from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import requests

from services.admin.grafana.files import GrafanaError

_PATIENCE_SECONDS: Final = 10.0
_SHOWN: Final = 200
"""Characters of an answer that are shown."""


class Grafana:
    """A Grafana that is asked as its administrator. Its methods wait for the answer: call them in a thread."""

    def __init__(self, url: str, user: str, password: str) -> None:
        """Nothing is asked yet."""
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # no variable of the environment sends the password by way of a proxy
        self._session.auth = (user, password)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def organisation(self, name: str) -> int:
        """The number of the organisation of that name, which is made if it is not there.

        Raises:
            GrafanaError: Grafana cannot be reached, or refuses.
        """
        found = self._find(name)
        if found is not None:
            return found
        made = self._ask("POST", "/api/orgs", {"name": name})
        if made.status_code == HTTPStatus.CONFLICT:  # another has just made it
            found = self._find(name)
            if found is not None:
                return found
        return self._number(made, "orgId")

    def read_again(self) -> None:
        """Let Grafana read the files of data sources and dashboards now.

        Raises:
            GrafanaError: It cannot be reached, or refuses; it says why in its log.
        """
        for kind in ("datasources", "dashboards"):
            self._good(self._ask("POST", f"/api/admin/provisioning/{kind}/reload"))

    def _find(self, name: str) -> int | None:
        answer = self._ask("GET", f"/api/orgs/name/{quote(name, safe='')}")
        return None if answer.status_code == HTTPStatus.NOT_FOUND else self._number(answer, "id")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        try:
            return self._session.request(
                method, f"{self._url}{path}", json=body, timeout=_PATIENCE_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise GrafanaError(
                f"Grafana at {self._url} cannot be asked ({type(error).__name__}): expected its address, such as "
                "http://grafana:3000, and that it runs"
            ) from None

    def _number(self, answer: requests.Response, field: str) -> int:
        self._good(answer)
        try:
            return int(answer.json()[field])  # its documentation shows a number here and a text there
        except (ValueError, KeyError, TypeError):
            raise GrafanaError(f"{_asked(answer)}; expected JSON with {field!r}") from None

    def _good(self, answer: requests.Response) -> None:
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise GrafanaError(f"{_asked(answer)}; expected the user and password of a server administrator")
        if not HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
            raise GrafanaError(_asked(answer))


def _asked(answer: requests.Response) -> str:
    request = answer.request
    return f"Grafana answered {answer.status_code} to {request.method} {request.path_url}: {answer.text[:_SHOWN]}"
