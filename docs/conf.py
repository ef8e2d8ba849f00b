"""Documents as a site: `make docs` writes site/index.html, which needs no server and asks nobody outside for anything.

Guarantees: the pages are the Markdown files of the repository as they are; a link or an anchor that leads nowhere, and a
page that no list leads to, fails the build (`-W`). Why Sphinx: docs/decisions/0059-documents-as-a-site.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from docutils.nodes import Element
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "Pumpwatch"
author = "the owner of Pumpwatch"
extensions = ["myst_parser"]
root_doc = "docs/index"
# The source folder is the repository's, so that links between README.md, CONTRIBUTING.md and docs/ lead to the same here.
include_patterns = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/**/*.md", "tests/README.md"]
exclude_patterns = [".*", "site", "services", "schemas", "deploy", "bench"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = "Pumpwatch"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
pygments_style = "default"
pygments_dark_style = "monokai"

_CHILDREN: Final = {"docs/decisions/README": "0*", "docs/security/README": "*"}
"""Pages that list the others of their folder by hand, and which others."""
_TO_THE_SITE: Final = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=docs/index.html">\n'


def list_children(_app: Sphinx, page: str, source: list[str]) -> None:
    """Put the pages of a folder below the page that lists them, without a directive that other readers would see."""
    if page in _CHILDREN:
        source[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n\n{_CHILDREN[page]}\n```\n"


def link_to_folder(app: Sphinx, env: BuildEnvironment, node: Element, content: Element) -> Element | None:
    """A link to a folder leads to its README, where that is a page, and is text elsewhere. None: it leads nowhere."""
    folder = (env.doc2path(node["refdoc"]).parent / str(node["reftarget"])).resolve()
    if not folder.is_dir():
        return None
    page = env.path2doc(folder / "README.md")
    found: Element = make_refnode(app.builder, node["refdoc"], page, "", content) if page in env.all_docs else content
    return found


def begin_at_the_list(app: Sphinx, error: Exception | None) -> None:
    """site/index.html leads to the list of pages."""
    if error is None:
        Path(app.outdir, "index.html").write_text(_TO_THE_SITE, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls first."""
    app.connect("source-read", list_children)
    app.connect("missing-reference", link_to_folder)
    app.connect("build-finished", begin_at_the_list)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
