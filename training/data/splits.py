"""Splits by source photograph, with near-duplicates kept on one side.

A photograph's side depends on a hash of its group's name alone, so that adding data never
moves a photograph from one side to another.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import imagehash
import numpy as np
from PIL import Image

from training.data.composites import same_photographs
from training.data.photograph import DataError, DatasetName, Photograph

Side = Literal["train", "validation", "test"]
FOLDER = Path(__file__).parents[1] / "splits"
#: Shares of the photographs held out; the rest trains.
VALIDATION_SHARE, TEST_SHARE = 0.1, 0.1
#: Photographs whose 256-bit perceptual hashes differ in at most this many bits are kept
#: together. Unrelated crops of one set differ in 60 and more.
NEAR_DUPLICATE_BITS = 20
HASH_SIDE = 16


@dataclass(frozen=True)
class Sides:
    """Photographs by what they are for."""

    train: list[Photograph]
    validation: list[Photograph]
    test: list[Photograph]


def near_duplicate_groups(photographs: list[Photograph]) -> list[int]:
    """Group photographs that show the same thing.

    Parameters
    ----------
    photographs : list of Photograph
        Of one set or of several.

    Returns
    -------
    list of int
        For each photograph, the index of the first one of its group.
    """
    bits = []
    for p in photographs:
        with Image.open(p.image) as image:
            bits.append(imagehash.phash(image, hash_size=HASH_SIDE).hash.ravel())
    table = np.array(bits, dtype=np.float32)
    first = list(range(len(photographs)))
    for i in range(1, len(photographs)):
        # Hamming distance to every earlier photograph at once.
        distance = table[:i] @ (1 - table[i]) + (1 - table[:i]) @ table[i]
        near = np.flatnonzero(distance <= NEAR_DUPLICATE_BITS)
        if near.size:
            first[i] = first[int(near[0])]
    return first


def join_groups(photographs: list[Photograph], first: list[int]) -> list[int]:
    """Join near-duplicates with the groups that the photographs name themselves.

    Parameters
    ----------
    photographs : list of Photograph
        Some with a `group`.
    first : list of int
        As from :func:`near_duplicate_groups`.

    Returns
    -------
    list of int
        The same, such that photographs of one `group` are together as well.
    """
    first = list(first)
    named: dict[str, int] = {}

    def root(i: int) -> int:
        while first[i] != i:
            i = first[i]
        return i

    for i, p in enumerate(photographs):
        if p.group is not None:
            a, b = sorted((root(i), root(named.setdefault(p.group, i))))
            first[b] = a
    return [root(i) for i in range(len(first))]


def side_of(group: str) -> Side:
    """Return the side of a group by the hash of its name (stable when data are added)."""
    share = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    if share < TEST_SHARE:
        return "test"
    return "validation" if share < TEST_SHARE + VALIDATION_SHARE else "train"


def make_split(photographs: list[Photograph]) -> dict[Side, list[str]]:
    """Assign every photograph of one set to a side."""
    groups = join_groups(photographs, near_duplicate_groups(photographs))
    split: dict[Side, list[str]] = {"train": [], "validation": [], "test": []}
    for photograph, group in zip(photographs, groups, strict=True):
        split[side_of(photographs[group].key)].append(photograph.name)
    return split


def write_split(dataset: str, split: dict[Side, list[str]]) -> Path:
    """Write the lists of names to ``training/splits/<dataset>.json``."""
    path = FOLDER / f"{dataset}.json"
    path.write_text(json.dumps(split, indent=0) + "\n", encoding="utf-8")
    return path


def select(photographs: Iterable[Photograph], dataset: str, *sides: Side) -> list[Photograph]:
    """Keep the photographs of the given sides.

    Parameters
    ----------
    photographs : iterable of Photograph
        Of one set or of several.
    dataset : str
        Which set's.
    *sides : {"train", "validation", "test"}
        Which.

    Returns
    -------
    list of Photograph
        By the committed list of the set; what that does not name belongs to no side. A set
        without a list is split by the hash of the photographs' groups, except that what shows a
        photograph of a listed set is on that one's side.
    """
    path = FOLDER / f"{dataset}.json"
    if path.is_file():
        split = json.loads(path.read_text(encoding="utf-8"))
        names = {name for side in sides for name in split[side]}
        return [p for p in photographs if p.name in names]
    listed = _listed(FOLDER)
    return [
        p
        for p in photographs
        if p.dataset == dataset and listed.get(p.key, side_of(p.key)) in sides
    ]


def paper_sides(
    photographs: Iterable[Photograph], dataset: str
) -> tuple[list[Photograph], list[Photograph]]:
    """Split 90/10 as the paper does: validation trains as well, and nothing else moves.

    Returns
    -------
    train, test : list of Photograph
    """
    photographs = list(photographs)
    train = select(photographs, dataset, "train", "validation")
    return train, select(photographs, dataset, "test")


def leave_out(dataset: DatasetName, photographs: Mapping[DatasetName, list[Photograph]]) -> Sides:
    """Hold a whole set out: train on all others, try on it.

    Parameters
    ----------
    dataset : str
        The set to try on.
    photographs : mapping of str to list of Photograph
        Every set, by name, that one included.

    Returns
    -------
    Sides
        Train and validation sides of the others, and every photograph of `dataset` as test. The
        others' test sides are in none of the three, so that both kinds of figures can be given of
        one network. Sets that show the same photographs as `dataset` are left out with it.

    Raises
    ------
    DataError
        If `dataset` is not among the sets, or no other one is.
    """
    if not photographs.get(dataset):
        raise DataError(f"{dataset} can't be left out, because it is not among the sets given.")
    others = {d: p for d, p in photographs.items() if d not in same_photographs(dataset)}
    if not others:
        raise DataError(f"Without {dataset} there is no set left to train on.")
    own_photographs = {p.name for d in same_photographs(dataset) for p in photographs.get(d, [])}

    def side(which: Side) -> list[Photograph]:
        chosen = (p for d, found in others.items() for p in select(found, d, which))
        return [p for p in chosen if p.key not in own_photographs]

    return Sides(side("train"), side("validation"), list(photographs[dataset]))


@functools.cache
def _listed(folder: Path) -> dict[str, Side]:
    """Return the side of every photograph that a list of a folder names."""
    found: dict[str, Side] = {}
    for path in sorted(folder.glob("*.json")):
        for side, names in json.loads(path.read_text(encoding="utf-8")).items():
            found.update(dict.fromkeys(names, side))
    return found
