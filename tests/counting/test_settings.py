from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from napari_leukocyte.counting.leukogram import DEFAULT_COUNTED
from napari_leukocyte.counting.own_classes import FILE_NAME as CLASSES_FILE
from napari_leukocyte.counting.own_classes import own_class, save_own_classes
from napari_leukocyte.counting.settings import (
    FILE_NAME,
    DifferentialSettings,
    default_counted,
    not_counted,
    recall_settings,
    remember_settings,
    with_own_classes,
)
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.user_files import config_folder
from napari_leukocyte.vocabulary import GROUPS, LEUKOCYTE_NAMES


def test_default_counts_leukocytes_but_no_erythroblasts() -> None:
    settings = DifferentialSettings()
    leukocytes = (*LEUKOCYTE_NAMES, "immature granulocyte")
    assert settings.counted == (*leukocytes, *(g.name for g in GROUPS)) == DEFAULT_COUNTED


def test_default_knows_the_own_classes() -> None:
    blast, ghost = own_class("hairy cell", "#123456"), own_class("ghost", "#654321", counted=False)
    save_own_classes([blast, ghost])
    assert DifferentialSettings().counted == (*DEFAULT_COUNTED, "hairy cell") == default_counted()
    assert DifferentialSettings.from_dict({}).counted == default_counted()
    assert not_counted() >= {"ghost", "artefact", "erythroblast"}
    assert not not_counted() & {"hairy cell", "monocyte", "a class of some model"}
    assert not_counted(["monocyte"]) >= {"hairy cell", "neutrophil"}
    (config_folder() / CLASSES_FILE).write_text("{")
    assert DifferentialSettings().counted == DEFAULT_COUNTED


def test_follows_the_own_classes() -> None:
    blast, ghost = own_class("hairy cell", "#123456"), own_class("ghost", "#654321", counted=False)
    settings = with_own_classes(DifferentialSettings(), (), (blast, ghost))
    assert settings.counted == (*DEFAULT_COUNTED, "hairy cell")
    # What the user says elsewhere stands, and cells of a class that is gone are still counted.
    unticked = DifferentialSettings()
    assert with_own_classes(unticked, (blast,), (blast, ghost)) == unticked
    assert with_own_classes(settings, (blast, ghost), ()) == settings
    now = (replace(blast, counted=False), replace(ghost, counted=True))
    assert "ghost" in with_own_classes(settings, (blast, ghost), now).counted
    assert "hairy cell" not in with_own_classes(settings, (blast, ghost), now).counted


def test_survives_json_and_sorts_classes() -> None:
    settings = DifferentialSettings(("my class", "monocyte", "neutrophil"), 200, 6.5, "x")
    assert settings.counted == ("neutrophil", "monocyte", "my class")
    assert DifferentialSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    assert DifferentialSettings.from_dict({}) == DifferentialSettings()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"counted": []}, "At least one class"),
        ({"counted": "monocyte"}, "counted must be a list"),
        ({"counted": [3]}, r"counted\[0\] must be text"),
        ({"target": 150}, "100, 200, 400 or 500"),
        ({"target": True}, "100, 200, 400 or 500"),
        ({"target": "100"}, "100, 200, 400 or 500"),
        ({"leukocytes": 0}, "above 0"),
        ({"leukocytes": -4.0}, "above 0"),
        ({"leukocytes": float("nan")}, "finite number"),
        ({"leukocytes": "7"}, "a number"),
        ({"reference": 5}, "reference must be text"),
        ({"reader": "A"}, "there is no 'reader': known are counted,"),
    ],
)
def test_refuses_in_one_sentence(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        DifferentialSettings.from_dict(values)


def test_habits_are_remembered_without_the_patients_total() -> None:
    assert recall_settings() == DifferentialSettings()
    remember_settings(DifferentialSettings(target=400, leukocytes=3.0, reference="x"))
    assert recall_settings() == DifferentialSettings(target=400, reference="x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not whole JSON"),
        ("[]", "must hold a JSON object"),
        ('{"schema": 9, "differential": {}}', "layout version 9"),
        ('{"schema": 1, "differential": []}', "must be names with values"),
        ('{"schema": 1, "differential": {"target": 7}}', "100, 200, 400 or 500"),
        ('{"schema": 1, "differential": {"leukocytes": NaN}}', "holds NaN"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_a_damaged_file_is_one_sentence(text: str, message: str) -> None:
    file = config_folder() / FILE_NAME
    file.write_text(text, "utf-8")
    with pytest.raises(ParameterError, match=message) as error:
        recall_settings()
    assert str(error.value).startswith(str(file))


def test_a_folder_in_the_way_is_one_sentence() -> None:
    (config_folder() / FILE_NAME).mkdir()
    with pytest.raises(ParameterError, match="can't be read"):
        recall_settings()
