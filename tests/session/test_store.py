"""Nothing that was done is lost, and nobody writes over another."""

from __future__ import annotations

import errno
import gc
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte.errors import LeukocyteError, OutputError
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.language import tr
from napari_leukocyte.session import journal, store
from napari_leukocyte.session.restoring import JOURNAL
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import (
    SessionInUse,
    SessionUnreadableError,
    has_session,
    open_here,
    open_session,
    peek,
    session_folder,
)
from tests.session.work import IMAGE, MAPS, fingerprint, predictions, work

CYRILLIC = re.compile("[а-яё]{4}", re.IGNORECASE)


@pytest.fixture
def folder() -> Path:
    """Return where the image's session lies."""
    return session_folder(Session(IMAGE).rgb)


def worked() -> Session:
    """Open the session and do a bit of everything."""
    session = open_session(IMAGE, "field")
    session.set_maps(MAPS[0])
    numbers = [int(n) for n in np.unique(session.labels) if n]
    session.set_predictions(*predictions(numbers, np.random.default_rng(2)))
    session.set_class(numbers[:2], "eosinophil")
    session.set_note(numbers[0], "größer")
    return session


def test_what_is_kept_is_english_in_every_language(russian: None, folder: Path) -> None:
    session = open_session(IMAGE, "field")
    session.set_maps(MAPS[0])
    numbers = [int(n) for n in np.unique(session.labels) if n]
    session.set_predictions(*predictions(numbers, np.random.default_rng(2)))
    session.set_class(numbers[:2], "eosinophil")
    session.set_flag(numbers[:1], "smudge")
    session.approve(numbers)
    assert session.undo_text == f"Confirm {len(numbers)} cells"
    assert tr(session.undo_text).startswith("Подтвердить")
    session.undo()
    session.close()
    written = (folder / JOURNAL).read_bytes().decode("utf-8", "ignore")
    assert "Classify" in written
    assert not CYRILLIC.search(written)
    session = open_session(IMAGE, "field")
    assert session.restored is not None
    assert not CYRILLIC.search(session.restored)
    assert CYRILLIC.search(tr(session.restored))
    session.close()


def test_an_image_that_was_only_looked_at_leaves_nothing(folder: Path) -> None:
    session = open_session(IMAGE, "field")
    assert session.restored is None
    assert not has_session(session.rgb)
    assert peek(session.rgb) is None
    session.close()
    assert not folder.exists()


def test_work_comes_back_with_the_same_pixels_under_any_name(folder: Path) -> None:
    session = worked()
    expected = fingerprint(session)
    del session
    gc.collect()
    again = open_session(np.dstack([IMAGE, np.full(IMAGE.shape[:2], 255, np.uint8)]), "with alpha")
    assert again.name == "with alpha"
    assert fingerprint(again) == expected
    assert again.restored == (
        "Earlier work on this image was restored: 5 cells, 2 of them reviewed."
    )
    assert not again.can_undo
    other = IMAGE.copy()
    other[0, 0, 0] ^= 1
    assert open_session(other, "field").restored is None
    assert session_folder(np.zeros((2, 6, 3), np.uint8)) != session_folder(
        np.zeros((3, 4, 3), np.uint8)
    )


def test_a_look_from_outside_loads_no_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    session = worked()
    monkeypatch.setattr(store, "load_maps", lambda *_: pytest.fail("maps were loaded"))
    for key in (session.rgb, image_key(session.rgb)):
        summary = peek(key)
        assert summary is not None
        assert (summary.state, summary.objects, summary.reviewed) == ("in review", 5, 2)
        assert summary.counts["eosinophil"] == 2
        assert sum(summary.counts.values()) == 5
    numbers = session.table()["label"].tolist()
    session.reader = "A. Reader"
    session.set_class(numbers, "monocyte")
    session.sign_off()
    signed = peek(session.rgb)
    assert signed is not None
    assert (signed.state, signed.reader) == ("signed off", "A. Reader")
    while session.can_undo:
        session.undo()
    empty = peek(session.rgb)
    assert empty is not None
    assert (empty.state, empty.objects) == ("new", 0)


def test_a_closed_session_goes_on_without_being_written_down() -> None:
    session = worked()
    kept = fingerprint(session)
    session.close()
    assert not session.is_persisted
    session.set_class([1], "basophil")
    assert fingerprint(open_session(IMAGE, "again")) == kept


def test_two_layers_of_one_process_do_not_share_a_session() -> None:
    session = open_session(IMAGE, "field")
    with pytest.raises(SessionInUse, match="open in another window or layer"):
        open_session(IMAGE, "copy")
    assert open_here(session.rgb) is session
    session.close()
    assert open_here(session.rgb) is None
    assert open_session(IMAGE, "copy").is_persisted


