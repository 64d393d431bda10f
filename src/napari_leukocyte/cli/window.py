"""The viewer, opened on images with the plugin's widgets docked."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_leukocyte.analysis.results import (
    PhotographResult,
    describe_missing,
    is_results,
    read_work,
)
from napari_leukocyte.cli.console import complain, quiet_decoders
from napari_leukocyte.cli.inputs import list_images
from napari_leukocyte.errors import ImageError, LeukocyteError
from napari_leukocyte.vocabulary import DISCLAIMER

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PLUGIN = "napari-leukocyte"
#: Display names in the manifest.
_SEGMENT, _CLASSIFY = "Segment leukocytes", "Classify and count"
#: Qt's platforms without OpenGL, in which napari can show no image.
_SCREENLESS = ("offscreen", "minimal")
#: How often it is looked whether the segmentation has ended, ms.
_LOOK_MS = 100


@dataclass(frozen=True, eq=False)
class Picture:
    """An image to be opened.

    Attributes
    ----------
    name : str
        Of the layer.
    data : ndarray
        (H, W, 3) uint8 RGB, or whatever else the file holds, such as a stack.
    path : Path or None
        Its file.
    result : PhotographResult or None
        What is to be shown of it, where results are opened.
    """

    name: str
    data: NDArray[Any]
    path: Path | None = None
    result: PhotographResult | None = None


def why_no_window() -> str | None:
    """Return one sentence on why no window can be opened, or None if one can."""
    if sys.platform.startswith("linux"):
        shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        platform = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
        if not shown or platform in _SCREENLESS:
            return "There is no display for a window: use a desktop, or xvfb-run."
    try:
        import qtpy.QtWidgets  # noqa: F401
    except (ImportError, RuntimeError):
        # qtpy's own errors are RuntimeErrors; those of a library that is missing, ImportErrors.
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
    results = [Path(path) for path in paths if is_results(Path(path))]
    others = [path for path in paths if Path(path) not in results]
    files = list_images(others) if others else []
    reason = why_no_window()
    if reason:
        raise LeukocyteError(reason)
    pictures = [*read_pictures(files), *read_results(results)]
    typer.echo(DISCLAIMER)
    open_viewer(pictures, run=False)


def read_pictures(files: Sequence[str]) -> list[Picture]:
    """Read images.

    Parameters
    ----------
    files : sequence of str
        Paths.

    Returns
    -------
    list of Picture
        Brought to RGB; what can't be, such as a stack, is left as it is, and the widgets say what
        to do with it.

    Raises
    ------
    ImageError
        If a file can't be read as an image.
    """
    from napari_leukocyte.io.images.normalise import normalise_image
    from napari_leukocyte.io.images.reading import read_image

    pictures = []
    for file in files:
        path = Path(file)
        with quiet_decoders():
            data = read_image(path)
        if data.size == 0:
            raise ImageError(f"{file} is empty: it has no pixels.")
        try:
            data = normalise_image(data).rgb
        except ImageError:
            if data.ndim < 2:
                raise
        pictures.append(Picture(path.name, data, path))
    return pictures


def read_results(folders: Sequence[Path]) -> list[Picture]:
    """Read the photographs of results, as they were left; those that are gone are named.

    Parameters
    ----------
    folders : sequence of Path
        That ``run`` or the Save button wrote.

    Raises
    ------
    FormatError, ImageError
        If results are damaged, or none of their photographs is to be had.
    """
    found = [result for folder in folders for result in read_work(folder)]
    missing = describe_missing(found)
    pictures = [Picture(r.name, r.rgb, r.file, r) for r in found if r.rgb is not None]
    if found and not pictures:
        raise ImageError(missing)
    if missing:
        complain(missing)
    return pictures


def open_sample() -> None:
    """Open napari on the synthetic smear, have it analysed, and wait until the window is closed."""
    from napari_leukocyte.samples.synthetic import synthetic_smear

    open_viewer([Picture("Synthetic smear", synthetic_smear().image)], run=True)


def open_viewer(pictures: Sequence[Picture], *, run: bool) -> None:
    """Open napari and wait until its window is closed.

    Parameters
    ----------
    pictures : sequence of Picture
        The images.
    run : bool
        Whether the first one is segmented, classified and counted at once.
    """
    import napari

    fill_viewer(napari.Viewer(title="napari-leukocyte"), pictures, run=run)
    napari.run()


def fill_viewer(viewer: Any, pictures: Sequence[Picture], *, run: bool) -> tuple[Any, Any]:
    """Add images to a viewer and dock the widgets.

    Parameters
    ----------
    viewer : napari.Viewer
        With a window.
    pictures : sequence of Picture
        They lie on top of each other, so that only the first is visible.
    run : bool
        See `open_viewer`.

    Returns
    -------
    segment, classify : QWidget
        The widgets.
    """
    from napari.layers import Image
    from napari.layers._source import layer_source

    from napari_leukocyte.ui.layers.opened_results import take_up

    for i, picture in enumerate(pictures):
        rgb = picture.data.ndim == 3 and picture.data.shape[2] == 3
        # Napari's readers do the same; the widgets record where an image came from.
        with layer_source(path=None if picture.path is None else str(picture.path)):
            layer = Image(picture.data, name=picture.name, rgb=rgb, visible=i == 0)
        viewer.add_layer(layer)
        if picture.result is not None:
            take_up(viewer, layer, picture.result)
    window = viewer.window
    segment_dock, segment = window.add_plugin_dock_widget(_PLUGIN, _SEGMENT)
    classify_dock, classify = window.add_plugin_dock_widget(_PLUGIN, _CLASSIFY, tabify=True)
    segment_dock.raise_()
    if pictures:
        first = viewer.layers[0]
        viewer.layers.selection.active = first
        segment.image.choose(first)
    if run:
        _run_widgets(viewer, segment, classify, classify_dock)
    return segment, classify


def _run_widgets(viewer: Any, segment: Any, classify: Any, classify_dock: Any) -> None:
    """Do what a user would: run the segmentation and, when it has ended, classify."""
    from qtpy.QtCore import QTimer

    from napari_leukocyte.ui.layers import links

    timer = QTimer(segment)
    timer.setInterval(_LOOK_MS)

    def proceed() -> None:
        if segment.busy:
            return
        timer.stop()
        session = segment.session
        if session is None or session.maps is None:
            return  # it failed or was cancelled, and the widget says so
        # The widget follows the active layer.
        viewer.layers.selection.active = links.labels_layer_of(viewer, session)
        classify_dock.raise_()
        classify.form.classify.click()

    timer.timeout.connect(proceed)
    segment.run()
    timer.start()
