"""A reader of folders that ``napari-leukocyte run`` or the Save button wrote; of no others."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.layers import Image, Labels

    from napari_leukocyte.annotations.dataset.results import PhotographResult

LayerData = tuple[Any, dict[str, Any], str]
Reader = Callable[[str | Sequence[str]], list[LayerData]]
#: Key of a layer's metadata by which it is found once it is there.
_TOKEN = "napari-leukocyte-results"  # noqa: S105 - no secret


def get_results_reader(path: str | Sequence[str]) -> Reader | None:
    """Return what reads a folder of results; None for all else."""
    from napari_leukocyte.annotations.dataset.results import is_results

    return read_results if isinstance(path, str) and is_results(Path(path)) else None


def read_results(path: str | Sequence[str]) -> list[LayerData]:
    """Read results with their photographs; the work on these is taken up once they are shown.

    Parameters
    ----------
    path : str
        The folder.

    Returns
    -------
    list of (ndarray, dict, str)
        For each photograph an Image layer and a Labels layer; those of the first are visible. Of
        one that is not to be had any more the labels alone, and the user is told.

    Raises
    ------
    FormatError
        If the results are damaged.
    """
    from napari.utils.notifications import show_warning
    from qtpy.QtCore import QCoreApplication, QTimer

    from napari_leukocyte.annotations.dataset.results import describe_missing, read_work

    layers: list[LayerData] = []
    taken: dict[str, PhotographResult] = {}
    found = read_work(Path(path if isinstance(path, str) else path[0]))
    for result in found:
        about = {"visible": not layers, "metadata": {}}
        if result.rgb is not None:
            token = uuid.uuid4().hex
            taken[token] = result
            about = {"visible": not layers, "metadata": {_TOKEN: token}}
            layers.append((result.rgb, {"name": result.name, "rgb": True, **about}, "image"))
        name = f"{result.name} leukocytes"
        layers.append((result.state.labels, {"name": name, **about}, "labels"))
    missing = describe_missing(found)
    if missing:
        show_warning(missing)
    if QCoreApplication.instance() is not None:
        QTimer.singleShot(0, lambda: _take_up(taken))
    return layers


def _take_up(taken: dict[str, PhotographResult]) -> None:
    """Take the work on photographs up whose layers have come."""
    from napari.layers import Image, Labels

    from napari_leukocyte.ui.layers import links
    from napari_leukocyte.ui.layers.restore import take_up

    for viewer in links.open_viewers():
        images: dict[str, Image] = {}
        labels: dict[str, Labels] = {}
        for layer in viewer.layers:
            token = layer.metadata.get(_TOKEN)
            if token in taken:
                del layer.metadata[_TOKEN]
                if isinstance(layer, Image):
                    images[token] = layer
                elif isinstance(layer, Labels):
                    labels[token] = layer
        for token, image in images.items():
            take_up(viewer, image, taken[token], labels.get(token))
        if images:  # the one in sight
            viewer.layers.selection.active = next(iter(images.values()))
