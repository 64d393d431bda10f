"""The widget that improves models: a new head in seconds, a network trained on in hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QSizePolicy, QTabWidget, QVBoxLayout, QWidget

from napari_leukocyte.gallery.cells import Place
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.controls.containers import VerticalScroll
from napari_leukocyte.ui.improve.finetune_tab import FinetuneTab
from napari_leukocyte.ui.improve.head_tab import HeadTab
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.review.picking import show_place
from napari_leukocyte.ui.undo import install_undo

if TYPE_CHECKING:
    import napari


class ImproveWidget(QWidget):
    """Make models better from what was corrected.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images' sessions are learnt from and classified again.

    Attributes
    ----------
    head : HeadTab
    finetune : FinetuneTab
    tabs : QTabWidget
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer: Any = links.unwrap(viewer)
        self.head = HeadTab(self.sessions, self._select)
        self.finetune = FinetuneTab()
        self.tabs = QTabWidget()
        self.tabs.addTab(VerticalScroll(self.head), "New head (seconds)")
        self.tabs.addTab(VerticalScroll(self.finetune), "Fine-tune (minutes to hours)")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tabs)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        install_undo(self, self._session_in_hand)
        # Docked widgets go without a close event, and Qt calls no method of one that goes.
        head, finetune = self.head, self.finetune

        def end() -> None:
            head.release()
            finetune.release()

        self.destroyed.connect(end)

    def sessions(self) -> list[Session]:
        """Return the sessions of the viewer's images."""
        found = [
            links.existing_session(layer)
            for layer in self._viewer.layers
            if isinstance(layer, Image)
        ]
        return [session for session in found if session is not None]

    def showEvent(self, event: QShowEvent | None) -> None:
        """Look again which classifiers there are."""
        self.head.model.refresh()
        super().showEvent(event)

    def _session_in_hand(self) -> Session | None:
        """Return the session of the active layer, or the only one."""
        active = self._viewer.layers.selection.active
        session = links.existing_session(active) if isinstance(active, Image) else None
        every = self.sessions()
        return session or (every[0] if len(every) == 1 else None)

    def _select(self, session: Session, label: int) -> None:
        """Select a cell and bring it into view."""
        session.select([label])
        rows = session.table().set_index("label")
        image = links.image_layer_of(self._viewer, session)
        if label in rows.index and image is not None:
            columns = ("bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1", "area_px", "y", "x")
            y0, x0, y1, x1, area, y, x = (
                rows.loc[[label], list(columns)].to_numpy(float)[0].tolist()
            )
            place = Place(label, int(y0), int(x0), int(y1), int(x1), int(area), y, x)
            show_place(self._viewer, image, place)
