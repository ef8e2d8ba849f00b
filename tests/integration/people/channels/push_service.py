"""A service of pushes on this machine, and the browser behind it: it takes what RFC 8030 says, and decrypts it."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.integration.alerts.receivers import Authority


@dataclass
class Push:
    """One push as it came: its headers, and what it says."""

    headers: dict[str, str]
    said: dict[str, Any]


@dataclass
class PushService:
    """The service and its one browser. `status` is what it answers."""

    place: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    status: int = 201
    asked: int = 0
    pushes: list[Push] = field(default_factory=list)

    @property
    def subscription(self) -> str:
        """What the browser gives to a page."""
        point = self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        keys = {"p256dh": text_of(point), "auth": text_of(self.secret)}
        return json.dumps({"endpoint": f"https://{self.place}/push/abc?d=1", "keys": keys})

    def take(self, headers: dict[str, str], body: bytes) -> None:
        """Decrypt a push, and keep it."""
        self.asked += 1
        if self.status < 300:
            plain = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
            self.pushes.append(Push(headers, json.loads(plain)))


@contextmanager
def push_service(authority: Authority) -> Iterator[PushService]:
    """Run it, with a certificate that the authority signed."""
    found: list[PushService] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found[0].take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(found[0].status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = authority.context("right").wrap_socket(server.socket, server_side=True)
    found.append(PushService(f"127.0.0.1:{server.server_port}"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def claims_of(push: Push, public_key: str) -> dict[str, Any]:
    """What a push's VAPID token says, once its signature is seen to be that of the key."""
    token = push.headers["authorization"].partition("t=")[2].partition(",")[0]
    assert public_key in push.headers["authorization"]
    head, claims, signature = token.split(".")
    raw = bytes_of(signature)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes_of(public_key))
    numbers = (int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key.verify(encode_dss_signature(*numbers), f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    found: dict[str, Any] = json.loads(bytes_of(claims))
    return found


def text_of(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
