"""The language that people are spoken to in: sentences, plurals and numbers from one catalogue.

Sentences stand in English in the code, and are what the catalogue is searched for. English holds
until `use` chooses another language; the command line never does. What is written for programs
(names of classes in tables, names of layers, keys of records) never goes through here.

What is kept (a command's name in a session) and what is raised is in English, as `later` makes it:
`tr` says it in the language in use when it is shown.
"""

from __future__ import annotations

import gettext as _gettext
import string
from collections.abc import Iterable
from pathlib import Path
from typing import Any, SupportsIndex

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


class Sentence(str):
    """A sentence in English that knows its parts, so that another language can say it later.

    Made by `later` and `later_n`. It is the English text wherever a text is wanted, and the same
    after `str`; anything else that is made of it, such as its lower case, is a text alone.

    Attributes
    ----------
    one, many : str
        What the catalogue knows it by: before its values are in it, and its plural if it has one.
    number : int
        What decides between them.
    values : dict of str to object
        What stands in it, by name.
    """

    one: str
    many: str
    number: int
    values: dict[str, object]

    def __new__(cls, one: str, many: str, number: int, values: dict[str, object]) -> Sentence:
        """Write the values into the English text."""
        text = many if many and number != 1 else one
        made = super().__new__(cls, _ENGLISH.vformat(text, (), values) if values else text)
        made.one, made.many, made.number, made.values = one, many, number, values
        return made

    def __str__(self) -> str:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> tuple[Any, ...]:
        return Sentence, (self.one, self.many, self.number, self.values)

    def exchanged(self, value: object, other: object) -> Sentence:
        """Return it with another value wherever one stands in it, such as a file's short name."""
        values = {name: other if v == value else v for name, v in self.values.items()}
        return Sentence(self.one, self.many, self.number, values)

    def spoken(self) -> str:
        """Return it in the language in use, and what stands in it too."""
        catalogue = _SPOKEN.catalogue
        if self.many:
            said = catalogue.ngettext(self.one, self.many, self.number)
        else:
            said = catalogue.gettext(self.one) if self.one else ""
        return _VALUES.vformat(said, (), self.values) if self.values else said


class _Values(string.Formatter):
    """Writes values into a sentence, numbers with decimals as the language has them."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Sentence):
            value = value.spoken()
        written = str(super().format_field(value, format_spec))
        has_decimals = isinstance(value, float) or format_spec.endswith(("f", "g"))
        return decimal(written) if has_decimals else written


_VALUES, _ENGLISH = _Values(), string.Formatter()


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
        In English. With values, those stand in it by their names: ``"Cell {label}"``. What `later`
        has made needs none.
    **values : object
        What is written into it, after translation, so that every language has its own order;
        floats get its decimal sign.
    """
    if isinstance(sentence, Sentence) and not values:
        return sentence.spoken()
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


def later(sentence: str, /, **values: object) -> str:
    """Mark a sentence for the catalogue, and return it in English; `tr` translates it when shown.

    Parameters
    ----------
    sentence, **values
        As for `tr`. Values that are such sentences themselves are translated with it.
    """
    return Sentence(sentence, "", 1, values)


def later_n(one: str, many: str, number: int, /, **values: object) -> str:
    """Return a sentence with a number in English, which `tr` translates; arguments as `tr_n`'s."""
    return Sentence(one, many, number, {"n": number, **values})


def joined(sentences: Iterable[str], between: str = " ") -> str:
    """Return several sentences as one that `tr` translates part by part."""
    parts: dict[str, object] = {f"part{i}": each for i, each in enumerate(sentences)}
    return Sentence(between.join(f"{{{name}}}" for name in parts), "", 1, parts)


def decimal(figure: str) -> str:
    """Return a number that was written with a point, such as "12.5", as the language writes it."""
    return figure.replace(".", ",") if _SPOKEN.name in _WITH_COMMA else figure
