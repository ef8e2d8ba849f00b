"""Draws the review sheet on one page of A4, as a PDF.

Guarantees: one page, whatever stands on the sheet: letters become smaller down to a size that can be read, and what
does not fit into its column ends with "…". It draws text and lines only, with letters of its own: nothing is read from
the network, and no text is taken for markup. One sheet is drawn at a time, in a thread beside the loop that answers
everybody; who would wait for long is told so. A sheet has a bound, and so has the time that it takes.
"""

from __future__ import annotations

import asyncio
import io
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from services.alerts.web.review.parts import Part, Place, Sheet

_FONTS: Final = Path(__file__).parent / "fonts"
_PLAIN: Final = "DejaVuSansCondensed"
_BOLD: Final = "DejaVuSansCondensed-Bold"
_MARGIN: Final = 28.0
_BETWEEN: Final = 14.0
_SIZES: Final = (8.2, 7.8, 7.4, 7.0, 6.6, 6.2, 5.8, 5.4)
"""In points. The last is what a leaflet in a box of medicine has."""
_LEADING: Final = 1.3
_PADDING: Final = 5.0
_LEAST_COLUMN: Final = 22.0
_NEVER_CUT: Final = 20
_ROUNDING: Final = 0.01
_MORE_COLUMN: Final = 16.0
_BEFORE_PART: Final = 5.0
_AFTER_HEADS: Final = 1.5
_NOT_THERE: Final = "\u25a1"
_QUIET: Final = 0.35
_WAITS_SECONDS: Final = 10.0

_one_at_a_time = asyncio.Semaphore(1)


class PaperBusyError(Exception):
    """Others' sheets are drawn; it would take long."""


async def pdf_of(sheet: Sheet) -> bytes:
    """Draw it beside the loop.

    Raises:
        PaperBusyError: Others' are drawn, and this one's turn does not come.
    """
    try:
        async with asyncio.timeout(_WAITS_SECONDS):
            await _one_at_a_time.acquire()
    except TimeoutError as error:
        raise PaperBusyError from error
    try:
        return await asyncio.to_thread(draw, sheet)
    finally:
        _one_at_a_time.release()


def draw(sheet: Sheet) -> bytes:
    """The bytes of the PDF; the same sheet gives the same."""
    _letters()
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=True, pageCompression=1, lang="en")
    canvas.setTitle(f"Therapy review, pump {sheet.pump_id}")
    canvas.setAuthor("Pumpwatch")
    _Pen(canvas, _size_for(sheet)).write(sheet)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _size_for(sheet: Sheet) -> float:
    """The largest at which all fits on the page and no date or figure is cut, or else at which all fits."""
    fits = []
    for size in _SIZES:
        pen = _Pen(None, size)
        if pen.write(sheet) >= _MARGIN:
            if not pen.cut_short:
                return size
            fits.append(size)
    return fits[0] if fits else _SIZES[-1]


@cache
def _letters() -> frozenset[int]:
    """Load the letters once; which they have."""
    for name in (_PLAIN, _BOLD):
        pdfmetrics.registerFont(TTFont(name, str(_FONTS / f"{name}.ttf")))
    return frozenset(pdfmetrics.getFont(_PLAIN).face.charToGlyph)


