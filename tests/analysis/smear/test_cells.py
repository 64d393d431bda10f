"""The cells of a whole smear: one list, in which fields that are not open are reviewed as well."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from napari_leukocyte.analysis.smear import field_tables as module
from napari_leukocyte.analysis.smear.analysis import AnalysisOptions, analyse_fields
from napari_leukocyte.analysis.smear.cells import SmearCells
from napari_leukocyte.analysis.smear.pictures import load_pictures, picture_store
from napari_leukocyte.analysis.smear.reading import read_field
from napari_leukocyte.analysis.smear.smear import Smear, open_smear
from napari_leukocyte.counting.agreement import BlindRead
from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.gallery.cells import CellTable
from napari_leukocyte.gallery.thumbnails import ThumbnailStyle, extent_of
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.session.blinding import FILE_NAME as BLIND
from napari_leukocyte.session.blinding import StoredRead, save_read
from napari_leukocyte.session.restoring import sessions_folder
from napari_leukocyte.session.store import open_session


@pytest.fixture
def cells(folder: Path, networks: None) -> SmearCells:
    """Return the ten cells of an analysed smear."""
    smear = Smear([folder])
    analyse_fields(smear, AnalysisOptions())
    found = SmearCells(smear)
    found.take(found.read())
    return found


def test_all_fields_stand_in_one_table(cells: SmearCells) -> None:
    table = cells.table()
    assert table.groupby("field").size().tolist() == [3, 5, 2]
    assert table["label"].is_unique
    place = cells.place(int(table["label"].iloc[4]))
    assert (place.field, place.label) == (1, table["label_in_field"].iloc[4])
    assert cells.number(place.field, place.label) == table["label"].iloc[4]
    assert cells.read() == {}
    assert sorted(cells.review_order()) == sorted(table["label"])


def test_cells_and_pictures_come_in_parts(
    cells: SmearCells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_DELIVERY", 0.0)
    again = SmearCells(cells.smear)
    parts: list[module.Tables] = []

    def take(part: module.Tables) -> None:
        parts.append(part)
        again.take(part)

    again.take(again.read(deliver=take))
    assert [field for part in parts for field in part] == [0, 1, 2]
    assert again.table().equals(cells.table())
    assert again.read() == {}
    monkeypatch.setattr("napari_leukocyte.analysis.smear.pictures._EVERY", 0.0)
    gallery = CellTable(again.table())
    wanted = [gallery[n] for n in again.table()["label"]]
    shown: list[int] = []
    store, style = picture_store(), ThumbnailStyle(48)
    found = load_pictures(
        again, wanted, style, 60.0, store, deliver=lambda some: shown.append(len(some))
    )
    assert shown == [3, 8]
    assert len(found) == 10


def test_what_is_said_is_in_the_journals_of_fields_that_are_not_open(cells: SmearCells) -> None:
    cells.reader = "Ada"
    table = cells.table()
    chosen = [int(table.loc[table["field"] == f, "label"].iloc[0]) for f in (0, 1)]
    told: list[object] = []
    cells.table_changed.connect(told.append)
    cells.set_class(chosen, "basophil")
    cells.set_flag(chosen[:1], "smudge")
    assert told
    for number in chosen:
        place = cells.place(number)
        row = read_field(cells.smear.paths[place.field]).table().set_index("label")
        assert row.loc[[place.label], ["class", "reader"]].to_numpy()[0].tolist() == [
            "basophil",
            "Ada",
        ]
    assert cells.undo_text == "Flag: smudge"
    cells.undo()
    assert cells.undo() == frozenset(chosen)
    assert (cells.table()["source"] == "model").all()
    cells.redo()
    again = SmearCells(open_smear([cells.smear.paths[0].parent]))
    again.take(again.read())
    assert (again.table()["class"] == "basophil").sum() >= 2
    assert again.table()["flags"].isna().all() or not again.table()["flags"].fillna("").any()


def test_a_later_run_keeps_the_maps(cells: SmearCells) -> None:
    cells.approve(cells.table()["label"])
    session = read_field(cells.smear.paths[0])
    assert session.maps is not None
    assert session.review_progress == (3, 3)


def test_a_session_that_is_open_follows(cells: SmearCells) -> None:
    path = cells.smear.paths[1]
    session = open_session(read_image(path), path.name)
    number = cells.number(1, int(session.table()["label"].iloc[0]))
    cells.set_class([number], "monocyte")
    assert session.table()["class"].iloc[0] == "monocyte"
    session.undo()
    cells.refresh(1)
    with pytest.raises(ParameterError, match="changed again afterwards"):
        cells.undo()
    session.close()


def test_nothing_is_said_at_all_if_one_field_is_in_use(
    cells: SmearCells, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cells.smear.paths[1]
    held = open_session(read_image(path), path.name)
    monkeypatch.setattr("napari_leukocyte.analysis.smear.field_tables.open_here", lambda _: None)
    table = cells.table()
    with pytest.raises(LeukocyteError, match="open in another window"):
        cells.set_class(table["label"], "monocyte")
    assert not (cells.table()["source"] == "reader").any()
    assert cells.undo_text == ""
    held.close()


def test_a_blind_read_hides_its_cells_here_too(cells: SmearCells) -> None:
    table = cells.table()
    rows = table[table["field"] == 2]
    labels = frozenset(int(n) for n in rows["label_in_field"][:1])
    folder = sessions_folder() / cells.smear.state(2).key
    save_read(folder, StoredRead(BlindRead(0.5, 1, labels)))
    assert list(cells.read()) == [2], "the file of the read alone is another one"
    cells.refresh(2)
    now = cells.table().set_index("label").loc[rows["label"]]
    assert now["class"].isna().tolist() == [True, False]
    assert now["predicted"].isna().tolist() == [True, False]
    # What is said here is the answer, also of a field that is not open.
    first = int(rows["label"].iloc[0])
    cells.set_class([first], "monocyte")
    assert cells.table().set_index("label").loc[first, "predicted"] == rows["predicted"].iloc[0]
    (folder / BLIND).write_text("{")
    cells.refresh(2)
    assert cells.table().set_index("label").loc[rows["label"], "class"].isna().all()


def test_pictures_come_from_the_disk_the_second_time(
    cells: SmearCells, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = cells.table()
    rows = CellTable(table)
    wanted = [rows[n] for n in table["label"]]
    style, extent = ThumbnailStyle(32), extent_of(table)
    first = load_pictures(cells, wanted, style, extent, picture_store())
    assert sorted(first) == sorted(table["label"])
    centre = next(iter(first.values()))[16, 16].astype(int)
    assert abs(centre - (120, 60, 150)).max() < 25
    monkeypatch.setattr(
        "napari_leukocyte.analysis.smear.pictures.read_image", lambda _: pytest.fail("it was read")
    )
    again = load_pictures(cells, wanted, style, extent, picture_store())
    assert sorted(again) == sorted(first)
    # A class is no reason for another picture; pixels of a file that has gone can't be shown.
    cells.set_class(table["label"][:1], "monocyte")
    assert len(load_pictures(cells, wanted, style, extent, picture_store())) == len(table)
    monkeypatch.undo()
    cells.smear.paths[0].unlink()
    other = load_pictures(cells, wanted, ThumbnailStyle(40), extent, picture_store())
    assert len(other) == len(table) - 3


def test_the_next_opening_reads_only_journals_that_have_changed(
    cells: SmearCells, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = cells.table()
    chosen = int(table.loc[table["field"] == 1, "label"].iloc[0])
    cells.set_class([chosen], "basophil")
    read: list[str] = []

    def table_on_disk(folder: Path) -> object:
        read.append(folder.name)
        return on_disk(folder)

    on_disk = module._table_on_disk
    monkeypatch.setattr(module, "_table_on_disk", table_on_disk)
    again = SmearCells(open_smear([cells.smear.paths[0].parent]))
    again.take(again.read())
    assert read == [again.smear.state(1).key]
    now = again.table()
    expected = cells.table()
    pd.testing.assert_frame_equal(now[expected.columns], expected, check_dtype=False)
    assert now["class"].dtype == expected["class"].dtype
    # A damaged file costs time, and nothing else.
    again.smear.cells_file.write_bytes(b"PAR1 and then nothing")
    third = SmearCells(again.smear)
    assert sorted(third.read()) == [0, 1, 2]
