from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import napari_leukocyte as nl
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.segmentation.editing.splitting import split_by_line
from napari_leukocyte.segmentation.editing.whole_cells import REACH, add_at, delete, merge
from tests.segmentation.editing.drawing import (
    Labels,
    cells,
    check_others,
    discs,
    jaccard,
    label_images,
    numbers_of,
    pieces,
)

ROOT = Path(__file__).parents[3]
#: Value of BCCD's masks half way between background and cytoplasm.
CYTOPLASM = 81
SHAPE = (200, 200)


def soft(labels: Labels, height: float) -> NDArray[np.float32]:
    """Return a map that shows objects weakly."""
    blurred = cv2.GaussianBlur((labels > 0).astype(np.float32), (0, 0), 4)
    return np.asarray(height * blurred, np.float32)


@pytest.mark.parametrize("height", [1.0, 0.45, 0.2, 0.1])
@pytest.mark.parametrize("radius", [12, 20, 60])
def test_a_weak_cell_grows_from_one_click(height: float, radius: int) -> None:
    truth = discs((400, 400), (200, 200, radius))
    empty = np.zeros_like(truth)
    added = add_at(empty, (200 + radius // 2, 195), soft(truth, height), None, 2 * radius)
    assert added.changed == (1,)
    assert jaccard(added.labels == 1, truth == 1) > 0.85
    assert pieces(added.labels, 1) == 1


def test_others_lose_nothing() -> None:
    truth = discs(SHAPE, (100, 80, 25), (100, 120, 25))
    there = np.where(truth == 2, np.int32(2), np.int32(0))
    added = add_at(there, (100, 75), soft(truth, 0.4), None, 50, next_label=7)
    assert numbers_of(added.labels) == [2, 7]
    check_others(there, added.labels, {7})
    assert jaccard(added.labels == 7, truth == 1) > 0.85


def test_two_cells_that_run_together_are_told_apart_by_a_higher_threshold() -> None:
    truth = discs(SHAPE, (100, 60, 25), (100, 130, 25))
    probability = soft(truth, 0.95)
    probability[90:110, 60:200] = np.maximum(probability[90:110, 60:200], 0.6)  # leaves the window
    added = add_at(np.zeros(SHAPE, np.int32), (100, 60), probability, None, 50)
    assert jaccard(added.labels == 1, truth == 1) > 0.65


def test_the_stain_serves_where_the_map_says_nothing() -> None:
    truth = discs(SHAPE, (100, 100, 25))
    nucleus = discs(SHAPE, (104, 100, 15)) > 0
    rgb = np.full((*SHAPE, 3), (235, 225, 220), np.uint8)
    rgb[truth > 0] = (190, 170, 210)
    rgb[nucleus] = (90, 40, 130)
    for probability in (None, np.zeros(SHAPE, np.float32)):
        added = add_at(np.zeros(SHAPE, np.int32), (90, 90), probability, rgb, 50)
        assert jaccard(added.labels == 1, truth == 1) > 0.9


@pytest.mark.parametrize(
    ("point", "sentence"),
    [
        ((100, 100), "Nothing of a cell's size"),
        ((40, 40), "There is cell 1 already"),
        ((-3, 40), "inside the image"),
        ((40, 200), "inside the image"),
        ((np.nan, 40), "numbers"),
        ((1, 2, 3), "numbers"),
    ],
)
def test_what_cannot_be_added_is_said(point: tuple[float, ...], sentence: str) -> None:
    labels = discs(SHAPE, (40, 40, 20))
    image = np.full((*SHAPE, 3), 230, np.uint8)
    with pytest.raises(ParameterError, match=sentence):
        add_at(labels, point, np.zeros(SHAPE, np.float32), image, 40)


@pytest.mark.parametrize("diameter", [0, -4, np.inf, np.nan])
def test_a_diameter_is_needed(diameter: float) -> None:
    with pytest.raises(ParameterError, match="diameter"):
        add_at(np.zeros(SHAPE, np.int32), (5, 5), None, None, diameter)


@given(
    labels=cells(),
    y=st.integers(0, 59),
    x=st.integers(0, 59),
    diameter=st.floats(0.5, 50),
    seed=st.integers(0, 99),
)
def test_what_is_added_is_one_piece_of_background_near_the_click(
    labels: Labels, y: int, x: int, diameter: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    blurred = cv2.GaussianBlur(rng.random(labels.shape, np.float32), (0, 0), 2)
    probability = np.asarray((blurred - blurred.min()) / max(np.ptp(blurred), 1e-6), np.float32)
    rgb = rng.integers(0, 256, (*labels.shape, 3), np.uint8)
    y, x = y % labels.shape[0], x % labels.shape[1]
    try:
        added = add_at(labels, (y, x), probability, rgb, diameter)
    except ParameterError:
        return
    [number] = added.changed
    check_others(labels, added.labels, {number})
    new = added.labels == number
    assert not labels[new].any()
    assert pieces(added.labels, number) == 1
    rows, columns = np.nonzero(new)
    assert max(abs(rows - y).max(), abs(columns - x).max()) <= REACH * diameter + 1


# -- real photographs ---------------------------------------------------------------------


class Photograph(NamedTuple):
    rgb: NDArray[np.uint8]
    probability: NDArray[np.float32]
    labels: Labels
    truth: NDArray[np.bool_]
    diameter: float


@pytest.fixture(scope="module")
def photographs(data_root: Path) -> list[Photograph]:
    """Return held-out fields of BCCD, each with the mask of its leukocyte."""
    split = json.loads((ROOT / "training" / "splits" / "bccd.json").read_text(encoding="utf-8"))
    found = []
    for name in split["test"][2::9][:4]:
        mask_name = f"BloodImage_Mask_{Path(name).stem[-5:]}.png"
        gray = cv2.imread(str(data_root / "bccd" / "masks" / mask_name), cv2.IMREAD_GRAYSCALE)
        assert gray is not None
        _, numbered, figures, _ = cv2.connectedComponentsWithStats(
            (np.asarray(gray) >= CYTOPLASM).astype(np.uint8)
        )
        truth = numbered == 1 + int(figures[1:, cv2.CC_STAT_AREA].argmax())
        rgb = nl_rgb(read_image(data_root / name))
        maps = nl.segment_members(rgb)
        probability = maps.combine()
        labels = nl.postprocess(probability, diameter=maps.diameter)
        found.append(Photograph(rgb, probability, labels, truth, maps.diameter))
    return found


def nl_rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(image[..., :3])


def test_real_cells_come_back_with_one_click(photographs: list[Photograph]) -> None:
    weak, stain = [], []
    for photo in photographs:
        hit = [n for n in np.unique(photo.labels[photo.truth]).tolist() if n > 0]
        erased = delete(photo.labels, hit).labels
        y, x = np.nonzero(photo.truth)
        click = (y.mean(), x.mean())
        # As the segmentation had it.
        added = add_at(erased, click, photo.probability, photo.rgb, photo.diameter)
        was = np.isin(photo.labels, hit)
        assert jaccard(added.labels == added.changed[0], was) > 0.9
        # With a map in which it was missed, and with no map.
        missed = 0.35 * photo.probability
        added = add_at(erased, click, missed, photo.rgb, photo.diameter)
        weak.append(jaccard(added.labels == added.changed[0], photo.truth))
        added = add_at(erased, click, None, photo.rgb, photo.diameter)
        stain.append(jaccard(added.labels == added.changed[0], photo.truth))
    assert min(weak) > 0.75
    assert np.mean(weak) > 0.85
    assert np.median(stain) > 0.45


def test_real_cells_that_touch_are_cut_apart(photographs: list[Photograph]) -> None:
    for photo in photographs:
        y, x = np.nonzero(photo.truth)
        cell = photo.truth[y.min() : y.max() + 1, x.min() : x.max() + 1]
        height, width = cell.shape
        # The same cell twice, side by side, as one object; they overlap a little.
        overlap = width // 12
        pair = np.zeros((height + 20, 2 * width - overlap + 20), np.int32)
        first = np.zeros(pair.shape, bool)
        first[10 : 10 + height, 10 : 10 + width] = cell
        second = np.zeros(pair.shape, bool)
        second[10 : 10 + height, -10 - width : -10] = cell[:, ::-1]
        pair[first | second] = 3
        middle = pair.shape[1] / 2
        cut = split_by_line(pair, [(-5, middle), (height + 30, middle)])
        assert len(cut.changed) == 2
        for n in cut.changed:
            mask = cut.labels == n
            assert max(jaccard(mask, first), jaccard(mask, second)) > 0.9
        np.testing.assert_array_equal(merge(cut.labels, cut.changed).labels, pair)


def test_touching_cells_become_one_with_the_smallest_number() -> None:
    labels = discs((80, 160), (40, 40, 20), (40, 75, 20), (40, 130, 15))
    merged = merge(labels, [2, 1])
    assert (merged.changed, merged.removed) == ((1,), (2,))
    np.testing.assert_array_equal(merged.labels == 1, np.isin(labels, (1, 2)))
    check_others(labels, merged.labels, {1, 2})


@pytest.mark.parametrize("gap", [1, 3, 6])
def test_a_small_gap_is_bridged_and_only_the_gap(gap: int) -> None:
    labels = discs((80, 160), (40, 40, 20), (40, 81 + gap, 20))
    merged = merge(labels, [1, 2])
    bridge = (merged.labels == 1) & (labels == 0)
    assert pieces(merged.labels, 1) == 1
    assert bridge[40, 61 : 61 + gap].all()
    y, x = np.nonzero(bridge)
    assert 60 - 6 <= x.min() <= x.max() <= 61 + gap + 6
    assert y.max() - y.min() >= 3  # no thread
    assert np.count_nonzero(bridge) < 0.25 * np.count_nonzero(labels == 1)


def test_a_chain_is_joined_link_by_link() -> None:
    labels = discs((60, 200), (30, 20, 15), (30, 110, 15), (30, 65, 25), (30, 155, 25))
    labels[:, 37:39] = labels[:, 92:94] = labels[:, 127:129] = 0
    merged = merge(labels, [4, 1, 2, 3])
    assert numbers_of(merged.labels) == [1]
    assert pieces(merged.labels, 1) == 1


def test_cells_far_apart_are_refused() -> None:
    labels = discs((80, 400), (40, 40, 20), (40, 100, 20), (40, 300, 20))
    for numbers in ([1, 2], [1, 3]):
        with pytest.raises(ParameterError, match="too far apart"):
            merge(labels, numbers)


def test_a_cell_between_is_never_touched() -> None:
    labels = discs((80, 160), (40, 40, 20), (40, 84, 20))
    labels[:, 61:64] = 3
    with pytest.raises(ParameterError, match="lies between"):
        merge(labels, [1, 2])
    labels[38:42, 61:64] = 0
    merged = merge(labels, [1, 2])
    check_others(labels, merged.labels, {1, 2})
    assert pieces(merged.labels, 1) == 1


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [([], "two cells"), ([1], "two cells"), ([1, 1], "two cells"), ([1, 7], "no cell 7"),
     ([0, 1], "no cell 0"), ([1, -2], "no cell -2"), ([1, 1 << 40], "no cell")],
)  # fmt: skip
def test_what_cannot_be_merged_is_said(numbers: list[int], sentence: str) -> None:
    with pytest.raises(ParameterError, match=sentence):
        merge(discs((80, 160), (40, 40, 20), (40, 84, 20)), numbers)


@given(labels=label_images, data=st.data())
def test_merging_takes_background_only(labels: Labels, data: st.DataObject) -> None:
    known = numbers_of(labels)
    if len(known) < 2:
        return
    numbers = data.draw(st.lists(st.sampled_from(known), min_size=2, unique=True))
    before = {n: pieces(labels, n) for n in numbers}
    try:
        merged = merge(labels, numbers)
    except ParameterError:
        return
    kept = min(numbers)
    assert numbers_of(merged.labels) == sorted(set(known) - set(numbers) | {kept})
    check_others(labels, merged.labels, set(numbers))
    assert (merged.labels[np.isin(labels, numbers)] == kept).all()
    # The pieces of one object are not joined with each other, but with the others.
    assert pieces(merged.labels, kept) <= 1 + sum(n - 1 for n in before.values())


@given(labels=label_images, data=st.data())
def test_deleting_removes_that_and_no_more(labels: Labels, data: st.DataObject) -> None:
    known = numbers_of(labels)
    if not known:
        with pytest.raises(ParameterError):
            delete(labels, [1])
        return
    numbers = data.draw(st.lists(st.sampled_from(known), min_size=1))
    deleted = delete(labels, numbers)
    np.testing.assert_array_equal(deleted.labels, np.where(np.isin(labels, numbers), 0, labels))
    assert deleted.removed == tuple(sorted(set(numbers)))


def test_deleting_nothing_is_refused() -> None:
    with pytest.raises(ParameterError, match="No cell is selected"):
        delete(np.ones((3, 3), np.int32), [])


def test_what_was_cut_can_be_merged_again() -> None:
    labels = discs((80, 160), (40, 40, 20), (40, 100, 20))
    cut = split_by_line(labels, [(0, 36), (79, 50)])
    np.testing.assert_array_equal(merge(cut.labels, cut.changed).labels, labels)
