"""Open napari with the plugin's widgets docked."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from napari_leukocyte.cli.inputs import list_images
from napari_leukocyte.cli.sentences import quiet_decoders
from napari_leukocyte.errors import ImageError, LeukocyteError
from napari_leukocyte.vocabulary import DISCLAIMER

_PLUGIN = "napari-leukocyte"
#: Display names in the manifest.
SEGMENT, CLASSIFY = "Segment leukocytes", "Classify and count"
#: Qt's platforms without OpenGL, in which napari can show no image.
_SCREENLESS = ("offscreen", "minimal")

LayerData = tuple[Any, dict[str, Any], str]


def why_no_window() -> str | None:
    """Return one sentence on why no window can be opened, or None if one can."""
    if sys.platform.startswith("linux"):
        shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        platform = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
        if not shown or platform in _SCREENLESS:
            return "There is no display: use a desktop, or xvfb-run."
    try:
        import qtpy.QtWidgets  # noqa: F401
    except (ImportError, RuntimeError):
        # qtpy's own errors are RuntimeErrors; a binding that lacks a system library, ImportErrors.
        return 'There is no working Qt binding: pip install "napari-leukocyte[all]".'
    return None


def open_files(paths: Sequence[str]) -> None:
    """Open napari on images and wait until its window is closed.

    Parameters
    ----------
    paths : sequence of str
        Files and folders.

    Raises
    ------
    LeukocyteError
        If a path is no image, or no window can be opened.
    """
    files = list_images(paths)
    reason = why_no_window()
    if reason:
        raise LeukocyteError(reason)
    layers = read_layers(files)
    typer.echo(DISCLAIMER)
    open_viewer(layers, run=False)


def read_layers(files: Sequence[str]) -> list[LayerData]:
    """Read images as layers; they lie on top of each other, so only the first is visible.

    Parameters
    ----------
    files : sequence of str
        Paths.

    Returns
    -------
    list of (ndarray, dict, str)
        As :meth:`napari.Viewer.add_layer` takes them apart: data, keywords and type. Images are
        brought to RGB; one that can't be, such as a stack, is shown as it is, and the widgets say
        what to do with it.

    Raises
    ------
    ImageError
        If a file can't be read as an image.
    """
    from napari_leukocyte.images.normalise import normalise_image
    from napari_leukocyte.images.reading import read_image

    layers: list[LayerData] = []
    for file in files:
        with quiet_decoders():
            image = read_image(Path(file))
        if image.size == 0:
            raise ImageError(f"{file} is empty: it has no pixels.")
        keywords = {"name": Path(file).name, "visible": not layers}
        try:
            layers.append((normalise_image(image).rgb, keywords | {"rgb": True}, "image"))
        except ImageError:
            layers.append((image, keywords, "image"))
    return layers


def open_viewer(layers: Sequence[LayerData], *, run: bool) -> None:
    """Stub."""


def open_sample() -> None:
    """Stub."""
