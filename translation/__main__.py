"""Bring the catalogues up to date with the source: ``python -m translation [LANGUAGE ...]``.

New sentences come into each catalogue without a translation, changed ones are marked as fuzzy,
and what is no longer shown goes. Then every catalogue is compiled. A language without a catalogue
gets one.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from napari_leukocyte.language import CATALOGUES, DOMAIN
from translation.extract import make_catalogue

# A date that stays, or each update would change files in which nothing else has changed.
_DATE = datetime(2026, 1, 1, tzinfo=UTC)


def path_of(language: str) -> Path:
    """Return the catalogue of a language as text."""
    return CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_catalogue(path: Path, language: str) -> Catalog:
    """Read a catalogue; an empty one if there is none yet."""
    if not path.exists():
        return Catalog(locale=language, project="napari-leukocyte", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(path: Path, language: str) -> Catalog:
    """Bring a catalogue up to date, and compile it."""
    catalogue = read_catalogue(path, language)
    catalogue.update(make_catalogue(), update_creation_date=False)
    catalogue.obsolete.clear()
    catalogue.creation_date = catalogue.revision_date = _DATE
    catalogue.header_comment = f"# What napari-leukocyte shows people, in the language {language}."
    catalogue.fuzzy = False
    catalogue.version = catalogue.msgid_bugs_address = ""
    catalogue.last_translator = catalogue.language_team = "napari-leukocyte developers"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=100, include_lineno=False, ignore_obsolete=True)
    path.with_suffix(".mo").write_bytes(compiled(path, language))
    return catalogue


def compiled(path: Path, language: str) -> bytes:
    """Return a catalogue as gettext reads it."""
    made = io.BytesIO()
    write_mo(made, read_catalogue(path, language))
    return made.getvalue()


def main() -> int:
    """Bring the named catalogues up to date, or all that there are."""
    languages = sys.argv[1:] or sorted(p.parents[1].name for p in CATALOGUES.glob("*/*/*.po"))
    for language in languages:
        catalogue = update(path_of(language), language)
        open_ = [m for m in catalogue if m.id and (m.fuzzy or not _translated(m.string))]
        print(f"{language}: {len(catalogue)} sentences, {len(open_)} without a translation")
    return 0


def _translated(string: object) -> bool:
    return all(string) if isinstance(string, (tuple, list)) else bool(string)


if __name__ == "__main__":
    sys.exit(main())
