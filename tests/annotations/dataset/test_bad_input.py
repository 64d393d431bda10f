"""Datasets that are damaged or made by an enemy: one sentence each, and nothing else is touched."""

from __future__ import annotations

import copy
import hashlib
import json
import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_leukocyte.annotations.dataset import reading
from napari_leukocyte.annotations.dataset.check import check
from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.dataset.reopen import reopen
from napari_leukocyte.errors import LeukocyteError
from tests.annotations.dataset.worked import export_all, files_of, reclassify


def _manifest(place: Path) -> Path:
    return place / "versions" / "0001" / "manifest.json"


def _values(place: Path) -> Any:
    return json.loads(_manifest(place).read_text())


def _refused(place: Path, match: str) -> None:
    """Every way into the dataset must say the same sentence."""
    for way in (open_dataset, check):
        with pytest.raises(DatasetError, match=match) as caught:
            way(place)
        text = str(caught.value)
        assert "\n" not in text
        assert text.endswith(".")


def _set(path: tuple[Any, ...], value: Any) -> Callable[[Any], None]:
    def change(values: Any) -> None:
        for key in path[:-1]:
            values = values[key]
        values[path[-1]] = value

    return change


def _file(name: str) -> Callable[[Any], None]:
    entry = {"sha256": "0" * 64, "bytes": 1}
    return lambda values: values["files"].update({name: entry})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (_file("../../../precious"), "outside itself"),
        (_file("labels/../../../precious"), "outside itself"),
        (_file("/etc/passwd"), "outside itself"),
        (_file("C:\\windows"), "outside itself"),
        (_file("c:/windows"), "outside itself"),
        (_file("labels//x"), "outside itself"),
        (_file("a\0b"), "outside itself"),
        (_file("x" * 5000), "too long"),
        (_set(("schema",), 2), "layout version 2; this plugin reads 1"),
        (_set(("kind",), "poem"), "does not belong to a dataset"),
        (_set(("images", 0, "shape"), [1 << 40, 1 << 40]), "too large"),
        (_set(("images", 0, "shape"), [0, 10]), "too large"),
        (_set(("images", 0, "shape"), [-1, -10]), r"shape\[0\] must be from 0 to"),
        (_set(("images", 0, "side"), "outside"), "side must be train, validation or test"),
        (_set(("images", 0, "id"), "../field"), "name that no file"),
        (_set(("images", 0, "id"), "field_2"), "two of its photographs"),
        (_set(("images", 0, "labels"), "labels/other.tif"), "no checksum"),
        (
            _set(("images", 0, "key"), "no hash"),
            "key must be a checksum .*, not 'no hash'",
        ),
        (_set(("images", 0, "views"), ["zz"]), "perceptual hash"),
        (_set(("classes", 0, "folder"), "a/../.."), "name that no file"),
        (_set(("validation",), 2), "shares"),
        (_set(("version",), 7), "renamed"),
        (_set(("images",), {}), "images must be a list"),
        (_set(("files",), None), "files must be names with values"),
        (lambda values: values.pop("classes"), "damaged: classes is missing"),
    ],
)
def test_a_bad_manifest_is_refused_in_one_sentence(
    folder: Path, place: Path, change: Callable[[Any], None], match: str
) -> None:
    export_all(place, folder)
    values = _values(place)
    change(values)
    _manifest(place).write_text(json.dumps(values))
    before = files_of(place)
    _refused(place, match)
    # Nor does an export build on it.
    reclassify(folder / "field 1.png", "basophil")
    with pytest.raises(DatasetError):
        export_all(place, folder)
    assert files_of(place) == before


@pytest.mark.parametrize(
    "data", [b"", b"[", b"NaN", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}']
)
def test_what_is_no_json_is_refused(folder: Path, place: Path, data: bytes) -> None:
    export_all(place, folder)
    _manifest(place).write_bytes(data)
    _refused(place, "manifest.json")
    export_all(place / "other", folder)
    (place / "other" / "dataset.json").write_bytes(data)
    _refused(place / "other", "dataset.json")


def test_a_pointer_to_nowhere_is_refused(folder: Path, place: Path) -> None:
    export_all(place, folder)
    pointer = json.loads((place / "dataset.json").read_text())
    for current in (9, "../..", None, -1, 1.5):
        (place / "dataset.json").write_text(json.dumps(pointer | {"current": current}))
        _refused(place, "which is missing")


@pytest.mark.parametrize(
    "what", ["manifest.json", "labels", "objects.parquet", "labels/field_1.tif"]
)
def test_links_are_refused(folder: Path, place: Path, tmp_path: Path, what: str) -> None:
    export_all(place, folder)
    path = _manifest(place).parent / what
    moved = tmp_path / "moved"
    path.rename(moved)
    path.symlink_to(moved, target_is_directory=moved.is_dir())
    _refused(place, "is a link")


@pytest.mark.parametrize("name", ["versions", "dataset.json", ".lock"])
def test_an_export_follows_no_link(folder: Path, place: Path, tmp_path: Path, name: str) -> None:
    place.mkdir()
    target = tmp_path / "precious"
    if name == "versions":
        target.mkdir()
    else:
        target.write_text("precious")
    (place / name).symlink_to(target)
    (place / "versions").mkdir(exist_ok=True)
    before = files_of(tmp_path)
    with pytest.raises(DatasetError, match="is a link"):
        export_all(place, folder)
    assert files_of(tmp_path) == before


