"""Draws the review sheet on one page of A4, as a PDF.

Guarantees: one page, whatever stands on the sheet: letters become smaller down to a size that can be read, and then
long texts become shorter, which ends them with "…". It draws text and lines only, with letters of its own: nothing is
read from the network, and no text is taken for markup. One sheet is drawn at a time, in a thread beside the loop that
answers everybody; who would wait for long is told so. A sheet has a bound, and so has the time that it takes.
"""

from __future__ import annotations

import asyncio
import io
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files
from itertools import accumulate
from typing import Final

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from services.alerts.web.review.parts import Part, Place, Sheet

_FONTS: Final = files("font_source_sans_pro") / "files"
_PLAIN: Final = "SourceSansPro-Regular"
_BOLD: Final = "SourceSansPro-Bold"
_MARGIN: Final = 28.0
_BETWEEN: Final = 14.0
_SIZES: Final = (8.2, 7.8, 7.4, 7.0, 6.6, 6.2, 5.8, 5.4)
"""In points. The last is what a leaflet in a box of medicine has."""
_LEADING: Final = 1.3
_PADDING: Final = 5.0
_LEAST_COLUMN: Final = 22.0
_ONE_LINE: Final = 20
"""Dates and figures have no more letters."""
_NEVER_CUT: Final = 150
"""The names of four drugs have no more."""
_MOST_LINES: Final = 3
_ROUNDING: Final = 0.01
_MORE_COLUMN: Final = 16.0
_BEFORE_PART: Final = 5.0
_AFTER_HEADS: Final = 1.5
_NOT_THERE: Final = "\u25ca"
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
    canvas = Canvas(buffer, pagesize=A4, invariant=True, pageCompression=1, lang=sheet.language)
    canvas.setTitle(sheet.title)
    canvas.setAuthor("Pumpwatch")
    drawable = _drawable(sheet)
    _pen_for(drawable, canvas).write(drawable)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _pen_for(sheet: Sheet, canvas: Canvas) -> _Pen:
    """With the largest letters with which all fits and nothing short is cut; or else with which all fits."""
    ruler = _Ruler()
    for lines in range(_MOST_LINES, 0, -1):
        fitting = [(size, pen) for size in _SIZES if (pen := _Pen(None, ruler, size, lines)).write(sheet) >= _MARGIN]
        if fitting:
            size = next((size for size, pen in fitting if not pen.cut_short), fitting[0][0])
            return _Pen(canvas, ruler, size, lines)
    return _Pen(canvas, ruler, _SIZES[-1], 1)


@cache
def _letters() -> frozenset[int]:
    """Load the letters once; which they have."""
    for name in (_PLAIN, _BOLD):
        with as_file(_FONTS / f"{name}.ttf") as path:
            pdfmetrics.registerFont(TTFont(name, str(path)))
    return frozenset(pdfmetrics.getFont(_PLAIN).face.charToGlyph)


def shown(text: str) -> str:
    """A text as it can be drawn: what has no letter here, or is written from right to left, is a lozenge."""
    known = _letters()
    return "".join(
        " " if each.isspace()
        else each if ord(each) in known and each.isprintable() and unicodedata.bidirectional(each) not in ("R", "AL")
        else _NOT_THERE
        for each in text
    )  # fmt: skip


