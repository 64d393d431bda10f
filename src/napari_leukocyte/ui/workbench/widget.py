"""The workbench: one dock for the whole work, from a photograph to a signed report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDialog, QPushButton, QSizePolicy, QStackedWidget, QTabBar, QWidget

from napari_leukocyte.language import tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import build
from napari_leukocyte.ui.dock import SessionDock, SharedParts
from napari_leukocyte.ui.docking import stand_beside
from napari_leukocyte.ui.keys import shortcut_of
from napari_leukocyte.ui.reader_name import keep_reader, reader_notice, reader_now
from napari_leukocyte.ui.workbench.help import AboutDialog, HelpMenu, KeySheet
from napari_leukocyte.ui.workbench.steps import CELL_VIEWS, STEPS, StepName, WorkbenchStep, suggest
from napari_leukocyte.ui.workbench.tour import Tour, TourPanel

if TYPE_CHECKING:
    import napari

    from napari_leukocyte.samples.synthetic import SyntheticSmear

#: Part of the canvas that napari leaves free when it fits.
_MARGIN = 0.05
#: A camera that differs from a fitted one by less than these parts was not touched.
_SAME = 0.03
#: The window has its new size once nothing has changed for this long, ms.
_REST_MS = 60


class CanvasFit(QObject):
    """Fits the view again when the canvas gets another size, as long as it was fitted before.

    Docks that open, or a window that changes, would otherwise leave the photograph cut or small.

    Parameters
    ----------
    viewer : napari.Viewer
        With a window.
    parent : QObject
        The owner; this ends with it.
    """

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._fitted = self._is_fitted()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_REST_MS)
        self._soon.timeout.connect(self._fit)
        viewer.window._qt_viewer.canvas.native.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Note whether the view was fitted to the size that ends, and fit it to the new one."""
        if event is not None and event.type() == QEvent.Type.Resize:
            if not self._soon.isActive():
                # Before napari hears of the new size.
                self._fitted = self._is_fitted()
            self._soon.start()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        if self._fitted and len(self._viewer.layers):
            self._viewer.reset_view()

    def _is_fitted(self) -> bool:
        """Whether the camera shows what napari's own fit to the last size would show."""
        viewer = self._viewer
        if not len(viewer.layers):
            return True
        if viewer.dims.ndisplay != 2 or viewer.canvas.grid.enabled:
            return False
        low, high = (corner[-2:] for corner in viewer.layers.extent.world)
        scene = np.maximum(high - low, 1e-9)
        zoom = (1 - _MARGIN) * float(np.min(np.array(viewer.canvas.size) / scene))
        off = np.abs(np.array(viewer.scene.camera.center[-2:]) - (low + high) / 2)
        return bool(
            abs(viewer.scene.camera.zoom / max(zoom, 1e-9) - 1) < _SAME
            and np.all(off < _SAME * scene)
        )


#: Steps after which *Why*, *How sure* and *Map* can be opened.
_WITH_CELLS = ("review", *(s.name for s in CELL_VIEWS))
#: How often the tour looks whether its step is done, ms.
_LOOK_MS = 400


