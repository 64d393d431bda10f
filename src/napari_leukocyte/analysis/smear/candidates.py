"""The candidates of a whole smear: regions that could be taken as cells, of fields nobody has open.

They are found from the maps on the disk, which takes about a second a field, and kept beside the
smear's state as long as the field's journal is the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.analysis.smear.cells import SmearCells
from napari_leukocyte.analysis.smear.persistence import Stamp
from napari_leukocyte.analysis.smear.reading import hold_session, read_field
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.gallery.arrange import CandidateList, Group
from napari_leukocyte.gallery.cells import GalleryCell, Place
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.session.store import open_here
from napari_leukocyte.version import __version__

#: So many fields are worked out at one asking, and so many candidates of each are shown.
MOST_FIELDS, MOST_OF_FIELD = 100, 12


@dataclass(frozen=True, eq=False)
class SmearCandidate:
    """A region of a field that could be taken as a cell.

    Attributes
    ----------
    place : Place
        Its number in the field, below 0, and where it is, px.
    score : float
        The evidence that it is a leukocyte, 0 to 1.
    point : tuple of float
        A place inside it, y and x in px.
    mask : ndarray
        (h, w) bool: it in its box.
    """

    place: Place
    score: float
    point: tuple[float, float]
    mask: NDArray[np.bool_]


#: The candidates of fields, each with the journal that they were worked out from.
Found = Mapping[int, tuple[Stamp, Sequence[SmearCandidate]]]


class SmearCandidates:
    """The candidates of the fields of a smear by numbers below 0.

    `find` and `take` may run in a thread; all else belongs into that of the views.

    Parameters
    ----------
    cells : SmearCells
        The cells beside which they stand.

    Attributes
    ----------
    cells : dict of int to GalleryCell
        As a gallery shows them, by their number in the smear.
    left_out : int
        Fields that were not worked out yet: there were too many at once.
    """

    def __init__(self, cells: SmearCells) -> None:
        self.cells: dict[int, GalleryCell] = {}
        self.left_out = 0
        self._smear_cells = cells
        self._known: dict[int, SmearCandidate] = {}
        self._fields: dict[int, int] = {}
        self._next = -1

    def __len__(self) -> int:
        return len(self.cells)

    def __contains__(self, number: object) -> bool:
        return number in self.cells

    def group(self) -> Group:
        """Return the group that they are, the most convincing first."""
        order = sorted(self.cells, key=lambda n: (-self.cells[n].confidence, -n))
        return Group("candidates", "", tuple(order))

    def of(self, number: int) -> tuple[int, SmearCandidate]:
        """Return the field of a candidate, and the candidate; raises KeyError if there is none."""
        return self._fields[number], self._known[number]

    def find(self, progress: Progress = silent) -> Found:
        """Find the candidates of all fields; what was worked out once is read from the disk.

        Parameters
        ----------
        progress : callable
            Called before each field; it may raise :class:`~napari_leukocyte.errors.Cancelled`,
            after which what was worked out is kept nevertheless.

        Returns
        -------
        mapping
            For `show`, by field.
        """
        smear = self._smear_cells.smear
        kept = _read(smear.candidates_file)
        found: dict[int, tuple[Stamp, Sequence[SmearCandidate]]] = {}
        fields = [f for f in smear.counted() if smear.state(f).key and smear.state(f).analysed]
        worked_out = 0
        self.left_out = 0
        try:
            for number, field in enumerate(fields):
                progress(number, len(fields), "Looking for candidates")
                key, stamp = smear.state(field).key, self._smear_cells.fields.stamp(field)
                known = kept.get(key)
                if known is None or known[0] != stamp:
                    if worked_out == MOST_FIELDS:
                        self.left_out += 1
                        continue
                    worked_out += 1
                    known = kept[key] = stamp, _candidates_in(smear.paths[field])
                found[field] = known
        finally:
            if worked_out:
                _write(smear.candidates_file, kept)
        return found

    def show(self, found: Found) -> None:
        """Give numbers to what `find` has found."""
        self.cells.clear()
        self._known.clear()
        self._fields.clear()
        for field, (_, candidates) in sorted(found.items()):
            for each in candidates:
                number, self._next = self._next, self._next - 1
                self._known[number], self._fields[number] = each, field
                self.cells[number] = _cell(number, each)

    def drop(self, numbers: Iterable[int]) -> None:
        """Show some no longer: they are cells now."""
        for number in numbers:
            for known in (self.cells, self._known, self._fields):
                known.pop(number, None)

    def take(self, numbers: Sequence[int], progress: Progress = silent) -> list[tuple[int, int]]:
        """Make cells of candidates in fields that nobody has open, and write it down.

        Parameters
        ----------
        numbers : sequence of int
            Which.
        progress : callable
            Called before each field.

        Returns
        -------
        list of (int, int)
            Field and number there of each cell.

        Raises
        ------
        LeukocyteError
            If a field is in use, can't be read or refuses; those before it are cells then.
        """
        smear, taken = self._smear_cells.smear, list[tuple[int, int]]()
        fields = sorted({self._fields[n] for n in numbers})
        for done, field in enumerate(fields):
            progress(done, len(fields), "Taking candidates")
            path = smear.paths[field]
            points = [self._known[n].point for n in numbers if self._fields[n] == field]
            with hold_session(read_image(path), path.name) as session:
                session.reader = self._smear_cells.reader or session.reader
                taken += [(field, session.take_candidate(*point)) for point in points]
        return taken

    def give_back(
        self, taken: Sequence[tuple[int, int]], progress: Progress = silent
    ) -> Sequence[tuple[int, int]]:
        """Make candidates again of cells in fields that nobody has open, and write it down.

        Parameters
        ----------
        taken : sequence of (int, int)
            Field and number there of each cell, from `take` or `take_open`.
        progress : callable
            Called before each field.

        Returns
        -------
        sequence of (int, int)
            They.

        Raises
        ------
        LeukocyteError
            If a field is in use or can't be read, or if a cell is gone.
        """
        smear = self._smear_cells.smear
        fields = sorted({field for field, _ in taken})
        for done, field in enumerate(fields):
            progress(done, len(fields), "Giving candidates back")
            path = smear.paths[field]
            with hold_session(read_image(path), path.name) as session:
                session.reader = self._smear_cells.reader or session.reader
                for label in (n for f, n in taken if f == field):
                    session.give_candidate_back(label)
        return taken

    def give_back_open(self, taken: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Make candidates again of cells in fields whose session is open; return the others."""
        left = []
        for field, label in taken:
            session = open_here(self._smear_cells.smear.state(field).key)
            if session is None:
                left.append((field, label))
            else:
                session.give_candidate_back(label)
        return left

    def take_open(self, numbers: Iterable[int]) -> tuple[list[tuple[int, int]], list[int]]:
        """Make cells of candidates in fields whose session is open, so that its views follow.

        Returns
        -------
        taken : list of (int, int)
            Field and number there of each cell.
        left : list of int
            Those for `take`.
        """
        taken, left = [], []
        for number in numbers:
            field = self._fields[number]
            session = open_here(self._smear_cells.smear.state(field).key)
            if session is None:
                left.append(number)
            else:
                taken.append((field, session.take_candidate(*self._known[number].point)))
        return taken, left


