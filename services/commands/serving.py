"""The services, as commands: `pumpwatch ingest`, `alerts`, `web`, `simulate`; and `demo`, which runs them all.

Guarantee: a wrong setting is one line that names the environment variable, and exit code 2; its value is never shown.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Protocol, TypeVar

import typer

from services.commands.terminal import fail


class ServiceSettings(Protocol):
    """What every service's settings have."""

    @property
    def log_json(self) -> bool:
        """Whether logs are JSON, for machines, or text for a person."""

    def open_files(self) -> Iterator[tuple[str, Path]]:
        """Variables whose secret everybody on this machine may read, and their files."""


Settings = TypeVar("Settings", bound=ServiceSettings)


def ingest(
    workers: Annotated[
        int,
        typer.Option(min=1, max=64, help="Processes; number n is INGEST_CLIENT_ID-n on INGEST_HTTP_PORT + n - 1."),
    ] = 1,
    worker: Annotated[bool, typer.Option("--worker", hidden=True, help="It is one of several.")] = False,
) -> None:
    """Take events from the broker and store them. Settings: INGEST_..."""
    with _imports():
        from services.ingest.app import run
        from services.ingest.settings import IngestSettings
        from services.ingest.workers import LIFELINE, WorkerNameError, WorkersFailedError, run_workers

    if workers == 1:
        _serve(IngestSettings, partial(run, lifeline=LIFELINE if worker else None))
        return
    try:
        _serve(IngestSettings, partial(run_workers, workers=workers))
    except WorkerNameError as error:
        fail(str(error), exit_code=2)
    except WorkersFailedError as error:
        fail(str(error))


def alerts() -> None:
    """Decide about alerts and page people. Settings: ALERTS_..."""
    with _imports():
        from services.alerts.app import run
        from services.alerts.settings import AlertsSettings

    _serve(AlertsSettings, run)


def web() -> None:
    """Show the alert board, and answer the API. Settings: WEB_..."""
    with _imports():
        from services.alerts.web.process import run
        from services.alerts.web.settings import WebSettings

    _serve(WebSettings, run)


def simulate() -> None:
    """Be a fleet of pumps and handhelds. Settings: SIMULATOR_..."""
    with _imports():
        from services.simulator.app import run
        from services.simulator.patients.plan import ScenarioRequestError
        from services.simulator.settings import SimulatorSettings

    try:
        _serve(SimulatorSettings, run)
    except ScenarioRequestError as error:
        fail(f"SIMULATOR_SCENARIOS: {error}", exit_code=2)


def demo(
    # Of fewer, perhaps none suits what is to happen.
    pumps: Annotated[int, typer.Option(min=20, max=20_000, help="How many pumps the fleet has.")] = 300,
    history_days: Annotated[
        int, typer.Option(min=15, max=365, help="For how many days before now events are made up.")
    ] = 30,
    duration_seconds: Annotated[
        float | None, typer.Option(min=1, help="Stop after so many seconds of live events; default: at Ctrl-C.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another number makes another fleet; the same one the same.")] = 1,
    color: Annotated[bool, typer.Option("--color/--no-color", help="Whether lines of the log are coloured.")] = True,
) -> None:
    """Run everything on this machine: servers, services and a simulated fleet. Ctrl-C ends it all."""
    from services.devstack.demo.run import DemoOptions, run_demo

    options = DemoOptions(
        pumps=pumps, history_days=history_days, duration_seconds=duration_seconds, seed=seed, color=color
    )
    raise typer.Exit(run_demo(options))


@contextmanager
def _imports() -> Iterator[None]:
    """Import without looking for garbage: there is none, and looking took nearly a third of a start.

    What was imported stays for good, so it is not looked at later either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _serve(make_settings: Callable[[], Settings], run: Callable[[Settings], Coroutine[object, object, object]]) -> None:
    import pydantic
    import structlog
    from pydantic_settings import SettingsError

    from schemas.faults.expectations import setting_faults
    from services.runtime.log import configure_logging

    try:
        settings = make_settings()
    except pydantic.ValidationError as error:
        prefix = str(getattr(make_settings, "model_config", {}).get("env_prefix", ""))
        for line in setting_faults(error, prefix):
            print(f"error: {line}", file=sys.stderr)
        raise typer.Exit(2) from None
    except SettingsError as error:
        fail(str(error), exit_code=2)
    configure_logging(json=settings.log_json, level=getattr(settings, "log_level", "INFO"))
    for variable, path in settings.open_files():
        structlog.get_logger().warning(
            "secret_file_is_open", setting=variable, file=str(path), mend="chmod o-r, or close a folder above it"
        )
    asyncio.run(run(settings))
