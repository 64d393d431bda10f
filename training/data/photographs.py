"""The sets by name, and how to load one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from training.data.loaders import (
    bccd,
    bionet,
    choi,
    chula,
    kaggle,
    lisc,
    own,
    pbc,
    raabin,
    raabin_labelled,
    zheng,
)
from training.data.photograph import DataError, DatasetName, Photograph

__all__ = [
    "ABROAD",
    "CLASSIFIED",
    "LOADERS",
    "SEGMENTED",
    "SPLIT",
    "DataError",
    "DatasetName",
    "Photograph",
    "load",
]

#: The public sets at hand that come with masks of nucleus and cytoplasm.
SEGMENTED: tuple[DatasetName, ...] = ("zheng1", "zheng2", "bccd")
#: Every set at hand with one of the classes for (most of) its photographs.
CLASSIFIED: tuple[DatasetName, ...] = (
    "zheng1",
    "zheng2",
    "bccd",
    "pbc",
    "raabin_labelled",
    "choi_marrow",
)
#: Sets of further laboratories, without masks: what the whole path is tried on.
ABROAD: tuple[DatasetName, ...] = ("raabin_labelled", "bionet", "chula_rbc", "choi_marrow")
#: The sets whose lists of names are committed.
SPLIT: tuple[DatasetName, ...] = (*CLASSIFIED, "raabin", "bionet", "chula_rbc")

#: What lists the photographs of a set, given the data root; an empty list if there are none.
LOADERS: dict[DatasetName, Callable[[Path], list[Photograph]]] = {
    "zheng1": lambda root: zheng.photographs(root, 1),
    "zheng2": lambda root: zheng.photographs(root, 2),
    "bccd": bccd.photographs,
    "pbc": pbc.photographs,
    "raabin": raabin.photographs,
    "raabin_labelled": raabin_labelled.photographs,
    "bionet": bionet.photographs,
    "chula_rbc": chula.photographs,
    "choi_marrow": choi.photographs,
    "lisc": lisc.photographs,
    "kaggle": kaggle.photographs,
    "own": own.photographs,
}


def load(dataset: DatasetName, root: Path) -> list[Photograph]:
    """List the photographs of one set.

    Parameters
    ----------
    dataset : str
        Which set: a key of `LOADERS`.
    root : Path
        Data root; the README of ``training/`` describes its folders.

    Returns
    -------
    list of Photograph
        In the order of their names. PBC's also show its further classes.

    Raises
    ------
    DataError
        If there is no such set or data root, or the set's folder holds no photograph.
    """
    if dataset not in LOADERS:
        raise DataError(f"There is no set {dataset!r}; known are {', '.join(LOADERS)}.")
    if not root.is_dir():
        raise DataError(
            f"The data root {root} is not a folder: name another one with --data-root, or make it "
            f"with 'python -m training fetch --data-root {root}'."
        )
    found = LOADERS[dataset](root)
    if not found:
        raise DataError(
            f"No photograph of {dataset} under {root}: 'python -m training fetch {dataset}' gets "
            "it or says how, and training/README.md how the folder is laid out."
        )
    return found
