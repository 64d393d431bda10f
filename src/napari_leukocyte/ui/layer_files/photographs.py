"""The reader by which napari opens photographs with the pixels that everything here knows them by.

napari's own reader leaves photographs as the camera was held, takes inks for colours, and scales
16 bits otherwise, so that masks drawn there would lie elsewhere for whoever reads the file again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.tiff import ImageStackError
from napari_leukocyte.io.slides.opening import is_slide
from napari_leukocyte.reporting.save import LABELS
from napari_leukocyte.ui.layer_files import reading
from napari_leukocyte.ui.layer_files.reading import LayerData, Reader
from napari_leukocyte.ui.layers.own_pixels import photograph_layer


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Return what reads a photograph; None for anything else, which napari's own reader opens.

    Parameters
    ----------
    path : str or sequence of str
        One path, or several that are to be one stack, which photographs can't be.

    Returns
    -------
    callable or None
        None also for stacks, slides and label images. Of a damaged photograph, or one in colours
        that can't be converted, it raises `ImageError`.
    """
    if not isinstance(path, str):
        return None
    if is_slide(Path(path)):
        return None
    if Path(path).name.lower() == LABELS and reading.get_reader(path) is not None:
        return None
    try:
        layer = photograph_layer(Path(path))
    except ImageStackError:
        return None
    except ImageError as error:
        return _refusing(error)
    return None if layer is None else lambda _: [layer]


def _refusing(error: ImageError) -> Reader:
    def refuse(path: str | Sequence[str]) -> list[LayerData]:
        raise error

    return refuse