class Workbench(SessionDock):
    """The steps of the work as tabs, with one image, one reader and one place for messages.

    Parameters
    ----------
    viewer : napari.Viewer
        In which it works.

    Attributes
    ----------
    rail : QTabBar
        The steps.
    cell_views : QTabBar
        *Review*, and the views of the cells that are under review.
    stack : QStackedWidget
        The widgets of the steps that were opened; see `page`.
    next : QPushButton
        What is best done next.
    tour : Tour or None
        The tour that is under way.
    panel : TourPanel
        Its place.
    sample : SyntheticSmear or None
        The sample that is shown, for a tour that is begun by the button or the menu.
    """

    undoes = False  # each step does

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        parts = SharedParts.make(viewer, lines=2)  # the step needs the height
        super().__init__(viewer, shared=parts)
        stand_beside(self)
        self._parts = parts
        self._pages: dict[StepName, QWidget] = {}
        self._front: StepName = "segment"
        self._steps = {s.name: s for s in (*STEPS, *CELL_VIEWS)}
        self.reader = build.line(
            "Name or initials", "Is written beside everything that you say of a cell."
        )
        self.reader.setText(reader_now())
        self.rail = _tabs(STEPS)
        self.cell_views = _tabs((self._steps["review"], *CELL_VIEWS), shape="small")
        self.cell_views.setTabText(0, tr("Cells"))
        self.stack = QStackedWidget()
        self.next = QPushButton()
        self.next.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.tour: Tour | None = None
        self.sample: SyntheticSmear | None = None
        self.panel = TourPanel()
        self.panel.hide()
        self.tour_button = build.small_button(
            "Tour", "Six steps through the work, on the photograph that is open.", self.start_tour
        )
        self.foot = build.holder(build.row(self.next, self.tour_button, stretch=(1, 0)))
        self.setLayout(
            build.column(
                build.row("Image", self.image.box, "Reader", self.reader, stretch=(0, 2, 0, 1)),
                self.rail,
                self.cell_views,
                self.stack,
                self.progress,
                self.messages,
                self.panel,
                self.foot,
                build.disclaimer(),
                margins=4,
            )
        )
        self.reader.editingFinished.connect(lambda: keep_reader(self.reader.text()))
        reader_notice.changed.connect(self.reader.setText)
        self.rail.currentChanged.connect(self._on_rail)
        self.cell_views.currentChanged.connect(self._on_cell_view)
        # Nothing tells that results were saved.
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._follow_tour)
        self.next.clicked.connect(self.do_next)
        self.panel.ended.connect(self.end_tour)
        self.panel.skipped.connect(self._skip_step)
        self._fit = CanvasFit(self.viewer, self)
        self._help = HelpMenu(
            self.viewer,
            (
                ("Leukocyte tour", self.start_tour),
                ("Leukocyte keys", self.show_keys),
                ("About napari-leukocyte…", self.show_about),
            ),
        )
        shortcut_of(self, "key_sheet", self.show_keys)
        self.begin()
        self.open(self._front)

    def on_release(self) -> None:
        """Let go of the image choice, which this dock made, and of the menu."""
        self.image.release()
        self._help.release()

    # -- steps ------------------------------------------------------------------------------

    @property
    def front(self) -> StepName:
        """The step that is in front."""
        return self._front

    def page(self, name: StepName) -> Any:
        """Return the widget of a step, made when it is first asked for."""
        if name not in self._pages:
            page = self._steps[name].make(self.viewer, shared=self._parts)
            self._pages[name] = page
            self.stack.addWidget(page)
            if name == "segment":
                page.found.connect(self._on_found)
            elif name == "export":
                page.exported.connect(self._on_exported)
        return self._pages[name]

    def open(self, name: StepName) -> Any:
        """Bring a step to the front; return its widget."""
        page = self.page(name)
        self._front = name
        with_cells = name in _WITH_CELLS
        for bar, wanted in (
            (self.rail, _index(STEPS, "review" if with_cells else name)),
            (self.cell_views, _WITH_CELLS.index(name) if with_cells else 0),
        ):
            blocked = bar.blockSignals(True)
            bar.setCurrentIndex(wanted)
            bar.blockSignals(blocked)
        self.cell_views.setVisible(with_cells)
        self.stack.setCurrentWidget(page)
        self.update_now()
        return page

    def _on_rail(self, index: int) -> None:
        self.open(STEPS[index].name)

    def _on_cell_view(self, index: int) -> None:
        self.open(_WITH_CELLS[index])

    # -- the tour ---------------------------------------------------------------------------

    def start_tour(self, smear: SyntheticSmear | None = None) -> None:
        """Lead through the work.

        Parameters
        ----------
        smear : SyntheticSmear, optional
            The sample that is shown, so that the cells that are wrong can be pointed out; by
            default `sample`.
        """
        self.panel.show()
        self.tour_button.hide()
        self.tour = Tour(self.open, self.panel, smear or self.sample)
        self._look.start()
        self.update_now()

    def end_tour(self) -> None:
        """End it; the work stays."""
        self.tour = None
        self._look.stop()
        self.panel.hide()
        self.tour_button.show()
        self.update_now()

    def _follow_tour(self) -> None:
        if self.tour is not None:
            self.tour.follow(self.session)

    def _skip_step(self) -> None:
        if self.tour is not None:
            self.tour.go_on(self.session)

    def _on_exported(self) -> None:
        if self.tour is not None:
            self.tour.note_export()

    # -- help ---------------------------------------------------------------------------------

    def show_keys(self) -> QDialog:
        """Show the sheet of all keys."""
        return _show(KeySheet(self))

    def show_about(self) -> QDialog:
        """Show version, models and licences."""
        return _show(AboutDialog(self))

    # -- what comes next --------------------------------------------------------------------

    def do_next(self) -> None:
        """Do what the button at the foot says."""
        suggested = self._suggested()
        if suggested.step is None:
            self.viewer.window._qt_viewer._open_files_dialog()
            return
        page = self.open(suggested.step)
        if suggested.act == "segment":
            page.run()
        elif suggested.act == "classify":
            page.classify()

    def _on_found(self, session: Session, classify: bool) -> None:
        """Classify what a run has found, if the user wants that."""
        if classify and session is self.session:
            self.page("count").classify()

    def _suggested(self) -> Any:
        return suggest(self.image.layer() is not None, self.session, self._front)

    def on_image(self) -> None:
        """Say what is next with another image."""
        self.update_soon()

    def update_now(self) -> None:
        """Say what comes next."""
        suggested = self._suggested()
        here = suggested.step == self._front and not suggested.act
        # The step that is in front has its own buttons for what is next there.
        said = tr(suggested.text)
        text = said.removeprefix(tr("Next: ")).removesuffix(" ▸") if here else said
        self.next.setText(text[:1].upper() + text[1:])
        self.next.setToolTip(self.next.text())
        self.next.setEnabled(not here)
        self.foot.setVisible(self.tour is None or not self.tour.running)


def _show(dialog: QDialog) -> QDialog:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()
    return dialog


def _tabs(steps: tuple[WorkbenchStep, ...], shape: str = "") -> QTabBar:
    bar = QTabBar()
    bar.setExpanding(True)
    bar.setDrawBase(False)
    bar.setUsesScrollButtons(False)
    for step in steps:
        bar.setTabToolTip(bar.addTab(tr(step.title)), tr(step.tip))
    if shape:
        bar.setObjectName(shape)
    return bar


def _index(steps: tuple[WorkbenchStep, ...], name: str) -> int:
    return next(i for i, s in enumerate(steps) if s.name == name)
