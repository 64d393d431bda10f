"""Views of any size carry a truth that fits what they show."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.augment import Appearance, AppearanceParams
from training.data.photograph import Photograph
from training.networks.finder import LARGEST, SMALLEST, STRIDE
from training.size_batches import Scene, SizeBatches, ViewParams, frame, read_scene

SIDE = 96
PLAIN = AppearanceParams(plain_share=1.0)


def _photograph(folder: Path, radius: int, dataset: str = "bccd") -> Photograph:
    image = np.full((160, 200, 3), 230, np.uint8)
    mask = np.zeros((160, 200), np.uint8)
    if radius:
        cv2.circle(image, (90, 80), radius, (90, 40, 110), -1)
        cv2.circle(mask, (90, 80), radius, 255, -1)
    folder.mkdir(parents=True, exist_ok=True)
    names = folder / f"{dataset}{radius}.png", folder / f"{dataset}{radius}-mask.png"
    cv2.imwrite(str(names[0]), image)
    cv2.imwrite(str(names[1]), mask)
    empty = dataset == "chula_rbc"
    return Photograph(dataset, names[0].name, names[0], None if empty else names[1], None)  # type: ignore[arg-type]


def _batches(photographs: list[Photograph], **shares: float) -> SizeBatches:
    none = {"pasted": 0.0, "framed": 0.0, "restained": 0.0, "stretch": 0.0} | shares
    return SizeBatches(photographs, SIDE, 4, 2, 1, ViewParams(**none), PLAIN)


def _views(batches: SizeBatches, n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(3)
    look = Appearance(PLAIN, 1)
    return [batches.view(rng, look) for _ in range(n)]


def test_a_scene_knows_its_cell(tmp_path: Path) -> None:
    scene = read_scene(_photograph(tmp_path, 20))
    assert isinstance(scene, Scene)
    assert scene.typical == pytest.approx(40, abs=1.5)
    assert scene.centres[0] == pytest.approx((90, 80), abs=1)
    y, x = np.unravel_index(int(scene.heat.argmax()), scene.heat.shape)
    assert abs(int(y) - 80) <= 1
    assert abs(int(x) - 90) <= 1
    assert read_scene(_photograph(tmp_path, 0)) is None


def test_a_cell_that_the_border_cuts_has_its_whole_size(tmp_path: Path) -> None:
    photograph = _photograph(tmp_path, 30)
    for path in (photograph.image, photograph.mask):
        assert path is not None
        pixels = np.asarray(cv2.imread(str(path)))
        cv2.imwrite(str(path), pixels[:, 90:])  # the right half is left
    scene = read_scene(photograph)
    assert scene is not None
    assert scene.typical == pytest.approx(60, rel=0.1)


def test_the_truth_lies_on_the_dark_cell_and_tells_its_size(tmp_path: Path) -> None:
    for image, truth in _views(_batches([_photograph(tmp_path, 20)]), 12):
        assert image.shape == (SIDE, SIDE, 3)
        assert truth.shape == (SIDE // STRIDE, SIDE // STRIDE, 3)
        inside = truth[..., 0] > 0.9
        if not inside.any():
            continue
        small = cv2.resize(image, inside.shape[::-1], interpolation=cv2.INTER_AREA)
        assert small[inside].mean() < 130
        # Where the photograph ends, grey may follow; of the rest, what is no cell is light.
        size = 2.0 ** truth[inside][:, 2]
        assert (size > 0.7 * SMALLEST).all()
        assert (size < 1.4 * LARGEST).all()
        whole = cv2.connectedComponentsWithStats((truth[..., 0] > 0.5).astype(np.uint8))[2][1:]
        for x, y, width, height, area in whole:
            edge = min(x, y) == 0 or max(x + width, y + height) == SIDE // STRIDE
            if not edge and area > 12:
                drawn = STRIDE * np.sqrt(4 * area / np.pi)
                told = 2.0 ** np.median(
                    truth[y : y + height, x : x + width, 2][
                        truth[y : y + height, x : x + width, 0] > 0.9
                    ]
                )
                assert drawn == pytest.approx(told, rel=0.3)


def test_fields_without_leukocytes_have_an_empty_truth_unless_one_is_pasted(tmp_path: Path) -> None:
    empty = _photograph(tmp_path, 0, "chula_rbc")
    assert all(not t[..., :2].any() for _, t in _views(_batches([empty]), 5))
    both = _batches([empty, _photograph(tmp_path, 20)], pasted=1.0)
    assert sum(bool(t[..., 0].any()) for _, t in _views(both, 20)) > 14


def test_nothing_is_to_be_found_behind_a_frame() -> None:
    for seed in range(12):
        image = np.full((64, 80, 3), 120, np.uint8)
        hidden = frame(image, np.random.default_rng(seed))
        assert (image[~hidden] == 120).all()
        assert not (image[hidden] == 120).all(axis=-1).any()


def test_an_epoch_repeats_and_the_next_one_differs(tmp_path: Path) -> None:
    photographs = [_photograph(tmp_path, 20), _photograph(tmp_path, 0, "chula_rbc")]
    first, again = _batches(photographs), _batches(photographs)
    np.testing.assert_array_equal(first[1][0], again[1][0])
    again.on_epoch_end()
    assert (first[1][0] != again[1][0]).any()
