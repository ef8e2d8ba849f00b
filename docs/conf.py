"""Documents as a site: `make docs` writes site/index.html, which needs no server and asks nobody outside for anything.

Guarantees: the pages are the Markdown files of the repository as they are; a link or an anchor that leads nowhere, and
a page that no list leads to, fails the build (`-W`). Why Sphinx: docs/decisions/0059-documents-as-a-site.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pygments.lexers.special import TextLexer
from sphinx.addnodes import pending_xref

if TYPE_CHECKING:
    from docutils.nodes import document
    from sphinx.application import Sphinx

project = "Pumpwatch"
author = "the owner of Pumpwatch"
extensions = ["myst_parser"]
root_doc = "docs/index"
# The source folder is the repository's, so that links between README.md and docs/ lead to the same here.
include_patterns = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/**.md", "tests/README.md"]
exclude_patterns = [".*", "site", "services", "schemas", "deploy", "bench"]
myst_heading_anchors = 4
highlight_language = "text"

html_theme = "furo"
html_title = "Pumpwatch"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = False  # it would fetch each page that is found, which a browser refuses to do from files
pygments_style = "default"
pygments_dark_style = "monokai"

_CHILDREN: Final = {"docs/decisions/README": "0*", "docs/security/README": "*"}
"""Pages that list the others of their folder by hand, and which others."""
_TO_THE_SITE: Final = '<!doctype html><meta http-equiv="refresh" content="0; url=docs/index.html">\n'


def list_children(_app: Sphinx, page: str, source: list[str]) -> None:
    """Put the pages of a folder below the page that lists them, without a directive that other readers would see."""
    if page in _CHILDREN:
        source[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n\n{_CHILDREN[page]}\n```\n"


def link_to_folders(app: Sphinx, doctree: document) -> None:
    """A link to a folder leads to its README, where that is a page, and is text elsewhere."""
    here = app.env.doc2path(app.env.docname).parent
    for link in list(doctree.findall(pending_xref)):
        folder = (here / str(link["reftarget"])).resolve()
        if link["reftype"] != "myst" or not folder.is_dir():
            continue
        page = app.env.path2doc(folder / "README.md")
        if page in app.env.found_docs:
            link.attributes.update(refdomain="doc", reftarget=page, reftargetid=None)
        else:
            link.replace_self(link.children)


def begin_at_the_list(app: Sphinx, error: Exception | None) -> None:
    """site/index.html leads to the list of pages."""
    if error is None:
        Path(app.outdir, "index.html").write_text(_TO_THE_SITE, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls first."""
    app.connect("source-read", list_children)
    app.connect("doctree-read", link_to_folders)
    app.add_lexer("hl7", TextLexer)  # Pygments knows none
    app.connect("build-finished", begin_at_the_list)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
