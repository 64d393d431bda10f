"""Balance over classes and sets: which cells an epoch shows, and how much each one counts.

Some classes have a thousand cells and others twenty, and nearly all basophils come from one set. A
configuration names one of the ways of `Balance`:

``"none"``
    Every cell once.
``"draw"``
    Cells are drawn with replacement, all classes alike.
``"oversample"``
    Every cell at least once; cells of rare classes are repeated until all classes are as large as
    the largest one.
``"undersample"``
    No cell twice; of each class as many as the smallest one has, others in every epoch.
``"class_weight"``
    Every cell once, and its loss counts the more the rarer its class is.

Within a class the sets are balanced as well: with `set_balance` 0 every set counts alike, with 1
every cell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError

Balance: TypeAlias = Literal["none", "draw", "oversample", "undersample", "class_weight"]
Pair: TypeAlias = tuple[str, str]
#: No cell's loss counts more than this many times the mean: a set's only basophil would
#: otherwise steer every batch that it is in.
LARGEST_WEIGHT = 10.0


@dataclass(frozen=True, eq=False)
class Epoch:
    """The cells of one epoch, in the order in which they are shown.

    Attributes
    ----------
    indices : ndarray
        (N,) int, numbers of cells; a cell may come several times.
    weights : ndarray
        (N,) float, what the loss of each is multiplied by; their mean over all cells is 1.
    """

    indices: NDArray[np.int64]
    weights: NDArray[np.float64]


def plan_epoch(
    labels: Sequence[str],
    sets: Sequence[str],
    balance: Balance,
    set_balance: float,
    rng: np.random.Generator,
    size: int | None = None,
) -> Epoch:
    """Choose the cells of an epoch.

    Parameters
    ----------
    labels, sets : sequence of str
        Class and set of every cell.
    balance : str
        Which way; see the module.
    set_balance : float
        0 to 1: how sets are balanced within a class.
    rng : numpy.random.Generator
        Source of randomness; another one for every epoch.
    size : int, optional
        Length of the epoch; the list is repeated or cut to it.

    Returns
    -------
    Epoch

    Raises
    ------
    ParameterError
        If there is no cell, or no such way.
    """
    n = len(labels)
    weights = np.ones(n)
    if balance == "none":
        chosen = np.arange(n)
    elif balance == "draw":
        chosen = rng.choice(n, n, p=draw_weights(labels, sets, set_balance))
    elif balance == "oversample":
        chosen = oversample(labels, sets, set_balance, rng)
    elif balance == "undersample":
        chosen = undersample(labels, sets, set_balance, rng)
    elif balance == "class_weight":
        chosen, weights = np.arange(n), loss_weights(labels, sets, set_balance)
    else:
        raise ParameterError(
            f"There is no balance {balance!r}; known are {', '.join(get_args(Balance))}."
        )
    chosen = rng.permutation(chosen)
    if size is not None:
        chosen = np.resize(chosen, size)
    return Epoch(chosen.astype(np.int64), weights[chosen])


def draw_weights(
    labels: Sequence[str], sets: Sequence[str], set_balance: float
) -> NDArray[np.float64]:
    """Return the probability of drawing each cell, (N,): classes alike, sets as `set_balance` says.

    Raises
    ------
    ParameterError
        If there is no cell.
    """
    pairs, counts = _count(labels, sets)
    shares = _shares(counts, set_balance)
    weights = np.array([shares[pair] / counts[pair] for pair in pairs])
    return np.asarray(weights / weights.sum())


def loss_weights(
    labels: Sequence[str], sets: Sequence[str], set_balance: float
) -> NDArray[np.float64]:
    """Return what each cell's loss is multiplied by, (N,), with mean 1.

    No weight exceeds `LARGEST_WEIGHT` times the mean before the cut.
    """
    weights = draw_weights(labels, sets, set_balance) * len(labels)
    weights = np.minimum(weights, LARGEST_WEIGHT)
    return np.asarray(weights / weights.mean())


def oversample(
    labels: Sequence[str], sets: Sequence[str], set_balance: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return numbers of cells such that all classes are as large as the largest.

    Every cell is there; how often it is repeated differs by at most one within its class and set.
    """
    pairs, counts = _count(labels, sets)
    shares = _shares(counts, set_balance)
    # So large a class that the balance between its sets drops no cell.
    total = max(n / shares[pair] for pair, n in counts.items())
    return _take(pairs, {p: max(n, round(shares[p] * total)) for p, n in counts.items()}, rng)


def undersample(
    labels: Sequence[str], sets: Sequence[str], set_balance: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return numbers of cells such that all classes are as small as the smallest, none twice.

    Where a set has fewer cells of a class than its share, the others fill up.
    """
    pairs, counts = _count(labels, sets)
    shares = _shares(counts, set_balance)
    sizes: Counter[str] = Counter(labels)
    smallest = min(sizes.values())
    wanted: dict[Pair, int] = {}
    for label in sizes:
        left = smallest
        share_left = sum(shares[p] for p in counts if p[0] == label)
        # The sets that are scarcest for their share come first: what they lack goes to the rest.
        for p in sorted(
            (p for p in counts if p[0] == label), key=lambda p: (counts[p] / shares[p], p)
        ):
            wanted[p] = min(counts[p], round(left * shares[p] / share_left))
            left, share_left = left - wanted[p], share_left - shares[p]
    return _take(pairs, wanted, rng)


def _count(labels: Sequence[str], sets: Sequence[str]) -> tuple[list[Pair], Counter[Pair]]:
    if not labels:
        raise ParameterError("There is no cell to balance.")
    pairs = list(zip(labels, sets, strict=True))
    return pairs, Counter(pairs)


def _shares(counts: Counter[Pair], set_balance: float) -> dict[Pair, float]:
    """Return what part of its class each set makes up."""
    size = {pair: n**set_balance for pair, n in counts.items()}
    of_class: Counter[str] = Counter()
    for (label, _), value in size.items():
        of_class[label] += value
    return {pair: value / of_class[pair[0]] for pair, value in size.items()}


def _take(
    pairs: list[Pair], wanted: dict[Pair, int], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return so many cells of each class and set: whole rounds, then a random rest."""
    members: dict[Pair, list[int]] = {pair: [] for pair in wanted}
    for i, pair in enumerate(pairs):
        members[pair].append(i)
    parts = []
    for pair, number in wanted.items():
        rounds, rest = divmod(number, len(members[pair]))
        parts += [np.array(members[pair], np.int64)] * rounds
        parts.append(rng.choice(np.array(members[pair], np.int64), rest, replace=False))
    return np.concatenate(parts)
