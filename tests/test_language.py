"""Sentences, plurals and numbers in each language."""

from __future__ import annotations

import pickle

import pytest

from napari_leukocyte import language, vocabulary
from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.language import joined, later, later_n, tr, tr_n


def test_english_is_as_it_is_written() -> None:
    assert tr("Cell {label}: {said}", label=3, said="{x}") == "Cell 3: {x}"
    assert tr("100 % {of course}") == "100 % {of course}"
    assert tr_n("{n} cell", "{n} cells", 1) == "1 cell"
    assert tr("{seconds:.1f} s", seconds=1.25) == "1.2 s"
    assert language.decimal("1.5 – 2") == "1.5 – 2"
    assert tr("") == ""


def test_russian_has_three_plurals_and_a_comma(russian: None) -> None:
    said = [tr_n("{n} cell", "{n} cells", n) for n in (1, 2, 5, 11, 21, 104)]
    assert said == ["1 клетка", "2 клетки", "5 клеток", "11 клеток", "21 клетка", "104 клетки"]
    assert tr("{seconds:.1f} s", seconds=1.25) == "1,2 с"
    assert language.decimal("1.5 – 2") == "1,5 – 2"
    assert tr("No such sentence.") == "No such sentence."
    assert tr("") == ""
    assert language.in_use() == "ru"


def test_classes_have_their_russian_names(russian: None) -> None:
    assert vocabulary.written("band neutrophil") == "Палочкоядерный нейтрофил"
    assert vocabulary.abbreviate("band neutrophil") == "П/Я"
    assert vocabulary.letters("band neutrophil") == "BND"
    assert vocabulary.tr_count(2, "basophil") == "2 базофила"
    assert vocabulary.plural("erythroblast") == "эритробласты (нормобласты)"
    # A class of the user's has no plural that is known.
    assert vocabulary.tr_count(2, "атипичный бласт") == "Атипичный бласт: 2"


def test_a_language_without_a_catalogue_is_refused() -> None:
    with pytest.raises(ValueError, match="'tlh'"):
        language.use("tlh")


def test_a_sentence_that_is_kept_is_english_until_it_is_shown(russian: None) -> None:
    kept = later("Undo “{what}”", what=later("Classify {cells}", cells=_cells(2)))
    assert f"{kept}" == str(kept) == "Undo “Classify 2 cells”"
    for each in (kept, pickle.loads(pickle.dumps(kept))):  # noqa: S301 - made here
        assert tr(each) == "Отменить «Классифицировать: 2 клетки»"
    assert tr(joined(["a.png", _cells(5)], ": ")) == "a.png: 5 клеток"
    assert tr(later("No such sentence.")) == "No such sentence."


def test_an_error_is_english_but_where_it_is_shown(russian: None) -> None:
    error = ParameterError("There is no object {n}.", n=3)
    for each in (error, pickle.loads(pickle.dumps(error))):  # noqa: S301 - made here
        assert str(each) == "There is no object 3."
        assert tr(str(each)) == "Объекта 3 нет."
    again = LeukocyteError("{path}: {reason}", path="{x}", reason=str(error))
    assert (str(again), tr(str(again))) == (
        "{x}: There is no object 3.",
        "{x}: Объекта 3 нет.",
    )
    assert str(ParameterError("Of {braces} alone.")) == "Of {braces} alone."


def _cells(number: int) -> str:
    return later_n("{n} cell", "{n} cells", number)