def shown(text: str) -> str:
    """A text as it can be drawn: what has no letter here, or is written from right to left, is an empty box."""
    known = _letters()
    return "".join(
        " " if each.isspace()
        else each if ord(each) in known and each.isprintable() and unicodedata.bidirectional(each) not in ("R", "AL")
        else _NOT_THERE
        for each in text
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Box:
    """Where a part stands: its left edge and width."""

    left: float
    width: float


class _Pen:
    """Writes from the top of the page down; without a canvas it only measures."""

    def __init__(self, canvas: Canvas | None, size: float) -> None:
        self._canvas, self._size = canvas, size
        self.cut_short = False
        """Whether a cell had to be cut that is no longer than a date or a figure."""

    def write(self, sheet: Sheet) -> float:
        """Write all of it; returns how far above the edge of the paper it ended."""
        width, height = A4
        across = _Box(_MARGIN, width - 2 * _MARGIN)
        half = (across.width - _BETWEEN) / 2
        y = height - _MARGIN
        y = self._line(f"Therapy review: pump {sheet.pump_id}, {sheet.clinic_id}", across, y, self._size + 4, bold=True)
        for text in (sheet.period, sheet.heard):
            y = self._lines(text, across, y, self._size + 0.5)
        y = self._parts((each for each in sheet.parts if each.place is Place.TOP), across, y)
        left = self._parts((each for each in sheet.parts if each.place is Place.LEFT), _Box(_MARGIN, half), y)
        beside = _Box(_MARGIN + half + _BETWEEN, half)
        y = min(left, self._parts((each for each in sheet.parts if each.place is Place.RIGHT), beside, y))
        y = self._parts((each for each in sheet.parts if each.place is Place.END), across, y)
        return self._lines(f"{sheet.foot} {sheet.made}".strip(), across, y - _BEFORE_PART, self._size, quiet=True)

    def _parts(self, parts: Iterable[Part], box: _Box, y: float) -> float:
        for part in parts:
            y = self._line(part.title, box, y - _BEFORE_PART, self._size + 1, bold=True)
            y = self._lines(part.counts, box, y, self._size - 0.6, quiet=True)
            if part.rows:
                y = self._table(part, box, y)
            for text in part.lines:
                y = self._lines(text, box, y, self._size)
        return y

    def _table(self, part: Part, box: _Box, y: float) -> float:
        widths = self._widths((part.heads, *part.rows), box.width)
        for index, row in enumerate((part.heads, *part.rows)):
            left = box.left
            for text, width in zip(row, widths, strict=True):
                fitting = _cut(shown(text), width - _PADDING, self._size, bold=not index)
                self.cut_short |= len(text) <= _NEVER_CUT and fitting != shown(text)
                self._text(fitting, left, y, bold=not index)
                left += width
            y -= self._size * _LEADING
            if self._canvas is not None and not index:
                self._canvas.setLineWidth(0.3)
                self._canvas.line(box.left, y, box.left + box.width, y)
            y -= 0 if index else _AFTER_HEADS
        return y

    def _widths(self, rows: Sequence[tuple[str, ...]], most: float) -> list[float]:
        widths = [
            max(_width(shown(row[index]), self._size, bold=not place) for place, row in enumerate(rows)) + _PADDING
            for index in range(len(rows[0]))
        ]
        while (over := sum(widths) - most) > 0 and max(widths) > _LEAST_COLUMN:
            widest = widths.index(max(widths))
            rest = max((each for index, each in enumerate(widths) if index != widest), default=0.0)
            widths[widest] -= min(over, max(widths[widest] - max(rest, _LEAST_COLUMN), 1.0))
        spare = min(_MORE_COLUMN, max(0.0, most - sum(widths)) / len(widths))
        return [each + spare for each in widths]

    def _lines(self, text: str, box: _Box, y: float, size: float, *, quiet: bool = False) -> float:
        for line in _wrapped(shown(text), box.width, size):
            y = self._line(line, box, y, size, quiet=quiet)
        return y

    def _line(self, text: str, box: _Box, y: float, size: float, *, bold: bool = False, quiet: bool = False) -> float:
        self._text(_cut(shown(text), box.width, size, bold=bold), box.left, y, size, bold=bold, quiet=quiet)
        return y - size * _LEADING

    def _text(
        self, text: str, x: float, y: float, size: float | None = None, *, bold: bool = False, quiet: bool = False
    ) -> None:
        if self._canvas is not None:
            size = size or self._size
            self._canvas.setFont(_BOLD if bold else _PLAIN, size)
            self._canvas.setFillGray(_QUIET if quiet else 0)
            self._canvas.drawString(x, y - size, text)


def _width(text: str, size: float, *, bold: bool) -> float:
    return float(pdfmetrics.stringWidth(text, _BOLD if bold else _PLAIN, size))


def _cut(text: str, width: float, size: float, *, bold: bool) -> str:
    """As much of a text as fits, and "…" where that is not all."""
    if _width(text, size, bold=bold) <= width + _ROUNDING:
        return text
    most = bisect_left(range(len(text)), True, key=lambda end: _width(f"{text[: end + 1]}…", size, bold=bold) > width)
    return f"{text[:most]}…"


def _wrapped(text: str, width: float, size: float) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and _width(longer, size, bold=False) > width:
            yield line
            longer = word
        line = longer
    yield line
