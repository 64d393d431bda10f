from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from napari_leukocyte.counting.leukogram import (
    COLUMNS,
    clopper_pearson,
    count,
    erythroblasts_per_100,
    is_counted,
)
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES, UNIDENTIFIED


def cells(**counts: int) -> pd.DataFrame:
    return pd.DataFrame({"class": [name for name, n in counts.items() for _ in range(n)]})


@given(st.integers(0, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_limits_are_scipys(found_of: tuple[int, int]) -> None:
    found, total = found_of
    limits = clopper_pearson(found, total)
    if total == 0:
        assert limits == (0, 1)
    else:
        expected = binomtest(found, total).proportion_ci(0.95, method="exact")
        np.testing.assert_allclose(limits, (expected.low, expected.high), atol=1e-9)


@pytest.mark.parametrize(
    ("found", "total", "low", "high"),
    [
        # The tables of Rumke for differential counts of 100 and 200 cells, in percent.
        (0, 100, 0, 4),
        (1, 100, 0, 6),
        (5, 100, 1, 12),
        (10, 100, 4, 18),
        (50, 100, 39, 61),
        (60, 100, 49, 70),
        (100, 100, 96, 100),
        (2, 200, 0, 4),
        (100, 200, 42, 58),
    ],
)
def test_limits_are_those_of_the_published_tables(
    found: int, total: int, low: float, high: float
) -> None:
    limits = 100 * np.array(clopper_pearson(found, total))
    # The tables are in whole percents, rounded outward or to the nearest.
    assert low - 0.5 <= limits[0] <= low + 1
    assert high - 1 <= limits[1] <= high + 0.5


@pytest.mark.parametrize("total", [1, 2, 7, 30, 100])
def test_limits_hold_the_true_share_often_enough(total: int) -> None:
    limits = np.array([clopper_pearson(found, total) for found in range(total + 1)])
    for share in np.linspace(0.001, 0.999, 333):
        holds = (limits[:, 0] <= share) & (share <= limits[:, 1])
        assert binom.pmf(np.flatnonzero(holds), total, share).sum() >= 0.95 - 1e-9


def test_leukogram_of_a_hundred_cells() -> None:
    table = cells(lymphocyte=30, neutrophil=60, eosinophil=3, monocyte=7)
    result = count(table.sample(frac=1, random_state=0))
    assert tuple(result.columns) == COLUMNS
    assert result["class"].tolist() == list(LEUKOCYTE_NAMES)
    assert result["count"].tolist() == [60, 3, 0, 30, 7]
    np.testing.assert_allclose(result["percent"], [60, 3, 0, 30, 7])
    assert (result["total"] == 100).all()
    assert (
        (result["ci_low"] <= result["percent"]) & (result["percent"] <= result["ci_high"])
    ).all()
    neutrophils = result.iloc[0]
    np.testing.assert_allclose(
        [neutrophils["ci_low"], neutrophils["ci_high"]], [49.72, 69.67], atol=0.01
    )


def test_others_are_listed_but_not_in_the_total() -> None:
    table = cells(neutrophil=3, artefact=2, basophil=1)
    table.loc[len(table)] = UNIDENTIFIED.name
    table.loc[len(table)] = None
    table.loc[len(table)] = np.nan
    result = count(table)
    assert result["class"].tolist() == [*LEUKOCYTE_NAMES, "artefact", "unidentified"]
    assert result["count"].tolist() == [3, 0, 1, 0, 0, 2, 1]
    assert result["total"].tolist() == [4] * 7
    assert result.iloc[5:][["percent", "ci_low", "ci_high"]].isna().all(axis=None)
    assert result["percent"][:5].sum() == 100


@pytest.mark.parametrize("kind", ["str", "object", "category", "float"])
def test_nothing_counted_says_nothing(kind: str) -> None:
    result = count(pd.DataFrame({"class": pd.Series([], dtype=kind)}))
    assert result["class"].tolist() == list(LEUKOCYTE_NAMES)
    assert (result["count"] == 0).all()
    assert result["percent"].isna().all()
    assert (result["ci_low"] == 0).all()
    assert (result["ci_high"] == 100).all()
    assert result.dtypes[["count", "total"]].tolist() == [np.int64] * 2


def test_unused_categories_are_no_classes() -> None:
    categories = pd.Categorical(["monocyte"], categories=["monocyte", "smudge cell", "basophil"])
    result = count(pd.DataFrame({"class": categories}))
    assert result["class"].tolist() == list(LEUKOCYTE_NAMES)
    assert result["count"].sum() == 1


def test_table_without_classes_is_an_error_of_the_caller() -> None:
    with pytest.raises(KeyError):
        count(pd.DataFrame({"label": [1]}))


def test_further_leukocytes_count_and_erythroblasts_do_not() -> None:
    table = pd.DataFrame(
        {
            "class": ["neutrophil"] * 6
            + ["immature granulocyte"] * 2
            + ["erythroblast", "smudge cell", "hairy cell", "artefact"]
        }
    )
    result = count(table)
    others = ["erythroblast", "smudge cell", "artefact", "hairy cell"]
    assert result["class"].tolist() == [*LEUKOCYTE_NAMES, "immature granulocyte", *others]
    assert (result["total"] == 8).all()
    assert result["percent"][:6].tolist() == [75, 0, 0, 0, 0, 25]
    assert is_counted(result).tolist() == [True] * 6 + [False] * 4
    # Whoever counts decides, also against the five; a class of the user's own may count.
    result = count(table, ["neutrophil", "hairy cell", "erythroblast"])
    assert result["class"].tolist() == [
        *(*LEUKOCYTE_NAMES, "erythroblast", "hairy cell"),
        *("immature granulocyte", "smudge cell", "artefact"),
    ]
    assert (result["total"] == 8).all()
    assert is_counted(result).tolist() == [True] + [False] * 4 + [True] * 2 + [False] * 3
    assert count(table, [])["percent"].isna().all()


def test_erythroblasts_are_given_to_a_hundred_leukocytes() -> None:
    table = cells(neutrophil=150, lymphocyte=50, erythroblast=30, artefact=9)
    found = erythroblasts_per_100(table)
    assert (found.count, found.leukocytes, found.per_100) == (30, 200, 15)
    # Limits of 30 of 230, 8.98 to 18.09 %, as parts of the rest.
    assert found.ci_low == pytest.approx(100 * 0.0898 / 0.9102, abs=0.02)
    assert found.ci_high == pytest.approx(100 * 0.1809 / 0.8191, abs=0.02)
    # They are no leukocytes even if someone counts them in the differential.
    counted = (*LEUKOCYTE_NAMES, "erythroblast")
    assert erythroblasts_per_100(table, counted) == found
    nothing = erythroblasts_per_100(table.iloc[:0])
    assert np.isnan(nothing.per_100)
    assert (nothing.ci_low, nothing.ci_high) == (0, np.inf)


@given(st.integers(0, 300), st.integers(1, 300))
def test_limits_of_erythroblasts_hold_what_was_found(found: int, leukocytes: int) -> None:
    result = erythroblasts_per_100(cells(monocyte=leukocytes, erythroblast=found))
    assert result.ci_low <= result.per_100 <= result.ci_high
    # The limits are those of the share among both, brought to the other scale and back.
    shares = [x / (100 + x) for x in (result.ci_low, result.ci_high)]
    np.testing.assert_allclose(shares, clopper_pearson(found, found + leukocytes), atol=1e-9)
