from __future__ import annotations

import errno
import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_leukocyte.errors import OutputError
from napari_leukocyte.io.atomic import atomic_write, interrupts_held, write_together


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def write_one(file: Path, error: BaseException) -> None:
    """Write half of a file, then fail."""
    with atomic_write(file) as temporary:
        temporary.write_text("half")
        raise error


def write_some(
    folder: Path,
    names: list[str],
    *,
    overwrite: bool = False,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Write files together; something else may happen before they are moved into place."""
    with write_together(folder, names, overwrite=overwrite) as staging:
        for name in names:
            (staging / name).write_text("written")
        meanwhile()


def fill_disk() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def full_disk(after: int) -> Callable[..., None]:
    """Return an os.replace that fails once, after so many moves."""
    moves = 0
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        nonlocal moves
        moves += 1
        if moves == after + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    return replace


def test_atomic_write_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    for text in ("old", "new"):
        with atomic_write(file) as temporary:
            assert temporary.parent == tmp_path
            temporary.write_text(text)
    assert contents(tmp_path) == {"a.txt": "new"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission mask")
def test_files_follow_the_permission_mask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "one") as temporary:
            temporary.write_text("x")
        with write_together(tmp_path / "folder", ["two"]) as staging:
            (staging / "two").write_text("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder" / "two").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o750


def test_a_failure_keeps_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(OutputError, match=r"a\.txt can't be written: the disk is full\.$"):
        write_one(file, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(KeyboardInterrupt):
        write_one(file, KeyboardInterrupt())
    assert contents(tmp_path) == {"a.txt": "old"}


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_disk_that_fills_up_leaves_old_files_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    for name in ("a", "b", "other"):
        (tmp_path / name).write_text(f"old {name}")
    old = contents(tmp_path)
    monkeypatch.setattr(os, "replace", full_disk(after))
    with pytest.raises(OutputError, match="the disk is full"):
        write_some(tmp_path, ["a", "b", "new"], overwrite=True)
    assert contents(tmp_path) == old
    write_some(tmp_path, ["a", "b", "new"], overwrite=True)
    written = dict.fromkeys(("a", "b", "new"), "written")
    assert contents(tmp_path) == written | {"other": "old other"}


def test_a_failure_leaves_no_new_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="the disk is full"):
        write_some(tmp_path / "x" / "y", ["a", "b"], meanwhile=fill_disk)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_written_anew_goes_and_the_rest_stays(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("old")
    with write_together(tmp_path, ["a", "b"], overwrite=True) as staging:
        (staging / "a").write_text("new")
    assert contents(tmp_path) == {"a": "new", "c": "old"}


def test_refuses_to_overwrite_and_names_what_exists(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("old")
    called: list[bool] = []
    with pytest.raises(OutputError, match="already holds b: "):
        write_some(tmp_path, ["a", "b"], meanwhile=lambda: called.append(True))
    assert not called, "nothing is computed for results that cannot be kept"
    assert contents(tmp_path) == {"b": "old"}


def test_refuses_what_came_into_being_meanwhile(tmp_path: Path) -> None:
    def somebody_else() -> None:
        (tmp_path / "a").write_text("somebody else's")

    with pytest.raises(OutputError, match="already holds a: "):
        write_some(tmp_path, ["a", "b"], meanwhile=somebody_else)
    assert contents(tmp_path) == {"a": "somebody else's"}


@pytest.mark.parametrize("below", [".", "below"])
def test_says_that_a_file_is_in_the_way(tmp_path: Path, below: str) -> None:
    (tmp_path / "x").write_text("x")
    with pytest.raises(OutputError, match=r"^.*x.* can't be written: .*\bfile\b.*\.$"):
        write_some(tmp_path / "x" / below, ["a"])
    assert contents(tmp_path) == {"x": "x"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_an_interrupt_takes_effect_after_what_must_not_be_parted() -> None:
    done = []

    def work() -> None:
        with interrupts_held():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("the rest")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the rest"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
