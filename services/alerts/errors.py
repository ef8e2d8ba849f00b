"""PURE. The two ways in which what a person or a program asks for cannot be done. Anything else is a fault of ours."""

from __future__ import annotations


class NotFound(LookupError):  # noqa: N818 - read as what is answered: 404
    """There is no such thing; the message says which, for whoever asked."""


class Refused(ValueError):  # noqa: N818 - read as what is answered: 409
    """It cannot be done as things are; the message says why, for whoever asked."""
