"""Split conformal prediction: from scores of cells whose class is known to sets of classes.

The calculation is a few lines, and these weigh the cells, which the packages at hand (crepes,
MAPIE) do not: a laboratory's own few cells have to count beside the many that ship.

References
----------
.. [1] Vovk, Gammerman, Shafer, "Algorithmic learning in a random world", Springer 2005: conformal
   prediction; of each class by itself, "label-conditional" or Mondrian.
.. [2] Papadopoulos and others, "Inductive confidence machines for regression", ECML 2002: with
   cells set apart for calibration.
.. [3] Tibshirani and others, "Conformal prediction under covariate shift", NeurIPS 2019: with
   weights.
.. [4] Sadinle, Lei, Wasserman, "Least ambiguous set-valued classifiers with bounded error levels",
   Journal of the American Statistical Association 114, 2019: the score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError

#: Source of a laboratory's own cells.
OWN = "own"
#: Levels that can be set. Lower says nothing useful; higher takes more cells than there are.
LEVEL_RANGE = (0.5, 0.99)
DEFAULT_LEVEL = 0.9
#: Compared with every set by itself, and the widest set taken: for images like none of them.
EVERY = "every set"
#: How badly each class fits each cell, (N, C), from probabilities, (N, C).
Score = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def lac(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nonconformity score of every class, one minus its probability; see [4]_."""
    return 1 - probability


def check_level(level: float) -> None:
    """Refuse a level outside `LEVEL_RANGE`."""
    low, high = LEVEL_RANGE
    if not low <= level <= high:
        raise ParameterError(
            "The level must lie from {low:.0f} to {high:.0f} %, not {level:g} %.",
            low=100 * low,
            high=100 * high,
            level=100 * level,
        )


def fewest_cells(level: float) -> int:
    """Return how many cells a calibration needs before it can rule out anything at a level."""
    check_level(level)
    return math.ceil(1 / (1 - level) - 1e-9) - 1


@dataclass(frozen=True)
class SetSettings:
    """The settings of prediction sets.

    Attributes
    ----------
    level : float
        Share of cells, at least, whose set holds the true class: of cells like those of the
        calibration, in the mean over calibrations. See `LEVEL_RANGE`.
    by_class : bool
        Whether each class is compared with its own cells alone (Mondrian). The level then holds for
        each class, and classes with few cells are rarely ruled out.
    like : str
        The set whose cells are compared with, such as the one that an image looks like; `EVERY`
        for the widest of all sets' answers; empty for all cells together.

    Raises
    ------
    ParameterError
        If the level is out of range.
    """

    level: float = DEFAULT_LEVEL
    by_class: bool = False
    like: str = ""

    def __post_init__(self) -> None:
        check_level(self.level)


DEFAULTS = SetSettings()


@dataclass(frozen=True, eq=False)
class Calibration:
    """Cells whose class is known, as a classifier saw them when it had not been trained on them.

    Attributes
    ----------
    classes : tuple of str
        The classifier's, in the order of its outputs.
    truth : ndarray
        (N,) int: index of each cell's class.
    probability : ndarray
        (N, C): the classifier's.
    weight : ndarray
        (N,): how much each cell counts; a new cell counts 1.
    source : ndarray
        (N,) str: the set it comes from; `OWN` for this laboratory's.
    """

    classes: tuple[str, ...]
    truth: NDArray[np.intp]
    probability: NDArray[np.float64]
    weight: NDArray[np.float64]
    source: NDArray[np.str_]

    @classmethod
    def of(
        cls,
        classes: Sequence[str],
        truth: Sequence[str] | NDArray[np.str_],
        probability: NDArray[np.float64],
        source: Sequence[str] | NDArray[np.str_] | str = OWN,
    ) -> Calibration:
        """Make a calibration of cells that count alike.

        Parameters
        ----------
        classes : sequence of str
            The classifier's.
        truth : sequence of str
            Each cell's class; cells of classes that the classifier does not know are left out,
            since no set could hold them.
        probability : ndarray
            (N, C).
        source : sequence of str, or str
            The set of each, or of all.
        """
        names = tuple(classes)
        known = np.array([t in names for t in truth], bool)
        index = np.array([names.index(str(t)) for t in truth if t in names], np.intp)
        found = np.asarray(probability, np.float64)[known]
        sources = np.broadcast_to(np.asarray(source, str), known.shape)[known]
        return cls(names, index, found, np.ones(len(index)), sources)

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.truth)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sets that the cells come from."""
        return tuple(str(name) for name in np.unique(self.source))

    @property
    def own(self) -> NDArray[np.bool_]:
        """(N,) bool: whether a cell is this laboratory's."""
        return np.asarray(self.source == OWN)

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Calibration:
        """Return some of the cells."""
        return Calibration(
            self.classes,
            self.truth[chosen],
            self.probability[chosen],
            self.weight[chosen],
            self.source[chosen],
        )

    def counts(self) -> dict[str, int]:
        """Return the number of cells of each class."""
        found = np.bincount(self.truth, minlength=len(self.classes))
        return {name: int(n) for name, n in zip(self.classes, found, strict=True)}

    def p_values(
        self,
        probability: NDArray[np.float64],
        settings: SetSettings = DEFAULTS,
        score: Score = lac,
    ) -> NDArray[np.float64]:
        """Return how common a fit as bad as each class's is among cells of a known class.

        Parameters
        ----------
        probability : ndarray
            (M, C) of new cells.
        settings : SetSettings
            All but the level.
        score : callable
            How badly a class fits a cell; `lac` unless others are compared with it.

        Returns
        -------
        ndarray
            (M, C), above 0, at most 1.
        """
        asked = score(np.asarray(probability, np.float64))
        known = score(self.probability)[np.arange(len(self)), self.truth]
        if settings.like == EVERY:
            masks = [self.source == name for name in self.sources] or [np.zeros(len(self), bool)]
        elif settings.like:
            masks = [self.source == settings.like]
        else:
            masks = [np.ones(len(self), bool)]
        result = np.zeros_like(asked)
        for mask in masks:
            for i in range(len(self.classes)):
                chosen = mask & (self.truth == i) if settings.by_class else mask
                fit = _share_as_bad(known[chosen], self.weight[chosen], asked[:, i])
                result[:, i] = np.maximum(result[:, i], fit)
        return result

    def sets(
        self,
        probability: NDArray[np.float64],
        settings: SetSettings = DEFAULTS,
        score: Score = lac,
    ) -> NDArray[np.bool_]:
        """Return for each new cell the classes that can't be ruled out.

        Parameters
        ----------
        probability : ndarray
            (M, C) of new cells.
        settings : SetSettings
            Level, and which cells they are compared with.
        score : callable
            See `p_values`.

        Returns
        -------
        ndarray
            (M, C) bool. A set may be empty: then no class fits as well as the worst that is
            accepted among known cells.
        """
        # Above, not from: the smallest p-value is one over the cells, and must be able to fail.
        return np.asarray(self.p_values(probability, settings, score) > 1 - settings.level + 1e-12)


def _share_as_bad(
    known: NDArray[np.float64], weight: NDArray[np.float64], asked: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weighted share of known scores, the asked one among them, at least as large."""
    order = np.argsort(known, kind="stable")
    scores = known[order]
    above = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
    # Sums of probabilities differ in their last digit by the order they are taken in.
    place = np.searchsorted(scores, asked - 1e-12, side="left")
    return np.asarray((above[place] + 1) / (weight.sum() + 1))
