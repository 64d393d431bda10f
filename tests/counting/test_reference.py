from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.counting.leukogram import ADDED, assess, count, flag
from napari_leukocyte.counting.reference import (
    DACIE_AND_LEWIS,
    FILE_NAME,
    SHIPPED,
    Range,
    ReferenceRanges,
    delete_ranges,
    find_ranges,
    list_ranges,
    save_ranges,
)
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.user_files import config_folder
from napari_leukocyte.io.validation import parse
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

OWN = ReferenceRanges("Ward 3", "120 donors", {"monocyte": Range(1, 9)}, {"basophil": Range(0.01)})

ends = st.floats(0, 100)


@given(st.tuples(ends, ends, ends).map(sorted), ends, ends)
def test_flags_only_an_interval_that_lies_wholly_outside(
    interval: list[float], a: float, b: float
) -> None:
    low, _, high = interval
    usual = Range(min(a, b), max(a, b))
    points = np.linspace(low, high, 50)
    inside = ((points >= usual.low) & (points <= usual.high)).any()
    said = flag(low, high, usual)
    if inside:
        assert said == ""
    assert (said == "low") == (high < usual.low)
    assert (said == "high") == (low > usual.high)
    assert flag(low, high, None) == ""


def test_flags_and_absolute_counts_of_a_leukogram() -> None:
    table = pd.DataFrame({"class": ["neutrophil"] * 30 + ["eosinophil"] * 30 + ["artefact"] * 3})
    leukogram = count(table)
    plain = assess(leukogram)
    pd.testing.assert_frame_equal(plain[list(leukogram)], leukogram)
    assert list(plain)[-len(ADDED) :] == list(ADDED)
    assert (plain["flag"] == "").all()
    assert plain["absolute"].isna().all()
    known = assess(leukogram, DACIE_AND_LEWIS, 20.0).set_index("class")
    # Half of 60 cells: 36.8 to 63.2 %, which reaches into the neutrophils' 40 to 80 %.
    assert known["flag"].to_dict() == {
        "neutrophil": "",
        "eosinophil": "high",
        "basophil": "",
        "lymphocyte": "low",
        "monocyte": "",  # none, but up to 6 % could have been missed
        "artefact": "",
    }
    np.testing.assert_allclose(
        known.loc["neutrophil", ["absolute", "absolute_low", "absolute_high"]].astype(float),
        [10, 20 * 0.3681, 20 * 0.6319],
        atol=1e-2,
    )
    assert known["absolute_flag"][["neutrophil", "eosinophil"]].tolist() == ["high", "high"]
    assert known["absolute"].isna().tolist() == [False] * 5 + [True]
    nothing = assess(count(table.iloc[:0]), DACIE_AND_LEWIS, 5.0)
    assert (nothing["flag"] == "").all()
    assert (nothing["absolute_flag"] == "").all()
    with pytest.raises(ParameterError, match="above 0"):
        assess(leukogram, None, 0.0)


def test_shipped_ranges_name_their_source_and_the_five() -> None:
    assert set(DACIE_AND_LEWIS.percent) == set(LEUKOCYTE_NAMES)
    for ranges in SHIPPED:
        assert set(ranges.absolute) == set(LEUKOCYTE_NAMES)
        assert any(year in ranges.source for year in ("1970", "2011"))
        assert parse(ReferenceRanges, json.loads(json.dumps(ranges.to_dict()))) == ranges
    assert str(DACIE_AND_LEWIS.percent["neutrophil"]) == "40 – 80"
    assert str(DACIE_AND_LEWIS.percent["basophil"]) == "≤ 2"
    assert str(Range(3)) == "≥ 3"


def test_own_ranges_are_kept_replaced_and_deleted() -> None:
    assert list_ranges() == SHIPPED
    save_ranges(OWN)
    assert find_ranges("Ward 3") == OWN
    assert find_ranges("Ward 3").absolute["basophil"].high == math.inf
    other = ReferenceRanges("Ward 3", "200 donors")
    save_ranges(other)
    save_ranges(ReferenceRanges("Ward 1", "x"))
    assert [r.name for r in list_ranges()[len(SHIPPED) :]] == ["Ward 1", "Ward 3"]
    assert find_ranges("Ward 3") == other
    delete_ranges("Ward 3")
    with pytest.raises(ParameterError, match="no reference ranges 'Ward 3'"):
        find_ranges("Ward 3")
    with pytest.raises(ParameterError, match="of your own"):
        delete_ranges(DACIE_AND_LEWIS.name)
    with pytest.raises(ParameterError, match="come with the plugin"):
        save_ranges(ReferenceRanges(DACIE_AND_LEWIS.name, "mine"))


@pytest.mark.parametrize(
    ("low", "high"), [(-1, 2), (3, 2), (math.nan, 1), (0, math.nan), (math.inf, 1)]
)
def test_refuses_what_is_no_range(low: float, high: float) -> None:
    with pytest.raises(ParameterError, match="reference range"):
        Range(low, high)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": " "}, "need a name"),
        ({"source": ""}, "come from"),
        ({"source": 3}, r"\[0\].source must be text, not 3"),
        ({"percent": {"monocyte": [0, 101]}}, "beyond 100 %"),
        ({"percent": {"monocyte": [5]}}, "monocyte must be two ends"),
        ({"percent": {"monocyte": ["1", 2]}}, "must be a number, not '1'"),
        ({"percent": [1]}, "percent must be names with values"),
        ({"absolute": {"monocyte": [2, 1]}}, "must start at 0"),
    ],
)
def test_a_damaged_file_is_one_sentence(change: dict[str, Any], message: str) -> None:
    save_ranges(OWN)
    file = config_folder() / FILE_NAME
    data = json.loads(file.read_text("utf-8"))
    data["ranges"][0] |= change
    file.write_text(json.dumps(data), "utf-8")
    with pytest.raises(ParameterError, match=message) as error:
        list_ranges()
    assert str(error.value).startswith(str(file))
    assert find_ranges(DACIE_AND_LEWIS.name) == DACIE_AND_LEWIS
