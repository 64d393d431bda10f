"""The catalogues have every sentence that people are shown, and the window shows none past them."""

from __future__ import annotations

import ast
import gettext
import re
import string
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog, Message

from napari_leukocyte.language import CATALOGUES, DOMAIN, LANGUAGES
from translation.__main__ import path_of, read_catalogue
from translation.extract import (
    PACKAGE,
    WINDOW,
    WITH_VALUES,
    called,
    docstrings,
    is_sentence,
    make_catalogue,
    texts_of,
)

OTHERS = sorted(set(LANGUAGES) - {"en"})
#: What Qt and napari show as it is given to them: a text in one of these must be translated there.
#: The builders of `ui.build` are not among them, since they translate.
SHOWING = frozenset(
    re.findall(
        r"\w+",
        """
    __init__ QAction QCheckBox QLabel QPushButton QTableWidgetItem addAction addButton addItem
    addMenu addTab drawText getExistingDirectory getOpenFileName getOpenFileNames
    getSaveFileName question setAccessibleDescription setAccessibleName setFormat
    setInformativeText setItemText setPlaceholderText setPrefix setSpecialValueText
    setStatusTip setSuffix setTabText setTabToolTip setText setTitle setToolTip
    setWindowTitle show_error show_info show_warning
    """,
    )
)
#: Texts with values that are for programs: names of layers, settings, files and kinds; and those
#: that hold only a class, a number or a mark beside their values.
FOR_PROGRAMS = re.compile(
    r"leukocytes'$|objects'$|candidates'$|bbox_|napari_leukocyte\.ui|\.svg'|\.html'|^f'tool_"
    r"|^f'can_|_text'$|_size'$|_shape'$|^f'val_|_now'$|^f'F\{|why \{|data:image|QToolButton|href="
    r"|^f'Flag: |unusable: | model \{model\.name\}: |API_NAME|VARIABLE|qtbase_|<h3>napari"
)
_MARKUP = re.compile(r"<[^<>]*>|<[^<>]*$|^[^<>]*>|&\w+;|\bpx\b|\bn =")


@pytest.fixture(scope="module")
def sentences() -> Catalog:
    return make_catalogue()


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_translated(sentences: Catalog, language: str) -> None:
    known = read_catalogue(path_of(language), language)
    missing, faulty = [], []
    for message in sentences:
        if not message.id:
            continue
        found = known.get(_key(message))
        if found is None or found.fuzzy or not all(_strings(found)):
            missing.append(message.id)
        elif any(_values(text) != _values(_key(message)) for text in _strings(found)):
            faulty.append(message.id)
    assert not missing, "run: python -m translation, then translate these"
    assert not faulty, "these have other values in the translation"


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_translated_that_is_not_shown(sentences: Catalog, language: str) -> None:
    shown = {_key(message) for message in sentences}
    known = read_catalogue(path_of(language), language)
    assert {_key(message) for message in known if message.id} <= shown


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_catalogue_is_that_of_the_text(language: str) -> None:
    known = read_catalogue(path_of(language), language)
    spoken = gettext.translation(DOMAIN, CATALOGUES, [language])
    for message in known:
        if not message.id:
            continue
        if isinstance(message.id, (tuple, list)):
            one, many = message.id
            shown = {spoken.ngettext(one, many, number) for number in range(200)}
            assert shown == set(_strings(message)), message.id
        else:
            assert spoken.gettext(str(message.id)) == message.string, message.id


def test_the_window_shows_no_text_past_the_catalogue() -> None:
    found = [f"{place}: {text}" for place, text in _past_the_catalogue()]
    assert not found, "give these to tr, or to the builders of ui.build"


def test_errors_have_their_values_beside_the_sentence() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if not path.relative_to(PACKAGE).as_posix().startswith(WITH_VALUES):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            error = node.exc if isinstance(node, ast.Raise) else None
            if isinstance(error, ast.Call) and called(error) not in ("ValueError", "OSError"):
                said = [a for a in error.args if isinstance(a, ast.JoinedStr)]
                found += [f"{path.name}:{each.lineno}" for each in said]
    assert not found, "raise these as ErrorOfSomeKind('… {value} …', value=value)"


def _past_the_catalogue() -> Iterator[tuple[str, str]]:
    """List the texts that a window shows as they are: literals, and f-strings with words."""
    for path in sorted(WINDOW.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        ignored = docstrings(tree)
        for node in ast.walk(tree):
            place = f"{path.relative_to(WINDOW)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call) and called(node) in SHOWING:
                for argument in node.args:
                    yield from ((place, t) for t in texts_of(argument) if is_sentence(t))
            elif isinstance(node, ast.JoinedStr) and node not in ignored:
                text = ast.unparse(node)
                if _has_words(node) and not FOR_PROGRAMS.search(text):
                    yield place, text


def _has_words(node: ast.JoinedStr) -> bool:
    texts = (str(v.value) for v in node.values if isinstance(v, ast.Constant))
    return any(re.search(r"[A-Za-z]{2}", _MARKUP.sub("", text)) for text in texts)


def _key(message: Message) -> str:
    return str(message.id[0] if isinstance(message.id, (tuple, list)) else message.id)


def _strings(message: Message) -> tuple[str, ...]:
    string_ = message.string
    return tuple(string_) if isinstance(string_, (tuple, list)) else (str(string_),)


def _values(text: str) -> set[tuple[str, str]]:
    """Return names and formats of the values; a number in words may be left out of any form."""
    parts = string.Formatter().parse(text) if "{" in text and "%" not in text[:2] else ()
    return {(name, spec or "") for _, name, spec, _ in parts if name and name != "n"}
