from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from napari_leukocyte.analysis.smear.reading import hold_session, read_field
from napari_leukocyte.annotations.dataset.export import export
from napari_leukocyte.annotations.dataset.export_state import ExportSettings
from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.dataset.sources import field_of_file, fields_of_files
from napari_leukocyte.annotations.dataset.staging import Staging
from napari_leukocyte.errors import Cancelled, OutputError
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.vocabulary import DISCLAIMER
from tests.analysis.smear.fields import make_folder
from tests.annotations.dataset.worked import (
    MODEL,
    export_all,
    files_of,
    folders_of,
    reclassify,
    work_on,
)
from tests.io.images.drawn import CONTAINERS, save


def test_an_export_holds_what_the_session_holds(folder: Path, place: Path) -> None:
    done = export_all(place, folder, ExportSettings(title="Smears", licence="CC-BY-4.0"))
    assert (done.version, done.new, done.added) == (1, True, ("field_1", "field_2", "field_3"))
    dataset = open_dataset(place)
    assert (dataset.version, dataset.licence) == (1, "CC-BY-4.0")
    objects = dataset.objects()
    for image in dataset.images:
        path = folder / image.file_name
        session = read_field(path)
        assert np.array_equal(dataset.read_labels(image), session.labels)
        assert np.array_equal(dataset.read_rgb(image), session.rgb)
        assert image.image is not None
        assert image.image.read_bytes() == path.read_bytes()
        rows = objects[objects["image"] == image.name].reset_index(drop=True)
        expected = session.table()
        for column in expected:
            pd.testing.assert_series_equal(rows[column], expected[column], check_dtype=False)
        assert set(rows["who"]) == {"Ada"}
        assert set(rows["model_sha256"]) == {MODEL["members"][0]["sha256"]}  # type: ignore[index]
        assert set(rows["side"]) == {image.side}
    csv = pd.read_csv(dataset.folder / "objects.csv", keep_default_na=False)
    assert csv["class"].tolist() == objects["class"].tolist()
    assert csv.columns.tolist() == objects.columns.tolist()
    manifest = json.loads((dataset.folder / "manifest.json").read_text())
    assert manifest["disclaimer"] == DISCLAIMER
    assert {m["model"] for m in manifest["models"]} == {"toy", "unet-lite-trio"}


def test_every_side_has_a_folder_for_every_class_and_crops_show_their_cells(
    folder: Path, place: Path
) -> None:
    export_all(place, folder)
    dataset = open_dataset(place)
    crops = dataset.crops
    folders = {side.name: sorted(p.name for p in side.iterdir()) for side in crops.iterdir()}
    assert set(folders) == {"train", "validation", "test"}
    assert len({tuple(names) for names in folders.values()}) == 1
    assert folders["train"] == sorted(c.replace(" ", "_") for c in dataset.classes)
    for row in dataset.objects().to_dict("records"):
        crop = cv2.imread(str(dataset.folder / row["crop"]))
        assert crop is not None
        assert crop.shape == (128, 128, 3)
        # The cell is dark and in the middle.
        assert crop[64, 64].mean() < 130 < crop[2, 2].mean()
        assert Path(row["crop"]).parts[:3] == ("crops", row["side"], row["class"])


def test_only_what_changed_is_written_again_and_old_versions_stay(
    folder: Path, place: Path
) -> None:
    export_all(place, folder)
    before = files_of(place / "versions" / "0001")
    assert not export_all(place, folder).new
    assert [p.name for p in (place / "versions").iterdir()] == ["0001"]
    reclassify(folder / "field 2.png", "basophil")
    make_folder(folder.parent / "more", (4,))
    extra = folder.parent / "more" / "field 1.png"
    work_on(extra)
    done = export_all(place, [*sorted(folder.glob("*.png")), extra])
    assert done.version == 2
    assert done.replaced == ("field_2",)
    assert done.unchanged == ("field_1", "field_3")
    assert "1 added, 1 replaced, 2 unchanged" in done.sentences[0]
    assert files_of(place / "versions" / "0001") == before
    old, new = open_dataset(place, 1), open_dataset(place)
    assert new.manifest.previous == old.sha256
    same = "labels/field_1.tif"
    assert (old.folder / same).stat().st_ino == (new.folder / same).stat().st_ino
    changed = "provenance/field_2.jsonl"
    assert (new.folder / changed).read_bytes().startswith((old.folder / changed).read_bytes())
    first = new.objects().query("image == 'field_2'").iloc[0]
    assert (first["class"], first["who"]) == ("basophil", "Bo")
    sides = {i.name: i.side for i in new.images}
    assert {i.name: i.side for i in old.images}.items() <= sides.items()


