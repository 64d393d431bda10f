from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_leukocyte.analysis.smear.reading import hold_session, read_field
from napari_leukocyte.annotations.dataset.export import export
from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.dataset.reopen import adopt_classes, fill_session, reopen
from napari_leukocyte.annotations.dataset.sources import field_of_session, fields_of_files
from napari_leukocyte.counting.own_classes import load_own_classes, own_class, save_own_classes
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.session.restoring import session_folder
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import open_session
from tests.annotations.dataset.worked import (
    export_all,
    files_of,
    folders_of,
    reclassify,
    without_times,
)
from tests.session.work import IMAGE, work


def _same_but_for_times(one: Path, other: Path) -> None:
    first, second = without_times(files_of(one)), without_times(files_of(other))
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert folders_of(one) == folders_of(other)


def test_out_in_and_out_again_gives_the_same_bytes(
    folder: Path, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = own_class("plasma cell", "#123456", "x")
    save_own_classes([own])
    reclassify(folder / "field 2.png", "plasma cell")
    with hold_session(read_image(folder / "field 2.png"), "field 2.png") as session:
        session.set_markers([[1.5, 2.0], [30.0, 40.25]])
        session.set_class(session.table()["label"], "plasma cell")
        session.sign_off()
    export_all(place, folder)
    dataset = open_dataset(place)
    # Somewhere else, where nobody knows anything of it.
    monkeypatch.setenv("NAPARI_LEUKOCYTE_SESSIONS", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("NAPARI_LEUKOCYTE_CONFIG", str(tmp_path / "settings"))
    assert adopt_classes(dataset) == ["plasma cell"]
    assert load_own_classes() == (own,)
    back = reopen(dataset)
    assert not back.skipped
    again = tmp_path / "again"
    export(again, fields_of_files(back.files))
    _same_but_for_times(dataset.folder, open_dataset(again).folder)


def test_what_a_session_held_is_there_again(
    folder: Path, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = {p.name: read_field(p) for p in folder.glob("*.png")}
    export_all(place, folder)
    monkeypatch.setenv("NAPARI_LEUKOCYTE_SESSIONS", str(tmp_path / "elsewhere"))
    reopen(open_dataset(place))
    for path in folder.glob("*.png"):
        old, new = before[path.name], read_field(path)
        assert np.array_equal(old.labels, new.labels)
        assert new.edits.labels == old.edits.labels
        assert np.array_equal(new.edits.erased, old.edits.erased)
        assert dict(new.reviews) == {
            n: r for n, r in old.reviews.items() if n in set(old.table()["label"])
        }
        assert new.params == old.params
        assert new.classifier == old.classifier


def test_work_goes_on_after_it_and_so_does_the_history(
    folder: Path, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    export_all(place, folder)
    monkeypatch.setenv("NAPARI_LEUKOCYTE_SESSIONS", str(tmp_path / "elsewhere"))
    dataset = open_dataset(place)
    reopen(dataset)
    reclassify(folder / "field 1.png", "basophil", "Eve")
    done = export_all(place, folder)
    assert (done.replaced, len(done.unchanged)) == (("field_1",), 2)
    new = open_dataset(place)
    events = new.read_log(new.images[0]).events
    known = dataset.read_log(dataset.images[0]).events
    assert events[:-1] == known
    last = events[-1]
    assert (last.kind, last.before, last.after, last.reader) == (
        "classified",
        "monocyte",
        "basophil",
        "Eve",
    )


def test_work_that_is_there_is_not_overwritten(folder: Path, place: Path) -> None:
    export_all(place, folder)
    reclassify(folder / "field 1.png", "eosinophil")
    back = reopen(open_dataset(place))
    assert set(back.skipped) == {"field_1", "field_2", "field_3"}
    assert "work on this photograph" in back.skipped["field_1"]
    assert read_field(folder / "field 1.png").table()["class"][0] == "eosinophil"
    assert not reopen(open_dataset(place), replace=True).skipped
    assert read_field(folder / "field 1.png").table()["class"][0] == "monocyte"


def test_an_open_session_can_be_filled_and_undone(
    folder: Path, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    export_all(place, folder)
    dataset = open_dataset(place)
    monkeypatch.setenv("NAPARI_LEUKOCYTE_SESSIONS", str(tmp_path / "elsewhere"))
    image = dataset.images[1]
    session = open_session(dataset.read_rgb(image), image.file_name)
    fill_session(session, dataset, image, session_folder(session.rgb))
    assert len(session.table()) == image.entry.objects
    session.undo()
    assert not len(session.table())
    session.close()
    with pytest.raises(DatasetError, match="not the photograph"):
        fill_session(Session(IMAGE, "other"), dataset, image)


@given(seeds=st.lists(st.integers(0, 10_000), min_size=3, max_size=25))
@settings(max_examples=25)
def test_any_work_comes_back_byte_for_byte(
    seeds: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("any")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_LEUKOCYTE_SESSIONS", str(root / "sessions"))
        path = root / "field.png"
        cv2.imwrite(str(path), IMAGE[..., ::-1])
        with hold_session(IMAGE, "field.png") as session:
            for number, seed in enumerate(seeds):
                session.reader = ("Ada", "Bo", "")[number % 3]
                work(session, seed)
            had = session.table()
            folder = session_folder(IMAGE)
            export(root / "one", [field_of_session(session, path, folder=folder)])
        patch.setenv("NAPARI_LEUKOCYTE_SESSIONS", str(root / "elsewhere"))
        dataset = open_dataset(root / "one")
        back = reopen(dataset)
        assert not back.skipped
        for column in ("class", "source", "reader", "when", "flags", "note", "reviewed", "edited"):
            assert read_field(path).table()[column].fillna("").tolist() == (
                had[column].fillna("").tolist()
            )
        export(root / "two", fields_of_files(back.files))
        _same_but_for_times(dataset.folder, open_dataset(root / "two").folder)
        assert not export(root / "one", fields_of_files(back.files)).new
