"""One photograph with its annotations: what every format is read into and written from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.schema import BOX, LABEL

#: Columns that every table has: an object's number, its class, and the box around it, px, ends
#: exclusive.
REQUIRED = (LABEL, "class", *BOX)
#: Columns about who said what, where it is known; see
#: :meth:`napari_leukocyte.session.session.Session.table`.
SAID = ("reviewed", "predicted", "confidence", "reader", "when", "flags", "note", "edited")


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """A photograph's objects.

    Attributes
    ----------
    name : str
        File name of the photograph, without folders.
    shape : tuple of int
        Its height and width, px.
    labels : ndarray or None
        (H, W) int32, 0 where no object is; None where only boxes are known.
    table : pandas.DataFrame
        One row an object: the columns of `REQUIRED`, those of `SAID` that are known, and any
        measurements. ``class`` is missing where nobody said one.
    source : Path or None
        The photograph's file, where one is known and exists.
    notes : tuple of str
        What could not be taken over as it was, a sentence each.
    key : str
        Checksum of the pixels that the objects were drawn on, where it is known; see
        :func:`napari_leukocyte.io.images.key.image_key`.
    """

    name: str
    shape: tuple[int, int]
    labels: NDArray[np.int32] | None
    table: pd.DataFrame
    source: Path | None = None
    notes: tuple[str, ...] = ()
    key: str = ""