def test_an_export_of_one_photograph_keeps_the_others(folder: Path, place: Path) -> None:
    export_all(place, folder)
    reclassify(folder / "field 3.png", "eosinophil")
    done = export_all(place, [folder / "field 3.png"])
    assert (done.replaced, done.unchanged) == (("field_3",), ())
    dataset = open_dataset(place)
    assert [i.name for i in dataset.images] == ["field_1", "field_2", "field_3"]
    assert set(dataset.objects()["image"]) == {"field_1", "field_2", "field_3"}


def test_a_licence_alone_makes_a_version(folder: Path, place: Path) -> None:
    export_all(place, folder)
    done = export_all(place, folder, ExportSettings(licence="CC0-1.0"))
    assert (done.version, done.new) == (2, True)
    assert not export_all(place, folder).new
    assert open_dataset(place).licence == "CC0-1.0"


def test_photographs_need_not_be_copied(folder: Path, place: Path) -> None:
    export_all(place, folder, ExportSettings(copy_images=False))
    dataset = open_dataset(place)
    assert not (dataset.folder / "images").exists()
    image = dataset.images[0]
    assert image.image == folder / "field 1.png"
    assert dataset.read_rgb(image).shape == (*image.shape, 3)
    (folder / "field 1.png").write_bytes(b"something else")
    image = open_dataset(place).images[0]
    assert image.image is None
    with pytest.raises(DatasetError, match="not copied"):
        dataset.read_rgb(image)


def test_photographs_that_others_see_otherwise_are_copied_as_they_are_meant(
    folder: Path, tmp_path: Path, place: Path
) -> None:
    rgb = read_image(min(folder.glob("*.png")))
    kept = {"png": 1, "tiff": 1}
    for name, orientation in (*kept.items(), ("webp", 6), ("lzw tiff", 3), ("jpeg 2000", 1)):
        suffix = CONTAINERS[name].suffix
        path = tmp_path / f"{name}{suffix}"
        # One photograph each, by one pixel.
        rgb[0, 0] += 1
        path.write_bytes(save(name, rgb, "rgb", 8, orientation))
        work_on(path)
        export_all(place, [path])
        dataset = open_dataset(place)
        (image,) = (i for i in dataset.images if i.file_name == path.name)
        assert image.image is not None
        if name in kept:
            assert image.image.read_bytes() == path.read_bytes()
        else:
            assert image.image.suffix == ".png"
        np.testing.assert_array_equal(dataset.read_rgb(image), rgb)


def test_cells_that_nobody_reviewed_can_stay_out(folder: Path, place: Path) -> None:
    path = folder / "field 2.png"
    with hold_session(read_image(path), path.name) as session:
        session.clear_class(session.table()["label"].tolist()[:2])
    done = export_all(place, folder, ExportSettings(only_reviewed=True))
    assert any("2 cells that nobody reviewed" in s for s in done.sentences)
    dataset = open_dataset(place)
    image = dataset.images[1]
    assert not image.complete
    assert len(dataset.read(image).table) == len(np.unique(dataset.read_labels(image))) - 1 == 2
    # Later exported with all of them, the same log goes on.
    later = export_all(place, folder)
    assert later.replaced == ("field_2",)
    assert open_dataset(place).images[1].complete


def test_photographs_of_one_name_get_names_of_their_own(folder: Path, place: Path) -> None:
    other = make_folder(folder.parent / "smear 8", (4, 2))
    for path in other.iterdir():
        image = read_image(path)
        path.unlink()
        cv2.imwrite(str(path), image[::-1, :, ::-1])
        work_on(path)
    export_all(place, sorted(folder.glob("*.png")))
    done = export_all(place, sorted(other.glob("*.png")))
    assert done.added == ("field_1-2", "field_2-2")
    assert open_dataset(place).images[1].file_name == "field 1.png"


