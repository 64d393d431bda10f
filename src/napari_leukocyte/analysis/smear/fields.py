"""The stage of the work on one field."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from napari_leukocyte.io.validation import FORBID, Truth, Whole, parse
from napari_leukocyte.language import later, later_n
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.state import State

#: "unread" before anyone has looked, "damaged" if the file can't be read.
Stage = Literal["unread", "damaged", "new", "segmented", "in review", "signed off"]


@dataclass(frozen=True)
class FieldState:
    """The state of the work on a field.

    Attributes
    ----------
    stage : str
        See `Stage`. A field in which no cell was found is "segmented", too.
    key : str
        What its pixels are known by; see :func:`napari_leukocyte.io.images.key.image_key`.
    analysed : bool
        Whether a network has seen it, or it has cells that somebody drew.
    classified : bool
        Whether a classifier has seen it.
    objects, reviewed : int
        How many cells there are, and how many of them are reviewed.
    counts : mapping of str to int
        Cells by class: the reader's word before the model's.
    sure : mapping of str to int
        Those of them that are reviewed.
    reader, when : str
        Who signed the field off, and when (ISO 8601, UTC).
    digest : str
        A checksum of all that a sign-off is about; empty if it was not computed.
    problem : str
        One sentence, if the field can't be used.
    blind : int
        Cells that are being read blindly: their classes are in no count yet.
    """

    __pydantic_config__ = FORBID

    stage: Stage = "unread"
    key: str = ""
    analysed: Truth = False
    classified: Truth = False
    objects: Whole = 0
    reviewed: Whole = 0
    counts: Mapping[str, Whole] = field(default_factory=dict)
    sure: Mapping[str, Whole] = field(default_factory=dict)
    reader: str = ""
    when: str = ""
    digest: str = ""
    problem: str = ""
    blind: Whole = 0

    @property
    def unclassified(self) -> int:
        """Cells without a class."""
        return self.objects - sum(self.counts.values())

    @property
    def to_do(self) -> bool:
        """Whether the networks still have something to do."""
        if self.stage in ("unread", "damaged"):
            return self.stage == "unread"
        return not self.analysed or (not self.classified and self.unclassified > 0)

    @property
    def complete(self) -> bool:
        """Whether nothing keeps its cells from being signed for."""
        return not self.missing()

    def missing(self) -> str:
        """Say in a few words what is missing before a sign-off; empty if nothing is."""
        if not self.analysed:
            return later("not analysed")
        if self.reviewed < self.objects:
            return later("{cells} not reviewed", cells=_cells(self.objects - self.reviewed))
        if self.blind:
            return later("{cells} being read blindly", cells=_cells(self.blind))
        if not self.unclassified:
            return ""
        return later("{cells} without a class", cells=_cells(self.unclassified))

    def without_digest(self) -> FieldState:
        """Return the same as an open session tells it."""
        return replace(self, digest="", problem="")

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FieldState:
        """Make a state from what `to_dict` gave.

        Raises
        ------
        ParameterError
            If it is none.
        """
        # Version 0.1.0 knew of no blind reads.
        return parse(cls, {"blind": 0, **values}, complete=True)


def state_of_work(
    state: State, key: str, analysed: bool, hidden: Collection[int] = ()
) -> FieldState:
    """Say how far the work is that a session's journal led to.

    Parameters
    ----------
    state : State
        From the journal.
    key : str
        Of the image.
    analysed : bool
        Whether a network has seen the image.
    hidden : collection of int
        The cells that are being read blindly.
    """
    numbers = state.numbers()
    seen = [n for n in numbers if n in state.reviews and state.reviews[n].reviewed]
    reviewed = len(seen)
    counts, sure = (
        Counter(c for n in some if n not in hidden and (c := state.class_of(n)) is not None)
        for some in (numbers, seen)
    )
    signed = state.signed_off
    return FieldState(
        stage=_stage(len(numbers), reviewed, analysed, signed is not None),
        key=key,
        analysed=analysed or bool(numbers),
        classified=state.predictions is not None,
        objects=len(numbers),
        reviewed=reviewed,
        counts=dict(counts),
        sure=dict(sure),
        reader="" if signed is None else signed.reader,
        when="" if signed is None else signed.when,
        digest=_digest(state),
        blind=len(numbers & frozenset(hidden)),
    )


def state_of_session(session: Session, key: str) -> FieldState:
    """Say how far the work in an open session is; without a digest."""
    reviewed, objects = session.review_progress
    analysed, signed = session.maps is not None, session.signed_off
    table = session.shown_table()
    table = table[table["class"].notna()]
    return FieldState(
        stage=_stage(objects, reviewed, analysed, signed is not None),
        key=key,
        analysed=analysed or objects > 0,
        classified=session.predictions is not None,
        objects=objects,
        reviewed=reviewed,
        counts=dict(Counter(table["class"].astype(str))),
        sure=dict(Counter(table.loc[table["reviewed"].astype(bool), "class"].astype(str))),
        reader="" if signed is None else signed.reader,
        when="" if signed is None else signed.when,
        blind=len(session.hidden),
    )


def _stage(objects: int, reviewed: int, analysed: bool, signed: bool) -> Stage:
    if signed:
        return "signed off"
    if reviewed:
        return "in review"
    return "segmented" if objects or analysed else "new"


def _digest(state: State) -> str:
    """Return a checksum of masks, classes and reviews: a sign-off is about these."""
    digest = hashlib.sha256(repr(state.labels.shape).encode())
    digest.update(np.ascontiguousarray(state.labels).data)
    for number in sorted(state.numbers()):
        review = state.reviews.get(number)
        said = [] if review is None else [review.reviewed, sorted(review.flags), review.note]
        digest.update(json.dumps([number, state.class_of(number), said]).encode())
    return digest.hexdigest()


def _cells(number: int) -> str:
    return later_n("{n} cell", "{n} cells", number)
