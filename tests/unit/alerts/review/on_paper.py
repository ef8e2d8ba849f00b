"""What stands on the paper of a PDF, and where."""

from __future__ import annotations

import io
import re

from pypdf import PdfReader


def text_of(content: bytes) -> str:
    [page] = PdfReader(io.BytesIO(content)).pages
    return page.extract_text()


def places_of(content: bytes) -> list[float]:
    """How far above the edge of the paper each text stands, in points."""
    found: list[float] = []
    [page] = PdfReader(io.BytesIO(content)).pages
    page.extract_text(visitor_text=lambda text, _, place, *__: found.append(place[5]) if text.strip() else None)
    return found


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)
