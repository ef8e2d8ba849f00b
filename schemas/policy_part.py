"""PURE. What every part of a policy is made of: how urgent things are, and how strictly a file is read."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict


class Priority(StrEnum):
    """Urgency of an alert, after IEC 60601-1-8 (docs/domain.md section 4)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info to 3 for high, so that priorities can be compared."""
        return _RANK[self]

    @property
    def one_step_up(self) -> Priority:
        """The next more urgent one; high stays high."""
        return _BY_RANK[min(self.rank + 1, _RANK[Priority.HIGH])]


_BY_RANK: Final = (Priority.INFO, Priority.LOW, Priority.MEDIUM, Priority.HIGH)
_RANK: Final = {priority: rank for rank, priority in enumerate(_BY_RANK)}


class Part(BaseModel):
    """A part of a policy: nothing unknown in it, and frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
