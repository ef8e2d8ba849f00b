"""Becomes another program that cannot outlive its parent: `leash.py OPTIONS_JSON PROGRAM ARGUMENT...`.

Options: `parent` (process id), `signal` (sent by the kernel when the parent is gone), and, for root, `shown`
(a folder, and where it is to be seen, by this process and its children only), `chroot`, `uid`, `gid`. It is a
program of its own because the kernel forgets the signal when credentials change, so the order must be: change
root, change user, ask for the signal, exec. The process id stays the same throughout. Standard library only,
and everything is imported before the root changes.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

_PR_SET_PDEATHSIG = 1
_PARENT_IS_GONE = 125
_CLONE_NEWNS, _MS_BIND, _MS_PRIVATE_ALL = 0x20000, 0x1000, 0x44000
_CANNOT_SHOW = 126


def _show(folder: str, place: str) -> None:
    """Mount a folder at another place, where only this process and its children see it: it is gone with them."""
    libc = ctypes.CDLL(None, use_errno=True)
    own_view = libc.unshare(_CLONE_NEWNS) == 0 and libc.mount(None, b"/", None, _MS_PRIVATE_ALL, None) == 0
    if not own_view or libc.mount(folder.encode(), place.encode(), None, _MS_BIND, None) != 0:
        sys.stderr.write(f"{folder} cannot be shown at {place}: {os.strerror(ctypes.get_errno())}\n")
        sys.exit(_CANNOT_SHOW)


def main() -> None:
    """Do what the module docstring says; does not return."""
    options = json.loads(sys.argv[1])
    program = sys.argv[2:]
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if options.get("shown"):
        _show(*options["shown"])
    if options.get("chroot"):
        os.chroot(options["chroot"])
        os.chdir("/")
    if options.get("uid") is not None:
        os.setgroups([options["gid"]])
        os.setgid(options["gid"])
        os.setuid(options["uid"])
    if prctl is not None:  # only Linux has it; elsewhere the parent's own clean-up must do
        prctl(_PR_SET_PDEATHSIG, options["signal"])
    if os.getppid() != options["parent"]:
        sys.exit(_PARENT_IS_GONE)
    try:
        os.execvp(program[0], program)  # noqa: S606 - replaces this process; no shell is involved
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
