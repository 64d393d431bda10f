"""Make a labels layer the result of an image's session, the user's own layer as well."""

from __future__ import annotations

from typing import Any

from napari.layers import Image, Labels
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.labels_view import data_of
from napari_leukocyte.ui.layers.objects_view import objects_view_of


def take_labels(parent: QWidget, viewer: Any, image: Image, labels: Labels) -> Session | None:
    """Return the session of an image whose objects are those of a labels layer.

    If the image's session already has objects, of another layer, it starts afresh: classes are
    kept by number, and the same number means another cell there. That layer stays as it is.

    Parameters
    ----------
    parent : QWidget
        Of the question that is asked if classes given by hand would be lost.
    viewer : napari.Viewer
        In which the layers are.
    image : napari.layers.Image
        The photograph.
    labels : napari.layers.Labels
        Of its cells.

    Returns
    -------
    Session or None
        None if the user thought better of it.

    Raises
    ------
    ImageError
        If the image or the labels cannot be used.
    """
    session = links.session_of(image)
    if links.session_of_labels(viewer, labels) is session:
        return session
    if session.labels.any():
        if session.assigned and not _may_end(parent, image, labels, len(session.assigned)):
            return None
        view = objects_view_of(viewer, session)
        if view is not None:
            view.close()
        former = links.unbind_all(session)
        try:
            session.start_afresh(data_of(labels))
        except LeukocyteError:
            for layer in former:
                links.bind_labels(viewer, session, layer)
            raise
    links.bind_labels(viewer, session, labels)
    return session


def _may_end(parent: QWidget, image: Image, labels: Labels, number: int) -> bool:
    yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
    question = (
        f"“{image.name}” has objects of another labels layer, {number} of them classified by hand. "
        f"Take the objects of “{labels.name}” instead and lose those classes?"
    )
    return bool(QMessageBox.question(parent, "Other labels?", question, yes | no, no) == yes)
