from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import betaincinv

from napari_leukocyte.counting.leukogram import clopper_pearson
from napari_leukocyte.counting.settings import cells_needed
from napari_leukocyte.errors import ParameterError

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
