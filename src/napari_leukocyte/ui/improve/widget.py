"""Better models from what was corrected: a new head in minutes, a network trained on in hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QSizePolicy, QTabWidget, QWidget

from napari_leukocyte.language import tr
from napari_leukocyte.ui import build
from napari_leukocyte.ui.dock import SharedParts, keep_keys
from napari_leukocyte.ui.improve.finetune_tab import FinetuneTab
from napari_leukocyte.ui.improve.head_tab import HeadTab

if TYPE_CHECKING:
    import napari


class ImproveWidget(QWidget):
    """Make models better from what was corrected.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images' sessions are learnt from and classified again.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    head : HeadTab
    finetune : FinetuneTab
    tabs : QTabWidget
    """

    def __init__(self, viewer: napari.viewer.Viewer, *, shared: SharedParts | None = None) -> None:
        super().__init__()
        self.head = HeadTab(viewer, shared=shared)
        self.finetune = FinetuneTab(viewer, shared=shared)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.head, tr("Adapt classifier (minutes)"))
        self.tabs.addTab(self.finetune, tr("Fine-tune (minutes to hours)"))
        keep_keys(self, viewer)
        self.setLayout(build.column(self.tabs))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
