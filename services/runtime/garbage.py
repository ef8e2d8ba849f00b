"""Python's garbage collector, for a process that makes many short-lived objects and few cycles.

Reference counts free nearly everything here. With the default thresholds the collector walks the whole batch again and
again while it is being built: measured in ingest, 17-21 us of CPU an event with them and 12 us without, and 40 MB less
memory (docs/decisions/0007-batching.md).
"""

from __future__ import annotations

import gc
from typing import Final

_YOUNG_OBJECTS: Final = 100_000


def collect_garbage_rarely() -> None:
    """Collect after 100,000 net allocations and not after 700; what is loaded by now is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 50, 100)
