"""The learning curve of a head, and its continuation: what more corrections would bring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.language import tr
from napari_leukocyte.learning.head.base import Base
from napari_leukocyte.learning.head.cells import Cells, join_cells
from napari_leukocyte.learning.head.comparison import Share, share
from napari_leukocyte.learning.head.head import Head, HeadParams, fit_head, fit_projection, fold_of
from napari_leukocyte.progress import Progress, silent

#: Parts of the photographs that heads are fitted on; 0 is the head in use.
FRACTIONS = (0.125, 0.25, 0.5, 1.0)
#: Choices of photographs for each part.
DRAWS = 3
#: How many times as many corrections the continuation asks about; further is guessing.
MORE = 2.0
#: Fewer cells of a class say nothing about where its curve leads.
LEAST_CELLS = 8
#: A gain below this is not worth a sentence.
_NOTHING = 0.005


@dataclass(frozen=True)
class CurvePoint:
    """A point of a curve: cells of a class (or a class, on average), and the share recognised."""

    cells: float
    value: float


@dataclass(frozen=True)
class ClassCurve:
    """A class's curve, or that of all.

    Attributes
    ----------
    name : str
        The class; empty for the balanced accuracy.
    points : tuple of CurvePoint
        Measured, by the number of cells.
    expected : Share or None
        With twice the cells, and its 95 % interval; None where nothing can be said.
    """

    name: str
    points: tuple[CurvePoint, ...]
    expected: Share | None

    @property
    def gain(self) -> float:
        """Expected gain from twice the cells; 0 where nothing can be said."""
        return 0.0 if self.expected is None else self.expected.value - self.points[-1].value


@dataclass(frozen=True)
class LearningCurve:
    """Accuracy against the number of corrections, and what more would bring.

    Attributes
    ----------
    overall : ClassCurve
        Balanced accuracy against the mean number of cells a class.
    classes : tuple of ClassCurve
        Recall against the number of cells; those with most to gain first.
    """

    overall: ClassCurve
    classes: tuple[ClassCurve, ...]


def learning_curve(
    own: Cells,
    base: Base,
    former: Head,
    params: HeadParams | None = None,
    progress: Progress = silent,
) -> LearningCurve | None:
    """Fit heads on parts of the photographs and see how they do on others.

    Parameters
    ----------
    own : Cells
        The reader's.
    base : Base
        The shipped cells, which always take part.
    former : Head
        The head in use: its classes take part.
    params : HeadParams, optional
        How heads are fitted.
    progress : callable
        Called after each fit.

    Returns
    -------
    LearningCurve or None
        None with fewer than four photographs, of which there is no half to fit on.
    """
    if len(np.unique(own.groups)) < 4:
        return None
    p = params or HeadParams()
    shipped = base.only(frozenset(former.classes) | frozenset(own.names())).fitting
    # The same axes for all: they know no classes, and are most of a fit's time.
    projection = fit_projection(join_cells([own, shipped]).embeddings, p)
    folds = fold_of(own)
    parts = np.unique(folds)
    runs = [(f, d) for f in FRACTIONS for d in range(1 if f == 1 else DRAWS)]
    measured: dict[tuple[float, int], tuple[NDArray[np.bool_], NDArray[np.float64]]] = {}
    names = own.names()
    for step, (fraction, draw) in enumerate(runs):
        progress(step, len(runs), "Fitting on fewer photographs")
        right = np.zeros(len(own), bool)
        counts = np.zeros(len(names))
        for part in parts:
            held = folds == part
            chosen = _some(own[~held], fraction, np.random.default_rng([draw, int(part)]))
            counts += [np.sum(chosen.classes == n) / len(parts) for n in names]
            head = fit_head(chosen, shipped, p, projection)
            # As with the head that is taken: by each view, if they are known.
            seen = own.embeddings if own.views is None else own.views
            right[held] = head.predict(seen[held]) == own.classes[held]
        measured[fraction, draw] = right, counts
    lines = []
    for i, name in enumerate(names):
        of_class = own.classes == name
        every = {k: (c[i], float(r[of_class].mean())) for k, (r, c) in measured.items()}
        lines.append(_line(name, every, int(of_class.sum())))
    usual = [i for i, n in enumerate(names) if np.sum(own.classes == n) >= LEAST_CELLS]
    chosen_names = [names[i] for i in usual] or list(names)
    columns = [names.index(n) for n in chosen_names]
    every = {
        k: (
            float(np.mean(c[columns])),
            float(np.mean([r[own.classes == n].mean() for n in chosen_names])),
        )
        for k, (r, c) in measured.items()
    }
    overall = _line("", every, len(own))
    return LearningCurve(overall, tuple(sorted(lines, key=lambda line: -line.gain)))


def _some(cells: Cells, fraction: float, rng: np.random.Generator) -> Cells:
    """Return the cells of a part of the photographs."""
    if fraction == 1:
        return cells
    names = np.unique(cells.groups)
    number = max(1, round(fraction * len(names)))
    return cells[np.isin(cells.groups, rng.choice(names, number, replace=False))]


def _line(name: str, every: dict[tuple[float, int], tuple[float, float]], cells: int) -> ClassCurve:
    """Average a curve's draws and continue it."""
    points = []
    for fraction in FRACTIONS:
        of = [v for (f, _), v in every.items() if f == fraction]
        n, value = np.mean(of, axis=0)
        points.append(CurvePoint(float(n), float(value)))
    expected = _continued(list(every.values()), points[-1], cells) if cells >= LEAST_CELLS else None
    return ClassCurve(name, tuple(points), expected)


