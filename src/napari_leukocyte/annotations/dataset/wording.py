"""What the columns of the table mean, and what a dataset is called."""

from __future__ import annotations

from napari_leukocyte.annotations.dataset.manifest import DatasetManifest

COLUMNS = {
    "image": "name of the photograph in the dataset",
    "group": "what the photograph was taken of; a group is on one side of the split",
    "side": "train, validation or test",
    "label": "number of the object in the label image",
    "class": "class that counts: the reader's word before the model's; empty if nobody gave one",
    "source": "who gave the class: model or reader",
    "who": "name of the reader who gave or confirmed the class, or else of the model",
    "model": "name of the classifier",
    "model_sha256": "checksum of the classifier",
    "predicted": "class that the classifier gave",
    "confidence": "probability of the predicted class, 0 to 1",
    "reader": "who last said something of the object",
    "when": "when that was (ISO 8601, UTC)",
    "reviewed": "whether a reader gave or confirmed the class",
    "flags": "flags of the reader, separated by semicolons",
    "note": "note of the reader",
    "edited": "whether the mask was changed by hand",
    "crop": "picture of the object",
    "y": "centroid, row, px",
    "x": "centroid, column, px",
    "bbox_y0": "first row of the bounding box, px",
    "bbox_x0": "first column of the bounding box, px",
    "bbox_y1": "row after the last of the bounding box, px",
    "bbox_x1": "column after the last of the bounding box, px",
    "area_px": "area, px",
    "equivalent_diameter_px": "diameter of the disc of the same area, px",
    "circularity": "4 pi area over the square of the perimeter, at most 1",
    "solidity": "area over that of the convex hull, at most 1",
    "nucleus_cell_ratio": "area of the nucleus over that of the cell; empty if unknown",
}


def describe_probability(column: str) -> str:
    """Say what a column with a probability holds."""
    return f"the classifier's probability of {column.removeprefix('p_').replace('_', ' ')}, 0 to 1"


def title_of(manifest: DatasetManifest) -> str:
    """Return what a dataset is called."""
    return manifest.title or "Leukocytes on photographs of stained blood smears"


def number_of(n: int, what: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{n} {what if n == 1 else many or what + 's'}"
