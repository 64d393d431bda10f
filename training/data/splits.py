"""Splits by source photograph, with near-duplicates kept on one side.

A photograph's side depends on a hash of its group's name alone, so that adding data never
moves a photograph from one side to another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import imagehash
import numpy as np
from PIL import Image

from training.data.photographs import Photograph

Side = Literal["train", "validation", "test"]
FOLDER = Path(__file__).parents[1] / "splits"
#: Shares of the photographs held out; the rest trains.
VALIDATION_SHARE, TEST_SHARE = 0.1, 0.1
#: Photographs whose 256-bit perceptual hashes differ in at most this many bits are kept
#: together. Unrelated crops of one set differ in 60 and more.
NEAR_DUPLICATE_BITS = 20
HASH_SIDE = 16


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


def side_of(group: str) -> Side:
    """Return the side of a group by the hash of its name (stable when data are added)."""
    share = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64
    if share < TEST_SHARE:
        return "test"
    return "validation" if share < TEST_SHARE + VALIDATION_SHARE else "train"


def make_split(photographs: list[Photograph]) -> dict[Side, list[str]]:
    """Assign every photograph of one set to a side."""
    groups = near_duplicate_groups(photographs)
    split: dict[Side, list[str]] = {"train": [], "validation": [], "test": []}
    for photograph, group in zip(photographs, groups, strict=True):
        split[side_of(photographs[group].name)].append(photograph.name)
    return split


def write_split(dataset: str, split: dict[Side, list[str]]) -> Path:
    """Write the lists of names to ``training/splits/<dataset>.json``."""
    path = FOLDER / f"{dataset}.json"
    path.write_text(json.dumps(split, indent=0) + "\n", encoding="utf-8")
    return path


def select(photographs: Iterable[Photograph], dataset: str, *sides: Side) -> list[Photograph]:
    """Keep the photographs of the given sides of the committed split."""
    split = json.loads((FOLDER / f"{dataset}.json").read_text(encoding="utf-8"))
    names = {name for side in sides for name in split[side]}
    return [p for p in photographs if p.name in names]
