"""The documents build as a site that needs nobody else: no link leads nowhere, and nothing is fetched from outside."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.prose import ROOT_FOLDER

pytestmark = pytest.mark.long

OPTIONS = ["-c", "docs", "-b", "html", "-W", "--keep-going", "-n", "-q"]
_FETCHED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="((?:https?:)?//[^"]*)""")
_FETCHED_BY_STYLE = re.compile(r"""(?:url\(|@import )["']?((?:https?:)?//[^"')]*)""")


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """As `make docs` does."""
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *OPTIONS, str(source), str(site)],
        cwd=source, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT_FOLDER, folder)
    assert (built.returncode, built.stderr) == (0, "")
    return folder


def test_each_page_is_there_and_is_found_by_its_words(site: Path) -> None:
    pages = [*ROOT_FOLDER.glob("docs/**/*.md"), *(ROOT_FOLDER / f"{name}.md" for name in ("README", "CONTRIBUTING"))]
    for page in pages:
        assert (site / page.relative_to(ROOT_FOLDER).with_suffix(".html")).is_file(), page
    assert "url=docs/index.html" in (site / "index.html").read_text()
    index = (site / "searchindex.js").read_text()  # a script, so that the search works from a file
    assert index.startswith("Search.setIndex(")
    assert '"baclofen"' in index or "baclofen:" in index


def test_nothing_is_fetched_from_anywhere_else(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert _FETCHED.findall(page.read_text()) == [], page
    for style in site.rglob("*.css"):
        assert _FETCHED_BY_STYLE.findall(style.read_text()) == [], style


def test_a_link_and_an_anchor_that_lead_nowhere_fail(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "docs" / "static").mkdir(parents=True)
    (source / "docs" / "conf.py").write_text((ROOT_FOLDER / "docs" / "conf.py").read_text())
    (source / "docs" / "static" / "site.css").write_text("")
    (source / "docs" / "other.md").write_text("# Other\n\n## A part\n\n[there](#a-part)\n")
    begin = "# Begin\n\n```{toctree}\nother\n```\n\n[there](other.md#a-part)\n"
    index = source / "docs" / "index.md"
    index.write_text(begin)
    built = build(source, tmp_path / "right")
    assert (built.returncode, built.stderr) == (0, "")
    index.write_text(f"{begin}\n[lost](gone.md), [lost](other.md#no-part), [lost](no-folder/)\n")
    built = build(source, tmp_path / "wrong")
    assert built.returncode != 0
    assert [word in built.stderr for word in ("gone.md", "no-part", "no-folder")] == [True] * 3
