"""What goes wrong on a developer's machine, as one sentence that says what to do."""

from __future__ import annotations


class DevStackError(RuntimeError):
    """A part of the development stack cannot be had; the message is a sentence for a person."""


class ProcessDiedError(DevStackError):
    """A process that should be running has ended; the message holds the tail of its log."""
