"""Results that were opened, shown as they were left: photograph, labels, classes, review state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils.notifications import show_info

from napari_leukocyte.annotations.dataset.results import PhotographResult
from napari_leukocyte.language import later, tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import telling_errors
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import objects_view_of
from napari_leukocyte.ui.layers.restore import show_work


def take_up(
    viewer: Any, image: Image, result: PhotographResult, labels: Labels | None = None
) -> None:
    """Make a photograph's results the work on it, unless it was worked on since; show it.

    Which layer is active afterwards is for the caller to say.

    Parameters
    ----------
    viewer : napari.Viewer
        In which the layers are.
    image : napari.layers.Image
        The photograph.
    result : PhotographResult
        Of it.
    labels : napari.layers.Labels, optional
        A layer that has the results' labels already.
    """
    viewer = links.unwrap(viewer)
    if result.file is not None:
        # Napari names what was opened, a folder; results that are saved name the photograph.
        image._source = image.source.model_copy(update={"path": str(result.file)})
    with telling_errors():
        session = links.session_of(image)
        _fill(session, result)
        if labels is not None:
            alike = np.array_equal(np.asarray(labels.data), session.labels)
            if alike and links.labels_layer_of(viewer, session) is None:
                links.bind_labels(viewer, session, labels)
            else:
                viewer.layers.remove(labels)
        show_work(viewer, session, image)
        if not image.visible:
            _hide(viewer, session)


def _fill(session: Session, result: PhotographResult) -> None:
    known = session.restored is not None or session.labels.any() or session.can_undo
    if not known:
        session.take_state(
            replace(result.state, labels=result.state.labels.copy()), later("Open results")
        )
        session.mark_saved()
    elif not np.array_equal(session.labels, result.state.labels):
        show_info(
            tr(
                "{name} has been worked on since: it is shown as it was left, which is not as "
                "in these results.",
                name=result.name,
            )
        )


def _hide(viewer: Any, session: Session) -> None:
    view = objects_view_of(viewer, session)
    for layer in (links.labels_layer_of(viewer, session), None if view is None else view.layer):
        if layer is not None:
            layer.visible = False
