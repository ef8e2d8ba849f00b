"""Twilio and Pushover on this machine, answering as their documentation says; what they say is a test's."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.devstack.ports import free_port

ACCOUNT, LOGIN = f"AC{'a' * 32}", "b" * 32
USER, APPLICATION = "u" * 30, "t" * 30
SMS = f"twilio://{ACCOUNT}:{LOGIN}@+14155550100/+14155550123"
EMERGENCY = f"pover://{USER}@{APPLICATION}?priority=emergency&interval=60&expire=600"
MESSAGE, RECEIPT = f"SM{'c' * 32}", "r" * 30
_AUTHORIZATION = f"Basic {base64.b64encode(f'{ACCOUNT}:{LOGIN}'.encode()).decode()}"


@dataclass
class MessageServices:
    """Both, at one address."""

    url: str
    status: int = 0
    """Of every answer; 0: what is usual."""
    says: dict[str, Any] = field(default_factory=dict)
    """What is said of the message that was taken."""
    takes: dict[str, Any] | None = None
    """What is said when it is taken; None: what is usual."""
    sent: list[dict[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def take(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, object]:
        if self.status:
            return self.status, {"message": "no"}
        if path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json" and authorization == _AUTHORIZATION:
            self.sent.append(form)
            return 201, self.takes if self.takes is not None else {"sid": MESSAGE, "status": "queued"}
        if path == "/1/messages.json" and (form["token"], form["user"]) == (APPLICATION, USER):
            self.sent.append(form)
            return 200, self.takes if self.takes is not None else {"status": 1, "receipt": RECEIPT}
        return 404, {"message": f"not expected: {path}"}

    def say(self, path: str, query: dict[str, str], authorization: str) -> tuple[int, object]:
        self.asked.append(path)
        if self.status:
            return self.status, {"message": "no"}
        twilio = path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{MESSAGE}.json" and authorization == _AUTHORIZATION
        pushover = path == f"/1/receipts/{RECEIPT}.json" and query == {"token": APPLICATION}
        return (200, self.says) if twilio or pushover else (404, {"message": f"not expected: {path}"})


@contextmanager
def message_services() -> Iterator[MessageServices]:
    """Both, until the test is over."""
    port = free_port()
    made = MessageServices(f"http://127.0.0.1:{port}")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            self._answer(*made.take(self.path, _flat(body), self.headers.get("Authorization", "")))

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(*made.say(parts.path, _flat(parts.query), self.headers.get("Authorization", "")))

        def _answer(self, status: int, document: object) -> None:
            data = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _flat(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text).items()}
