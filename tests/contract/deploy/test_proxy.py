"""The deployed TLS proxy in HAProxy, before a board that runs: sign-in, cookies, who comes, what is logged."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from services.devstack import folders
from services.devstack.ports import accepts_connections, free_port
from services.devstack.process import ManagedProcess
from services.devstack.servers.system_packages import ensure_program
from services.people.accounts.changes import add
from services.people.model import Actor, Role
from tests.browser.chromium import chromium
from tests.contract.deploy.compose_file import ROOT
from tests.signed_in import make_session
from tests.stack import Database, RunService, eventually

DEPLOY = ROOT / "deploy"
PASSWORD = "rain on the quay"  # noqa: S105 - of the tests
COOKIE = "__Host-pumpwatch"


@dataclass(frozen=True, slots=True)
class Proxied:
    """A board behind the proxy."""

    url: str
    authority: Path
    log: Path
    database: Database

    def client(self, **more: object) -> httpx.AsyncClient:
        context = ssl.create_default_context(cafile=str(self.authority))
        return httpx.AsyncClient(base_url=self.url, verify=context, **more)  # type: ignore[arg-type]

    async def invited(self) -> str:
        """The code of a set-up link for Ann."""
        async with self.database.pool.acquire() as connection:
            await connection.execute("INSERT INTO clinics VALUES ('north', 'North')")
            made = await add(
                connection, "ann", "Ann Example", {"north": Role.RESPONDER},
                is_operator=False, by=Actor("login:root", "root"), now=datetime.now(UTC),
            )  # fmt: skip
        return made.code


@pytest.fixture
async def proxied(
    database: Database, run_service: RunService, request: pytest.FixtureRequest
) -> AsyncIterator[Proxied]:
    """With a test's own text in place of some of its configuration, if it says so."""
    program = ensure_program("haproxy", "haproxy", purpose="the test of the TLS proxy")
    folder = folders.make_server_folder("haproxy")
    port, grafana, board = free_port(), free_port(), free_port()
    make = str(DEPLOY / "tls" / "make-test-certificates")
    await asyncio.to_thread(subprocess.run, [make, str(folder), "server", "127.0.0.1"], check=True, capture_output=True)
    certificate = folder / "board.pem"
    certificate.write_text((folder / "server.crt").read_text() + (folder / "server.key").read_text())
    config = (DEPLOY / "proxy" / "haproxy.cfg").read_text()
    for there, here in (
        (":8443 ssl", f"127.0.0.1:{port} ssl"),
        (":8444 ssl", f"127.0.0.1:{grafana} ssl"),
        (" resolvers docker init-addr none", ""),  # there is no Docker here to ask for addresses
        ("/run/secrets/BOARD_CERTIFICATE", str(certificate)),
        ("web.board:8081", f"127.0.0.1:{board}"),
        ("grafana.board:3000", f"127.0.0.1:{free_port()}"),
        *getattr(request, "param", ()),
    ):
        assert there in config
        config = config.replace(there, here)
    (folder / "haproxy.cfg").write_text(config)
    process = ManagedProcess(
        "HAProxy", [str(program), "-W", "-db", "-f", str(folder / "haproxy.cfg")], log_path=folder / "log"
    )
    url = f"https://127.0.0.1:{port}"
    settings = {
        "WEB_DATABASE_URL": database.dsn,
        "WEB_HTTP_PORT": str(board),
        "WEB_PUBLIC_URL": url,
        "WEB_TRUSTED_PROXIES": "127.0.0.1",
    }
    await run_service("web", settings, wait=False)  # it is ready once a worker is, which nobody needs here
    await eventually(lambda: accepts_connections("127.0.0.1", board), 30, what="the board answers")
    process.start()
    try:
        await asyncio.to_thread(
            process.wait_until,
            lambda: accepts_connections("127.0.0.1", port),
            within_seconds=15,
            waiting_for="connections",
        )
        yield Proxied(url, folder / "ca.crt", folder / "log", database)
    finally:
        process.terminate(within_seconds=5)
        folders.remove_folder(folder)


