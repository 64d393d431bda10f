"""The image of an image layer, as the networks take it."""

from __future__ import annotations

from typing import Any

import psutil  # type: ignore[import-untyped]
from napari.layers import Image

from napari_leukocyte.errors import ImageError
from napari_leukocyte.language import tr

#: Bytes a pixel that an analysis needs: the image (3), two maps of three members (24), their votes
#: (8), labels new and old (8), and as much again while they are computed.
BYTES_PER_PIXEL = 80


def image_of(layer: Image) -> Any:
    """Return the array of an image layer, not yet loaded if it lies on disk.

    Parameters
    ----------
    layer : napari.layers.Image
        RGB, grey, or channel-first with three or four channels. Of a multiscale layer the level
        of the highest resolution is taken.

    Returns
    -------
    array_like
        (H, W), (H, W, 3 or 4) or (3 or 4, H, W), of any type.

    Raises
    ------
    ImageError
        If it is a stack, or larger than the free memory allows.
    """
    data = layer.data[0] if layer.multiscale else layer.data
    shape = tuple(int(n) for n in data.shape)
    planes = shape[:-1] if layer.rgb else shape
    channel_first = not layer.rgb and len(shape) == 3 and shape[0] in (3, 4)
    if len(planes) > 2 and not channel_first:
        extra = len(planes) - 2
        which = " and ".join(
            tr("axis {i} ({planes} planes)", i=i, planes=planes[i]) for i in range(extra)
        )
        raise ImageError(
            tr(
                "“{name}” is a stack of {sizes}: take one plane along "
                "{which}, for example by “Split Stack” in the layer's context menu.",
                name=layer.name,
                sizes=" × ".join(map(str, planes)),
                which=which,
            )
        )
    height, width = planes[-2:]
    needed, free = height * width * BYTES_PER_PIXEL, psutil.virtual_memory().available
    if needed > free:
        raise ImageError(
            tr(
                "“{name}” has {height} × {width} px, for which {needed:.1f} GB of memory "
                "are needed and {free:.1f} GB are free: crop it or reduce its resolution.",
                name=layer.name,
                height=height,
                width=width,
                needed=needed / 1e9,
                free=free / 1e9,
            )
        )
    return data
