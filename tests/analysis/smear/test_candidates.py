"""The candidates of a smear: found from the maps on the disk, kept, and taken as cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte.analysis.smear import candidates as module
from napari_leukocyte.analysis.smear.analysis import AnalysisOptions, analyse_fields
from napari_leukocyte.analysis.smear.candidates import SmearCandidates
from napari_leukocyte.analysis.smear.cells import SmearCells
from napari_leukocyte.analysis.smear.pictures import load_pictures, picture_store
from napari_leukocyte.analysis.smear.reading import read_field
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.errors import Cancelled, ParameterError
from napari_leukocyte.gallery.thumbnails import ThumbnailStyle
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.segmentation import objects
from napari_leukocyte.session.store import open_session


def score_by_place(labels: NDArray[np.int32], *_: object) -> dict[int, float]:
    """Let what lies in the upper half of the field convince, the rest less."""
    rows = {int(n): np.nonzero(labels == n)[0].mean() for n in np.unique(labels) if n}
    return {n: 0.9 if row < len(labels) / 2 else 0.2 + n / 1000 for n, row in rows.items()}


@pytest.fixture
def cells(folder: Path, networks: None, monkeypatch: pytest.MonkeyPatch) -> SmearCells:
    """Return the cells of a smear in which some regions convince less."""
    monkeypatch.setattr(objects, "score_objects", score_by_place)
    smear = Smear([folder])
    analyse_fields(smear, AnalysisOptions())
    found = SmearCells(smear)
    found.take(found.read())
    return found


def find(cells: SmearCells) -> SmearCandidates:
    found = SmearCandidates(cells)
    found.show(found.find())
    return found


def test_they_are_found_once_and_kept(cells: SmearCells, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find(cells)
    assert len(found) == 4  # one in the first field, three in the second
    assert {found.of(n)[0] for n in found.cells} == {0, 1}
    assert all(n < 0 for n in found.cells)
    scores = [found.cells[n].confidence for n in found.group().labels]
    assert scores == sorted(scores, reverse=True)
    worked_out: list[Path] = []

    def candidates_in(path: Path) -> Any:
        worked_out.append(path)
        return work_out(path)

    work_out = module._candidates_in
    monkeypatch.setattr(module, "_candidates_in", candidates_in)
    again = find(cells)
    assert worked_out == []
    for number in found.cells:
        _, one = found.of(number)
        _, other = again.of(number)
        assert (one.place, one.score, one.point) == (other.place, other.score, other.point)
        np.testing.assert_array_equal(one.mask, other.mask)
    cells.approve(cells.table()["label"][:1])
    find(cells)
    assert worked_out == [cells.smear.paths[0]]


def test_a_cancelled_search_keeps_what_it_has_and_the_work_is_capped(
    cells: SmearCells, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, total: int, what: str) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        SmearCandidates(cells).find(stop)
    monkeypatch.setattr(module, "MOST_FIELDS", 0)
    found = find(cells)
    assert len(found) == 4
    assert found.left_out == 1


def test_one_is_taken_where_nobody_has_the_field_open(cells: SmearCells) -> None:
    found = find(cells)
    number = found.group().labels[0]
    field, candidate = found.of(number)
    cells.reader = "Ada"
    ((in_field, label),) = found.take([number])
    assert in_field == field
    session = read_field(cells.smear.paths[field])
    assert (session.labels == label).sum() == candidate.place.area
    assert session.maps is not None
    cells.refresh(field)
    assert cells.place(cells.number(field, label)).label == label
    # Its classes and those of the others stay what they were.
    assert session.table()["class"].notna().sum() == len(session.table()) - 1


def test_what_was_taken_is_given_back(cells: SmearCells) -> None:
    found = find(cells)
    numbers = list(found.cells)
    before = [len(cells.field_table(field)) for field in (0, 1)]
    first = found.take(numbers[:1])
    cells.history.note_taken(first)
    taken = found.take(numbers[1:3])
    cells.history.note_taken(taken)
    for field in (0, 1):
        cells.refresh(field)
    cells.set_class([cells.number(*taken[0])], "basophil")
    assert not cells.history.taken_last  # what was said comes first
    cells.undo()
    assert cells.undo_text == "Take a candidate"
    assert cells.undo() == frozenset()
    for places in (taken, first):
        assert [(c.field, c.label) for c in cells.history.taken_last] == places
        found.give_back(places)
        cells.history.note_given_back()
    assert not cells.undo_text
    for field in (0, 1):
        cells.refresh(field)
    assert [len(cells.field_table(field)) for field in (0, 1)] == before
    again = find(cells)
    assert [again.of(n)[1].point for n in again.cells] == [found.of(n)[1].point for n in numbers]
    with pytest.raises(ParameterError, match="not there any more"):
        found.give_back(first)


def test_a_session_that_is_open_takes_it_itself(cells: SmearCells) -> None:
    found = find(cells)
    numbers = list(found.cells)
    field, _ = found.of(numbers[0])
    path = cells.smear.paths[field]
    session = open_session(read_image(path), path.name)
    taken, left = found.take_open(numbers)
    assert {f for f, _ in taken} == {field}
    assert {found.of(n)[0] for n in left}.isdisjoint({field})
    assert all((session.labels == label).any() for _, label in taken)
    session.close()


def test_they_have_pictures(cells: SmearCells) -> None:
    found = find(cells)
    wanted = list(found.cells.values())
    pictures = load_pictures(
        cells, wanted, ThumbnailStyle(32), 60.0, picture_store(), candidates=found
    )
    assert sorted(pictures) == sorted(found.cells)
    centre = pictures[next(iter(found.cells))][16, 16].astype(int)
    assert abs(centre - (120, 60, 150)).max() < 25
