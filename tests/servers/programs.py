"""Programs of the Debian 13 tree that only tests run: Docker Compose and ntfy."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from services.devstack.process import RunAs
from services.devstack.servers.debian_tree import postgres_account, tree_folder

_COMPOSE: Final = Path("usr/libexec/docker/cli-plugins/docker-compose")
_NTFY: Final = Path("/usr/bin/ntfy")


def compose_program() -> Path | None:
    """Docker Compose inside the tree, if there is one: it needs nothing but libc, so it runs without a chroot."""
    program = tree_folder() / _COMPOSE
    return program if program.exists() else None


def ntfy_program() -> tuple[Path, RunAs] | None:
    """The ntfy inside the tree, if there is one, and as whom and where to run it."""
    tree = tree_folder()
    return (_NTFY, postgres_account(tree)) if tree.exists() else None
