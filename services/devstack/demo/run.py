"""`make demo`: the whole system on this machine, with a simulated fleet, until Ctrl-C.

Guarantees: every process that was started is ended, and by the kernel if this one is killed; ports that are
taken are stepped around; the state in `.demo/` is fresh each time. A second Ctrl-C waits for nobody, and the
exit code is then 130. If a part dies, the demo says which, shows the end of its log, ends everything and
returns 1. `DATABASE_URL` and `MQTT_URL` take the place of the embedded servers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from services.devstack.demo.database import DemoDatabase
from services.devstack.demo.folder import append_privately, fresh_folder
from services.devstack.demo.screen import Screen
from services.devstack.demo.store import Counts
from services.devstack.errors import DevStackError
from services.devstack.pages import Page, PageCollector
from services.devstack.ports import free_port
from services.devstack.process import ManagedProcess
from services.devstack.servers import installations, mosquitto
from services.devstack.servers.mosquitto import MosquittoServer
from services.devstack.servers.postgres import SCRATCH_SETTINGS, PostgresServer
from services.devstack.service import ServiceProcess
from services.runtime.addresses import broker_address, check_database_url
from services.runtime.signals import StopRequested, stop_as_exception

FOLDER: Final = Path(".demo")
_CLINIC: Final = "demo-clinic"
_SCENARIOS: Final = ("motor_stall@+6s", "low_reservoir@+14s", "demand_surge@+22s")
_LIVE: Final = "live_phase_began"
_READY_SECONDS: Final = 30
_HISTORY_SECONDS: Final = 600
_POLL_SECONDS: Final = 0.2
_KILLED: Final = 128 + signal.SIGINT
_HISTORY_POLL_SECONDS: Final = 0.4  # counting takes time from ingest

_POLICY: Final = """\
# The demo's policy. Every threshold keeps its default; see `pumpwatch policy check`.
clinic_id: {clinic}
# Made-up patients, so pages may say what happened. Real pages leave it out unless a clinic decides otherwise.
include_patient_data: true
contacts:
  - name: on-call
    channels:
      - name: demo pager
        url: {url}
routes:
  high: {{steps: [{{after_minutes: 0, contacts: [on-call]}}]}}
  medium: {{steps: [{{after_minutes: 0, contacts: [on-call]}}]}}
"""

_BY_HAND: Final = """\
  mosquitto_pub -V 5 -h {host} -p {port} -q 1 -t pumpwatch/v1/my-pump/events/reservoir \\
    -m '{{"event_id":"'$(cat /proc/sys/kernel/random/uuid)'","observed_at":"'$(date -Iseconds)'","volume_ml":1.5}}'"""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What `pumpwatch demo` was asked for."""

    pumps: int = 300
    history_days: int = 30
    duration_seconds: float | None = None
    """Of live events; None: until Ctrl-C."""
    seed: int = 1
    color: bool = True


def run_demo(options: DemoOptions) -> int:
    """Run until the time is over or somebody stops it; returns the exit code."""
    screen = Screen(color=options.color)
    stack = contextlib.ExitStack()
    demo = _Demo(options, screen, stack)
    try:
        with stop_as_exception(demo.kill_services) as ending, fresh_folder(FOLDER), stack:
            try:
                demo.run()
            except StopRequested:
                screen.end_status()
            finally:
                ending.set()  # from here on a second Ctrl-C must not keep the rest from being ended
            screen.say("ending every process of the demo")
    except StopRequested:
        return 0
    except DevStackError as error:
        screen.end_status()
        screen.error(str(error))
        return 1
    screen.step("the demo has ended")
    return _KILLED if demo.killed else 0


