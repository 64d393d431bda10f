"""The pixels of a photograph's file: as a layer, and in layers that napari's own reader opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image, Layer
from napari.utils.notifications import show_warning
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import IMAGE_SUFFIXES, read_image
from napari_leukocyte.io.slides import is_slide_field
from napari_leukocyte.io.slides.field import slide_field_scale
from napari_leukocyte.io.slides.tiff import photograph_scale
from napari_leukocyte.language import tr
from napari_leukocyte.session.store import has_session
from napari_leukocyte.ui.layers.pointed import ABOUT, UM_PER_PX


def photograph_layer(path: Path) -> tuple[NDArray[Any], dict[str, Any], str] | None:
    """Read a photograph as a layer.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    (ndarray, dict, str) or None
        (H, W, 3) uint8 RGB, or (H, W) grey of the file's type; None if it holds a stack, or too
        few pixels for a photograph. Its metadata say how large a pixel is, where the file does.

    Raises
    ------
    ImageError
        If it can't be read.
    """
    pixels: NDArray[Any] = read_image(path)
    side = slide_field_scale(path) if is_slide_field(path) else photograph_scale(path)
    about: dict[str, Any] = {} if side is None else {"metadata": {ABOUT: {UM_PER_PX: side}}}
    if pixels.ndim == 2:
        return pixels, {"rgb": False, **about}, "image"
    try:
        return normalise_image(pixels).rgb, {"rgb": True, **about}, "image"
    except ImageError:
        return None


#: What napari's own reader is called in a layer's source.
_NAPARI = "napari"
#: Data of the layers that were compared with their files, so that each is only once.
_COMPARED: WeakKeyDictionary[Layer, int] = WeakKeyDictionary()


def use_own_pixels(layer: Image) -> None:
    """Give a layer the pixels that the plugin reads in its file, before anything is computed.

    Nothing changes in a layer of another reader or without a file, nor in one whose data somebody
    has changed since napari read them. Otherwise the user is told.

    Parameters
    ----------
    layer : napari.layers.Image
        Its data are replaced if napari's own reader has read others than the plugin does.

    Raises
    ------
    ImageError
        If the plugin refuses the file, or if the layer can't hold its pixels.
    """
    path = _opened_by_napari(layer)
    if path is None or _COMPARED.get(layer) == id(layer.data):
        return
    shown = _rgb_of(layer.data)
    refusal: ImageError | None = None
    found = None
    try:
        found = photograph_layer(path)
    except ImageError as error:
        refusal = error
    own = None if found is None else _rgb_of(found[0])
    if (refusal is not None or not _same(shown, own)) and _is_as_read(layer, path):
        if refusal is not None:
            raise refusal
        if found is not None:
            _replace(layer, path, found[0], shown, rgb=bool(found[1]["rgb"]))
    _COMPARED[layer] = id(layer.data)


def _opened_by_napari(layer: Layer) -> Path | None:
    """Return the photograph that napari's own reader made a layer, or its original, of."""
    source = layer.source
    while source.path is None and source.parent is not None:
        parent = source.parent()
        if parent is None:
            return None
        source = parent.source
    if source.path is None or source.reader_plugin != _NAPARI or layer.multiscale:
        return None
    path = Path(source.path)
    if path.suffix.lower() not in IMAGE_SUFFIXES or not isinstance(layer.data, np.ndarray):
        return None
    return path if path.is_file() else None


def _rgb_of(data: Any) -> NDArray[np.uint8] | None:
    """Return what an analysis would take of an array; None if nothing."""
    try:
        return normalise_image(data).rgb
    except ImageError:
        return None


def _same(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    return one is not None and other is not None and np.array_equal(one, other)


def _is_as_read(layer: Image, path: Path) -> bool:
    """Whether a layer still holds what napari's own reader reads."""
    from npe2 import read

    try:
        read_again = read([str(path)], stack=False, plugin_name=_NAPARI)
    except Exception:
        # Whatever that reader raises on a file that has changed since.
        return False
    return len(read_again) == 1 and np.array_equal(np.asarray(read_again[0][0]), layer.data)


def _replace(
    layer: Image, path: Path, data: NDArray[Any], shown: NDArray[np.uint8] | None, *, rgb: bool
) -> None:
    if rgb != bool(layer.rgb):
        raise ImageError(
            tr(
                "“{name}” was opened by napari's own reader, which sees other pixels in "
                "{name2}: open it again with the reader “Leukocyte”.",
                name=layer.name,
                name2=path.name,
            )
        )
    sentence = tr(
        "“{name}” was read again, as the plugin reads {name2} everywhere: napari's own "
        "reader shows other pixels. The reader “Leukocyte” opens it so at once.",
        name=layer.name,
        name2=path.name,
    )
    if shown is not None and has_session(shown):
        sentence += " Earlier work on the pixels that were shown stays with these."
    layer.data = data
    if not rgb:
        layer.reset_contrast_limits_range()
        layer.reset_contrast_limits()
    show_warning(sentence)