def _drawable(sheet: Sheet) -> Sheet:
    """The same with texts that can be drawn, once for however many sizes are tried."""

    def each(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(shown(text) for text in texts)

    parts = (
        replace(
            part,
            title=shown(part.title),
            counts=shown(part.counts),
            heads=each(part.heads),
            rows=tuple(each(row) for row in part.rows),
            lines=each(part.lines),
        )
        for part in sheet.parts
    )
    return replace(
        sheet,
        heading=shown(sheet.heading),
        period=shown(sheet.period),
        heard=shown(sheet.heard),
        made=shown(sheet.made),
        parts=tuple(parts),
        foot=shown(sheet.foot),
    )


@dataclass(frozen=True, slots=True)
class _Box:
    """Where a part stands: its left edge and width."""

    left: float
    width: float


class _Ruler:
    """Measures texts, each once for all sizes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bool], tuple[float, ...]] = {}

    def _ends(self, text: str, *, bold: bool) -> tuple[float, ...]:
        """Where each letter of a text ends, of letters of one point."""
        found = self._known.get((text, bold))
        if found is None:
            face = pdfmetrics.getFont(_BOLD if bold else _PLAIN).face
            each = (face.charWidths.get(ord(letter), face.defaultWidth) / 1000 for letter in text)
            found = self._known[text, bold] = tuple(accumulate(each))
        return found

    def width(self, text: str, size: float, *, bold: bool) -> float:
        """How wide a text is."""
        return size * self._ends(text, bold=bold)[-1] if text else 0.0

    def cut(self, text: str, width: float, size: float, *, bold: bool) -> str:
        """As much of a text as fits, and "…" where that is not all."""
        if self.width(text, size, bold=bold) <= width + _ROUNDING:
            return text
        most = (width - self.width("…", size, bold=bold)) / size
        return f"{text[: bisect_right(self._ends(text, bold=bold), most)]}…"

    def wrapped(self, text: str, width: float, size: float, *, bold: bool) -> Iterator[str]:
        """Lines of whole words; a word may be wider than its line."""
        line, long, space = "", 0.0, self.width(" ", size, bold=bold)
        for word in text.split(" "):
            more = self.width(word, size, bold=bold)
            if line and long + space + more > width + _ROUNDING:
                yield line
                line, long = word, more
            else:
                line, long = (f"{line} {word}", long + space + more) if line else (word, more)
        yield line


class _Pen:
    """Writes from the top of the page down; without a canvas it only measures."""

    def __init__(self, canvas: Canvas | None, ruler: _Ruler, size: float, lines: int) -> None:
        self._canvas, self._ruler, self._size, self._most_lines = canvas, ruler, size, lines
        self.cut_short = False
        """Whether a date or a figure takes two lines, or a text was cut that is not long."""

    def write(self, sheet: Sheet) -> float:
        """Write all of it; returns how far above the edge of the paper it ended."""
        width, height = A4
        across = _Box(_MARGIN, width - 2 * _MARGIN)
        half = (across.width - _BETWEEN) / 2
        y = height - _MARGIN
        y = self._line(sheet.heading, across, y, self._size + 4, bold=True)
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
            left, lowest = box.left, y - self._size * _LEADING
            for text, width in zip(row, widths, strict=True):
                lowest = min(lowest, self._cell(text, _Box(left, width - _PADDING), y, bold=not index))
                left += width
            y = lowest
            if self._canvas is not None and not index:
                self._canvas.setLineWidth(0.3)
                self._canvas.line(box.left, y, box.left + box.width, y)
            y -= 0 if index else _AFTER_HEADS
        return y

    def _cell(self, text: str, box: _Box, y: float, *, bold: bool) -> float:
        lines, last = list(self._ruler.wrapped(text, box.width, self._size, bold=bold)), self._most_lines - 1
        kept = [*lines[:last], " ".join(lines[last:])][: len(lines)]
        fitting = [self._ruler.cut(line, box.width, self._size, bold=bold) for line in kept]
        is_cut, is_split = fitting != kept, len(lines) > 1
        self.cut_short |= (is_cut and len(text) <= _NEVER_CUT) or (is_split and len(text) <= _ONE_LINE)
        for line in fitting:
            self._text(line, box.left, y, bold=bold)
            y -= self._size * _LEADING
        return y

    def _widths(self, rows: Sequence[tuple[str, ...]], most: float) -> list[float]:
        widths = [
            max(self._ruler.width(row[index], self._size, bold=not place) for place, row in enumerate(rows)) + _PADDING
            for index in range(len(rows[0]))
        ]
        widths = _levelled(widths, most)
        spare = min(_MORE_COLUMN, max(0.0, most - sum(widths)) / len(widths))
        return [each + spare for each in widths]

    def _lines(self, text: str, box: _Box, y: float, size: float, *, quiet: bool = False) -> float:
        for line in self._ruler.wrapped(text, box.width, size, bold=False):
            y = self._line(line, box, y, size, quiet=quiet)
        return y

    def _line(self, text: str, box: _Box, y: float, size: float, *, bold: bool = False, quiet: bool = False) -> float:
        self._text(self._ruler.cut(text, box.width, size, bold=bold), box.left, y, size, bold=bold, quiet=quiet)
        return y - size * _LEADING

    def _text(
        self, text: str, x: float, y: float, size: float | None = None, *, bold: bool = False, quiet: bool = False
    ) -> None:
        if self._canvas is not None:
            size = size or self._size
            self._canvas.setFont(_BOLD if bold else _PLAIN, size)
            self._canvas.setFillGray(_QUIET if quiet else 0)
            self._canvas.drawString(x, y - size, text)


def _levelled(widths: Sequence[float], most: float) -> list[float]:
    """The same, if they are too much together with the widest made equally less wide."""
    left, kept = most, 0.0
    ascending = sorted(widths)
    for index, width in enumerate(ascending):
        kept = left / (len(ascending) - index)
        if width > kept:
            return [min(each, max(kept, _LEAST_COLUMN)) for each in widths]
        left -= width
    return list(widths)
