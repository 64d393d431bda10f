"""Datasets as other programs, cameras and other systems leave them."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_leukocyte.annotations.formats.cells import complete
from napari_leukocyte.annotations.formats.convert import read, write
from napari_leukocyte.annotations.formats.recognise import FORMATS, UnknownFormatError, recognise
from napari_leukocyte.errors import FormatError
from tests.annotations.formats.cells import annotated, same
from tests.annotations.formats.others import (
    SHAPE,
    coco,
    feature,
    flat,
    geojson,
    photograph,
    roi,
    square,
    tree,
    yolo_line,
)

CLASSES = "Lymphocyte\nNeutrophil\n"
DATA = "names: [Lymphocyte, Neutrophil]\nnc: 2\n"
LABELS = np.zeros(SHAPE, np.uint16)
LABELS[10:20, 10:20], LABELS[30:40, 40:50] = 1, 2


def _any_case(text: str) -> st.SearchStrategy[str]:
    pairs = st.tuples(*(st.sampled_from((c.lower(), c.upper())) for c in text))
    return pairs.map("".join)


@given(data=st.data(), suffix=st.sampled_from([".png", ".jpg", ".jpeg", ".tif", ".bmp"]))
@settings(max_examples=15, deadline=None)
def test_suffixes_and_folders_in_any_case(data: st.DataObject, suffix: str) -> None:
    photo = f"IMG_0001{data.draw(_any_case(suffix))}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images, labels = (data.draw(_any_case(part)) for part in ("images", "labels"))
        photograph(folder / "yolo" / images / photo)
        tree(folder / "yolo", data_dot_yaml=DATA, **{f"{labels}__IMG_0001_dot_txt": yolo_line()})
        voc, places = folder / "voc", ("annotations", "jpegimages")
        annotations, jpeg_images = (data.draw(_any_case(part)) for part in places)
        photograph(voc / jpeg_images / photo)
        _voc(voc / annotations / "IMG_0001.xml", "IMG_0001.jpg")
        geojson(folder / "geojson", feature(), name="IMG_0001", photo=photo)
        photograph(folder / "roi" / images / photo)
        (folder / "roi" / "IMG_0001.roi").write_bytes(roi())
        for place in ("yolo", "voc", "geojson/IMG_0001.geojson", "roi/IMG_0001.roi"):
            (image,) = read(folder / place, strict=True)
            assert image.shape == SHAPE
            assert image.source is not None
            assert image.source.name == photo
            assert image.notes == ()


def _voc(path: Path, name: str, size: str = "<width>0</width><height>0</height>") -> None:
    box = "<xmin>11</xmin><ymin>11</ymin><xmax>20</xmax><ymax>20</ymax>"
    entry = f"<object><name>Neutrophil</name><bndbox>{box}</bndbox></object>"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"<annotation><filename>{name}</filename><size>{size}</size>{entry}</annotation>"
    path.write_text(text)


def test_photographs_side_by_side_are_named(tmp_path: Path) -> None:
    photograph(tmp_path / "f.png", (70, 90))
    path = geojson(tmp_path, feature(), photo="f.jpg")
    (image,) = read(path)
    assert image.source == tmp_path / "f.jpg"
    assert image.notes == (
        "f.jpg and f.png are side by side, and the annotations do not say which is meant: "
        "f.jpg is taken.",
    )
    # The name with its ending says which.
    named = coco(tmp_path / "c.json", [flat(square())], file_name="f.png")
    assert read(named)[0].source == tmp_path / "f.png"


@pytest.mark.parametrize("name", [n for n in FORMATS if n != "dataset"])
@pytest.mark.parametrize("letter", ["a", "ж"])
def test_names_of_201_to_255_bytes(name: str, letter: str, tmp_path: Path) -> None:
    long = [letter * (length // len(letter.encode())) + ".png" for length in (197, 250)]
    images = [annotated(np.eye(5), name=n) for n in (*long, long[1][:-4] + ".tif")]
    write(images, tmp_path / "out", name)
    back = read(tmp_path / "out")
    assert len(back) == 3
    assert {i.name for i in back} == {i.name for i in images}
    for image in images:
        same(image, next(b for b in back if b.name == image.name))
    with pytest.raises(FormatError, match="no file can have"):
        write([annotated(np.eye(5), name="a" * 256)], tmp_path / "b", name)


def test_yolo_of_roboflow(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(f"train: ../train/images\n{DATA}")
    (tmp_path / "README.dataset.txt").write_text("cells")
    for split in ("train", "valid", "test"):
        photograph(tmp_path / split / "images" / f"{split}_jpg.rf.01.jpg")
        tree(tmp_path, **{f"{split}__labels__{split}_jpg.rf.01_dot_txt": yolo_line()})
    for path in (tmp_path, tmp_path / "data.yaml"):
        images = read(path, strict=True)
        assert sorted(i.name.split("_")[0] for i in images) == ["test", "train", "valid"]
        assert {c for i in images for c in i.table["class"]} == {"Neutrophil"}


def test_labels_without_a_photograph_among_others(tmp_path: Path) -> None:
    photograph(tmp_path / "images" / "f.png")
    tree(tmp_path, data_dot_yaml=DATA, labels__f_dot_txt=yolo_line(), labels__g_dot_txt=yolo_line())
    (image,) = read(tmp_path)
    assert image.notes == (
        "1 of 2 files of labels left out, since no photograph of their names says how large it is: "
        "labels/g.txt.",
    )
    with pytest.raises(FormatError, match="size of the image is not known"):
        read(tmp_path, strict=True)
    (tmp_path / "images" / "f.png").unlink()
    with pytest.raises(FormatError, match="size of the image is not known"):
        read(tmp_path)


def test_coco_and_voc_of_roboflow_and_coco_of_cvat(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        photograph(tmp_path / "coco" / split / f"{split}.jpg")
        file = tmp_path / "coco" / split / "_annotations.coco.json"
        coco(file, [flat(square())], file_name=f"{split}.jpg")
        photograph(tmp_path / "voc" / split / f"{split}.jpg")
        _voc(tmp_path / "voc" / split / f"{split}.xml", f"{split}.jpg")
    for kind in ("coco", "voc"):
        images = read(tmp_path / kind)
        assert recognise(tmp_path / kind).name == kind
        assert sorted(i.name for i in images) == ["test.jpg", "train.jpg", "valid.jpg"]
        assert all(i.source is not None for i in images)
    photograph(tmp_path / "cvat" / "images" / "default" / "f.png")
    coco(tmp_path / "cvat" / "annotations" / "instances_default.json", [flat(square())])
    for path in ("cvat", "cvat/annotations/instances_default.json"):
        (image,) = read(tmp_path / path)
        assert image.source is not None


def test_a_folder_with_json_of_another_kind_below_is_in_no_format(tmp_path: Path) -> None:
    tree(tmp_path, settings__a_dot_json="{damaged", settings__b_dot_json='{"a": 1}')
    photograph(tmp_path / "f.png")
    with pytest.raises(UnknownFormatError):
        recognise(tmp_path)


def test_yolo_of_labelimg_cvat_and_darknet(tmp_path: Path) -> None:
    line = "1 0.5 0.5 0.25 0.5\n"
    photograph(tmp_path / "a" / "images" / "f.png")
    photograph(tmp_path / "a" / "images" / "classes.png")
    tree(tmp_path / "a", labels__f_dot_txt=line, labels__classes_dot_txt=CLASSES)
    photograph(tmp_path / "b" / "f.png")
    tree(tmp_path / "b", f_dot_txt=line, classes_dot_txt=CLASSES)
    photograph(tmp_path / "c" / "obj_train_data" / "f.jpg")
    about = "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"
    tree(
        tmp_path / "c",
        obj_train_data__f_dot_txt=line,
        obj_dot_names=CLASSES,
        obj_dot_data=about,
        train_dot_txt="data/obj_train_data/f.jpg\n",
    )
    photograph(tmp_path / "d" / "train" / "f.jpg")
    tree(tmp_path / "d", train__f_dot_txt=line, train___darknet_dot_labels=CLASSES)
    for name in "abcd":
        assert recognise(tmp_path / name).name == "yolo-seg"
        (image,) = read(tmp_path / name, strict=True)
        assert image.name.startswith("f.")
        assert image.table["class"].tolist() == ["Neutrophil"]
        box = image.table[["bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1"]].to_numpy()
        assert box.tolist() == [[15, 30, 45, 50]]


@pytest.mark.parametrize(
    "name",
    [
        "images\\1/90fb3a2c-f.png",
        "/data/upload/1/90fb3a2c-f.png",
        "/data/local-files/?d=smears/f.png",
        "/data/local-files/?d=smears%2Ff.png",
        "http://localhost:8080/data/upload/1/f.png",
        "s3://bucket/smears/f.png",
    ],
)
def test_label_studio_names_photographs_by_addresses(name: str, tmp_path: Path) -> None:
    photo = photograph(tmp_path / "images" / "f.png")
    (image,) = read(coco(tmp_path / "result.json", [flat(square())], file_name=name))
    assert image.source == photo


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "/data/local-files/?d=../../etc/passwd", "/data/secret.png", "C:\\a.png"],
)
def test_addresses_lead_nowhere_else(name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="leads out of its folder"):
        read(coco(tmp_path / "result.json", [flat(square())], file_name=name))


def test_coco_without_a_size(tmp_path: Path) -> None:
    path = coco(tmp_path / "c.json", [flat(square())])
    data = json.loads(path.read_text())
    for size in ({"height": 0, "width": 0}, {"height": None, "width": None}):
        data["images"][0] |= size
        path.write_text(json.dumps(data))
        with pytest.raises(FormatError, match="without a height and width"):
            read(path)
        photo = photograph(tmp_path / "f.png")
        assert read(path)[0].shape == SHAPE
        photo.unlink()


def test_a_folder_of_qupaths_json_and_rois_of_cellpose(tmp_path: Path) -> None:
    path = geojson(tmp_path / "a", feature())
    path.rename(path.with_suffix(".json"))
    assert recognise(tmp_path / "a").name == "geojson"
    assert read(tmp_path / "a")[0].shape == SHAPE
    photograph(tmp_path / "f.png")
    (tmp_path / "f_rois.roi").write_bytes(roi())
    assert read(tmp_path / "f_rois.roi")[0].name == "f.png"


def test_voc_without_a_size(tmp_path: Path) -> None:
    _voc(tmp_path / "f.xml", "f.png")
    with pytest.raises(FormatError, match="without a height and width"):
        read(tmp_path / "f.xml")
    photograph(tmp_path / "f.png")
    for size in ("<width>0</width><height>0</height>", ""):
        _voc(tmp_path / "f.xml", "f.png", size)
        (image,) = read(tmp_path / "f.xml")
        assert image.shape == SHAPE
        assert image.table["bbox_y0"].tolist() == [10]


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_masks_of_cellpose(suffix: str, tmp_path: Path) -> None:
    photo = photograph(tmp_path / "f.JPG")
    (tmp_path / "f_seg.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(FormatError, match="pickle of cellpose"):
        read(tmp_path)
    with pytest.raises(FormatError, match="pickle of cellpose"):
        read(tmp_path / "f_seg.npy")
    masks = tmp_path / f"f_cp_masks{suffix}"
    for name in (masks.name, "f_outlines_cp_masks.png"):
        masks.with_name(name).write_bytes(cv2.imencode(suffix, LABELS)[1].tobytes())
    if suffix == ".tif":
        tifffile.imwrite(masks, LABELS)
    for path in (tmp_path, masks):
        (image,) = read(path)
        assert (image.name, image.source) == ("f.JPG", photo)
        np.testing.assert_array_equal(image.labels, LABELS)


def test_lzw_label_images_with_a_table(tmp_path: Path) -> None:
    from PIL import Image

    for dtype in (np.uint8, np.uint16):
        Image.fromarray(LABELS.astype(dtype)).save(tmp_path / "f.TIF", compression="tiff_lzw")
        (tmp_path / "f.csv").write_text("label,class\n1,neutrophil\n2,lymphocyte\n")
        photo = photograph(tmp_path / "f.png")
        for path in (tmp_path, tmp_path / "f.TIF", tmp_path / "f.csv"):
            (image,) = read(path)
            np.testing.assert_array_equal(image.labels, LABELS)
            assert image.table["class"].tolist() == ["neutrophil", "lymphocyte"]
            assert image.source == photo


@pytest.mark.parametrize("compression", [None, "zlib", "packbits"])
def test_tiled_label_images(compression: str | None, tmp_path: Path) -> None:
    photograph(tmp_path / "f.png")
    masks = tmp_path / "f_cp_masks.tif"
    options: dict[str, Any] = {"compression": compression, "tile": (16, 32), "bigtiff": True}
    for dtype in (np.uint8, np.uint16, np.int32):
        predictor = compression == "zlib"
        tifffile.imwrite(masks, LABELS.astype(dtype), predictor=predictor, **options)
        np.testing.assert_array_equal(read(tmp_path)[0].labels, LABELS)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "ascii"])
def test_results_that_excel_saved_again(encoding: str, tmp_path: Path) -> None:
    classes = {1: "neutrophil", 2: None}
    image = annotated(LABELS, classes, "f.png", confidence=[0.5, 0.25])
    write([image], tmp_path / "a", "labels-csv")
    objects = tmp_path / "a" / "objects.csv"
    table = pd.read_csv(objects)
    between = "\t" if encoding == "utf-16" else ";"
    text = table.to_csv(sep=between, decimal=",", index=False, lineterminator="\r\n")
    blank = between * (len(table.columns) - 1)
    objects.write_bytes(f"{text}{blank}\r\n".encode(encoding))
    (back,) = complete(read(tmp_path / "a"))
    np.testing.assert_array_equal(back.labels, LABELS)
    assert back.table["class"].fillna("").tolist() == ["neutrophil", ""]
    assert back.table["confidence"].tolist() == [0.5, 0.25]


def test_json_with_a_mark_at_its_start(tmp_path: Path) -> None:
    path = coco(tmp_path / "a" / "c.json", [flat(square())])
    path.write_bytes(b"\xef\xbb\xbf\r\n" + path.read_bytes())
    photograph(tmp_path / "a" / "f.png")
    path = geojson(tmp_path / "b", feature())
    path.with_suffix(".json").write_bytes(b"\xef\xbb\xbf\n" + path.read_bytes())
    path.unlink()
    for folder, name in (("a", "coco"), ("b", "geojson")):
        assert recognise(tmp_path / folder).name == name
        assert len(read(tmp_path / folder)[0].table) == 1


def test_files_that_hold_another_format_say_so(tmp_path: Path) -> None:
    cvat = tmp_path / "annotations.xml"
    cvat.write_text("<annotations><version>1.1</version><image name='f.png'/></annotations>")
    with pytest.raises(FormatError, match="CVAT's own XML: export from CVAT as COCO"):
        read(cvat)
    zipped = tmp_path / "f.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("f.geojson", "{}")
    with pytest.raises(FormatError, match=r"archive with 'f.geojson': unpack it and read that\."):
        read(zipped)


def _group(folder: Path, **attributes: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / ".zattrs").write_text(
        json.dumps({k.replace("_", "-"): v for k, v in attributes.items()})
    )
    return folder


@pytest.mark.parametrize("number", [1, 2])
def test_zarr_of_bioformats2raw(number: int, tmp_path: Path) -> None:
    import zarr

    store = _group(tmp_path / "f.zarr")
    (store / ".zattrs").write_text('{"bioformats2raw.layout": 3}')
    _group(store / "OME", series=[str(i) for i in range(number)])
    for i in range(number):
        _group(store / str(i), multiscales=[])
        _group(store / str(i) / "labels", labels=["cells"])
        scales = [{"datasets": [{"path": "0"}]}]
        cells = _group(store / str(i) / "labels" / "cells", multiscales=scales, image_label={})
        array = zarr.create_array(
            str(cells / "0"), shape=SHAPE, dtype="uint16", chunks=(32, 32), zarr_format=2
        )
        array[...] = LABELS
    for path in (tmp_path, store):
        images = read(path)
        assert [i.name for i in images] == (["f"] if number == 1 else ["f-0", "f-1"])
        for image in images:
            np.testing.assert_array_equal(image.labels, LABELS)
    (store / "OME" / ".zattrs").write_text('{"series": ["../../x"]}')
    with pytest.raises(FormatError, match="leads out of its folder"):
        read(store)


@pytest.mark.parametrize("packing", ["zstd", "gzip", "none"])
@pytest.mark.parametrize("location", ["start", "end"])
def test_sharded_zarr(packing: str, location: Literal["start", "end"], tmp_path: Path) -> None:
    import zarr
    from zarr.codecs import BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec, ZstdCodec

    group = zarr.open_group(str(tmp_path / "f.ome.zarr"), mode="w", zarr_format=3)
    labels = group.create_group("labels")
    labels.attrs["ome"] = {"version": "0.5", "labels": ["cells"]}
    cells = labels.create_group("cells")
    scales = [{"datasets": [{"path": "0"}]}]
    cells.attrs["ome"] = {"version": "0.5", "multiscales": scales, "image-label": {}}
    packings: dict[str, list[Any]] = {"zstd": [ZstdCodec()], "gzip": [GzipCodec()], "none": []}
    sharding = ShardingCodec(
        chunk_shape=(16, 16),
        codecs=[BytesCodec(), *packings[packing]],
        index_codecs=[BytesCodec(), Crc32cCodec()],
        index_location=location,
    )
    array = cells.create_array(
        "0", shape=SHAPE, dtype="uint16", chunks=(64, 96), compressors=None, serializer=sharding
    )
    array[...] = LABELS
    (image,) = read(tmp_path / "f.ome.zarr")
    np.testing.assert_array_equal(image.labels, LABELS)
    shard = tmp_path / "f.ome.zarr" / "labels" / "cells" / "0" / "c" / "0" / "0"
    whole = shard.read_bytes()
    for damaged in (whole[:-30], whole[:40]):
        shard.write_bytes(damaged)
        with pytest.raises(FormatError):
            read(tmp_path / "f.ome.zarr")
