"""Label images as TIFF."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.io.atomic import atomic_write

#: Largest number that fits 16 bits, which every program can read.
_LARGEST_UINT16 = int(np.iinfo(np.uint16).max)


def write_labels(path: Path, labels: NDArray[np.integer]) -> None:
    """Write a label image.

    Parameters
    ----------
    path : Path
        The TIFF; it is replaced if it exists.
    labels : ndarray
        (H, W) integers, 0 or more. Written as uint16, or as int32 if a number exceeds 65535;
        losslessly compressed (deflate).

    Raises
    ------
    OutputError
        If it can't be written.
    """
    with atomic_write(path) as temporary:
        encode_labels(temporary, labels)


def encode_labels(target: Path | BytesIO, labels: NDArray[np.integer]) -> None:
    """Write a label image as `write_labels` does, into a new file or into memory."""
    import tifffile

    kind = np.uint16 if int(labels.max(initial=0)) <= _LARGEST_UINT16 else np.int32
    tifffile.imwrite(
        target,
        labels.astype(kind),
        photometric="minisblack",
        compression="zlib",
        metadata={"axes": "YX"},
    )
