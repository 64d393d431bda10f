"""A full disk, a kill in the middle and what must not be replaced."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_leukocyte.annotations.formats.convert import read, write
from napari_leukocyte.annotations.formats.recognise import FORMATS
from napari_leukocyte.errors import OutputError
from napari_leukocyte.io import replace
from tests.annotations.formats.cells import annotated, hard, same

ALL = [name for name in FORMATS if name != "dataset"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def other() -> Any:
    return annotated(np.eye(6), {1: "monocyte"}, name="other.png")


@pytest.mark.parametrize("name", ALL)
def test_a_folder_is_replaced_as_a_whole(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write([hard()], out, name)
    before = contents(out)
    with pytest.raises(OutputError, match="not empty"):
        write([other()], out, name)
    assert contents(out) == before
    write([other()], out, name, overwrite=True)
    (back,) = read(out)
    same(other(), back)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ALL)
def test_what_is_not_ours_is_never_replaced(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write([hard()], out, name)
    (out / "labels").mkdir(exist_ok=True)
    for stranger in ("thesis.doc", "labels/thesis.doc"):
        (out / stranger).write_text("years of work")
        before = contents(tmp_path)
        with pytest.raises(OutputError, match=r"thesis\.doc, which this format did not write"):
            write([other()], out, name, overwrite=True)
        assert contents(tmp_path) == before
        (out / stranger).unlink()


def test_what_a_run_wrote_beside_is_not_replaced(tmp_path: Path) -> None:
    write([hard()], tmp_path / "run", "labels-csv")
    (tmp_path / "run" / "leukogram.csv").write_text("counted")
    with pytest.raises(OutputError, match=r"leukogram\.csv"):
        write([other()], tmp_path / "run", "labels-csv", overwrite=True)


def test_files_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(OutputError, match="a file where a folder"):
        write([hard()], tmp_path / "a", "voc", overwrite=True)
    with pytest.raises(OutputError, match="in the way"):
        write([hard()], tmp_path / "a" / "b", "voc")
    (tmp_path / "a.json").write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        write([hard()], tmp_path / "a.json", "coco")
    write([hard()], tmp_path / "a.json", "coco", overwrite=True)
    (tmp_path / "folder.zip").mkdir()
    write([hard()], tmp_path / "folder.zip", "imagej-roi")
    assert len(list((tmp_path / "folder.zip").iterdir())) == 1
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "thesis.doc").write_text("years of work")
    with pytest.raises(OutputError, match="did not write"):
        write([hard()], tmp_path / "a.zarr", "ome-zarr", overwrite=True)


def test_a_link_to_a_folder_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write([hard()], tmp_path / "link", "voc")
    write([other()], tmp_path / "link", "voc", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    same(other(), read(tmp_path / "real")[0])


@pytest.mark.parametrize("exchange", [True, False])
@pytest.mark.parametrize("name", ALL)
def test_a_full_disk_leaves_the_old_version(
    name: str, exchange: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "new" / "out"

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match=f"^{out} can't be written: the disk is full"):
            write([hard()], out, name)
    assert list(tmp_path.iterdir()) == []
    write([hard()], out, name)
    before = contents(tmp_path)
    if not exchange:
        monkeypatch.setattr(replace, "_exchange", lambda *_: False)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match="the disk is full"):
            write([other()], out, name, overwrite=True)
    assert contents(tmp_path) == before
    write([other()], out, name, overwrite=True)
    same(other(), read(out)[0])
    assert [p.name for p in out.parent.iterdir()] == ["out"]


_KILLED = """
import os, signal, sys
from pathlib import Path
from napari_leukocyte.io import replace
from napari_leukocyte.annotations.formats.convert import read, write
place, name = Path(sys.argv[1]), sys.argv[2]
images = read(place / "source")
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(os, "fsync", die) if sys.argv[3] == "flush" else setattr(replace, "_put", die)
write(images, place / "out", name, overwrite=True)
"""


@pytest.mark.parametrize(("name", "when"), [("yolo-seg", "flush"), ("labels-csv", "move")])
def test_a_kill_in_the_middle_leaves_the_old_version(name: str, when: str, tmp_path: Path) -> None:
    write([hard()], tmp_path / "out", name)
    write([other()], tmp_path / "source", "coco")
    before = contents(tmp_path / "out")
    command = [sys.executable, "-c", _KILLED, str(tmp_path), name, when]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert contents(tmp_path / "out") == before
    write([other()], tmp_path / "out", name, overwrite=True)
    same(other(), read(tmp_path / "out")[0])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="not permitted"):
            write([hard()], tmp_path / "out", "voc")
    finally:
        tmp_path.chmod(0o700)