class _Demo:
    """The parts, each registered with the stack before it is started."""

    def __init__(self, options: DemoOptions, screen: Screen, stack: contextlib.ExitStack) -> None:
        self._options = options
        self._screen = screen
        self._stack = stack
        self._processes: list[ManagedProcess] = []
        self.killed = False
        self._tick = threading.Event()  # never set: a wait that a signal can end

    def kill_services(self) -> None:
        """Let nothing be waited for: somebody pressed Ctrl-C twice. The servers are ended at once in any case."""
        self.killed = True
        for process in self._processes:
            if isinstance(process, ServiceProcess):
                process.send_signal(signal.SIGKILL)

    def run(self) -> None:
        database_url = self._start_database()
        mqtt_url = self._start_broker()
        runner = self._stack.enter_context(asyncio.Runner())
        database = self._stack.enter_context(DemoDatabase(runner, database_url))
        self._screen.step(database.migrate())
        pager = self._start_pager()
        ingest, alerts, web = self._make_services(database_url, mqtt_url)
        self._start_services(ingest)
        simulator = self._make_simulator(database_url, mqtt_url)
        self._start(simulator)
        self._watch_history(simulator, database)
        # After the history: an alert is about now, and half of a history would make old facts look like new ones.
        self._start_services(alerts, web)
        self._explain(web, database_url, mqtt_url)
        self._watch(database, pager)

    def _start_database(self) -> str:
        url = os.environ.get("DATABASE_URL")
        if url:
            _check("DATABASE_URL", url, check_database_url)
            self._screen.step("database: DATABASE_URL")
            return url
        server = PostgresServer(
            installations.embedded(),
            port=free_port(5432),
            settings=SCRATCH_SETTINGS,
            log_path=FOLDER / "logs/postgres.log",
        )
        self._stack.callback(server.remove)
        self._processes.append(server.process)
        server.start()
        self._screen.step(f"{server.title} on port {server.port}")
        return server.dsn()

    def _start_broker(self) -> str:
        url = os.environ.get("MQTT_URL")
        if url:
            _check("MQTT_URL", url, broker_address)
            self._screen.step("broker: MQTT_URL")
            return url
        program = mosquitto.find_mosquitto(self._screen.say)
        server = MosquittoServer(port=free_port(1883), program=program, log_path=FOLDER / "logs/mosquitto.log")
        self._stack.callback(server.remove)
        self._processes.append(server.process)
        server.start()
        self._screen.step(f"Mosquitto {mosquitto.version(program)} on port {server.port}")
        return server.url

    def _start_pager(self) -> PageCollector:
        pager = PageCollector(on_page=self._paged)
        self._stack.enter_context(pager)
        policies = FOLDER / "policies"
        policies.mkdir()
        policy = _POLICY.format(clinic=_CLINIC, url=pager.url)
        (policies / f"{_CLINIC}.yaml").write_text(policy, encoding="utf-8")
        return pager

    def _paged(self, page: Page) -> None:
        line = {"received_at": page.received_at.isoformat(), "title": page.title, "message": page.body}
        append_privately(FOLDER / "pages.log", json.dumps(line, ensure_ascii=False) + "\n")
        self._screen.page(page)

    def _make_services(self, database_url: str, mqtt_url: str) -> tuple[ServiceProcess, ServiceProcess, ServiceProcess]:
        board, health = free_port(8081), free_port(8082)
        public_url = f"http://127.0.0.1:{board}"
        ingest = self._service(
            "ingest",
            {
                "INGEST_DATABASE_URL": database_url,
                "INGEST_MQTT_URL": mqtt_url,
                "INGEST_HTTP_PORT": str(free_port(8080)),
                "INGEST_ENROLMENT": "auto",
                "INGEST_ENROLMENT_CLINIC_ID": _CLINIC,
                "INGEST_LOG_JSON": "false",
            },
        )
        alerts = self._service(
            "alerts",
            {
                "ALERTS_DATABASE_URL": database_url,
                "ALERTS_HTTP_PORT": str(health),
                "ALERTS_PUBLIC_URL": public_url,
                "ALERTS_POLICY_FOLDER": str((FOLDER / "policies").resolve()),
            },
        )
        web = self._service(
            "web",
            {
                "WEB_DATABASE_URL": database_url,
                "WEB_HTTP_PORT": str(board),
                "WEB_PUBLIC_URL": public_url,
                "WEB_WORKER_URL": f"http://127.0.0.1:{health}",
            },
        )
        return ingest, alerts, web

    def _make_simulator(self, database_url: str, mqtt_url: str) -> ServiceProcess:
        return self._service(
            "simulate",
            {
                "SIMULATOR_DATABASE_URL": database_url,
                "SIMULATOR_MQTT_URL": mqtt_url,
                "SIMULATOR_CLINIC_ID": _CLINIC,
                "SIMULATOR_PUMPS": str(self._options.pumps),
                "SIMULATOR_HISTORY_DAYS": str(self._options.history_days),
                "SIMULATOR_SEED": str(self._options.seed),
                "SIMULATOR_SCENARIOS": json.dumps(_SCENARIOS),
                "SIMULATOR_TRUTH_FILE": str((FOLDER / "truth.jsonl").resolve()),
            },
        )

    def _service(self, command: str, environment: dict[str, str]) -> ServiceProcess:
        return ServiceProcess(command, environment, log_path=FOLDER / f"logs/{command}.log")

    def _start(self, process: ManagedProcess) -> None:
        self._stack.callback(process.terminate, within_seconds=5)
        self._processes.append(process)
        process.start()

    def _start_services(self, *services: ServiceProcess) -> None:
        for service in services:
            self._start(service)
        for service in services:
            service.wait_until(service.is_ready, within_seconds=_READY_SECONDS, waiting_for="/readyz")
            self._screen.step(f"{service.name} is ready: {service.url}")

    def _watch_history(self, simulator: ServiceProcess, database: DemoDatabase) -> None:
        """Show what is stored until the simulator says that the fleet has caught up with now."""
        options = self._options
        self._screen.step(f"{options.pumps} pumps upload {options.history_days} days of history")
        started, before = self._screen.seconds, database.counts().events

        def progress() -> str:
            stored, seconds = database.counts().events - before, max(self._screen.seconds - started, 0.1)
            return f"{stored:,} events stored in {seconds:.1f} s: {stored / seconds:,.0f} events/s"

        while _LIVE not in simulator.log():
            self._check()
            if self._screen.seconds - started > _HISTORY_SECONDS:
                msg = f"the history is not through after {_HISTORY_SECONDS} s; see {FOLDER / 'logs'}"
                raise DevStackError(msg)
            self._screen.status(progress())
            self._tick.wait(_HISTORY_POLL_SECONDS)
        self._screen.end_status()
        self._screen.step(progress())

    def _explain(self, web: ServiceProcess, database_url: str, mqtt_url: str) -> None:
        broker = urlsplit(mqtt_url)
        by_hand = _BY_HAND.format(host=broker.hostname, port=broker.port or 1883)
        needs = "" if shutil.which("mosquitto_pub") else ", with mosquitto_pub of the package mosquitto-clients"
        program = Path(".venv/bin/pumpwatch")
        letters = f"{program if program.exists() else 'pumpwatch'} dead-letters list --database-url {database_url}"
        self._screen.step("the fleet is live; three things are about to happen to it")
        self._screen.say(
            f"\nalert board  {web.url}/"
            f"\nsign in      {self._invite(web, database_url)}"
            f"\npages        shown here, and kept in {FOLDER / 'pages.log'}"
            f"\nlogs         {FOLDER / 'logs'}"
            f"\nrejected     {letters}"
            f"\nbe a pump    one event that pages{needs}:\n{by_hand}"
            f"\nend          Ctrl-C\n"
        )

    def _invite(self, web: ServiceProcess, database_url: str) -> str:
        """Make a person, and say by which link they choose a password."""
        words = ("user", "add", "demo", "--name", "Demo", "--role", f"{_CLINIC}:administrator", "--operator")
        where = ("--database-url", database_url, "--public-url", web.url, "--by", "demo")
        made = subprocess.run(
            [sys.executable, "-m", "services.cli", *words, *where], capture_output=True, text=True, check=False
        )
        if made.returncode:
            msg = f"no person could be made: {made.stderr.strip()}"
            raise DevStackError(msg)
        return f"{made.stdout.splitlines()[0]}   (good once; then as `demo`)"

    def _watch(self, database: DemoDatabase, pager: PageCollector) -> None:
        """Stay until the time is over, as long as every part lives."""
        ends_at = self._options.duration_seconds and self._screen.seconds + self._options.duration_seconds
        last, last_at = database.counts(), self._screen.seconds
        while ends_at is None or self._screen.seconds < ends_at:
            self._tick.wait(_POLL_SECONDS)
            self._check()
            if self._screen.seconds - last_at >= 1.0:
                counts, now = database.counts(), self._screen.seconds
                self._screen.status(self._line(counts, (counts.events - last.events) / (now - last_at), pager))
                last, last_at = counts, now
        self._screen.end_status()

    @staticmethod
    def _line(counts: Counts, per_second: float, pager: PageCollector) -> str:
        return (
            f"live: {counts.events:,} events stored, {per_second:,.0f} events/s, {counts.open_alerts} open alerts, "
            f"{len(pager.pages)} pages, {counts.rejected} rejected"
        )

    def _check(self) -> None:
        for process in self._processes:
            if not process.is_running:
                raise process.died()


def _check(name: str, url: str, read: Callable[[str], object]) -> None:
    try:
        read(url)
    except ValueError as error:
        msg = f"{name}: {error}"
        raise DevStackError(msg) from None