def test_what_cannot_be_exported_is_named_and_the_rest_goes_on(folder: Path, place: Path) -> None:
    (folder / "field 4.png").write_bytes((folder / "field 1.png").read_bytes())
    (folder / "field 5.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    done = export_all(place, folder)
    assert len(done.added) == 3
    assert "same pixels as field 1.png" in done.skipped["field 4.png"]
    assert "damaged" in done.skipped["field 5.png"]
    other = place.with_name("other")
    with pytest.raises(DatasetError, match="nothing to export"):
        export(other / "inner", [])
    assert not other.exists()


def test_a_folder_that_holds_something_else_is_left_alone(folder: Path, place: Path) -> None:
    with pytest.raises(DatasetError, match="holds no dataset"):
        export_all(folder, folder)
    place.write_text("a file")
    with pytest.raises(DatasetError, match="is a file"):
        export_all(place, folder)


def test_a_cancelled_export_leaves_nothing(folder: Path, place: Path) -> None:
    export_all(place, [folder / "field 1.png"])
    before = files_of(place)

    def stop(done: int, total: int, what: str) -> None:
        if done == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        export(place, fields_of_files(sorted(folder.glob("*.png"))), progress=stop)
    assert files_of(place) == before
    assert not any(".staging" in name for name in folders_of(place))
    assert [p.name for p in (place / "versions").iterdir()] == ["0001"]


@pytest.mark.parametrize("call", range(0, 40, 6))
def test_a_full_disk_leaves_the_old_version_whole(
    folder: Path, place: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    export_all(place, [folder / "field 1.png"])
    before = files_of(place)
    calls = iter(range(1000))
    write = Path.write_bytes

    def full(path: Path, data: Any) -> int:
        if next(calls) >= call and place in path.parents:
            write(path, bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        told = ""
        try:
            export_all(place, folder)
        except OutputError as error:
            told = str(error)
        if next(calls) <= call:
            assert not told
            return
    assert told == f"{place} can't be written: the disk is full."
    assert files_of(place) == before
    assert export_all(place, folder).version == 2


def test_a_disk_that_is_really_full(folder: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)]
    if umount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can't be mounted here")
    try:
        place = small / "dataset"
        export_all(place, [folder / "field 1.png"])
        before = files_of(place)
        with pytest.raises(OutputError, match="the disk is full"):
            export_all(place, folder)
        assert files_of(place) == before
        assert open_dataset(place).version == 1
    finally:
        subprocess.run([umount, str(small)], check=True)


def test_exports_wait_for_each_other(folder: Path, place: Path) -> None:
    paths = sorted(folder.glob("*.png"))
    failed: list[Exception] = []

    def work(path: Path) -> None:
        try:
            export(place, [field_of_file(path)])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(p,)) for p in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    dataset = open_dataset(place)
    assert dataset.version == 3
    assert [i.name for i in dataset.images] == ["field_1", "field_2", "field_3"]


def test_an_export_that_waits_too_long_says_so(folder: Path, place: Path) -> None:
    export_all(place, folder)
    impatient = ExportSettings(patience=0.1)
    with (
        FileLock(place / ".lock"),
        pytest.raises(OutputError, match="Another export has been writing to"),
    ):
        export_all(place, folder, impatient)


def test_links_are_copied_where_the_system_has_none(
    folder: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    export_all(place, folder)
    monkeypatch.setattr(os, "link", refuse)
    reclassify(folder / "field 1.png", "eosinophil")
    done = export_all(place, folder)
    old, new = open_dataset(place, 1), open_dataset(place)
    same = "labels/field_2.tif"
    assert done.version == 2
    assert (old.folder / same).read_bytes() == (new.folder / same).read_bytes()
    assert (old.folder / same).stat().st_ino != (new.folder / same).stat().st_ino


def test_a_version_whose_pointer_did_not_follow_counts(
    folder: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_all(place, [folder / "field 1.png"])
    pointer = (place / "dataset.json").read_bytes()
    export_all(place, folder)
    (place / "dataset.json").write_bytes(pointer)
    assert open_dataset(place).version == 2
    assert not export_all(place, folder).new
    assert json.loads((place / "dataset.json").read_text())["current"] == 2


def test_leftovers_go_with_the_next_export(folder: Path, place: Path, tmp_path: Path) -> None:
    export_all(place, folder)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")
    left = place / "versions" / ".staging-0badcafe"
    (left / "labels").mkdir(parents=True)
    (left / "labels" / "half.tif").write_bytes(b"II")
    (place / "versions" / ".staging-link").symlink_to(precious, target_is_directory=True)
    export_all(place, folder)
    assert [p.name for p in (place / "versions").iterdir()] == ["0001"]
    assert (precious / "file").read_text() == "mine"


def test_the_core_opens_no_window_and_no_tensorflow(place: Path) -> None:
    code = (
        "import sys\n"
        "from napari_leukocyte.annotations.dataset import check, export, reopen, sources\n"
        "print([m for m in ('qtpy', 'napari', 'tensorflow', 'sklearn') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_staging_takes_a_damaged_file_for_none(folder: Path, place: Path) -> None:
    export_all(place, folder)
    dataset = open_dataset(place)
    victim = dataset.folder / "labels" / "field_1.tif"
    victim.write_bytes(b"short")
    staging = Staging(place / "versions" / ".staging-test")
    with pytest.raises(DatasetError, match="damaged"):
        staging.link(
            "labels/field_1.tif", dataset.folder, dataset.manifest.files["labels/field_1.tif"]
        )
    # Exported again, the photograph is written anew.
    assert export_all(place, folder).replaced == ("field_1",)
    assert open_dataset(place).read_labels(open_dataset(place).images[0]).any()
