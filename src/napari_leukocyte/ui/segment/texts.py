"""What the *Segment leukocytes* widget tells in words."""

from __future__ import annotations

import html

import numpy as np

from napari_leukocyte.session.session import Session

NO_IMAGE = "Open a photograph of a blood smear to begin."
READY = "Press Run to find the leukocytes."
NO_MODEL = "No segmentation model is installed: install napari-leukocyte again."
PLACE_POINTS = "Click on each cell of a clump in the layer “Watershed markers”."
REPLACED = (
    "The image was replaced, so what was found belongs to the former one: its labels stay as an "
    "ordinary layer. Run again."
)
REPLACED_MEANWHILE = "The image was replaced during the run, so its result is not shown."
CLOSED = "The image was closed, so its result is not shown."
FAILED = "The run failed: the notification at the lower right says why."
CANCELLED = "Cancelled; nothing has changed."


def describe_result(session: Session) -> str:
    """Say what was found in an image, as rich text.

    Parameters
    ----------
    session : Session
        After a run.

    Returns
    -------
    str
        Number of objects, diameter, edits, and what there is to know about image and run.
    """
    maps = session.maps
    if maps is None:
        return READY
    number = int(np.count_nonzero(np.bincount(session.labels.ravel())[1:]))
    parts = [
        f"<b>{number} leukocyte{'' if number == 1 else 's'}</b> · diameter {maps.diameter:.0f} px"
    ]
    edited = len(session.edits.labels)
    if edited:
        parts.append(
            f"{edited} object{' edited by hand was' if edited == 1 else 's edited by hand were'} "
            "kept."
        )
    if session.edits.erased.any():
        parts.append("Erased objects stay away.")
    if session.params.watershed == "points" and (
        session.markers is None or len(session.markers) < 2
    ):
        parts.append(PLACE_POINTS)
    notes = dict.fromkeys(session.notes + maps.notes)
    parts += [f"<i>{html.escape(note)}</i>" for note in notes]
    return "<br>".join(parts)


def problem(sentence: str) -> str:
    """Return a sentence about something wrong, as rich text."""
    return f"⚠ {html.escape(sentence)}"
