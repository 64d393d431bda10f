from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import betaincinv

from napari_leukocyte.counting.leukogram import DEFAULT_COUNTED, clopper_pearson
from napari_leukocyte.counting.own_classes import FILE_NAME as CLASSES_FILE
from napari_leukocyte.counting.own_classes import own_class, save_own_classes
from napari_leukocyte.counting.settings import (
    FILE_NAME,
    DifferentialSettings,
    cells_needed,
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


counts = st.integers(1, 120).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
MOST = 300


def limits(found: float, total: float) -> tuple[float, float]:
    """Return the Clopper-Pearson limits, also of parts of cells."""
    low = betaincinv(found, total - found + 1, 0.025) if found else 0.0
    high = betaincinv(found + 1, total - found, 0.975) if found < total else 1.0
    return float(low), float(high)


@given(counts, st.integers(0, 100))
@example((0, 50), 5)
@example((100, 100), 95)
@example((5, 100), 5)
@example((3, 7), 0)
@example((3, 7), 100)
def test_is_the_first_number_whose_interval_excludes_the_share(
    found_of: tuple[int, int], percent: int
) -> None:
    found, total = found_of
    share = percent / 100
    needed = cells_needed(found, total, share, most=MOST)
    expected = None
    for more in range(MOST + 1):
        low, high = limits((total + more) * found / total, total + more)
        if not low <= share <= high:
            expected = more
            break
    if 100 * found == percent * total:
        expected = None
    # Where a limit meets the share but for rounding, one cell more or less is as right.
    assert needed == expected or (
        needed is not None and expected is not None and abs(needed - expected) <= 1
    )


@given(counts, st.integers(1, 99), st.integers(1, 8))
def test_agrees_with_the_leukogram_where_cells_are_whole(
    found_of: tuple[int, int], percent: int, times: int
) -> None:
    found, total = found_of
    share = percent / 100
    needed = cells_needed(found, total, share, most=1000)
    # So many more cells at the same share are whole ones.
    low, high = clopper_pearson(times * found, times * total)
    excluded = not low <= share <= high
    more = (times - 1) * total
    if excluded and 100 * found != percent * total and more <= 1000:
        assert needed is not None
        assert needed <= more
    if not excluded and needed is not None:
        assert needed > more


def test_a_known_case() -> None:
    # 8 of 100 has limits of 3.5 to 15.2 %; at 259 cells the lower one passes 5 %.
    assert cells_needed(8, 100, 0.05) == 159
    assert limits(258 * 0.08, 258)[0] < 0.05 < limits(259 * 0.08, 259)[0]
    assert cells_needed(20, 100, 0.05) == 0
    assert cells_needed(0, 0, 0.05) is None
    assert cells_needed(8, 100, 0.08) is None
    assert cells_needed(8, 100, 0.081) is None


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_refuses_what_is_no_share(share: float) -> None:
    with pytest.raises(ParameterError, match="from 0 to 100 %"):
        cells_needed(1, 10, share)
