"""Receivers of pages that work or fail in a way of choice: mail servers, webhooks and ntfy, plain and with TLS."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from services.devstack import folders
from services.devstack.ports import accepts_connections, free_port
from services.devstack.process import ManagedProcess
from tests.servers.programs import ntfy_program

SECRET = "tops3cret"  # noqa: S105 - stands in every address, and nowhere else
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass
class Receiver:
    """A running receiver: its Apprise address, which holds a secret, and what it took."""

    url: str
    place: str
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        parser = BytesParser(policy=default)
        return [parser.parsebytes(body) for body in self.bodies]


@dataclass(frozen=True)
class Authority:
    """Signs certificates for 127.0.0.1 and, wrongly, for others."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "ca.crt"

    def make(self) -> None:
        self._openssl(
            "req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.crt", "-days", "1", "-subj", "/CN=test ca"
        )
        self._sign("right", "IP:127.0.0.1", "1")
        self._sign("other host", "DNS:other.example.org", "1")
        self._sign("expired", "IP:127.0.0.1", "-1")
        self._self_signed("self-signed", "/CN=receiver", "-addext", "subjectAltName=IP:127.0.0.1")

    def context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        return context

    def _self_signed(self, name: str, subject: str, *more: str) -> None:
        files = ("-keyout", f"{name}.key", "-out", f"{name}.crt")
        self._openssl("req", "-x509", *_KEY, *files, "-days", "1", "-subj", subject, *more)

    def _sign(self, name: str, alternative: str, days: str) -> None:
        self._openssl("req", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=receiver")
        (self.folder / "ext").write_text(f"subjectAltName={alternative}\n")
        sign = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", days, "-extfile", "ext")
        self._openssl("x509", "-req", "-in", f"{name}.csr", *sign, "-out", f"{name}.crt")

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


@contextlib.contextmanager
def webhook(*, status: int = 200, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A web server that answers every post with `status`."""
    port = free_port()
    scheme = "jsons" if tls else "json"
    receiver = Receiver(f"{scheme}://me:{SECRET}@127.0.0.1:{port}/{SECRET}?-token={SECRET}", f"127.0.0.1:{port}")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if status < 300:
                receiver.headers.append(dict(self.headers))
                receiver.bodies.append(body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Mailbox:
    def __init__(self, receiver: Receiver, to_recipient: str, to_message: str) -> None:
        self._receiver, self._to_recipient, self._to_message = receiver, to_recipient, to_message

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self._to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self._to_recipient

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        if self._to_message.startswith("250"):
            self._receiver.bodies.append(envelope.content)
        return self._to_message


@contextlib.contextmanager
def mail_server(
    *,
    to_recipient: str = "250 OK",
    to_message: str = "250 OK",
    login: bool = True,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Receiver]:
    """A mail server that wants a login, and what it answers to the recipient and to the message."""
    port = free_port()
    scheme, mode = ("mailtos", "starttls") if tls else ("mailto", "insecure")
    address = f"{scheme}://me:{SECRET}@127.0.0.1:{port}/?smtp=127.0.0.1&mode={mode}"
    receiver = Receiver(f"{address}&from=pumpwatch@clinic.example&to=nurse@clinic.example", f"127.0.0.1:{port}")
    controller = Controller(
        _Mailbox(receiver, to_recipient, to_message),
        hostname="127.0.0.1",
        port=port,
        authenticator=lambda *_: AuthResult(success=login, handled=False),
        auth_require_tls=False,
        tls_context=tls,
        require_starttls=tls is not None,
    )
    controller.start()
    try:
        yield receiver
    finally:
        controller.stop()


@contextlib.contextmanager
def ntfy(
    *, tls: Authority | None = None, stopped: bool = False, more: Mapping[str, str | int] | None = None
) -> Iterator[Receiver]:
    """A real ntfy server. Its topic is the secret: who knows it may read and write.

    Args:
        tls: With a certificate that nobody has signed.
        stopped: The process stands still, and takes connections all the same.
        more: Lines of its configuration; {folder} is its own.
    """
    found = ntfy_program()
    if found is None:
        pytest.skip("ntfy comes with the Debian 13 tree, and there is none")
    program, run_as = found
    assert run_as.chroot is not None
    folder = folders.make_folder_in(run_as.chroot / "srv", "ntfy", owner=run_as)
    inside, place = Path("/srv", folder.name), f"127.0.0.1:{free_port()}"
    lines: dict[str, str | int] = {"log-level": "warn", "listen-http": place}
    if tls is not None:
        for kind in ("key", "crt"):
            (folder / kind).write_bytes((tls.folder / f"self-signed.{kind}").read_bytes())
        lines |= {"listen-http": "-", "listen-https": place}
        lines |= {"key-file": str(inside / "key"), "cert-file": str(inside / "crt")}
    for name, value in (more or {}).items():
        lines[name] = value.format(folder=inside) if isinstance(value, str) else value
    (folder / "server.yml").write_text("".join(f"{name}: {json.dumps(value)}\n" for name, value in lines.items()))
    process = ManagedProcess(
        "ntfy",
        [str(program), "serve", "--config", str(inside / "server.yml")],
        log_path=folder / "log",
        environment={"PATH": os.defpath},
        folder=Path("/"),
        run_as=run_as,
    )
    host, port = place.split(":")
    try:
        process.start()
        process.wait_until(lambda: accepts_connections(host, int(port)), within_seconds=15, waiting_for="connections")
        if stopped:
            process.send_signal(signal.SIGSTOP)
        yield Receiver(f"{'ntfys' if tls else 'ntfy'}://{place}/{SECRET}", "ntfy")
    finally:
        process.kill()
        folders.remove_folder(folder)


@contextlib.contextmanager
def nobody(url: str) -> Iterator[Receiver]:
    """A port at which nothing listens; `url` with {port}."""
    port = free_port()
    yield Receiver(url.format(port=port), f"127.0.0.1:{port}")


@contextlib.contextmanager
def silent(url: str) -> Iterator[Receiver]:
    """A server that takes connections and says nothing; `url` with {port}."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        port = listener.getsockname()[1]
        yield Receiver(url.format(port=port), f"127.0.0.1:{port}")
