"""PURE. Which contact of which clinic is which person."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

Receivers = Mapping[tuple[str, str], UUID]
"""Clinic and contact to the person whom the contact is; contacts that are no person are not there."""
