"""Bring the catalogues (services/texts/locale/) to what code and templates say; what is translated stays so.

python -m deploy.texts.build            take texts out of the code into each catalogue; new ones wait there for words
python -m deploy.texts.build --check    fail where a catalogue lacks a text or a translation, or one does not fit, and
                                        where a part that is in the catalogue says something that is not (rooms.py)
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from deploy.texts import literals, rooms
from schemas.parts.languages import Language
from services.alerts.guidance.catalogue import GUIDES
from services.texts.catalogue import faults_of, path_of
from services.texts.model import fits

ROOT: Final = Path(__file__).parents[2]
TEMPLATES: Final = ROOT / "services/alerts/web/board/templates"
_FOLDERS: Final = ("services/alerts", "services/people", "services/texts")
_KEYWORDS: Final = {"say": None, "_": None, "gettext": None, "ngettext": (1, 2)}
_OF_TEMPLATES: Final = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
_HEADER: Final = """\
# What Pumpwatch says, in another language. Made by `python -m deploy.texts.build`: translate what is empty, and change
# no English text here. %(name)s is a value: each must stand in the translation, too.
"""


def extracted() -> Catalog:
    """Every text that code and templates say through a catalogue."""
    catalogue = Catalog(fuzzy=False)
    for folder in _FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for text in literals.texts_of_module(path.read_text(encoding="utf-8")):
                catalogue.add(text)
    for guide in GUIDES.values():
        for text in (guide.title, guide.means, *guide.steps, *guide.cannot_see):
            catalogue.add(text)
    for path in sorted(TEMPLATES.rglob("*.html")):
        method = "jinja2.ext:babel_extract"
        for _, found, _, _ in extract_from_file(method, path, keywords=_KEYWORDS, options=_OF_TEMPLATES):
            catalogue.add(found)
    return catalogue


def brought_up(language: Language, template: Catalog) -> bytes:
    """The file of a language as it should be, with what is translated already."""
    path, known = path_of(language), Catalog(locale=language.value)
    if path.is_file():
        with path.open("rb") as file:
            known = read_po(file, locale=language.value)
    catalogue = Catalog(locale=language.value, fuzzy=False, header_comment=_HEADER)
    catalogue.mime_headers = [("Content-Type", "text/plain; charset=utf-8"), ("Plural-Forms", known.plural_forms)]
    for message in template:
        if message.id:
            found = known.get(message.id if isinstance(message.id, str) else message.id[0])
            same = found is not None and found.id == message.id
            added = catalogue.add(message.id, found.string if same and found else None)
            if same and found and found.fuzzy:
                added.flags.add("fuzzy")
    written = io.BytesIO()
    write_po(written, catalogue, width=0, no_location=True, sort_output=True, omit_header=True)
    head = f'{_HEADER}msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    head += f'"Language: {language.value}\\n"\n"Plural-Forms: {known.plural_forms}\\n"\n\n'
    return head.encode() + written.getvalue()


def faults() -> Iterator[str]:
    """What is wrong with the catalogues, and with what should be in them."""
    template = extracted()
    for message in template:
        for text in (message.id,) if isinstance(message.id, str) else message.id:
            if text and not fits(text, text):
                yield f"{text[:80]!r}: a sign of per cent stands for itself as %%, and for a value as %(name)s"
    for language in Language:
        if language is Language.ENGLISH:
            continue
        path = path_of(language)
        name = path.relative_to(ROOT)
        if not path.is_file() or path.read_bytes() != brought_up(language, template):
            yield f"{name}: is not what the code says: run `python -m deploy.texts.build`, translate, and commit"
            continue
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language.value)
        for message in catalogue:
            if message.id and (fault := faults_of(message)):
                yield f"{name}: {_shown(message.id)} {fault}"
    yield from rooms.faults(ROOT, TEMPLATES)
    for path in (TEMPLATES / each for each in sorted(rooms.TEMPLATES_DONE)):
        yield from (f"{path.relative_to(ROOT)}: {each}" for each in literals.of_template(path.read_text("utf-8")))
    for path in (ROOT / each for each in sorted(rooms.MODULES_DONE)):
        found = literals.of_module(path.read_text("utf-8"), rooms.no_text_in(path.relative_to(ROOT).as_posix()))
        yield from (f"{path.relative_to(ROOT)}: {each}" for each in found)


def _shown(text: object) -> str:
    return repr((text if isinstance(text, str) else str(text))[:80])


def main(arguments: list[str]) -> int:
    """Write the catalogues, or check them."""
    if arguments == ["--check"]:
        found = list(faults())
        sys.stderr.writelines(f"{each}\n" for each in found)
        return 1 if found else 0
    template = extracted()
    for language in Language:
        if language is not Language.ENGLISH:
            path = path_of(language)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(brought_up(language, template))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
