"""Which side of the split a photograph is on: train, validation or test.

The side follows from a hash of its group's name alone, so that adding data never moves a photograph
from one side to another. A photograph that shows the same as one that is there already stays on
that one's side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from napari_leukocyte.annotations.dataset.duplicates import Fingerprint, near_duplicates
from napari_leukocyte.annotations.dataset.layout import Side
from napari_leukocyte.errors import ParameterError

#: Shares of the groups held out. Of 20 photographs, the few that many users begin with, 10 % would
#: leave one time in eight none to validate on.
VALIDATION_SHARE = TEST_SHARE = 0.15


@dataclass(frozen=True)
class SplitMember:
    """What the split knows of a photograph.

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
