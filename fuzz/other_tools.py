"""Files as other programs write them, for the fuzzer to start from."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

_RING = [[2, 2], [9, 2], [9, 9], [2, 9], [2, 2]]
_BEYOND = [[10, 2], [20, 2], [20, 9], [10, 9], [10, 2]]
_LABELS = np.zeros((12, 14), np.uint16)
_LABELS[1:5, 1:5], _LABELS[7:10, 7:10] = 1, 2


def _photograph(path: Path) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((12, 14, 3), np.uint8)).save(path)


def _qupath(folder: Path) -> None:
    def feature(ring: Any, **properties: Any) -> dict[str, Any]:
        geometry = {"type": "Polygon", "coordinates": [ring]}
        return {"type": "Feature", "geometry": geometry, "properties": properties}

    parent = {"name": "Band", "parentClass": {"name": "Neutrophil"}}
    cell = feature(_RING, objectType="cell", classification={"names": ["a", "b"]})
    region = feature(_RING, childObjects=[cell], classification="Region*")
    measured = feature(_BEYOND, classification=parent, measurements={"a": float("nan"), "b": 1.5})
    line = {"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[1, 1], [2, 2]]}}
    many = {"type": "MultiPolygon", "coordinates": [[_RING, _RING], [_BEYOND]]}
    parts = {"type": "Feature", "id": "PathCellObject", "geometry": many}
    (folder / "f.geojson").write_text(json.dumps([region, measured, line, parts]))
    _photograph(folder / "F.PNG")


def _coco(folder: Path) -> None:
    flat = [[x for point in ring for x in point] for ring in (_RING, _BEYOND)]
    masks: list[Any] = [flat, [flat[0], [1, 1, 2, 2]], [], [[]]]
    name = "/data/local-files/?d=a/f.png"
    data = {
        "images": [{"id": 0, "file_name": name, "height": 12, "width": 14}],
        "categories": [{"id": 0, "name": "Neutrophil"}],
        "annotations": [
            {"id": i, "image_id": 0, "category_id": 0, "segmentation": m, "bbox": [0, 0, 3, i]}
            for i, m in enumerate(masks)
        ],
    }
    (folder / "c.json").write_text(json.dumps(data))
    _photograph(folder / "f.png")


def _roboflow(folder: Path) -> None:
    (folder / "data.yaml").write_text("train: ../train/images\nnames: [a, b]\nnc: 2\n")
    for split in ("train", "valid"):
        (folder / split / "labels").mkdir(parents=True)
        text = "1 0.1 0.1 0.5 0.1 0.5 1.0004\n0 0.5 0.5 0.2 1.0004\n0 0.1 0.1 0.2 0.2 0.1 0.1\n"
        (folder / split / "labels" / f"{split}.txt").write_text(text)
        _photograph(folder / split / "images" / f"{split}.jpg")


def _mac_rois(folder: Path) -> None:
    import roifile

    line = roifile.ImagejRoi()
    line.roitype = roifile.ROI_TYPE.LINE
    curve = roifile.ImagejRoi()
    curve.roitype = roifile.ROI_TYPE.RECT
    path = [0, 0, 0, 1, 8, 0, 3, 8, 4, 4, 8, 0, 8, 4]
    curve.multi_coordinates, curve.shape_roi_size = np.array(path, np.float32), len(path)
    beyond = roifile.ImagejRoi.frompoints(np.array(_BEYOND, np.float32))
    with zipfile.ZipFile(folder / "f.zip", "w") as archive:
        archive.writestr("__MACOSX/._a.roi", b"Mac OS X")
        for i, roi in enumerate((line, curve, beyond)):
            archive.writestr(f"RoiSet/{i}.roi", roi.tobytes())
    _photograph(folder / "f.png")


def _excel(folder: Path) -> None:
    import tifffile

    text = "sep=;\r\nlabel;class;reviewed;confidence\r\n1;a;WAHR;0,5\r\n2;b;FALSCH;0,25\r\n;;;\r\n"
    (folder / "f.csv").write_bytes(text.encode("utf-16"))
    tifffile.imwrite(folder / "f.tif", _LABELS)


def _cellpose(folder: Path) -> None:
    from PIL import Image

    Image.fromarray(_LABELS).save(folder / "a_cp_masks.tif", compression="tiff_lzw")
    Image.fromarray(_LABELS).save(folder / "b_cp_masks.png")


def _sharded(folder: Path) -> None:
    import zarr
    from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec, ZstdCodec

    root = zarr.open_group(str(folder / "f.zarr"), mode="w", zarr_format=3)
    root.attrs["bioformats2raw.layout"] = 3
    group = root.create_group("0").create_group("labels")
    group.attrs["ome"] = {"version": "0.5", "labels": ["cells"]}
    cells = group.create_group("cells")
    scales = [{"datasets": [{"path": "0"}]}]
    cells.attrs["ome"] = {"version": "0.5", "multiscales": scales, "image-label": {}}
    sharding = ShardingCodec(
        chunk_shape=(4, 4),
        codecs=[BytesCodec(), ZstdCodec()],
        index_codecs=[BytesCodec(), Crc32cCodec()],
    )
    array = cells.create_array(
        "0", shape=(12, 14), dtype="uint16", chunks=(8, 8), compressors=None, serializer=sharding
    )
    array[...] = _LABELS


#: The format that each is in, and what writes it into an empty folder.
OTHERS: Mapping[str, tuple[str, Callable[[Path], None]]] = {
    "qupath": ("geojson", _qupath),
    "coco-others": ("coco", _coco),
    "roboflow": ("yolo-seg", _roboflow),
    "mac-rois": ("imagej-roi", _mac_rois),
    "excel": ("labels-csv", _excel),
    "cellpose": ("labels-csv", _cellpose),
    "sharded": ("ome-zarr", _sharded),
}
