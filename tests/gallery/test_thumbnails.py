from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte.gallery.cells import CellTable, Place
from napari_leukocyte.gallery.thumbnails import (
    CONTRASTS,
    Contrast,
    Thumbnails,
    ThumbnailStyle,
    cut_thumbnail,
    extent_of,
)
from napari_leukocyte.io.images.background import WHITE, background_color
from tests.gallery.work import session

WORK = session()
CELLS = CellTable(WORK.table())
EXTENT = extent_of(WORK.table())


def cut(label: int, look: ThumbnailStyle = ThumbnailStyle()) -> NDArray[np.uint8]:  # noqa: B008 - frozen
    background = background_color(WORK.rgb)
    return cut_thumbnail(WORK.rgb, WORK.labels, CELLS[label].place, look, EXTENT, background)


def dark_share(picture: NDArray[np.uint8]) -> float:
    return float((picture[..., 1] < 150).mean())


def test_cells_stand_in_the_middle_at_one_scale() -> None:
    sizes = WORK.table()["area_px"].to_numpy()
    for label in (1, 8):
        picture = cut(label, ThumbnailStyle(64))
        assert picture.shape == (64, 64, 3)
        assert picture.flags.c_contiguous
        assert tuple(picture[32, 32]) == tuple(WORK.rgb[tuple(_centre(label))])
    # What is shown of the neighbours is none in these: the areas are those of the cells.
    assert dark_share(cut(8, ThumbnailStyle(64))) / dark_share(
        cut(1, ThumbnailStyle(64))
    ) == pytest.approx(sizes[7] / sizes[0], rel=0.1)


def _centre(label: int) -> tuple[int, int]:
    place = CELLS[label].place
    return round(place.y), round(place.x)


def test_a_large_cell_is_shown_whole() -> None:
    place = CELLS[8].place
    picture = cut_thumbnail(
        WORK.rgb, WORK.labels, place, ThumbnailStyle(50), 10.0, background_color(WORK.rgb)
    )
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert (edge[..., 1] > 150).all()


def test_beyond_the_image_is_its_background() -> None:
    rgb = np.full((30, 30, 3), (200, 190, 180), np.uint8)
    labels = np.zeros((30, 30), np.int32)
    labels[:4, :4] = 1
    rgb[:4, :4] = (90, 40, 120)
    place = Place(1, 0, 0, 4, 4, 16, 1.5, 1.5)
    picture = cut_thumbnail(rgb, labels, place, ThumbnailStyle(32), 16.0, background_color(rgb))
    assert tuple(picture[2, 2]) == (200, 190, 180)


def test_the_outline_follows_the_mask_and_can_be_left_out() -> None:
    plain, drawn = cut(4, ThumbnailStyle(96)), cut(4, ThumbnailStyle(96, outline=True))
    y, x = np.nonzero((plain != drawn).any(axis=2))
    radius = np.hypot(y - 47.5, x - 47.5)
    expected = np.sqrt(WORK.table()["area_px"][3] / np.pi) * 96 / EXTENT
    assert len(y) > 50
    assert np.median(radius) == pytest.approx(expected, abs=2)
    assert radius.std() < 2


def test_a_mask_that_has_gone_meanwhile_is_no_error() -> None:
    background = background_color(WORK.rgb)
    empty = np.zeros_like(WORK.labels)
    look = ThumbnailStyle(40, outline=True)
    picture = cut_thumbnail(WORK.rgb, empty, CELLS[3].place, look, EXTENT, background)
    assert picture.shape == (40, 40, 3)


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_contrasts(contrast: Contrast) -> None:
    plain = cut(5, ThumbnailStyle(80)).astype(int)
    other = cut(5, ThumbnailStyle(80, contrast)).astype(int)
    if contrast == "photographed":
        assert (plain == other).all()
    elif contrast == "standardised":
        assert np.abs(np.median(other[0], axis=0) - WHITE).max() <= 3  # neutral white
    else:
        assert np.ptp(other) == 255
    # The nucleus stays darker than what is around it, and its hue what it is.
    assert other[40, 40].sum() < other[0, 0].sum()
    assert other[40, 40, 1] <= other[40, 40, 0]


def test_pictures_are_kept_until_the_mask_changes() -> None:
    made: list[int] = []

    def convert(picture: NDArray[np.uint8]) -> int:
        made.append(int(picture.sum()))
        return len(made)

    kept = Thumbnails(WORK.rgb, convert)
    place, look = CELLS[2].place, ThumbnailStyle(48)
    assert kept.find(place, look, EXTENT) is None
    assert kept.cut(WORK.labels, place, look, EXTENT) == 1
    assert kept.cut(WORK.labels, place, look, EXTENT) == 1
    assert kept.find(place, look, EXTENT) == 1
    changed = place._replace(area=place.area - 1)
    assert kept.cut(WORK.labels, changed, look, EXTENT) == 2
    assert kept.cut(WORK.labels, place, ThumbnailStyle(48, outline=True), EXTENT) == 3


def test_those_not_seen_for_longest_are_dropped() -> None:
    budget = 3 * 4 * 32**2
    kept = Thumbnails(WORK.rgb, lambda picture: picture, budget=budget)
    look = ThumbnailStyle(32)
    for label in (1, 2, 3, 1, 4):
        kept.cut(WORK.labels, CELLS[label].place, look, EXTENT)
    assert len(kept) == 3
    assert kept.find(CELLS[2].place, look, EXTENT) is None
    assert kept.find(CELLS[1].place, look, EXTENT) is not None


def test_one_more_cell_leaves_the_scale() -> None:
    table = WORK.table()
    assert extent_of(table.iloc[:-1], EXTENT) == EXTENT
    assert extent_of(table.iloc[:-1]) < EXTENT
    assert extent_of(table.iloc[:2], EXTENT) < EXTENT  # quite another size
    assert extent_of(table.iloc[:0]) > 0
