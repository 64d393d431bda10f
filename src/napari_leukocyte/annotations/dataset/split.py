"""The split into train, validation and test, and the near-duplicates that it keeps on one side.

The side follows from a hash of its group's name alone, so that adding data never moves a photograph
from one side to another. A photograph that shows the same as one that is there already stays on
that one's side. Photographs that show the same thing, also turned or mirrored, are found by a
perceptual hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.layout import Side
from napari_leukocyte.errors import ParameterError

#: Shares of the groups held out. Of 20 photographs, the few that many users begin with, 10 % would
#: leave one time in eight none to validate on.
VALIDATION_SHARE = TEST_SHARE = 0.15
#: Bits a side: a hash has the square of it.
HASH_SIDE = 16
#: Photographs whose 256 bits differ in at most this many show the same. Of the 367 fields of BCCD,
#: two that show one place differ in 24, and all others in 86 and more, in any view.
NEAR_BITS = 40
#: Quarter turns, and those of the mirror image: sets are made larger by turned copies.
VIEWS = 8


@dataclass(frozen=True)
class SplitMember:
    """A photograph as the split knows it.

    Attributes
    ----------
    name : str
        Of the photograph in the dataset.
    group : str
        What it was taken of: photographs of one group are on one side.
    fingerprint : Fingerprint
        What it looks like.
    side : {"train", "validation", "test"} or None
        None if it is new.
    """

    name: str
    group: str
    fingerprint: Fingerprint
    side: Side | None = None


def side_of(group: str, validation: float = VALIDATION_SHARE, test: float = TEST_SHARE) -> Side:
    """Return the side of a group.

    Parameters
    ----------
    group : str
        Its name.
    validation, test : float
        Shares held out, 0 to 1; the rest trains.

    Returns
    -------
    {"train", "validation", "test"}
        The same for the same name and shares, whatever else the dataset holds.
    """
    digest = hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    if share < test:
        return "test"
    return "validation" if share < test + validation else "train"


def check_shares(validation: float, test: float) -> None:
    """Raise ParameterError unless two shares leave something to train on."""
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise ParameterError(
            f"The shares of validation ({validation}) and test ({test}) must lie from 0 to 1 and "
            "leave something to train on."
        )


def place(
    photographs: Sequence[SplitMember],
    validation: float = VALIDATION_SHARE,
    test: float = TEST_SHARE,
) -> Mapping[str, Side]:
    """Give every photograph a side.

    Parameters
    ----------
    photographs : sequence of SplitMember
        All of the dataset; those that have a side keep it.
    validation, test : float
        See `side_of`.

    Returns
    -------
    dict of str to str
        Side by name. New photographs that belong together, by group or by look, get one side:
        that of a photograph that is there already and belongs to them (of the same group
        first), or else that of the first of their groups' names.
    """
    parent = list(range(len(photographs)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    by_group: dict[str, int] = {}
    for i, photograph in enumerate(photographs):
        parent[root(i)] = root(by_group.setdefault(photograph.group, i))
    new = [i for i, p in enumerate(photographs) if p.side is None]
    prints = [p.fingerprint for p in photographs]
    for i in new:
        for j in near_duplicates(prints[i], prints):
            parent[root(i)] = root(j)
    of_group = {p.group: p.side for p in photographs if p.side is not None}
    together: dict[int, list[int]] = {}
    for i in range(len(photographs)):
        together.setdefault(root(i), []).append(i)
    sides: dict[str, Side] = {}
    for members in together.values():
        known = sorted((p.group, p.side) for i in members if (p := photographs[i]).side is not None)
        first = min(photographs[i].group for i in members)
        shared = known[0][1] if known else side_of(first, validation, test)
        for i in members:
            photograph = photographs[i]
            sides[photograph.name] = (
                photograph.side or of_group.get(photograph.group) or shared or "train"
            )
    return sides


@dataclass(frozen=True)
class Fingerprint:
    """Appearance of a photograph, as perceptual hashes.

    Attributes
    ----------
    views : tuple of str
        Hexadecimal perceptual hashes of the photograph as it is and, where they are known, of
        its turned and mirrored views.
    """

    views: tuple[str, ...]

    @cached_property
    def bits(self) -> NDArray[np.uint8]:
        """(views, bytes) uint8."""
        return np.array([list(bytes.fromhex(v)) for v in self.views], np.uint8)


def fingerprint(rgb: NDArray[np.uint8]) -> Fingerprint:
    """Return the perceptual hashes of a photograph.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    """
    import cv2
    import imagehash
    from PIL import Image

    side = HASH_SIDE * 4  # as the hash itself works on
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
    views = []
    for view in range(VIEWS):
        turned = np.rot90(small[:, ::-1] if view >= 4 else small, view % 4)
        picture = Image.fromarray(np.ascontiguousarray(turned))
        views.append(str(imagehash.phash(picture, hash_size=HASH_SIDE)))
    return Fingerprint(tuple(views))


def near_duplicates(
    one: Fingerprint, others: Sequence[Fingerprint], bits: int = NEAR_BITS
) -> list[int]:
    """List which photographs show the same as one.

    Parameters
    ----------
    one : Fingerprint
        Its views are compared with
    others : sequence of Fingerprint
        the first view of each of these. One of them may be itself.
    bits : int
        Most bits that may differ.

    Returns
    -------
    list of int
        Places in `others`, in order.
    """
    if not others:
        return []
    upright = np.stack([o.bits[0] for o in others])
    differing = np.bitwise_count(upright[:, np.newaxis] ^ one.bits[np.newaxis]).sum(axis=2)
    return [int(i) for i in np.flatnonzero(differing.min(axis=1) <= bits)]
