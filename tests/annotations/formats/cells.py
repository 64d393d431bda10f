"""Annotated images with everything that is hard to keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.cells import cells_of, complete
from napari_leukocyte.schema import BOX

#: Classes of the vocabulary, of the user's own, and none.
CLASSES = ("neutrophil", "smudge cell", "Reed–Sternberg cell", "NA", "бласт", "class: a, b", None)
LARGEST = 2**31 - 1


def annotated(
    labels: NDArray[Any],
    classes: dict[int, str | None] | None = None,
    name: str = "field.png",
    **columns: Any,
) -> AnnotatedImage:
    """Return an image whose table has the objects of `classes`, or of all labels."""
    labels = labels.astype(np.int32)
    if classes is None:
        classes = {int(n): None for n in np.unique(labels) if n}
    table = pd.DataFrame(
        {
            "label": np.array(list(classes), np.int64),
            "class": pd.Series(list(classes.values()), dtype="str"),
        }
    )
    height, width = labels.shape
    return AnnotatedImage(name, (height, width), labels, table.assign(**columns))


def hard() -> AnnotatedImage:
    """Return holes, parts, touching cells, one pixel, large numbers, and all that is said."""
    labels = np.zeros((40, 50), np.int32)
    labels[2:12, 2:12] = 7
    labels[4:7, 4:7] = 0  # a hole
    labels[7, 7] = 0  # that another touches at a corner
    labels[5, 5] = 9  # an object in the hole, of one pixel
    labels[2:12, 12:20] = 3  # touches 7 along a side
    labels[20:24, 20:24] = 300
    labels[30:33, 20:24] = 300  # a second part
    labels[24, 24] = 300  # a third, which touches the first at a corner
    labels[0:3, 45:50] = 70_000  # at the border
    labels[39, 0] = 1
    labels[10:20, 30:40] = np.where(np.tri(10, dtype=bool), LARGEST, 0)
    classes = dict(zip((300, 7, 9, 3, 70_000, 1, LARGEST), CLASSES, strict=True))
    return annotated(
        labels,
        classes,
        name="Field 1 – Ä.png",
        confidence=[0.9, np.nan, 0.25, 1 / 3, 1e-9, 1.0, 0.5],
        reviewed=[True, False, True, False, False, True, False],
        reader=pd.Series(["Dr. A: b", None, "", "=1+1", "x", "ж", "123"], dtype="str"),
        note=pd.Series(
            ['two\nlines, "quoted"', None, "%20\\", "1.50", "true", "", "é"], dtype="str"
        ),
        area_px=[1, 2, 3, 4, 5, 6, 7],
    )


def boxes() -> AnnotatedImage:
    """Return objects of which only the boxes are known, and one of which overlaps another."""
    table = pd.DataFrame(
        {
            "label": [5, 2],
            "class": pd.Series(["neutrophil", None], dtype="str"),
            "bbox_y0": [0, 3],
            "bbox_x0": [2, 4],
            "bbox_y1": [10, 20],
            "bbox_x1": [8, 30],
        }
    )
    return AnnotatedImage("boxes.jpg", (20, 30), None, table)


@st.composite
def images(draw: st.DrawFn) -> AnnotatedImage:
    """Draw an image of touching objects of any shape with any numbers and classes."""
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    few = draw(arrays.arrays(np.int32, shape, elements=st.integers(0, 4)))
    numbers = draw(st.lists(st.integers(1, LARGEST), min_size=4, max_size=4, unique=True))
    labels = np.array([0, *numbers], np.int32)[few]
    there = [n for n in numbers if (labels == n).any()]
    text = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)
    own = text.filter(lambda t: t[0] not in "=+-@" and t != "unclassified")
    name = st.sampled_from(CLASSES) | own
    return annotated(labels, {n: draw(name) for n in there})


def same(image: AnnotatedImage, back: AnnotatedImage, *, columns: bool = True) -> None:
    """Assert that two images hold the same."""
    (image,) = complete([image])
    assert back.name == image.name
    assert tuple(back.shape) == tuple(image.shape)
    assert (back.labels is None) == (image.labels is None)
    if image.labels is not None and back.labels is not None:
        assert back.labels.dtype == np.int32
        np.testing.assert_array_equal(back.labels, image.labels)
    assert back.table["label"].tolist() == image.table["label"].tolist()
    kinds = [[None if pd.isna(c) else c for c in i.table["class"]] for i in (back, image)]
    assert kinds[0] == kinds[1]
    assert [c.box for c in cells_of(back)] == [c.box for c in cells_of(image)]
    assert all(column in back.table for column in BOX)
    if columns:
        for column in image.table.columns:
            kept, given = back.table[column].tolist(), image.table[column].tolist()
            assert [_plain(v) for v in kept] == [_plain(v) for v in given], column


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not np.isnan(value):
        return round(value, 6)
    return None if pd.isna(value) or value == "" else value
