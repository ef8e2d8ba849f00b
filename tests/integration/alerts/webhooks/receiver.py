"""A program that takes signed events over HTTP, and checks them as others do: by the guide's code, and by OpenSSL."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from services.devstack.ports import free_port

GUIDE = Path(__file__).parents[4] / "docs" / "webhooks.md"
Verify = Callable[..., None]


@dataclass(frozen=True)
class Message:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def signatures(self) -> list[str]:
        return self.headers["webhook-signature"].split()


@dataclass
class Program:
    """What came; `next_statuses` are used up one by one, then `status` counts. A status of None: it hangs."""

    folder: Path
    """Where its secret is, and it keeps nothing else."""
    port: int
    scheme: str = "http"
    more: str = ""
    status: int | None = 200
    next_statuses: list[int | None] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    """What it took."""
    refused: list[Message] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def secret_file(self) -> Path:
        return self.folder / "secret"

    @property
    def secrets(self) -> list[str]:
        """The newest first."""
        return self.secret_file.read_text().split()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        own = f"{self.scheme}://{self.place}/in?token=tops3cret"
        return f"webhook+{own}#secret={self.secret_file}{self.more}"

    @property
    def types(self) -> list[str]:
        return [each.event["type"].removeprefix("pumpwatch.") for each in self.messages]

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.messages]

    def take(self, message: Message) -> int:
        status = self.next_statuses.pop(0) if self.next_statuses else self.status
        if status is None:
            self.stopping.wait(10)
            status = 500
        (self.messages if status < 300 else self.refused).append(message)
        return status


@contextlib.contextmanager
def program(folder: Path, *, tls: ssl.SSLContext | None = None, more: str = "") -> Iterator[Program]:
    """A receiver whose secret is in `folder`. `more`: what else stands behind the # of its address."""
    receiver = Program(folder, free_port(), "https" if tls else "http", more)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.take(Message(self.path, headers, body))
            with contextlib.suppress(OSError):
                self.send_response(status)
                if status in {301, 302, 307, 308}:
                    self.send_header("Location", f"http://{receiver.place}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

        do_GET = do_POST  # noqa: N815 - who follows a redirect would come by it

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", receiver.port), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def code_of_the_guide(language: str) -> str:
    """The receiver's code as docs/webhooks.md shows it."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return str(found)


def verify_in_python() -> Verify:
    """`verify` of the guide."""
    names: dict[str, Any] = {}
    exec(code_of_the_guide("python"), names)  # noqa: S102 - it is our own guide's
    verify: Verify = names["verify"]
    return verify


def verify_in_node(folder: Path) -> Verify:
    """`verify` of the guide, in Node.js."""
    module = folder / "verify.mjs"
    module.write_text(
        code_of_the_guide("js")
        + """
        const { secret, headers, body } = JSON.parse(process.argv[2]);
        verify(secret, headers, Buffer.from(body, "base64"));
        """
    )

    def verify(secret: str, headers: Mapping[str, str], body: bytes) -> None:
        given = json.dumps({"secret": secret, "headers": headers, "body": base64.b64encode(body).decode()})
        done = subprocess.run(["node", str(module), given], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise ValueError(done.stderr)

    return verify


def verify_by_openssl(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """By a program that is nobody's of us; it does not look at the time."""
    key = base64.b64decode(secret.removeprefix("whsec_")).hex()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key}", "-binary"]
    digest = subprocess.run(command, input=signed, capture_output=True, check=True).stdout
    if f"v1,{base64.b64encode(digest).decode()}" not in headers["webhook-signature"].split():
        msg = "not signed with this secret"
        raise ValueError(msg)
