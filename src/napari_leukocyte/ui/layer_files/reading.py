"""Readers that napari calls to open files of annotations, over `annotations.formats`.

A `FormatError` from here reaches the user as napari's notification, with its sentence, and no layer
is added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from napari_leukocyte.annotations.dataset.results import is_results
from napari_leukocyte.annotations.formats.annotated import pixels
from napari_leukocyte.annotations.formats.recognise import UnknownFormatError, recognise
from napari_leukocyte.errors import FormatError
from napari_leukocyte.schema import LABEL

if TYPE_CHECKING:
    from napari_leukocyte.annotations.formats.annotated import AnnotatedImage

LayerData = tuple[Any, dict[str, Any], str]
Reader = Callable[[str | Sequence[str]], list[LayerData]]
#: Key of a layer's metadata for the image that it belongs to.
METADATA = "napari-leukocyte"


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """Return what reads a file or folder; None if it holds no annotations.

    Parameters
    ----------
    path : str or sequence of str
        One path, or several that are to be one stack, which annotations can't be.
    """
    # Results are opened with their photographs, see `results`.
    if not isinstance(path, str) or is_results(Path(path)):
        return None
    try:
        recognise(Path(path))
    except UnknownFormatError:
        return None
    except FormatError:
        pass  # damaged: reading says how
    return read_layers


def read_layers(path: str | Sequence[str]) -> list[LayerData]:
    """Read annotations as layers.

    Parameters
    ----------
    path : str
        A file or folder in any of the formats.

    Returns
    -------
    list of (ndarray, dict, str)
        For each image a Labels layer, whose features are the objects, and the objects as rings in
        a Points layer, or, where only boxes are known, as a Shapes layer. Those of the first
        image are visible.

    Raises
    ------
    FormatError
        If it is damaged.
    """
    from napari.utils.notifications import show_warning

    from napari_leukocyte.annotations.formats.convert import read

    layers: list[LayerData] = []
    for image in read(Path(path if isinstance(path, str) else path[0])):
        for note in image.notes:
            show_warning(note)
        visible = not layers
        layers += [(d, meta | {"visible": visible}, kind) for d, meta, kind in _layers(image)]
    return layers


def _layers(image: AnnotatedImage) -> list[LayerData]:
    from napari_leukocyte.ui.layers.objects_style import make_layer

    about = {METADATA: {"image": image.name, "shape": list(image.shape)} | pixels(image)}
    name = Path(image.name).stem
    table = _measured(image)
    found: list[LayerData] = []
    if image.labels is not None:
        features = table.assign(index=table[LABEL])
        meta = {"name": f"{name} leukocytes", "features": features, "metadata": about}
        found.append((image.labels, meta, "labels"))
    objects = make_layer("points" if found else "boxes", table, f"{name} objects")
    data, meta, kind = objects.as_layer_data_tuple()
    return [*found, (data, meta | {"metadata": about}, kind)]


def _measured(image: AnnotatedImage) -> pd.DataFrame:
    """Return the table with what the objects layer draws by."""
    from napari_leukocyte.annotations.formats.results_folder import measured

    table = measured(image.table, image.labels)
    if "equivalent_diameter_px" not in table:
        sides = [table[f"bbox_{a}1"] - table[f"bbox_{a}0"] for a in "yx"]
        table = table.assign(equivalent_diameter_px=(sides[0] * sides[1]) ** 0.5)
    if "source" not in table:
        table = table.assign(source=pd.Series([None] * len(table), dtype="str"))
    return table
