"""The web process's connections: each sees what belongs to the clinics of who asks; between two askers, nothing.

Guarantees: names are looked up in the schema `web` first, where views of the tables' names show what the person or the
key may see that the connection was told of; and a connection that comes back forgets whom it served, so that whoever
borrows it and says nothing sees nothing (docs/decisions/0037-clinics-apart.md).
"""

from __future__ import annotations

from typing import Final

from services.alerts.web.store import tell_who_asks
from services.runtime.database import Connection, Pool, open_pool
from services.runtime.secrets.file import PasswordNow

WEB_SCHEMAS: Final = "web, public"
"""Where the web process's connections look names up."""


async def open_web_pool(
    dsn: str,
    *,
    password: PasswordNow | None = None,
    application_name: str = "pumpwatch-web",
    max_size: int = 4,
    command_timeout_seconds: float = 30.0,
) -> Pool:
    """Open the pool of the web process; as `open_pool`."""
    return await open_pool(
        dsn,
        password=password,
        application_name=application_name,
        max_size=max_size,
        command_timeout_seconds=command_timeout_seconds,
        schemas=WEB_SCHEMAS,
        given_back=_forget_who_asked,
    )


async def _forget_who_asked(connection: Connection) -> None:
    await tell_who_asks(connection, None)
