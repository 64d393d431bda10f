"""Pictures on the disk: found again, told apart, bounded, and never in the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_leukocyte.gallery.cells import Place
from napari_leukocyte.gallery.stored import PictureStore, cut_pictures, picture_key
from napari_leukocyte.gallery.thumbnails import ThumbnailStyle

PLACE = Place(7, 10, 12, 30, 34, 314, 19.5, 22.5)
STYLE = ThumbnailStyle(48)


def _smooth(seed: int) -> np.ndarray:
    y, x = np.mgrid[:48, :48]
    return np.stack([200 + seed + 0 * x, 3 * x, 3 * y], axis=-1).astype(np.uint8)


def test_pictures_are_found_again_and_look_the_same(tmp_path: Path) -> None:
    store = PictureStore(tmp_path / "cache" / "pictures.sqlite")
    assert store.find(["a"]) == {}
    pictures = {"a": _smooth(0), "b": _smooth(40)}
    store.keep(pictures)
    found = PictureStore(store.path).find(["a", "b", "c"])
    assert sorted(found) == ["a", "b"]
    for key, picture in pictures.items():
        assert np.abs(found[key].astype(int) - picture).max() < 12


@pytest.mark.parametrize(
    "other",
    [
        picture_key("other", PLACE, STYLE, 60),
        picture_key("image", PLACE._replace(area=315), STYLE, 60),
        picture_key("image", PLACE, replace(STYLE, outline=True), 60),
        picture_key("image", PLACE, STYLE, 61),
    ],
)
def test_another_mask_or_style_is_another_picture(other: str) -> None:
    key = picture_key("image", PLACE, STYLE, 60)
    assert key == picture_key("image", Place(*PLACE), ThumbnailStyle(48), 60.0)
    assert other != key


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    store = PictureStore(tmp_path / "pictures.sqlite", budget=6000)
    for number in range(12):
        store.keep({str(number): _smooth(number)})
        store.find(["0"])
    left = store.find([str(n) for n in range(12)])
    assert "0" in left
    assert "11" in left
    assert len(left) < 12


def test_a_damaged_file_costs_only_its_pictures(tmp_path: Path) -> None:
    path = tmp_path / "pictures.sqlite"
    path.write_bytes(b"no database at all" * 100)
    store = PictureStore(path)
    assert store.find(["a"]) == {}
    store.keep({"a": _smooth(0)})
    assert "a" in store.find(["a"])
    path.with_name("folder").mkdir()
    PictureStore(path.with_name("folder")).keep({"a": _smooth(0)})


def test_pictures_are_cut_as_the_gallery_cuts_them() -> None:
    rgb = np.full((60, 60, 3), 230, np.uint8)
    labels = np.zeros((60, 60), np.int32)
    labels[10:30, 12:34] = 7
    rgb[labels == 7] = (90, 40, 120)
    [picture] = cut_pictures(rgb, labels, [PLACE], STYLE, 60)
    assert picture.shape == (48, 48, 3)
    assert (picture[24, 24] == (90, 40, 120)).all()
    assert (picture[1, 1] > 200).all()
