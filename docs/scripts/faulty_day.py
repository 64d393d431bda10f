"""A day's smear whose faults are known: analysed fields, some of whose cells are then made wrong.

What the networks said of the fields is the truth. Then classes are altered, cells removed, others
joined and debris added, through the sessions on the disk, as if the networks had erred so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.analysis.smear.analysis import AnalysisOptions, analyse_fields
from napari_leukocyte.analysis.smear.reading import hold_session, read_field
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.classification.inference import classify
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.samples.synthetic import synthetic_smear
from napari_leukocyte.schema import probability_column
from napari_leukocyte.session.restoring import FOLDER_VARIABLE
from napari_leukocyte.session.session import Session

#: Faults of the day.
WRONG, MISSED, JOINED, DEBRIS = 10, 3, 2, 4
#: Part of the name of the class of what is no cell, whatever classes are offered.
ARTEFACT = "artefact"
#: What a class is taken for.
MISTAKEN = {
    "neutrophil": "eosinophil",
    "eosinophil": "neutrophil",
    "basophil": "lymphocyte",
    "lymphocyte": "monocyte",
    "monocyte": "lymphocyte",
}
#: Debris is taken for this.
_DEBRIS_AS = "lymphocyte"
#: Two cells are joined if their outlines are no farther apart than this part of a diameter.
_NEAR = 0.6
#: Fields of the sample: shape, px, and the leukocytes of each.
_SHAPE, _DIAMETER = (480, 640), 72.0
_SAMPLE = {"neutrophil": 2, "lymphocyte": 1, "monocyte": 1, "eosinophil": 1}
#: A true cell and a found one are the same from this overlap on (intersection over union).
_SAME = 0.5

Point = tuple[float, float]


@dataclass(frozen=True)
class Cell:
    """A cell that needs the reader.

    Attributes
    ----------
    field : int
        Index of its field in the smear.
    label : int
        Its number there; for one that was missed, the number that it had.
    name : str
        Its true class.
    points : tuple of (float, float)
        Where it is, y and x in px; of joined cells, where each of the two is.
    names : tuple of str
        The true classes of joined cells, in the order of `points`.
    stray : bool
        Whether the second of two joined cells is an erythrocyte, which has to go.
    """

    field: int
    label: int
    name: str
    points: tuple[Point, ...]
    names: tuple[str, ...] = ()
    stray: bool = False


@dataclass
class Day:
    """The smear of a day, and what is wrong with it.

    Attributes
    ----------
    fields : Path
        Folder of the photographs.
    clean : Path
        Folder of the sessions as the networks left them.
    wrong, missed, joined, debris : list of Cell
    cells : int
        True cells of all fields.
    """

    fields: Path
    clean: Path
    wrong: list[Cell] = field(default_factory=list)
    missed: list[Cell] = field(default_factory=list)
    joined: list[Cell] = field(default_factory=list)
    debris: list[Cell] = field(default_factory=list)
    cells: int = 0


def copy_fields(source: Path, target: Path, number: int) -> None:
    """Copy photographs, the first by name, into a new folder."""
    target.mkdir(parents=True)
    for path in sorted(p for p in source.iterdir() if p.is_file())[:number]:
        shutil.copyfile(path, target / path.name)


def paint_fields(target: Path, number: int, seed: int) -> None:
    """Paint synthetic fields into a new folder."""
    target.mkdir(parents=True)
    for i in range(number):
        smear = synthetic_smear(_SHAPE, seed * 1000 + i, _SAMPLE, _DIAMETER, 1)
        write_png(target / f"field {i + 1}.png", smear.image)


def prepare(work: Path, seed: int = 0) -> Day:
    """Analyse the photographs in ``work/fields``, and make their sessions faulty.

    Parameters
    ----------
    work : Path
        Gets ``clean``, the sessions as the networks left them (taken as they are if they are
        there), and ``sessions``, in which the day begins; these are used from now on.
    seed : int
        Of the choice of cells.

    Returns
    -------
    Day

    Raises
    ------
    RuntimeError
        If there are too few cells for the faults.
    """
    fields, clean, sessions = (work / name for name in ("fields", "clean", "sessions"))
    os.environ[FOLDER_VARIABLE] = str(clean)
    failed = analyse_fields(Smear([fields]), AnalysisOptions())
    if failed:
        raise RuntimeError(next(iter(failed.values())))
    if sessions.exists():
        shutil.rmtree(sessions)
    shutil.copytree(clean, sessions)
    os.environ[FOLDER_VARIABLE] = str(sessions)
    return _Spoiler(Day(fields, clean), seed).spoil()


def faults_left(day: Day) -> Iterator[str]:
    """Iterate over what is not as it should be at the end of the day, in words."""
    paths = Smear([day.fields]).paths
    for index, path in enumerate(paths):
        now = read_field(path, with_maps=False)
        former = os.environ[FOLDER_VARIABLE]
        os.environ[FOLDER_VARIABLE] = str(day.clean)
        try:
            truth = read_field(path, with_maps=False)
        finally:
            os.environ[FOLDER_VARIABLE] = former
        yield from (f"{path.name}: {said}" for said in _compare(truth, now))
        if not now.table()["reviewed"].all():
            yield f"{path.name}: cells are not reviewed (field {index + 1})"


def _compare(truth: Session, now: Session) -> Iterator[str]:
    said = dict(zip(now.table()["label"], now.table()["class"], strict=True))
    found = set()
    for label, name in zip(truth.table()["label"], truth.table()["class"], strict=True):
        mask = truth.labels == label
        covered = np.bincount(now.labels[mask], minlength=2)
        number = int(covered[1:].argmax()) + 1 if covered[1:].any() else 0
        other = now.labels == number
        if not number or (mask & other).sum() / (mask | other).sum() < _SAME:
            yield f"cell {label} is not there"
        elif said[number] != name:
            yield f"cell {label} is a {name}, not: {said[number]}"
        found.add(number)
    for number in set(said) - found:
        if ARTEFACT not in str(said[number]):
            yield f"debris {number} counts as {said[number]}"


class _Spoiler:
    """Chooses cells and makes them wrong.

    Parameters
    ----------
    day : Day
        Is filled.
    seed : int
        Of the choice.
    """

    def __init__(self, day: Day, seed: int) -> None:
        self.day = day
        self._rng = np.random.default_rng(seed)
        self.paths = Smear([day.fields]).paths
        self._sessions = [read_field(p, with_maps=False) for p in self.paths]
        self._taken: set[tuple[int, int]] = set()
        self._labels = [s.labels.copy() for s in self._sessions]
        #: Classes that the networks shall have given, by field and number.
        self._said: dict[tuple[int, int], str] = {}
        self._next = [int(s.labels.max()) + 1 for s in self._sessions]

    def spoil(self) -> Day:
        """Do it."""
        day = self.day
        day.cells = sum(len(s.table()) for s in self._sessions)
        self._join()
        self._miss()
        self._mistake()
        self._litter()
        for index in sorted({c.field for c in (*day.wrong, *day.missed, *day.joined, *day.debris)}):
            self._write(index)
        return day

    def _free(self) -> list[tuple[int, int, str]]:
        """List the cells that are leukocytes, and right as yet, in a random order."""
        found = [
            (i, int(row["label"]), str(row["class"]))
            for i, s in enumerate(self._sessions)
            for row in s.table().to_dict("records")
            if row["class"] in MISTAKEN and (i, int(row["label"])) not in self._taken
        ]
        return [found[k] for k in self._rng.permutation(len(found))]

    def _mistake(self) -> None:
        for i, label, name in self._first(WRONG):
            self._said[i, label] = MISTAKEN[name]
            self.day.wrong.append(Cell(i, label, name, (self._centre(i, label),)))

    def _miss(self) -> None:
        for i, label, name in self._first(MISSED, beside_others=True):
            self.day.missed.append(Cell(i, label, name, (self._centre(i, label),)))
            self._labels[i][self._labels[i] == label] = 0

    def _first(self, number: int, *, beside_others: bool = False) -> list[tuple[int, int, str]]:
        """Take cells that are free; if asked for, rather those that are not alone in a field."""
        free = self._free()
        if beside_others:
            free.sort(key=lambda cell: len(self._sessions[cell[0]].table()) < 2)
        free = free[:number]
        if len(free) < number:
            raise RuntimeError("There are too few cells for the faults.")
        self._taken.update((i, label) for i, label, _ in free)
        return free

    def _join(self) -> None:
        """Join pairs of near cells; where there are too few, a cell and an erythrocyte."""
        pairs = []
        for i, session in enumerate(self._sessions):
            own = [c for c in self._free() if c[0] == i]
            for k, (_, one, name) in enumerate(own):
                for _, two, other in own[k + 1 :]:
                    gap = _gap(session.labels == one, session.labels == two)
                    size = np.sqrt(4 / np.pi * (session.labels == one).sum())
                    (low, first), (high, second) = sorted(((one, name), (two, other)))
                    pairs.append((gap / size, i, low, high, first, second))
        for apart, i, one, two, name, other in sorted(pairs):
            free = not {(i, one), (i, two)} & self._taken
            if len(self.day.joined) < JOINED and free and apart < _NEAR:
                self._taken |= {(i, one), (i, two)}
                points = (self._centre(i, one), self._centre(i, two))
                self._bridge(i, one, two)
                self.day.joined.append(Cell(i, one, name, points, (name, other)))
        for i, label, name in self._first(JOINED - len(self.day.joined)):
            centre = self._centre(i, label)
            size = float(np.sqrt(4 / np.pi * (self._labels[i] == label).sum()))
            place = self._darkest(i, 0.4 * size, around=(centre, 1.3 * size))
            self._draw(i, place, 0.4 * size, self._next[i])
            self._bridge(i, label, self._next[i])
            self.day.joined.append(Cell(i, label, name, (centre, place), (name,), stray=True))

    def _litter(self) -> None:
        sizes = [np.median(t["area_px"]) for s in self._sessions if len(t := s.table())]
        radius = 0.3 * float(np.sqrt(4 / np.pi * np.median(sizes)))
        busy = {c.field for c in (*self.day.joined, *self.day.missed)}
        fields = [i for i in range(len(self.paths)) if i not in busy]
        for i in self._rng.choice(fields, DEBRIS, replace=False).tolist():
            place = self._darkest(i, radius)
            self._draw(i, place, radius, self._next[i])
            self._said[i, self._next[i]] = _DEBRIS_AS
            self.day.debris.append(Cell(i, self._next[i], ARTEFACT, (place,)))

    # -- pixels -------------------------------------------------------------------------------

    def _centre(self, i: int, label: int) -> Point:
        """Return the point of a cell that is farthest from its outline."""
        inside = (self._labels[i] == label).astype(np.uint8)
        depth = cv2.distanceTransform(np.pad(inside, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        return float(y), float(x)

    def _bridge(self, i: int, one: int, two: int) -> None:
        labels = self._labels[i]
        if _gap(labels == one, labels == two) > 1.5:
            first, second = _nearest(labels == one, labels == two)
            ends = [(round(p[1]), round(p[0])) for p in (first, second)]
            line = np.zeros(labels.shape, np.uint8)
            cv2.line(line, ends[0], ends[1], 1, 9)
            labels[(line > 0) & (labels == 0)] = one
        labels[labels == two] = one

    def _draw(self, i: int, place: Point, radius: float, label: int) -> None:
        disc = np.zeros(self._labels[i].shape, np.uint8)
        cv2.circle(disc, (round(place[1]), round(place[0])), round(radius), 1, -1)
        self._labels[i][(disc > 0) & (self._labels[i] == 0)] = label

    def _darkest(self, i: int, radius: float, around: tuple[Point, float] | None = None) -> Point:
        """Return the place of something dark that is no leukocyte, y and x in px."""
        light = cv2.blur(self._sessions[i].rgb[..., 1], (2 * round(radius) + 1,) * 2).astype(float)
        kernel = np.ones((2 * round(radius) + 9,) * 2, np.uint8)
        light[cv2.dilate((self._labels[i] > 0).astype(np.uint8), kernel) > 0] = np.inf
        edge = round(1.2 * radius)
        inner = np.full(light.shape, np.inf)
        inner[edge:-edge, edge:-edge] = light[edge:-edge, edge:-edge]
        if around is not None:
            y, x = np.indices(light.shape)
            inner[np.hypot(y - around[0][0], x - around[0][1]) > around[1]] = np.inf
        y0, x0 = np.unravel_index(int(inner.argmin()), inner.shape)
        if not np.isfinite(inner[y0, x0]):
            raise RuntimeError(f"{self.paths[i].name} has no room for debris.")
        return float(y0), float(x0)

    # -- sessions -----------------------------------------------------------------------------

    def _write(self, i: int) -> None:
        path, labels = self.paths[i], self._labels[i]
        former = self._sessions[i].predictions
        if former is None:
            raise LeukocyteError(f"{path.name} was not analysed.")
        with hold_session(read_image(path), path.name) as session:
            session.accept_edit(labels, "Analyse", own_step=True)
            table = classify(session.rgb, labels, nucleus=session.nucleus)
            names = former.classes | {n: c for (k, n), c in self._said.items() if k == i}
            session.set_predictions(_saying(table, names), former.model, former.description)


def _saying(table: pd.DataFrame, names: dict[int, str]) -> pd.DataFrame:
    """Return a classifier's table in which cells have these classes, with their probability."""
    table = table.copy()
    for row, (label, name) in enumerate(zip(table["label"], table["class"], strict=True)):
        wanted = names.get(int(label), name)
        if wanted != name:
            one, two = (table.columns.get_loc(probability_column(c)) for c in (name, wanted))
            table.iloc[row, [one, two]] = table.iloc[row, [two, one]].to_numpy()
            table.iloc[row, table.columns.get_loc("class")] = wanted
    return table


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.concatenate([np.asarray(c, float).reshape(-1, 2) for c in contours])[:, ::-1]


def _nearest(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> Sequence[NDArray[np.float64]]:
    a, b = _outline(one), _outline(two)
    apart = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    i, j = np.unravel_index(int(apart.argmin()), apart.shape)
    return a[i], b[j]


def _gap(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    first, second = _nearest(one, two)
    return float(np.hypot(*(first - second)))