_HOLD = """
import sys
import numpy as np
from tests.session.work import IMAGE
from napari_leukocyte.session.store import open_session
session = open_session(IMAGE, "theirs")
session.edit_labels(lambda a: np.eye(*a.shape, dtype=np.int32), "Draw")
print("open", flush=True)
sys.stdin.readline()
"""


def test_two_windows_on_one_image_are_noticed() -> None:
    root = Path(__file__).parents[2]
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(SessionInUse):
            open_session(IMAGE, "ours")
        # Looking is allowed.
        summary = peek(Session(IMAGE).rgb)
        assert summary is not None
        assert summary.objects == 1
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
        if other.stdin is not None:
            other.stdin.close()
    # A lock goes with its process, however that ended.
    assert open_session(IMAGE, "ours").edits.labels == {1}


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def half_written(file: object, data: bytes, at: int) -> None:
    file.seek(at)  # type: ignore[attr-defined]
    file.write(data[: len(data) // 2])  # type: ignore[attr-defined]
    full_disk()


COMMANDS: dict[str, Callable[[Session], object]] = {
    "class": lambda s: s.set_class([1], "lymphocyte"),
    "edit": lambda s: s.edit_labels(lambda a: np.where(a == 1, 0, a), "Delete"),
    "params": lambda s: s.set_weights([0.2, 1]),
    "undo": lambda s: s.undo(),
    "redo": lambda s: s.redo(),
    "group": lambda s: _grouped(s),
}


def _grouped(session: Session) -> None:
    with session.group("Both"):
        session.set_class([1], "lymphocyte")


@pytest.mark.parametrize("failing", [full_disk, half_written])
@pytest.mark.parametrize("command", COMMANDS)
def test_what_can_not_be_written_down_did_not_happen(
    command: str, failing: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = worked()
    session.undo()
    before, texts = fingerprint(session), (session.undo_text, session.redo_text)
    heard: list[str] = []
    session.table_changed.connect(lambda: heard.append("table"))
    with monkeypatch.context() as patch:
        patch.setattr(journal, "_write", failing)
        with pytest.raises(OutputError, match=r"can't be written: the disk is full\.$"):
            COMMANDS[command](session)
    assert fingerprint(session) == before
    assert (session.undo_text, session.redo_text) == texts
    assert heard == []
    # With room again, work goes on and is kept.
    COMMANDS[command](session)
    after = fingerprint(session)
    assert after != before
    session.close()
    again = open_session(IMAGE, "again")
    assert again.restored is not None
    assert "damaged" not in again.restored
    assert fingerprint(again) == after


def test_maps_that_can_not_be_written_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    session = open_session(IMAGE, "field")
    with monkeypatch.context() as patch:
        patch.setattr("napari_leukocyte.io.atomic._flush", full_disk)
        with pytest.raises(OutputError, match="the disk is full"):
            session.set_maps(MAPS[0])
    assert session.maps is None
    assert not session.can_undo


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are others on Windows")
def test_a_folder_that_can_not_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no folder")
    with pytest.raises(OutputError, match="can't be written"):
        open_session(IMAGE, "field", in_the_way / "s")


def test_the_journal_stays_small(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(store, "REWRITE_SIZE", 20_000)
    session = worked()
    sizes = []
    for i in range(300):
        session.set_note(1, f"note {i} " + 200 * "x")
        sizes.append((folder / "journal.bin").stat().st_size)
    assert max(sizes) < 60_000
    assert sorted(sizes) != sizes
    expected = fingerprint(session)
    session.close()
    assert fingerprint(open_session(IMAGE, "again")) == expected


def test_a_journal_that_can_not_be_rewritten_is_added_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "REWRITE_SIZE", 0)
    session = worked()
    with monkeypatch.context() as patch:
        patch.setattr("napari_leukocyte.io.atomic._flush", full_disk)
        session.set_class([1], "basophil")
        session.set_class([2], "basophil")
    expected = fingerprint(session)
    session.close()
    assert fingerprint(open_session(IMAGE, "again")) == expected


def journal_of(folder: Path) -> NDArray[np.uint8]:
    return np.frombuffer((folder / "journal.bin").read_bytes(), np.uint8).copy()


@pytest.mark.parametrize("cut", [1, 7, 13, 60])
def test_a_torn_last_record_is_as_if_it_had_not_been(folder: Path, cut: int) -> None:
    session = worked()
    before = fingerprint(session)
    session.set_note(2, "the last word")
    session.close()
    whole = journal_of(folder)
    (folder / "journal.bin").write_bytes(whole[:-cut].tobytes())
    again = open_session(IMAGE, "field")
    assert again.restored is not None
    assert "damaged" not in again.restored
    assert fingerprint(again) == before
    again.set_note(2, "another last word")
    again.close()
    assert open_session(IMAGE, "field").reviews[2].note == "another last word"


def test_space_that_was_never_written_is_no_damage(folder: Path) -> None:
    session = worked()
    before = fingerprint(session)
    session.close()
    with (folder / "journal.bin").open("ab") as file:
        file.write(bytes(500))
    again = open_session(IMAGE, "field")
    assert again.restored is not None
    assert "damaged" not in again.restored
    assert fingerprint(again) == before


def test_damage_costs_what_came_after_it_and_is_told(folder: Path) -> None:
    states = []
    session = open_session(IMAGE, "field")
    acts: tuple[Callable[[], object], ...] = (
        lambda: session.set_maps(MAPS[0]),
        lambda: session.set_class([1], "basophil"),
        lambda: session.set_class([2], "basophil"),
        lambda: session.set_note(1, "a"),
    )
    for act in acts:
        states.append(fingerprint(session))
        act()
    states.append(fingerprint(session))
    session.close()
    sound = journal_of(folder)
    (maps,) = folder.glob("maps-*.npz")
    stored = maps.read_bytes()
    rng = np.random.default_rng(5)
    for at in rng.integers(30, sound.size, 12):
        damaged = sound.copy()
        damaged[at] ^= rng.integers(1, 256)
        (folder / "journal.bin").write_bytes(damaged.tobytes())
        maps.write_bytes(stored)
        try:
            again = open_session(IMAGE, "field")
        except SessionUnreadableError:
            continue  # not even whose it is can be read
        found = fingerprint(again)
        assert found in states[:-1]
        last = found == states[-2]
        assert last or "set aside" in (again.restored or "")
        copies = list(folder.glob("damaged-*.bin"))
        assert last or np.array_equal(np.frombuffer(copies[-1].read_bytes(), np.uint8), damaged)
        # It can be worked with, and what is done now is kept.
        again.edit_labels(lambda a: np.eye(*a.shape, dtype=np.int32), "Draw")
        now = fingerprint(again)
        again.close()
        final = open_session(IMAGE, "field")
        assert fingerprint(final) == now
        final.close()
        for copy in copies:
            copy.unlink()


def test_lost_maps_cost_nothing_but_the_sliders(folder: Path) -> None:
    session = worked()
    labels, table = session.labels.copy(), session.table()
    session.close()
    (maps,) = folder.glob("maps-*.npz")
    damaged = bytearray(maps.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    maps.write_bytes(damaged)
    again = open_session(IMAGE, "field")
    assert again.maps is None
    assert again.weights is None
    assert "run again" in (again.restored or "")
    assert np.array_equal(again.labels, labels)
    assert again.table()["class"].equals(table["class"])


def test_files_of_others_are_left_alone(folder: Path) -> None:
    worked().close()
    other = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(SessionUnreadableError, match="another image"):
        open_session(other, "other", folder)
    content = (folder / "journal.bin").read_bytes()
    newer = content.replace(b"leukocyte session 1", b"leukocyte session 2", 1)
    (folder / "journal.bin").write_bytes(newer)
    with pytest.raises(SessionUnreadableError, match="another version"):
        open_session(IMAGE, "field")
    assert peek(Session(IMAGE).rgb) is None
    assert (folder / "journal.bin").read_bytes() == newer


def test_maps_of_former_runs_are_cleared_away(folder: Path) -> None:
    session = worked()
    session.set_maps(MAPS[1])
    session.undo()
    assert len(list(folder.glob("maps-*.npz"))) == 2
    expected = fingerprint(session)
    session.close()
    again = open_session(IMAGE, "field")
    assert len(list(folder.glob("maps-*.npz"))) == 1
    assert fingerprint(again) == expected


def test_nothing_that_is_read_is_run() -> None:
    for module in (store, journal):
        assert "pickle" not in vars(module)
    assert issubclass(SessionInUse, LeukocyteError)


def test_random_work_survives_closing_in_between() -> None:
    shadow = Session(IMAGE, "field")
    for seed in range(30):
        session = open_session(IMAGE, "field")
        # Steps are not kept, and a drawing that takes the last one back is an undo only with them.
        shadow._history.clear()
        for i in range(3):
            work(session, 100 * seed + i, undo=False)
            work(shadow, 100 * seed + i, undo=False)
        assert fingerprint(session, times=False) == fingerprint(shadow, times=False)
        session.close()
