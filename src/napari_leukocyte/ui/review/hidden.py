"""Duties of views of the same cells: blind reads stay blind, and one view takes clicks."""

from __future__ import annotations

from collections.abc import Collection

from qtpy.QtWidgets import QApplication

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.session.blind_reads import load_read
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import folder_of
from napari_leukocyte.ui.review.widget import ReviewWidget


def reviews_of(session: Session | None) -> list[ReviewWidget]:
    """Return the review widgets that show a session."""
    widgets = (w for w in QApplication.allWidgets() if isinstance(w, ReviewWidget))
    return [w for w in widgets if session is not None and w.session is session]


def any_hidden(session: Session, labels: Collection[int]) -> bool:
    """Whether one of these cells belongs to a blind read and has no answer yet."""
    for widget in reviews_of(session):
        read = widget.blind
        if read is not None and any(read.hidden(n) for n in labels):
            return True
    folder = folder_of(session)
    if folder is None:
        return False
    try:
        kept = load_read(folder)
    except LeukocyteError:
        return False
    return kept is not None and any(kept.read.hidden(n) for n in labels)
