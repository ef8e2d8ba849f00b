"""`pumpwatch enrol`: devices come into a clinic."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.commands.devices import By, who
from services.commands.terminal import DatabaseUrl, answer, fail, json_of, with_database

if TYPE_CHECKING:
    from services.runtime.database import Connection


def enrol(
    device_ids: Annotated[list[str], typer.Argument(metavar="DEVICES", help="Device ids, as in the topic.")],
    clinic: Annotated[str, typer.Option(help="The clinic's id; it is made if it is not there.")],
    database_url: DatabaseUrl,
    clinic_name: Annotated[str | None, typer.Option(help="What people call a clinic that is made.")] = None,
    kind: Annotated[Literal["pump", "handheld"], typer.Option(help="What they are.")] = "pump",
    pair_with: Annotated[
        str | None, typer.Option(metavar="PUMP", help="The pump that these handhelds report about.")
    ] = None,
    by: By = "",
    as_json: Annotated[bool, json_of("clinic_id", "kind", "devices", "paired_with")] = False,
) -> None:
    """Put devices into a clinic, and pair handhelds with a pump."""
    from services.admin.registry import changes
    from services.admin.registry.model import RegistryError

    if pair_with is not None and kind == "pump":
        fail("--pair-with is for handhelds: add --kind handheld", exit_code=2)
    by = by or who()

    async def work(connection: Connection) -> None:
        actor = changes.Actor(by, datetime.now(UTC))
        await changes.enrol(connection, device_ids, actor, kind=kind, clinic_id=clinic, clinic_name=clinic_name)
        if pair_with is not None:
            for device in device_ids:
                await changes.pair(connection, device, pair_with, changes.Actor(by, datetime.now(UTC)))

    with_database(database_url, work, RegistryError)
    paired = f", paired with {pair_with}" if pair_with else ""
    line = f"clinic {clinic}: enrolled {len(device_ids)} {kind}{'' if len(device_ids) == 1 else 's'}{paired}"
    document = {"clinic_id": clinic, "kind": kind, "devices": device_ids, "paired_with": pair_with}
    answer(document, [line], as_json=as_json)
