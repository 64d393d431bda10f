"""Writers that napari calls to save layers as annotations, over `annotations.formats`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_leukocyte.errors import FormatError
from napari_leukocyte.language import tr
from napari_leukocyte.schema import LABEL
from napari_leukocyte.ui.layer_files.reading import METADATA

if TYPE_CHECKING:
    from napari_leukocyte.annotations.formats.annotated import AnnotatedImage

FullLayerData = tuple[Any, dict[str, Any], str]
#: Ending of the name of a labels layer that the widgets show.
_OURS = " leukocytes"


def write_coco(path: str, layers: Sequence[FullLayerData]) -> list[str]:
    """Save a labels layer, and the objects with it, as COCO instances."""
    return _write(path, layers, "coco")


def write_geojson(path: str, layers: Sequence[FullLayerData]) -> list[str]:
    """Save them as GeoJSON for QuPath."""
    return _write(path, layers, "geojson")


def write_imagej_roi(path: str, layers: Sequence[FullLayerData]) -> list[str]:
    """Save them as ImageJ ROIs."""
    return _write(path, layers, "imagej-roi")


def write_yolo_seg(path: str, layers: Sequence[FullLayerData]) -> list[str]:
    """Save them as a folder of YOLO labels."""
    return _write(path, layers, "yolo-seg")


def write_voc(path: str, layers: Sequence[FullLayerData]) -> list[str]:
    """Save them as a folder of Pascal VOC annotations."""
    return _write(path, layers, "voc")


def write_labels_csv(path: str, layers: Sequence[FullLayerData]) -> list[str]:
    """Save them as a folder with a label TIFF and a table."""
    return _write(path, layers, "labels-csv")


def write_ome_zarr(path: str, layers: Sequence[FullLayerData]) -> list[str]:
    """Save them as OME-Zarr labels."""
    return _write(path, layers, "ome-zarr")


def _write(path: str, layers: Sequence[FullLayerData], to: str) -> list[str]:
    """Save layers; what the format has no place for is said before.

    napari's dialog has asked whether a file may be replaced; a folder is replaced only if the
    format wrote it.
    """
    from napari.utils.notifications import show_info

    from napari_leukocyte.annotations.formats.convert import losses, write

    image = annotated(layers)
    for sentence in losses([image], to):
        show_info(sentence)
    write([image], Path(path), to, overwrite=True)
    return [path]


def annotated(layers: Sequence[FullLayerData]) -> AnnotatedImage:
    """Return the annotations that layers hold.

    Parameters
    ----------
    layers : sequence of (ndarray, dict, str)
        A labels layer, and perhaps an objects layer, whose features then say what the objects are.
        Without these, those of the labels do.

    Raises
    ------
    FormatError
        If the labels are no plane of whole numbers.
    """
    from napari_leukocyte.annotations.formats.annotated import AnnotatedImage, key_in
    from napari_leukocyte.annotations.formats.label_images import as_labels

    by_kind = {kind: (data, meta) for data, meta, kind in layers}
    objects = by_kind.get("points") or by_kind.get("shapes")
    table = None if objects is None else _table(objects[1], LABEL)
    data, meta = by_kind["labels"]
    if isinstance(data, (list, tuple)):
        raise FormatError(
            tr(
                "{name} is a multiscale layer, which can't be saved in this format.",
                name=meta.get("name"),
            )
        )
    labels = as_labels(np.asarray(data), str(meta.get("name")))
    if table is None:
        table = _table(meta, LABEL, "index")
    if table is None:
        table = pd.DataFrame({LABEL: np.zeros(0, np.int64)})
    # What was erased in the labels layer is gone, whatever the other layer still shows.
    table = table[np.isin(table[LABEL], np.unique(labels))].reset_index(drop=True)
    boxes = [c for c in table if str(c).startswith("bbox_")]
    table = table.drop(columns=["index", *boxes], errors="ignore")
    shape = (int(labels.shape[0]), int(labels.shape[1]))
    key = key_in(_about(meta))
    return AnnotatedImage(_name(meta), shape, labels, _with_boxes(table, labels), key=key)


def _table(meta: Mapping[str, Any], *columns: str) -> pd.DataFrame | None:
    """Return a layer's features with the objects' numbers; None if they have none."""
    features = pd.DataFrame(meta.get("features"))
    column = next((c for c in columns if c in features), None)
    if column is None or features[column].isna().any():
        return None
    numbers = features[column].astype(np.int64)
    table = features.assign(label=numbers)[numbers > 0]
    return table.drop_duplicates(LABEL).reset_index(drop=True)


def _with_boxes(table: pd.DataFrame, labels: Any) -> pd.DataFrame:
    from napari_leukocyte.classification.measurements import iterate_regions
    from napari_leukocyte.schema import BOX

    found = {r.label: (r.y0, r.x0, r.y1, r.x1) for r in iterate_regions(labels)}
    sides = np.array([found[n] for n in table[LABEL].tolist()], np.int64).reshape(-1, 4)
    return table.assign(**dict(zip(BOX, sides.T, strict=True)))


def _about(meta: Mapping[str, Any]) -> dict[str, Any]:
    metadata = meta.get("metadata")
    about = metadata.get(METADATA) if isinstance(metadata, dict) else None
    return about if isinstance(about, dict) else {}


def _name(meta: Mapping[str, Any]) -> str:
    """Return the image's name: as it was read, or that of the layer."""
    name = _about(meta).get("image") or str(meta.get("name", "")).removesuffix(_OURS)
    return name.replace("/", "_").replace("\\", "_") or "image"
