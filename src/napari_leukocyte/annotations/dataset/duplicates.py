"""Photographs that show the same thing, also turned or mirrored, found by a perceptual hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

#: Bits a side: a hash has the square of it.
HASH_SIDE = 16
#: Photographs whose 256 bits differ in at most this many show the same. Of the 367 fields of BCCD,
#: two that show one place differ in 24, and all others in 86 and more, in any view.
NEAR_BITS = 40
#: Quarter turns, and those of the mirror image: sets are made larger by turned copies.
VIEWS = 8


@dataclass(frozen=True)
class Fingerprint:
    """What a photograph looks like.

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
    """Return what a photograph looks like.

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
