"""The widget that goes through the fields of a smear, from the first to the signed-off report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app_model.types import KeyBinding
from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QModelIndex
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.images.reading import READ_SUFFIXES
from napari_leukocyte.language import tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import build
from napari_leukocyte.ui.classify.runner import Runner
from napari_leukocyte.ui.controls.containers import VerticalScroll
from napari_leukocyte.ui.dock import SessionDock, SharedParts
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.keys import bind_action, keys_notice, shortcut_of, unbind
from napari_leukocyte.ui.open_smear import set_open_smear
from napari_leukocyte.ui.segment.preferences import read_preferences
from napari_leukocyte.ui.slides.panel import SlidePanel
from napari_leukocyte.ui.smear import texts
from napari_leukocyte.ui.smear.background import Background
from napari_leukocyte.ui.smear.desk import Desk
from napari_leukocyte.ui.smear.display import Analysing, show_everything
from napari_leukocyte.ui.smear.finishing import Finishing
from napari_leukocyte.ui.smear.form import SmearForm
from napari_leukocyte.ui.smear.switch import FieldSwitch

if TYPE_CHECKING:
    import napari

#: Changes that come faster than this, ms, are shown together; a changed field of a smear that was
#: signed off is looked at again after so long.
_TOGETHER_MS, _LOOK_MS = 60, 400


class SmearWidget(SessionDock):
    """Review the fields of a folder as one smear.

    Parameters
    ----------
    viewer : napari.Viewer
        In which one field at a time is shown.
    parent : QWidget, optional
        The owner.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    form : SmearForm
        The controls.
    analysing : Analysing
        The analysis in the background.
    slides : SlidePanel
        Takes fields from a slide that is open.
    """

    rest_ms = _TOGETHER_MS
    waits_for_rest = False
    chooses_image = False  # it shows the fields itself

    def __init__(
        self,
        viewer: napari.viewer.Viewer,
        parent: QWidget | None = None,
        *,
        shared: SharedParts | None = None,
    ) -> None:
        super().__init__(viewer, parent, shared=shared)
        self._opening = False
        self.form = SmearForm(read_preferences().model, self)
        self.slides = SlidePanel(self.viewer, lambda folder: self.open([folder]), self)
        self.form.head.addWidget(self.slides)
        self.setLayout(build.column(VerticalScroll(self.form)))
        self._look_soon = self.timer(_LOOK_MS, self._look_at_shown)
        # The room that the controls need is only known once they are shown.
        self._room_soon = self.timer(0, self.form.claim_room)
        # No children of this widget: Qt may delete those before it says that their parent goes.
        self._switch, self._background = FieldSwitch(self.viewer), Background()
        self._desk = Desk(self.viewer, self.form, self._switch, self._background, self.update_soon)
        self.analysing = Analysing(self._desk)
        self._finishing = Finishing(self._desk)
        # Cells that a tool adds or parts get a class, also without the widget that classifies.
        self._runner = Runner(stands_in=True)
        self._connect()
        self._bind_keys()
        self.begin()
        self.update_now()

    def _connect(self) -> None:
        form = self.form
        form.open_folder.clicked.connect(self._ask_for_folder)
        form.open_files.clicked.connect(self._ask_for_files)
        form.previous.clicked.connect(lambda: self.step(-1))
        form.next.clicked.connect(lambda: self.step(1))
        form.next_open.clicked.connect(self.go_to_next_open)
        form.fields.clicked.connect(self._go_to_index)
        form.fields.activated.connect(self._go_to_index)
        for view in (form.smear_leukogram, form.field_leukogram):
            view.settings_changed.connect(self._take_settings)
        self._background.seen.connect(self._on_seen)
        self._switch.changed.connect(self._on_shown)
        self._switch.busy_changed.connect(self.update_soon)

    def _bind_keys(self) -> None:
        self._page_acts: dict[str, Callable[[], object]] = {
            "next_field": lambda: self.step(1),
            "previous_field": lambda: self.step(-1),
            "next_open_field": self.go_to_next_open,
        }
        for action, act in self._page_acts.items():
            shortcut_of(self, action, act)
        self._viewer_keys: list[KeyBinding] = []
        keys_notice.changed.connect(self._bind_viewer)
        self._bind_viewer()

    def _bind_viewer(self) -> None:
        """Have the keys on the canvas that turn the pages now."""
        unbind(self.viewer, self._viewer_keys)
        self._viewer_keys = [
            key
            for action, act in self._page_acts.items()
            for key in bind_action(self.viewer, action, _without_viewer(act))
        ]

    def on_release(self) -> None:
        """Let go of everything that outlives the widget; the shown field stays in the viewer."""
        set_open_smear(self.viewer, None, self.go)
        unbind(self.viewer, self._viewer_keys)
        self.slides.release()
        self._runner.close()
        self._background.release()
        self._switch.release()

    def on_show(self) -> None:
        """List the models again: training may have added one."""
        self.form.segmentation.refresh()
        self.form.classification.refresh()
        self._room_soon.start()
        self.update_soon()

    def on_layers(self) -> None:
        """Offer what can be done with a slide, if one is open."""
        self.slides.show_state()
        self.update_soon()

    # -- what is open ---------------------------------------------------------------------

    @property
    def smear(self) -> Smear | None:
        """The smear that is open."""
        return self._desk.smear

    def wanted_sessions(self) -> list[Session]:
        """Return the session of the field that is shown."""
        session = self._desk.session
        return [] if session is None else [session]

    @property
    def shown_row(self) -> int | None:
        """The field that is shown."""
        return self._desk.shown_row

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return (
            self._opening
            or self._switch.busy
            or self._background.busy
            or self._runner.running
            or self.slides.busy
        )

    def open(self, given: Sequence[Path]) -> None:
        """Open a smear, and show its first field that is not finished.

        Parameters
        ----------
        given : sequence of Path
            A folder, or image files.
        """
        if self._opening or not self._may_leave():
            return
        self.analysing.cancel()
        self._opening = True
        self.form.summary.setText(tr("Opening …"))

        def opened(smear: Smear) -> None:
            self._switch.leave()
            self._desk.smear = smear
            set_open_smear(self.viewer, smear, self.go)
            self.form.model.set_smear(smear)
            self.form.status.say(texts.describe_failures(smear.notes), rich=True)
            if smear.settings is not None:
                for view in (self.form.smear_leukogram, self.form.field_leukogram):
                    view.set_settings(smear.settings)
            self.go(smear.begin())

        def ended() -> None:
            self._opening = False
            self.update_soon()

        self._background.open(given, opened, self._on_looked, ended)

    def leave(self) -> None:
        """Put the shown field away, so that it can be opened elsewhere; the smear stays listed."""
        self._switch.leave()

    def _ask_for_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Folder with the fields of a smear"))
        if chosen:
            self.open([Path(chosen)])

    def _ask_for_files(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(READ_SUFFIXES))
        chosen, _ = QFileDialog.getOpenFileNames(
            self, tr("Fields of a smear"), "", tr("Images ({patterns})", patterns=patterns)
        )
        if chosen:
            self.open([Path(name) for name in chosen])

    # -- from field to field --------------------------------------------------------------

    def go(self, row: int) -> None:
        """Show a field; the work on the one before is on the disk already."""
        smear = self.smear
        if smear is None or not 0 <= row < len(smear) or row == self._desk.row:
            return
        state = smear.state(row)
        if state.stage == "damaged":
            show_warning(tr(state.problem))
        elif self._may_leave():
            self._switch.go(smear.paths[row])
        self._choose_row()

    def step(self, by: int) -> None:
        """Show the next field (1) or the previous one (-1); damaged files are passed over."""
        smear, row = self.smear, self._desk.row
        if smear is None:
            return
        row = (-1 if by > 0 else len(smear)) if row is None else row
        while 0 <= row + by < len(smear):
            row += by
            if smear.state(row).stage != "damaged":
                self.go(row)
                return
        self.viewer.status = tr("This is the last field." if by > 0 else "This is the first field.")

    def go_to_next_open(self) -> None:
        """Show the next field that is not finished."""
        smear, row = self.smear, self._desk.row
        if smear is None:
            return
        found = smear.next_to_review(-1 if row is None else row)
        if found is None:
            show_info(tr("Every field of the smear is reviewed."))
        else:
            self.go(found)

    def _go_to_index(self, index: QModelIndex) -> None:
        self.go(index.row())

    def _may_leave(self) -> bool:
        """Ask before work is left that is not kept on the disk."""
        session = self.session
        if session is None or session.is_persisted or session.unsaved_since is None:
            return True
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        question = tr(
            "The work on {name} is not kept, since it could not be written to the disk or "
            "is open elsewhere. Leave the field and lose it?",
            name=session.name,
        )
        return bool(
            QMessageBox.question(self, tr("Lose this work?"), question, yes | no, no) == yes
        )

    def _on_shown(self) -> None:
        """Follow the field that is shown now, and look what has become of the one before."""
        smear, row = self.smear, self.shown_row
        self.follow_now()
        if smear is None:
            return
        left = self.form.model.shown
        self.form.model.set_shown(row)
        if left is not None and left != row:
            self._background.inspect(smear, left, self._on_looked)
        self._choose_row()
        self.update_soon()

    def on_session(self) -> None:
        """Work on the field that is shown now, with the name and the classifier as before."""
        if self.session is not None:
            self._finishing.take_reader()
        self._runner.follow(self.session)
        self.on_table()

    def on_selection(self) -> None:
        """Show nothing of it."""

    def _choose_row(self) -> None:
        row = self._desk.row
        if row is not None:
            self.form.fields.setCurrentIndex(self.form.model.index(row))

    # -- what changes ---------------------------------------------------------------------

    def _on_seen(self, smear: Smear, row: int) -> None:
        if smear is self.smear:
            self.form.model.refresh(row)
            self.update_soon()

    def _on_looked(self, smear: Smear, told: str | None) -> None:
        if smear is self.smear:
            if told is not None:
                show_warning(tr(told))
            self.update_soon()

    def on_table(self, labels: frozenset[int] | None = None) -> None:
        """Count the shown field again, and look whether it is still what was signed off."""
        self._desk.refused = ""
        self.update_soon()
        if self.smear is not None and self.smear.signed_off is not None:
            self._look_soon.start()

    def _look_at_shown(self) -> None:
        """Look whether the shown field is still what was signed off."""
        smear, row = self.smear, self.shown_row
        if smear is not None and row is not None:
            self._background.inspect(smear, row, self._on_looked)

    def _take_settings(self, settings: DifferentialSettings) -> None:
        for view in (self.form.smear_leukogram, self.form.field_leukogram):
            if view.settings != settings:
                view.set_settings(settings)
        if self.smear is not None:
            try:
                self.smear.set_settings(settings)
            except LeukocyteError as error:
                tell(error)

    def update_now(self) -> None:
        """Show the state of everything; many changes in a row are shown together."""
        self._soon.stop()
        show_everything(self._desk)


def _without_viewer(act: Callable[[], object]) -> Callable[[object], object]:
    """Return what napari calls with the viewer."""
    return lambda _: act()
