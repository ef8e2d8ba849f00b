"""Becomes another program that cannot outlive its parent: `leash.py OPTIONS_JSON PROGRAM ARGUMENT...`.

Options: `parent` (process id), `signal` (sent by the kernel when the parent is gone), and, for root,
`chroot`, `uid`, `gid`. It is a program of its own because the kernel forgets the signal when credentials
change, so the order must be: change root, change user, ask for the signal, exec. The process id stays the
same throughout. Standard library only, and everything is imported before the root changes.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

_PR_SET_PDEATHSIG = 1
_PARENT_IS_GONE = 125


def main() -> None:
    """Do what the module docstring says; does not return."""
    options = json.loads(sys.argv[1])
    program = sys.argv[2:]
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
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
