"""Small files as other programs write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

#: Height and width of every photograph, px.
SHAPE = (60, 80)


def photograph(path: Path, shape: tuple[int, int] = SHAPE) -> Path:
    """Write a photograph in the format of its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((*shape, 3), len(path.name) % 256, np.uint8)
    data = cv2.imencode(path.suffix.lower(), pixels)[1]
    path.write_bytes(data.tobytes())
    return path


def square(x: float = 10, y: float = 10, side: float = 8) -> list[list[float]]:
    """Return the corners of a square, px."""
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]


def flat(ring: list[list[float]]) -> list[float]:
    """Return a ring as COCO has it."""
    return [side for corner in ring for side in corner]


def feature(ring: list[list[float]] | None = None, **properties: Any) -> dict[str, Any]:
    """Return a feature as QuPath has it."""
    ring = square() if ring is None else ring
    geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def geojson(folder: Path, *features: Any, name: str = "f", photo: str | None = "f.png") -> Path:
    """Write a GeoJSON file, and a photograph beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.geojson"
    # As QuPath writes it: NaN where something can't be measured.
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    if photo is not None:
        photograph(folder / photo)
    return path


def coco(
    path: Path, *segmentations: Any, file_name: str = "f.png", box: Any = (0, 0, 0, 0)
) -> Path:
    """Write a COCO file with an annotation for each mask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = SHAPE
    data = {
        "images": [{"id": 0, "file_name": file_name, "height": height, "width": width}],
        "categories": [{"id": 3, "name": "Neutrophil"}],
        "annotations": [
            {"id": i, "image_id": 0, "category_id": 3, "segmentation": s, "bbox": list(box)}
            for i, s in enumerate(segmentations)
        ],
    }
    path.write_text(json.dumps(data))
    return path


def yolo_line(ring: list[list[float]] | None = None, index: int = 1) -> str:
    """Return a line of YOLO labels."""
    height, width = SHAPE
    ring = square() if ring is None else ring
    numbers = " ".join(f"{x / width:.6f} {y / height:.6f}" for x, y in ring)
    return f"{index} {numbers}\n"


def roi(ring: list[list[float]] | None = None) -> bytes:
    """Return an ImageJ ROI."""
    import roifile

    ring = square() if ring is None else ring
    data: bytes = roifile.ImagejRoi.frompoints(np.array(ring, np.float32)).tobytes()
    return data


def tree(folder: Path, **texts: str) -> Path:
    """Write text files; a name's double underscores are folders."""
    for name, text in texts.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