def _continued(values: list[tuple[float, float]], last: CurvePoint, cells: int) -> Share | None:
    """Continue a curve to `MORE` times the cells.

    The error is taken to fall with the root of the number of cells, as it does where chance decides
    which cells are met. What varies is drawn twice: which draws the line is fitted to, and, as the
    share of `cells` cells that are recognised is itself known only so well, the share.
    """
    known = np.array([v for v in values if v[0] >= 1])
    if len(known) < 4 or len(np.unique(known[:, 0].round(3))) < 3:
        return None
    rng = np.random.default_rng(0)
    noise = np.sqrt(max(last.value * (1 - last.value), 0.25 / cells) / cells)
    ends = []
    for _ in range(500):
        drawn = known[rng.integers(0, len(known), len(known))]
        x = drawn[:, 0] ** -0.5
        if np.ptp(x) < 1e-9:
            continue
        slope = min(0.0, float(np.polyfit(x, drawn[:, 1], 1)[0]))
        gain = slope * ((MORE * last.cells) ** -0.5 - last.cells**-0.5)
        ends.append(last.value + gain + float(rng.normal(0, noise)))
    if not ends:
        return None
    low, high = np.clip(np.percentile(ends, [2.5, 97.5]), 0, 1)
    return Share(float(np.clip(np.mean(ends), last.value, 1)), float(low), float(high))


def curve_lines(curve: LearningCurve | None) -> list[str]:
    """Return the curve, and what twice the corrections would bring."""
    if curve is None:
        return ["Too few photographs to say what more corrections would bring."]
    measured = ", ".join(f"{p.value:.3f} with {p.cells:.0f}" for p in curve.overall.points)
    lines = [f"Balanced accuracy by reviewed cells a class: {measured}."]
    lines += [expectation(line) for line in (curve.overall, *curve.classes) if line.expected]
    return lines


def expectation(line: ClassCurve) -> str:
    """Say what twice the cells of a class are expected to bring."""
    what = tr(line.name) if line.name else tr("All classes")
    if line.expected is None:
        return tr("{what}: too few cells to say what more would bring.", what=what)
    number = round(2 * line.points[-1].cells)
    more = tr("{n} cells", n=number) if line.name else tr("{n} cells a class", n=number)
    little = tr(" Little is to be gained.") if line.gain < _NOTHING else ""
    return tr(
        "{what}: {now:.3f} now, {expected} with {more}.{little}",
        what=what,
        now=line.points[-1].value,
        expected=share(line.expected),
        more=more,
        little=little,
    )
