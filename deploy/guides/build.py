"""Write `docs/alerts.md`, the guide for whoever answers an alert, from the catalogue that the board shows.

python -m deploy.guides.build            write the file
python -m deploy.guides.build --check    fail when it is not what the code says
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.generated import write_or_check
from schemas.parts.subject import Subject
from schemas.policy import Policy
from services.alerts.guidance.catalogue import GUIDES
from services.alerts.guidance.thresholds import thresholds_of

FOLDER: Final = Path(__file__).parents[2] / "docs"
_NAME: Final = "alerts.md"
_INTRODUCTION: Final = """\
# Alerts: what each means and what to do

For the nurse and the physician who answer. The page of an alert on the board says the same, with your clinic's own
steps first (`what_to_do` of its policy), the pictures of what it rests on, and the thresholds that your clinic has
set; here stand the defaults.

**Your clinic's procedures come before this list.** It says what to find out and whom to reach, and is no clinical
advice. Numbers in brackets are sources of [domain.md](domain.md). Pumpwatch is not a medical device, and never the
only alarm: it sees what devices upload, when they upload it.

Where a pump holds a drug that is dangerous to stop (baclofen, unless the policy says otherwise), every alert is one
step more urgent; where the therapy may have stopped, do not wait for symptoms.
"""


def document() -> str:
    """The text of the guide."""
    return "\n".join((_INTRODUCTION, *(line for subject in Subject for line in _of(subject))))


def _of(subject: Subject) -> Iterator[str]:
    guide = GUIDES[subject]
    yield f"## {guide.title}\n"
    yield f"{guide.means} (`{subject.value}`)\n"
    yield "What to do:\n"
    yield from (f"{number}. {step}" for number, step in enumerate(guide.steps, 1))
    yield "\nWhat Pumpwatch cannot see:\n"
    yield from (f"- {each}" for each in guide.cannot_see)
    thresholds = thresholds_of(subject, Policy())
    if thresholds:
        yield "\n| judged by | setting | source |\n| --- | --- | --- |"
        yield from (f"| {each.words} | `{each.path}` | {each.source} |" for each in thresholds)
    yield ""


def drifted(folder: Path = FOLDER) -> tuple[str, ...]:
    """Name the file if it is not what the code says."""
    path = folder / _NAME
    return () if path.is_file() and path.read_text(encoding="utf-8") == document() else (_NAME,)


def main(arguments: list[str]) -> int:
    """Write the file, or check it."""
    return write_or_check(
        arguments, FOLDER, lambda: {_NAME: document()}, drifted, shown="docs", command="python -m deploy.guides.build"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
