"""The viewer, opened on images with the plugin's widgets docked."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_leukocyte.annotations.dataset.results import (
    PhotographResult,
    describe_missing,
    is_results,
    read_work,
)
from napari_leukocyte.cli.console import complain, quiet_decoders
from napari_leukocyte.cli.run_files import list_images
from napari_leukocyte.errors import ImageError, LeukocyteError
from napari_leukocyte.language import later
from napari_leukocyte.vocabulary import DISCLAIMER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_leukocyte.samples.synthetic import SyntheticSmear
    from napari_leukocyte.ui.workbench.widget import Workbench

#: Said of the sample when it is counted.
_COUNTED = later(
    "This is the sample, counted. One of its cells is wrong: “Tour” below leads through the work "
    "in six steps."
)
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
        Files and folders. A single folder that holds no results is opened as a smear.

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
    if len(others) == len(paths) == 1 and Path(others[0]).is_dir():
        typer.echo(DISCLAIMER)
        open_viewer([], smear=Path(others[0]))
        return
    pictures = [*read_pictures(files), *read_results(results)]
    typer.echo(DISCLAIMER)
    open_viewer(pictures)


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
    from napari_leukocyte.samples.synthetic import sample_smear

    sample = sample_smear()
    open_viewer([Picture("Synthetic smear", sample.image)], sample=sample)


def open_viewer(
    pictures: Sequence[Picture],
    *,
    smear: Path | None = None,
    sample: SyntheticSmear | None = None,
) -> None:
    """Open napari and wait until its window is closed; see `fill_viewer`."""
    import napari

    viewer = napari.Viewer(title="napari-leukocyte")
    fill_viewer(viewer, pictures, smear=smear, sample=sample)
    napari.run()


def fill_viewer(
    viewer: Any,
    pictures: Sequence[Picture],
    *,
    smear: Path | None = None,
    sample: SyntheticSmear | None = None,
) -> Workbench:
    """Add images to a viewer and dock the workbench.

    Parameters
    ----------
    viewer : napari.Viewer
        With a window.
    pictures : sequence of Picture
        They lie on top of each other, so that only the first is visible.
    smear : Path, optional
        A folder that is opened as a smear.
    sample : SyntheticSmear, optional
        The sample that the first picture is: it is segmented, classified and counted at once, and
        the tour knows which of its cells are wrong.

    Returns
    -------
    Workbench
    """
    from napari.layers import Image
    from napari.layers._source import layer_source

    from napari_leukocyte.ui.layers.restore import take_up
    from napari_leukocyte.ui.workbench.menus import workbench_of

    for i, picture in enumerate(pictures):
        rgb = picture.data.ndim == 3 and picture.data.shape[2] == 3
        # Napari's readers do the same; the widgets record where an image came from.
        with layer_source(path=None if picture.path is None else str(picture.path)):
            layer = Image(picture.data, name=picture.name, rgb=rgb, visible=i == 0)
        viewer.add_layer(layer)
        if picture.result is not None:
            take_up(viewer, layer, picture.result)
    bench = workbench_of(viewer)
    if pictures:
        first = viewer.layers[0]
        viewer.layers.selection.active = first
        bench.image.choose(first)
    if smear is not None:
        bench.open("smear").open([smear])
    if sample is not None:
        bench.sample = sample
        _count_sample(viewer, bench)
    return bench


def _count_sample(viewer: Any, bench: Workbench) -> None:
    """Do what a user would: run the segmentation, have the cells classified, look at the count."""
    from qtpy.QtCore import QTimer

    segment = bench.open("segment")
    timer = QTimer(bench)
    timer.setInterval(_LOOK_MS)

    def proceed() -> None:
        session = segment.session
        if segment.busy or (session is not None and bench.page("count").busy):
            return
        timer.stop()
        if session is None or session.classifier is None:
            return  # it failed or was cancelled, and the workbench says so
        viewer.reset_view()
        # Who has gone elsewhere meanwhile is not called away.
        if bench.front == "segment":
            bench.open("count").say(_COUNTED)

    timer.timeout.connect(proceed)
    segment.form.classify.setChecked(True)
    segment.run()
    timer.start()
