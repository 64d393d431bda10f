"""Several sets as one, with one system of labels, as in the paper of 2024."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from training.data.photograph import DataError, DatasetName, Photograph
from training.data.photographs import LOADERS, load

#: Composite sets by name. Each entry is what stands at one place: the first of its sets that is
#: there. Jiangxi Tecom and CellaVision are Zheng's sets; Kaggle's are augmented copies of BCCD's
#: photographs, so that BCCD can stand in for them, and never stands beside them.
COMPOSITES: dict[str, tuple[tuple[DatasetName, ...], ...]] = {
    "paper-segmentation": (("zheng1",), ("zheng2",), ("lisc",)),
    "paper-classification": (("zheng1",), ("zheng2",), ("pbc",), ("kaggle", "bccd")),
}
#: Sets that show the same photographs: never two of them together, nor one held out from another.
SAME_PHOTOGRAPHS: tuple[frozenset[DatasetName], ...] = (frozenset(("bccd", "kaggle")),)
#: Sets of the same smears: what is left out is left out with the other one. They may train
#: together.
SAME_SMEARS: tuple[frozenset[DatasetName], ...] = (frozenset(("raabin", "raabin_labelled")),)


@dataclass(frozen=True)
class Resolved:
    """Sets that a list of names stands for.

    Attributes
    ----------
    datasets : tuple of str
        Single sets, each once.
    notes : tuple of str
        What of a composite is missing or was replaced, one sentence each.
    """

    datasets: tuple[DatasetName, ...]
    notes: tuple[str, ...] = ()


def resolve(names: Iterable[str], root: Path, *, complete: bool = False) -> Resolved:
    """Find the single sets that names stand for.

    Parameters
    ----------
    names : iterable of str
        Sets, and composites by their names in `COMPOSITES`.
    root : Path
        Data root.
    complete : bool
        Whether a composite must be whole; otherwise it goes without the sets that are missing, and
        the notes say so.

    Returns
    -------
    Resolved

    Raises
    ------
    DataError
        If a set that is named itself is missing, nothing of a composite is there, it is not whole
        and must be, or two of the sets show the same photographs.
    """
    datasets: list[DatasetName] = []
    notes: list[str] = []
    for name in names:
        if name not in COMPOSITES:
            load(cast("DatasetName", name), root)  # complains if it is not there
            datasets.append(cast("DatasetName", name))
            continue
        before = len(datasets)
        for places in COMPOSITES[name]:
            there = next((d for d in places if LOADERS[d](root)), None)
            if there is not None:
                datasets.append(there)
            if there != places[0]:
                notes.append(_missing(name, places, there, root))
                if complete and there is None:
                    raise DataError(notes[-1])
        if len(datasets) == before:
            raise DataError(f"Nothing of {name} is under {root}: see 'python -m training fetch'.")
    once = tuple(dict.fromkeys(datasets))
    refuse_same_photographs(once)
    return Resolved(once, tuple(notes))


def refuse_same_photographs(datasets: Iterable[DatasetName]) -> None:
    """Raise DataError if two of the sets show the same photographs."""
    for same in SAME_PHOTOGRAPHS:
        together = sorted(same & set(datasets))
        if len(together) > 1:
            raise DataError(
                f"{' and '.join(together)} show the same photographs, which would then train and "
                "test: choose one of them."
            )


def same_photographs(dataset: DatasetName) -> frozenset[DatasetName]:
    """Return the sets that show the same photographs or smears as one, itself included."""
    same = (*SAME_PHOTOGRAPHS, *SAME_SMEARS)
    return frozenset({dataset}).union(*(s for s in same if dataset in s))


def load_sets(
    names: Iterable[str], root: Path, *, complete: bool = False
) -> dict[DatasetName, list[Photograph]]:
    """Load sets and composites; see :func:`resolve` for parameters and errors."""
    return {d: load(d, root) for d in resolve(names, root, complete=complete).datasets}


def _missing(
    name: str, places: tuple[DatasetName, ...], there: DatasetName | None, root: Path
) -> str:
    if there is None:
        return (
            f"{name} is without {' or '.join(places)}, which is not under {root}: "
            f"'python -m training fetch {places[0]}' gets it or says how."
        )
    return f"{name} has {there} in place of {places[0]}, which is not under {root}."
