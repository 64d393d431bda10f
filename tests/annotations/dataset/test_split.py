from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.annotations.dataset.export import export
from napari_leukocyte.annotations.dataset.export_state import ExportSettings
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.dataset.sources import fields_of_files
from napari_leukocyte.annotations.dataset.split import (
    Fingerprint,
    SplitMember,
    fingerprint,
    near_duplicates,
    place,
    side_of,
)
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.images.reading import read_image
from tests.analysis.smear.fields import make_folder
from tests.annotations.dataset.worked import work_on

PRINTS = st.integers(0, 30).map(lambda n: Fingerprint((f"{(1 << (8 * n)) - 1:064x}",)))
PHOTOGRAPHS = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from("abcdefgh"), PRINTS),
    unique_by=lambda p: p[0],
    max_size=20,
)


def _split_member(
    some: list[tuple[int, str, Fingerprint]], sides: dict[str, str]
) -> list[SplitMember]:
    return [SplitMember(str(n), g, f, sides.get(str(n))) for n, g, f in some]  # type: ignore[arg-type]


@given(photographs=PHOTOGRAPHS, first=st.integers(0, 20))
def test_no_photograph_ever_changes_its_side(
    photographs: list[tuple[int, str, Fingerprint]], first: int
) -> None:
    before = dict(place(_split_member(photographs[:first], {})))
    after = place(_split_member(photographs, dict(before)))
    assert before.items() <= after.items()
    assert set(after) == {str(n) for n, _, _ in photographs}
    # At once, groups and near-duplicates are never parted.
    once = place(_split_member(photographs, {}))
    for n, group, print_ in photographs:
        for m, other, other_print in photographs:
            if group == other or near_duplicates(print_, [other_print]):
                assert once[str(n)] == once[str(m)]


@given(photographs=PHOTOGRAPHS, order=st.randoms())
def test_the_order_makes_no_difference(
    photographs: list[tuple[int, str, Fingerprint]], order: object
) -> None:
    shuffled = list(photographs)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert place(_split_member(photographs, {})) == place(_split_member(shuffled, {}))


def test_the_shares_are_kept_and_names_alone_decide() -> None:
    counts = Counter(side_of(f"photograph {n}") for n in range(4000))
    assert counts["validation"] / 4000 == pytest.approx(0.15, abs=0.02)
    assert counts["test"] / 4000 == pytest.approx(0.15, abs=0.02)
    assert side_of("a", 0, 0) == "train"


def test_turned_mirrored_and_squeezed_copies_look_the_same(data_root: Path) -> None:
    paths = sorted((data_root / "bccd" / "images").glob("*.jpg"))[:12]
    photographs = [read_image(p) for p in paths]
    prints = [fingerprint(np.ascontiguousarray(p)) for p in photographs]
    for number, photograph in enumerate(photographs):
        assert near_duplicates(prints[number], prints) == [number]
        _, jpeg = cv2.imencode(".jpg", photograph[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 40])
        for copy in (
            np.rot90(photograph),
            photograph[:, ::-1],
            cv2.resize(photograph, (320, 240), interpolation=cv2.INTER_AREA),
            np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))[..., ::-1],
            np.clip(photograph.astype(np.int16) + 20, 0, 255).astype(np.uint8),
        ):
            assert near_duplicates(fingerprint(np.ascontiguousarray(copy)), prints) == [number]


def test_a_copy_follows_the_original_and_a_group_stays_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    folder = tmp_path / "photographs"
    make_folder(folder, (3,) * 6)
    for path in folder.iterdir():
        # Something to tell them apart by.
        image = read_image(path)
        spots = rng.integers(0, 180, (12, 2))
        for y, x in spots:
            cv2.circle(image, (int(x) + 40, int(y)), 9, (200, 150, 190), -1)
        cv2.imwrite(str(path), image[..., ::-1])
        work_on(path)
    place_ = tmp_path / "dataset"
    settings = ExportSettings(validation=0.4, test=0.3)
    paths = sorted(folder.glob("*.png"))
    export(place_, fields_of_files(paths[:5]), settings)
    dataset = open_dataset(place_)
    sides = {i.name: i.side for i in dataset.images}
    assert sides == {i.name: side_of(i.group, 0.4, 0.3) for i in dataset.images}
    held_out = next(i for i in dataset.images if i.side != "train")
    copy = folder / "copy.png"
    assert held_out.image is not None
    cv2.imwrite(str(copy), read_image(held_out.image)[::-1, :, ::-1])
    work_on(copy)
    # The shares of a dataset don't change any more.
    export(place_, fields_of_files([copy]), ExportSettings(validation=0.0, test=0.0))
    export(place_, fields_of_files([paths[5]], group=held_out.group))
    dataset = open_dataset(place_)
    sides = {i.name: i.side for i in dataset.images}
    assert sides["copy"] == sides["field_6"] == held_out.side
    assert dataset.manifest.validation == 0.4


def test_shares_must_leave_something_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="train"):
        export(tmp_path / "d", [], ExportSettings(validation=0.5, test=0.5))
