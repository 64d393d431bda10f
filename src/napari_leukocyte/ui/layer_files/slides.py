"""The reader by which napari opens slides: as pyramids that are read where one looks.

Label and macro images, which can hold a name, are not opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.io.slides.opening import is_slide, open_slide
from napari_leukocyte.ui.layer_files.reading import LayerData, Reader

if TYPE_CHECKING:
    from napari_leukocyte.io.slides.image import SlideImage

#: Side of the pieces that are read as one looks, px.
CHUNK_PX = 512
#: Longer side of the coarsest level that is shown, px; coarser ones are made up where a file lacks
#: them.
COARSEST_PX = 4096


class SlideLevel:
    """A level of a slide as an array that dask slices.

    Parameters
    ----------
    slide : SlideImage
        The slide.
    level : int
        Which of its levels.
    step : int
        Every how many pixels of the level are shown.
    """

    def __init__(self, slide: SlideImage, level: int, step: int = 1) -> None:
        self._slide, self._level, self._step = slide, level, step
        size = slide.levels[level]
        self.shape = (-(-size.height // step), -(-size.width // step), 3)
        self.dtype = np.dtype(np.uint8)
        self.ndim = 3

    def __getitem__(self, key: tuple[slice, slice, slice]) -> NDArray[np.uint8]:
        # Slices of the lazy array, steps included, end up here.
        rows, columns = (
            range(*k.indices(side)) for k, side in zip(key[:2], self.shape[:2], strict=True)
        )
        channels = np.empty(3)[key[2]].size
        if not (len(rows) and len(columns)):
            return np.empty((len(rows), len(columns), channels), np.uint8)
        step = self._step
        part = (rows[0] * step, columns[0] * step, rows[-1] * step + 1, columns[-1] * step + 1)
        pixels = self._slide.read(part, self._level)
        return pixels[:: rows.step * step, :: columns.step * step, key[2]]


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Return what reads a slide; None for anything else, small photographs among it.

    Parameters
    ----------
    path : str or sequence of str
        One path, or several that are to be one stack, which slides can't be.

    Returns
    -------
    callable or None
        None also for an OME-Zarr that holds labels, which are annotations. Of a damaged slide it
        raises `ImageError` when it is called.
    """
    if not isinstance(path, str):
        return None
    slide = Path(path)
    if not is_slide(slide) or (slide / "labels").is_dir():
        return None
    return read_slide


def read_slide(path: str | Sequence[str]) -> list[LayerData]:
    """Open a slide as one image layer of several scales.

    Its metadata, under ``napari-leukocyte``, hold ``um_per_px`` and ``notes``.

    Raises
    ------
    ImageError
        With one sentence on what is wrong.
    """
    file = Path(str(path))
    slide = open_slide(file)
    about = {"path": str(file.absolute()), "um_per_px": slide.um_per_px, "notes": slide.notes}
    options: dict[str, Any] = {
        "name": file.stem,
        "rgb": True,
        "multiscale": True,
        "contrast_limits": (0, 255),
        "metadata": {"napari-leukocyte": about},
    }
    return [(levels_of(slide), options, "image")]


def levels_of(slide: SlideImage) -> list[Any]:
    """Return a slide's levels as dask arrays, (H, W, 3) uint8, the finest first."""
    import dask.array as da

    levels = [SlideLevel(slide, number) for number in range(len(slide.levels))]
    last, step = len(slide.levels) - 1, 1
    while max(levels[-1].shape) > COARSEST_PX:
        step *= 2
        levels.append(SlideLevel(slide, last, step))
    return [da.from_array(level, chunks=(CHUNK_PX, CHUNK_PX, 3), asarray=False) for level in levels]
