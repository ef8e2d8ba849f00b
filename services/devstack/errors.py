"""What goes wrong on a developer's machine, as one sentence that says what to do."""

from __future__ import annotations


class LocalStackError(RuntimeError):
    """A part of the local stack cannot be had; the message is a sentence for a person."""


class ProcessDiedError(LocalStackError):
    """A process that should be running has ended; the message holds the tail of its log."""
