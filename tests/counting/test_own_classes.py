from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from napari_leukocyte.counting.own_classes import (
    FILE_NAME,
    load_own_classes,
    own_class,
    save_own_classes,
)
from napari_leukocyte.errors import OutputError, ParameterError
from napari_leukocyte.io.user_files import config_folder
from napari_leukocyte.vocabulary import CellClass

BLAST = CellClass("blast", "#123ABC", "q")


def test_own_classes_are_tidied_and_kept() -> None:
    assert load_own_classes() == ()
    saved = save_own_classes([CellClass("  Plasma   Cell ", "#00ff00", "", False), BLAST])
    assert saved == (CellClass("plasma cell", "#00FF00", "", False), BLAST)
    assert load_own_classes() == saved
    assert json.loads((config_folder() / FILE_NAME).read_text("utf-8"))["schema"] == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "  "}, "needs a name"),
        ({"name": "x" * 41}, "at most 40"),
        ({"name": "=1+1"}, "begins with a letter"),
        ({"name": "<b>"}, "begins with a letter"),
        ({"name": "a\0b"}, "begins with a letter"),
        ({"name": "Neutrophil"}, "There is a class 'neutrophil' already"),
        ({"name": "unclassified"}, "is reserved"),
        ({"name": 3}, "must be texts"),
        ({"color": "red"}, "like #56B4E9"),
        ({"color": "#12345"}, "like #56B4E9"),
        ({"key": "1"}, "from a to z"),
        ({"key": "qq"}, "from a to z"),
        ({"key": "N"}, "that of the class 'neutrophil'"),
        ({"counted": 1}, "true or false"),
    ],
)
def test_refuses_in_one_sentence(values: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"name": "blast", "color": "#123abc", "key": "q", "counted": True}
    assert own_class(**good) == BLAST
    with pytest.raises(ParameterError, match=message):
        own_class(**good | values)


@pytest.mark.parametrize(
    "second", [CellClass("Blast", "#000000", ""), CellClass("x", "#000000", "q")]
)
def test_two_of_a_name_or_key_are_not_saved(second: CellClass) -> None:
    save_own_classes([BLAST])
    with pytest.raises(ParameterError, match="blast"):
        save_own_classes([BLAST, second])
    assert load_own_classes() == (BLAST,)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({}, "a list of classes"),
        ([3], "a list of classes"),
        ([{"name": "blast"}], "needs a name and a colour"),
        ([{"name": "blast", "color": "#000000", "code": "x"}], "needs a name and a colour"),
        ([{"name": "blast", "color": None}], "must be texts"),
    ],
)
def test_a_damaged_file_is_one_sentence(classes: object, message: str) -> None:
    file = config_folder() / FILE_NAME
    file.write_text(json.dumps({"schema": 1, "classes": classes}), "utf-8")
    with pytest.raises(ParameterError, match=message) as error:
        load_own_classes()
    assert str(error.value).startswith(str(file))


def test_a_folder_that_can_not_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NAPARI_LEUKOCYTE_CONFIG", str(tmp_path / "file" / "below"))
    with pytest.raises(OutputError, match="can't be written"):
        save_own_classes([BLAST])