def test_a_photograph_elsewhere_is_only_a_file_of_its_size(
    folder: Path, place: Path, tmp_path: Path
) -> None:
    from napari_leukocyte.annotations.dataset.export_state import ExportSettings

    export_all(place, folder, ExportSettings(copy_images=False))
    values = _values(place)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in ("/dev/zero", str(pipe), "/etc/passwd", str(tmp_path), "\0", "x" * 9000):
        values["images"][0]["reference"]["path"] = path
        _manifest(place).write_text(json.dumps(values))
        image = open_dataset(place).images[0]
        assert image.image is None
        with pytest.raises(DatasetError):
            open_dataset(place).read_rgb(image)


def _swap(place: Path, name: str, data: bytes) -> None:
    """Put other bytes into a file, with the manifest's consent."""
    path = _manifest(place).parent / name
    path.write_bytes(data)
    values = _values(place)
    values["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    _manifest(place).write_text(json.dumps(values))


def _tiff(array: np.ndarray[Any, Any]) -> bytes:
    buffer = BytesIO()
    tifffile.imwrite(buffer, array, compression="zlib")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        _tiff(np.zeros((20_000, 20_000), np.uint8)),  # a bomb: 400 megapixels in some bytes
        _tiff(np.zeros((10, 10), np.uint16)),
        _tiff(np.zeros((180, 240), np.float32)),
        _tiff(np.full((180, 240), 2**32 - 1, np.uint32)),
    ],
)
def test_label_images_that_are_none_are_refused(folder: Path, place: Path, data: bytes) -> None:
    export_all(place, folder)
    _swap(place, "labels/field_1.tif", data)
    dataset = open_dataset(place)
    with pytest.raises(DatasetError, match="not a label image"):
        dataset.read_labels(dataset.images[0])
    assert not check(place).sound
    assert "field_1" in reopen(dataset, replace=True).skipped


@pytest.mark.parametrize("name", ["images/field_1.png", "labels/field_1-erased.png"])
def test_images_of_another_size_are_refused_before_they_are_unpacked(
    folder: Path, place: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_all(place, folder)
    _, bomb = cv2.imencode(".png", np.zeros((9000, 9000), np.uint8))
    _swap(place, name, bomb.tobytes())
    dataset = open_dataset(place)

    def unpack(path: Path) -> None:
        pytest.fail(f"{path} was unpacked", pytrace=False)

    monkeypatch.setattr(reading, "read_image", unpack)
    read = dataset.read_rgb if name.startswith("images") else dataset.read_erased
    with pytest.raises(DatasetError, match="another size"):
        read(dataset.images[0])


def test_tables_that_are_none_are_refused(folder: Path, place: Path, tmp_path: Path) -> None:
    export_all(place, folder)
    good = open_dataset(place).objects()
    path = tmp_path / "table.parquet"
    tables = [
        good.drop(columns="class"),
        good.iloc[:2],
        good.assign(label="one"),
        good.assign(area_px=np.inf),
        pd.concat([good, good]),
    ]
    for table in tables:
        table.to_parquet(path, index=False)
        _swap(place, "objects.parquet", path.read_bytes())
        with pytest.raises(DatasetError, match="not a table of objects"):
            open_dataset(place).objects()
    _swap(place, "objects.parquet", b"PAR1")
    with pytest.raises(DatasetError, match="not a table of objects"):
        open_dataset(place).objects()
    assert not check(place).sound


def _answer(place: Path) -> str:
    """Return what is said of a dataset that is read in every way; nothing if all is well."""
    try:
        check(place, suspects=False)
        dataset = open_dataset(place)
        for image in dataset.images:
            dataset.read(image)
        reopen(dataset, replace=True)
    except LeukocyteError as error:
        return str(error)
    return ""


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
VALUES = (
    LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(st.text(max_size=4), LEAVES, max_size=3)
)


@given(data=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_manifest_says_the_answer_is_one_sentence(
    folder: Path, place: Path, data: st.DataObject
) -> None:
    if not place.exists():
        export_all(place, folder)
        (place / "good").write_bytes(_manifest(place).read_bytes())
    values = copy.deepcopy(json.loads((place / "good").read_text()))
    outside = files_of(folder)
    for _ in range(data.draw(st.integers(1, 2))):
        at = values
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = data.draw(st.sampled_from(keys))
            inner = at[key]
            if not (isinstance(inner, (dict, list)) and inner and data.draw(st.booleans())):
                break
            at = inner
        at[key] = data.draw(VALUES)
    _manifest(place).write_text(json.dumps(values))
    assert "\n" not in _answer(place)
    assert files_of(folder) == outside


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_bytes_are_in_the_files_the_answer_is_one_sentence(
    folder: Path, place: Path, data: st.DataObject
) -> None:
    if not place.exists():
        export_all(place, folder)
    good = _manifest(place).read_bytes()
    name = data.draw(
        st.sampled_from(["labels/field_1.tif", "objects.parquet", "provenance/field_1.jsonl"])
    )
    path = _manifest(place).parent / name
    kept = path.read_bytes()
    changed = bytearray(kept)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(changed) // 2, len(changed)))
    try:
        _swap(place, name, bytes(changed[:cut]))
        assert "\n" not in _answer(place)
    finally:
        path.write_bytes(kept)
        _manifest(place).write_bytes(good)