def with_candidate(labels: NDArray[np.int32], candidate: SmearCandidate) -> NDArray[np.int32]:
    """Return a label image in which a candidate is beside the objects, by its number below 0."""
    shown, place = labels.copy(), candidate.place
    box = shown[place.y0 : place.y1, place.x0 : place.x1]
    if box.shape == candidate.mask.shape:  # the field has changed since otherwise
        box[candidate.mask] = place.label
    return shown


def _candidates_in(path: Path) -> list[SmearCandidate]:
    """Work the candidates of a field out; none if it can't be read."""
    try:
        candidates = read_field(path).candidates
    except (LeukocyteError, MemoryError):
        return []
    listed = CandidateList(candidates.labels, candidates.scores)
    found = []
    for number in listed.group().labels[:MOST_OF_FIELD]:
        place = listed.cells[number].place
        box = candidates.labels[place.y0 : place.y1, place.x0 : place.x1]
        score, point = listed.cells[number].confidence, listed.point_in(number)
        found.append(SmearCandidate(place, score, point, box == -number))
    return found


def _cell(number: int, candidate: SmearCandidate) -> GalleryCell:
    return GalleryCell(
        place=candidate.place._replace(label=number),
        class_name=None,
        predicted=None,
        confidence=candidate.score,
        by_reader=False,
        reviewed=False,
        edited=False,
        flags="",
        hidden=False,
    )


def _read(path: Path) -> dict[str, tuple[Stamp, Sequence[SmearCandidate]]]:
    """Return what is kept, by the key of the field's pixels; nothing if that can't be read."""
    try:
        stored = json.loads(path.read_text("utf-8"))
        if stored["version"] != __version__:
            return {}
        return {
            str(key): (
                tuple(None if s is None else (int(s[0]), int(s[1])) for s in each["stamp"]),
                [_from_json(values) for values in each["candidates"]],
            )
            for key, each in stored["fields"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return {}


def _write(path: Path, kept: Mapping[str, tuple[Stamp, Sequence[SmearCandidate]]]) -> None:
    fields = {
        key: {"stamp": stamp, "candidates": [_to_json(each) for each in candidates]}
        for key, (stamp, candidates) in kept.items()
    }
    with suppress(LeukocyteError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps({"version": __version__, "fields": fields}), "utf-8")


def _to_json(candidate: SmearCandidate) -> dict[str, Any]:
    return {
        "place": list(candidate.place),
        "score": candidate.score,
        "point": candidate.point,
        "mask": np.packbits(candidate.mask).tobytes().hex(),
    }


def _from_json(values: Any) -> SmearCandidate:
    label, y0, x0, y1, x1, area, y, x = values["place"]
    place = Place(int(label), int(y0), int(x0), int(y1), int(x1), int(area), float(y), float(x))
    shape = (place.y1 - place.y0, place.x1 - place.x0)
    bits = np.frombuffer(bytes.fromhex(values["mask"]), np.uint8)
    mask = np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).astype(bool)
    at_y, at_x = values["point"]
    return SmearCandidate(place, float(values["score"]), (float(at_y), float(at_x)), mask)
