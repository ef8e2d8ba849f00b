"""Structured logs: a constant snake_case event, and data as keys.

JSON where nobody watches (containers), colours where somebody does. The standard library's and uvicorn's records go
the same way. Payloads are never logged: they are patient data.

Guarantee: a record is one line, whatever its values hold, and steers no terminal; the lines of a traceback, where a
person watches, begin with a space.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import ExcInfo


def configure_logging(*, json: bool, level: str = "INFO") -> None:
    """Send every record of this process to standard error, in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        else [_on_one_line, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_indented)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)


def printable(text: str) -> str:
    """A text with everything escaped that ends a line, steers a terminal, or is not seen."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _on_one_line(_: object, __: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The renderer of the console shows a text as it is; what is not a text it shows as Python does, escaped."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in record.items()}


def _indented(output: TextIO, found: ExcInfo) -> None:
    output.writelines(
        f"\n  {printable(line)}" if line else "" for line in "".join(traceback.format_exception(*found)).split("\n")
    )
