"""The language that people are spoken to in: sentences, plurals and numbers from one catalogue.

Sentences stand in English in the code, and are what the catalogue is searched for. English holds
until `use` chooses another language; the command line never does. What is written for programs
(names of classes in tables, names of layers, keys of records) never goes through here.
"""

from __future__ import annotations

import gettext as _gettext
import string
from pathlib import Path
from typing import Any

#: Languages, each by its own name.
LANGUAGES = {"en": "English", "ru": "Русский"}
#: Holds one of them, or "system"; it goes before the setting in Preferences.
VARIABLE = "NAPARI_LEUKOCYTE_LANGUAGE"
#: Name of the catalogues.
DOMAIN = "napari_leukocyte"
#: Folder of the catalogues, one folder for each language.
CATALOGUES = Path(__file__).parent / "locale"
# Languages that write a comma before the decimals.
_WITH_COMMA = frozenset({"ru"})


class _Spoken:
    """The language in use."""

    def __init__(self) -> None:
        self.name = "en"
        self.catalogue: _gettext.NullTranslations = _gettext.NullTranslations()


_SPOKEN = _Spoken()


class _Values(string.Formatter):
    """Writes values into a sentence, numbers with decimals as the language has them."""

    def format_field(self, value: Any, format_spec: str) -> str:
        written = str(super().format_field(value, format_spec))
        has_decimals = isinstance(value, float) or format_spec.endswith(("f", "g"))
        return decimal(written) if has_decimals else written


_VALUES = _Values()


def use(name: str) -> None:
    """Speak a language from now on.

    Parameters
    ----------
    name : str
        "en" or "ru".

    Raises
    ------
    ValueError
        If there is no such language.
    """
    if name not in LANGUAGES:
        raise ValueError(f"There is no catalogue for {name!r}, only for {', '.join(LANGUAGES)}.")
    if name == "en":
        _SPOKEN.catalogue = _gettext.NullTranslations()
    else:
        _SPOKEN.catalogue = _gettext.translation(DOMAIN, CATALOGUES, [name])
    _SPOKEN.name = name


def in_use() -> str:
    """Return the language that is spoken: "en" or "ru"."""
    return _SPOKEN.name


def tr(sentence: str, /, **values: object) -> str:
    """Return a sentence in the language in use; what has no translation stays as it is.

    Parameters
    ----------
    sentence : str
        In English. With values, those stand in it by their names: ``"Cell {label}"``.
    **values : object
        What is written into it, after translation, so that every language has its own order;
        floats get its decimal sign.
    """
    said = _SPOKEN.catalogue.gettext(sentence) if sentence else ""
    return _VALUES.vformat(said, (), values) if values else said


def tr_n(one: str, many: str, number: int, /, **values: object) -> str:
    """Return a sentence with a number, in the form that the number asks for.

    Parameters
    ----------
    one, many : str
        In English, for 1 and for other numbers; the number itself is ``{n}``.
    number : int
        What decides the form.
    **values : object
        Further values, as for `tr`.
    """
    said = _SPOKEN.catalogue.ngettext(one, many, number)
    return _VALUES.vformat(said, (), {"n": number, **values})


def later(sentence: str) -> str:
    """Mark a sentence for the catalogue that is translated where it is shown; return it."""
    return sentence


def decimal(figure: str) -> str:
    """Return a number that was written with a point, such as "12.5", as the language writes it."""
    return figure.replace(".", ",") if _SPOKEN.name in _WITH_COMMA else figure
