"""The folder of a session on the disk, what is read from it, and how far the work has come."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.language import joined, later, later_n
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.codec import BadRecordError, decode, follow
from napari_leukocyte.session.journal import Contents, read_journal
from napari_leukocyte.session.maps import MapsFile
from napari_leukocyte.session.state import State

#: Environment variable that names another folder of sessions.
FOLDER_VARIABLE = "NAPARI_LEUKOCYTE_SESSIONS"


def sessions_folder() -> Path:
    """Return the folder of all sessions; it may not exist yet."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("napari-leukocyte", appauthor=False) / "sessions"


def session_folder(rgb: NDArray[np.uint8]) -> Path:
    """Return the folder of an image's session; it may not exist yet.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8, as `Session.rgb`.
    """
    return sessions_folder() / image_key(rgb)


JOURNAL = "journal.bin"
Stage = Literal["new", "segmented", "in review", "signed off"]


class SessionUnreadableError(LeukocyteError):
    """A folder holds something that is no session of this image."""


@dataclass(frozen=True)
class SessionSummary:
    """A summary of the work on an image.

    Attributes
    ----------
    state : {"new", "segmented", "in review", "signed off"}
        New without objects, in review once one of them is reviewed.
    objects, reviewed : int
        How many there are, and how many of them are reviewed.
    counts : dict of str to int
        Objects by class.
    reader : str
        Who signed off; empty if nobody, or if that is unknown.
    """

    state: Stage
    objects: int
    reviewed: int
    counts: dict[str, int]
    reader: str = ""


@dataclass(frozen=True, eq=False)
class Restored:
    """The state that a journal led to.

    Attributes
    ----------
    state : State
        Without its maps.
    maps : MapsFile or None
        Where those are.
    number : int
        How many commands there were.
    next_label : int
        First number that no object had.
    size : int
        Up to where the journal is sound, bytes.
    lost : bool
        Whether a part of it is damaged.
    """

    state: State
    maps: MapsFile | None
    number: int
    next_label: int
    size: int
    lost: bool


def owner(key: str, shape: tuple[int, int]) -> bytes:
    """Return the first record of a journal: of which image it is."""
    # Steps say what they change; what they start from are the defaults of the version that wrote.
    start = PostprocessParams().to_dict()
    return json.dumps({"image": key, "shape": list(shape), "parameters": start}).encode()


def restore(
    folder: Path, key: str | None = None, shape: tuple[int, int] | None = None
) -> Restored | None:
    """Read a session, without its maps.

    Parameters
    ----------
    folder : Path
        Its folder.
    key : str, optional
        What its image must be known by.
    shape : tuple of int, optional
        Of the image, for a journal in which nothing is readable.

    Returns
    -------
    Restored or None
        None if nothing was done.

    Raises
    ------
    SessionUnreadableError
        If the journal can't be read or belongs to another image.
    """
    path = folder / JOURNAL
    try:
        contents = read_journal(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SessionUnreadableError(
            "The session in {folder} can't be read: {reason}.", folder=folder, reason=reason
        ) from error
    if contents is None or not (contents.records or contents.damaged):
        return None
    if not contents.records:
        return None if shape is None else Restored(State.empty(shape), None, 0, 1, 0, True)
    try:
        first = json.loads(contents.records[0])
        height, width = (int(n) for n in first["shape"])
        image = str(first["image"])
        given = first.get("parameters")
        # Version 0.1.0 did not say what it started from.
        params = (
            PostprocessParams.as_in_0_1_0() if given is None else PostprocessParams.from_dict(given)
        )
    except (ValueError, KeyError, TypeError, ParameterError) as error:
        raise SessionUnreadableError("{path} is not a journal of a session.", path=path) from error
    if key is not None and image != key:
        raise SessionUnreadableError("{folder} holds the session of another image.", folder=folder)
    return _replay(contents, replace(State.empty((height, width)), params=params))


def _replay(contents: Contents, state: State) -> Restored:
    maps: MapsFile | None = None
    number, next_label, size, lost = 0, 1, contents.ends[0], contents.damaged
    for data, end in zip(contents.records[1:], contents.ends[1:], strict=True):
        try:
            record = decode(data)
            state = follow(state, record)
        except BadRecordError:
            lost = True
            break
        if record.maps_changed:
            maps = record.maps
        number, next_label, size = record.number, record.next_label, end
    return Restored(state, maps, number, next_label, size, lost)


def summarise(state: State, hidden: Collection[int] = ()) -> SessionSummary:
    """Say how far the work has come; the classes of hidden objects are in no count."""
    numbers = state.numbers()
    reviewed = sum(n in state.reviews and state.reviews[n].reviewed for n in numbers)
    classes = (state.class_of(n) for n in numbers if n not in hidden)
    counts = dict(Counter(c for c in classes if c is not None))
    stage: Stage = "in review" if reviewed else "segmented" if numbers else "new"
    signed = state.signed_off
    if signed is not None:
        stage = "signed off"
    reader = "" if signed is None else signed.reader
    return SessionSummary(stage, len(numbers), reviewed, counts, reader)


def describe(summary: SessionSummary) -> str | None:
    """Say in one sentence what came back; None if there is nothing to show."""
    if not summary.objects:
        return None
    parts = [later_n("{n} cell", "{n} cells", summary.objects)]
    if summary.reviewed:
        parts.append(later("{n} of them reviewed", n=summary.reviewed))
    if summary.state == "signed off":
        by = later("signed off by {name}", name=summary.reader)
        parts.append(by if summary.reader else later("signed off"))
    return later("Earlier work on this image was restored: {parts}.", parts=joined(parts, ", "))
