"""Fields taken from a slide: parts of it that are read, and go through a smear, as photographs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from benchmarks import make_slide
from napari_leukocyte.analysis.slide.taking import fields_taken, take_fields, taken_folder
from napari_leukocyte.analysis.smear.smear import open_smear
from napari_leukocyte.errors import Cancelled, ImageError, ParameterError
from napari_leukocyte.io.images.reading import find_images, read_image
from napari_leukocyte.io.slides.field import load_slide_field
from napari_leukocyte.io.slides.opening import open_slide

DIAMETER = 80.0
WHOLE = np.array([[0, 0], [0, 2048], [2048, 2048], [2048, 0]], float)


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a slide of four megapixels with some sixty leukocytes."""
    path = tmp_path_factory.mktemp("slide") / "slide 7.tif"
    make_slide.write_slide(path, (2048, 2048), make_slide.fields())
    return path


def overlapping(parts: list[tuple[int, int, int, int]], margin: float) -> bool:
    grown = [(y0 - margin, x0 - margin, y1 + margin, x1 + margin) for y0, x0, y1, x1 in parts]
    return any(
        a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
        for i, a in enumerate(grown)
        for b in grown[:i]
    )


def test_fields_are_parts_of_the_slide_that_lie_apart(slide: Path) -> None:
    steps: list[int] = []
    taken = take_fields(slide, [WHOLE], DIAMETER, 10_000, lambda done, total, _: steps.append(done))
    assert taken.folder == taken_folder(slide)
    assert taken.folder.name == "slide 7"
    # Two by two fields of 800 px, and what is left over, which is more than half of one.
    assert (taken.fields, taken.looked_at, taken.enough) == (9, 9, False)
    assert 40 <= taken.leukocytes <= 70
    assert steps[-1] == taken.leukocytes
    paths = find_images([taken.folder])
    assert sorted(paths) == sorted(fields_taken(slide))
    fields = [load_slide_field(path) for path in paths]
    assert not overlapping([f.part for f in fields], 0.7 * DIAMETER)
    with open_slide(slide) as image:
        for path, field in zip(paths, fields, strict=True):
            assert np.array_equal(read_image(path), image.read(field.part))
            assert path.stat().st_size < 1000


def test_no_more_fields_are_taken_than_are_needed(slide: Path) -> None:
    few = take_fields(slide, [WHOLE], DIAMETER, 12)
    assert few.enough
    assert 12 <= few.leukocytes < 30
    # Those of before are gone.
    assert len(fields_taken(slide)) == few.fields == few.looked_at < 9
    smear = open_smear([few.folder])
    assert [p.name for p in smear.paths] == [f"field {i + 1}.slidefield" for i in range(few.fields)]
    assert {smear.state(i).stage for i in range(len(smear))} == {"new"}
    assert smear.title == "slide 7"


def test_what_is_wrong_with_a_zone_is_said(slide: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no field of 800 x 800 px"):
        take_fields(slide, [WHOLE / 100], DIAMETER, 10)

    def cancel(done: int, total: int, what: str) -> None:
        raise Cancelled

    former = sorted(fields_taken(slide))
    with pytest.raises(Cancelled):
        take_fields(slide, [WHOLE], DIAMETER, 10, cancel)
    assert sorted(fields_taken(slide)) == former
    bare = tmp_path / "bare.tif"
    empty: NDArray[np.uint8] = np.full((1024, 1024, 3), 235, np.uint8)
    with tifffile.TiffWriter(bare) as file:
        options = {"photometric": "rgb", "tile": (256, 256)}
        file.write(empty, subifds=1, **options)  # type: ignore[arg-type]
        file.write(cv2.resize(empty, (512, 512)), subfiletype=1, **options)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="No leukocyte is seen"):
        take_fields(bare, [WHOLE], DIAMETER, 10)


def test_a_field_of_another_slide_is_refused(slide: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.tif"
    copy.write_bytes(slide.read_bytes())
    path = min(take_fields(copy, [WHOLE], DIAMETER, 1).folder.iterdir())
    with copy.open("ab") as file:
        file.write(b"more")
    with pytest.raises(ImageError, match=r"has changed since field 1\.slidefield was taken"):
        read_image(path)
    copy.unlink()
    with pytest.raises(ImageError, match=r"is a field of .*, which is not there any more"):
        read_image(path)
    entry = json.loads(path.read_text())
    entry["slide_field"] |= {"slide": str(slide), "height": 20_000, "width": 20_000}
    path.write_text(json.dumps(entry))
    with pytest.raises(ImageError, match="too large"):
        read_image(path)
    path.write_bytes(os.urandom(100))
    with pytest.raises(ImageError, match=r"field 1\.slidefield"):
        read_image(path)
