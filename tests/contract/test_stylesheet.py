"""The stylesheet is whole: a block that is not closed would hide every rule below it, and no page would say so."""

from __future__ import annotations

import re
from itertools import accumulate
from pathlib import Path

import pytest

from services.alerts.web.board.views import STATIC

SHEETS = sorted(STATIC.glob("*.css"))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_every_block_is_closed_before_the_next_part_begins(sheet: Path) -> None:
    text = re.sub(r"/\*.*?\*/", lambda found: "\n" * found[0].count("\n"), sheet.read_text(), flags=re.DOTALL)
    lines = text.splitlines()
    depths = list(accumulate((line.count("{") - line.count("}") for line in lines), initial=0))
    open_at = [number for number, line in enumerate(lines, 1) if line[:1] not in ("", " ", "}") and depths[number - 1]]
    assert open_at == [], "a rule that begins its line stands in no other"
    assert depths[-1] == 0