@pytest.mark.slow
async def test_a_browser_signs_in_through_it_and_its_cookie_is_for_tls_and_this_host(proxied: Proxied) -> None:
    code = await proxied.invited()
    async with chromium() as browser:
        context = await browser.new_context(ignore_https_errors=True)  # it does not know the test's authority
        page = await context.new_page()
        await page.goto(f"{proxied.url}/set-up?code={code}")
        for label in ("New password", "The same again"):
            await page.get_by_label(label).fill(PASSWORD)
        await page.get_by_role("button", name="Choose it and sign in").click()
        await page.get_by_role("button", name="Sign out").wait_for()
        [cookie] = [each for each in await context.cookies() if each["name"] == COOKIE]
        assert (cookie["secure"], cookie["httpOnly"], cookie["path"]) == (True, True, "/")
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_label("Sign-in name").fill("ann")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("button", name="Sign out").wait_for()
    log = proxied.log.read_text()
    assert re.search(r"^127\.0\.0\.1 POST 303 \d+ \d+ \d+$", log, re.MULTILINE)
    assert code not in log, "a line of the log names no path: it may hold a link by which one may act"


async def test_who_comes_is_said_by_the_proxy_and_not_by_who_comes(proxied: Proxied) -> None:
    await proxied.invited()
    spoofed = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "Origin": proxied.url}
    async with proxied.client(headers=spoofed) as client:
        shown = await client.get("/sign-in")
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', shown.text))
        refused = await client.post("/sign-in", data=hidden | {"name": "ann", "password": "wrong, and long enough"})
    assert refused.status_code != 303
    said = await proxied.database.pool.fetchval("SELECT detail::text FROM access_log WHERE kind = 'sign_in_failed'")
    assert "127.0.0.1" in said
    assert "203.0.113.9" not in said


async def test_it_speaks_tls_1_2_or_newer_and_says_that_browsers_stay_with_it(proxied: Proxied) -> None:
    async with proxied.client() as client:
        answer = await client.get("/sign-in")
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert answer.headers["content-security-policy"]
    old = ssl.create_default_context(cafile=str(proxied.authority))
    with pytest.warns(DeprecationWarning, match="TLSv1"):  # which is why
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    host, _, port = proxied.url.removeprefix("https://").partition(":")
    with pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"):
        await asyncio.open_connection(host, int(port), ssl=old)


async def test_where_the_board_is_away_it_says_so(proxied: Proxied) -> None:
    async with proxied.client() as client:
        grafana = re.findall(r"127\.0\.0\.1:(\d+) ssl", (proxied.log.parent / "haproxy.cfg").read_text())[1]
        answer = await client.get(f"https://127.0.0.1:{grafana}/")
    assert answer.status_code == 503
    assert answer.headers["strict-transport-security"]


SHORT = (("timeout client 30s", "timeout client 12s"), ("timeout server 40s", "timeout server 12s"))


@pytest.mark.slow
@pytest.mark.parametrize("proxied", [SHORT], indirect=True)
async def test_an_open_board_is_told_through_it_at_once_and_longer_than_it_waits_in_silence(proxied: Proxied) -> None:
    await proxied.invited()
    pool, now = proxied.database.pool, datetime.now(UTC)
    ann = await pool.fetchval("SELECT person_id FROM persons")
    cookie = {"Cookie": f"{COOKIE}={await make_session(pool, ann, now)}"}
    async with proxied.client(headers=cookie, timeout=20) as client, client.stream("GET", "/live") as stream:
        assert (stream.status_code, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        said = (line async for line in stream.aiter_lines() if line.startswith("event: "))
        heard = [await anext(said) for _ in range(4)]  # one at once, the others 5 s apart
    assert heard[0] == "event: again"
    assert set(heard[1:]) <= {"event: same", "event: change"}
