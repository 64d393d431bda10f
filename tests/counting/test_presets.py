from __future__ import annotations

import pandas as pd
import pytest

from napari_leukocyte.counting.leukogram import assess, count
from napari_leukocyte.counting.own_classes import own_class
from napari_leukocyte.counting.presets import (
    EXTENDED,
    FILE_NAME,
    FIVE_PART,
    PRESETS,
    SUM_TITLES,
    ClassPreset,
    assess_sums,
    offered,
    preset_in_use,
    recall_preset,
    remember_preset,
    sums,
)
from napari_leukocyte.counting.reference import DACIE_AND_LEWIS
from napari_leukocyte.counting.settings import DifferentialSettings, default_counted, not_counted
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.user_files import config_folder
from napari_leukocyte.vocabulary import CLASSES, FINER, ORDERED, PARTS, abbreviate


def cells(**counts: int) -> pd.DataFrame:
    names = [name.replace("_", " ") for name, n in counts.items() for _ in range(n)]
    return pd.DataFrame({"class": pd.Series(names, dtype="str")})


@pytest.mark.parametrize("preset", PRESETS)
def test_no_two_classes_of_a_preset_overlap_or_share_a_key(preset: ClassPreset) -> None:
    names = {c.name for c in preset.classes}
    assert all(not names & set(parts) for head, parts in PARTS.items() if head in names - _WHOLE)
    keys = [c.key for c in preset.classes]
    assert all(keys)
    assert len({*keys}) == len(keys)
    assert len({abbreviate(name) for name in names}) == len(names)


#: A lymphocyte that is not reactive is no undivided one.
_WHOLE = {"lymphocyte"}


def test_every_class_of_the_model_has_its_place() -> None:
    assert {c.name for c in ORDERED} >= {c.name for c in (*CLASSES, *FINER)}
    extended = {c.name for c in EXTENDED.classes}
    for each in CLASSES:
        assert each.name in extended or set(PARTS[each.name]) <= extended
    assert set(SUM_TITLES) == set(PARTS)


def test_the_preset_is_remembered_and_decides_what_counts_by_default() -> None:
    assert recall_preset() is FIVE_PART
    assert "band neutrophil" not in default_counted()
    remember_preset(EXTENDED)
    assert preset_in_use() is EXTENDED
    assert {"band neutrophil", "blast", "plasma cell"} <= set(DifferentialSettings().counted)
    assert not {"artefact", "platelet", "erythroblast"} & set(default_counted())
    assert {"platelet", "artefact"} <= not_counted()
    file = config_folder() / FILE_NAME
    file.write_text('{"schema": 1, "preset": "six-part"}')
    with pytest.raises(ParameterError, match=r"preset\.json: .* not 'six-part'"):
        recall_preset()
    assert preset_in_use() is FIVE_PART


def test_what_the_user_says_of_a_class_stands_over_the_preset() -> None:
    own = (
        own_class("blast", "#123456", "", counted=False),
        own_class("hairy cell", "#654321", "d"),
    )
    found = offered(EXTENDED, own)
    assert [c for c in found if c.name == "blast"] == [own[0]]
    assert next(c for c in found if c.name == "band neutrophil").key == ""
    assert found[-1] == own[1]
    assert len(found) == len(EXTENDED.classes) + 1


def test_sums_hold_what_is_divided_and_what_is_not_yet() -> None:
    leukogram = count(
        cells(
            neutrophil=10, segmented_neutrophil=40, band_neutrophil=10, lymphocyte=39, myelocyte=1
        )
    )
    assert set(leukogram["total"]) == {100}
    found = sums(leukogram).set_index("class")
    assert list(found.index) == ["neutrophil", "immature granulocyte"]
    # Exact limits of 60 of 100, from a table of the binomial distribution.
    assert found.loc[["neutrophil"], ["count", "percent"]].to_numpy()[0].tolist() == [60, 60.0]
    assert found.loc[["neutrophil"], ["ci_low", "ci_high"]].to_numpy()[0].tolist() == pytest.approx(
        [49.7, 69.7], abs=0.05
    )
    assert sums(count(cells(neutrophil=5))).empty
    # Artefacts do not count, and have no share.
    assert sums(count(cells(neutrophil=5, artefact=3))).empty


def test_ranges_of_neutrophils_are_those_of_all_of_them() -> None:
    leukogram = count(cells(neutrophil=2, segmented_neutrophil=60, lymphocyte=38))
    plain = assess(leukogram, DACIE_AND_LEWIS, 6.0).set_index("class")
    assert plain.loc[["neutrophil"], ["flag", "absolute_flag"]].to_numpy()[0].tolist() == ["", ""]
    added = assess_sums(leukogram, DACIE_AND_LEWIS, 6.0).set_index("class")
    assert added.loc["neutrophil", "flag"] == ""
    assert added.loc["neutrophil", "absolute"] == pytest.approx(3.72)
    few = count(cells(segmented_neutrophil=5, lymphocyte=95))
    assert assess_sums(few, DACIE_AND_LEWIS).set_index("class").loc["neutrophil", "flag"] == "low"
