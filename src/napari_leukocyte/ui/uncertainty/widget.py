"""The widget that says how sure the classifier is, and whether to believe it on this image."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pandas as pd
from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress
from napari_leukocyte.session.folders import session_key
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import Job, start_job, tell
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.following import Following
from napari_leukocyte.ui.review.blind_notice import blind_notice
from napari_leukocyte.ui.review.hidden import any_hidden
from napari_leukocyte.ui.uncertainty.cells_view import choose_cells, chosen_cells, show_cells
from napari_leukocyte.ui.uncertainty.colors import Colors, classify_in, colors_of
from napari_leukocyte.ui.uncertainty.form import METHOD_TITLES, TrustForm
from napari_leukocyte.ui.uncertainty.preview import Preview
from napari_leukocyte.uncertainty.approval import (
    Approval,
    approvable,
    approve_in_bulk,
    prediction_sets,
)
from napari_leukocyte.uncertainty.calibration import SetSettings
from napari_leukocyte.uncertainty.domain_shift.checking import ImageCheck, check_image
from napari_leukocyte.uncertainty.in_use import InUse, calibration_in_use, settings_for
from napari_leukocyte.uncertainty.persistence import OwnCells
from napari_leukocyte.uncertainty.recalibration import reviewed_cells

if TYPE_CHECKING:
    import napari

#: Changes that come faster than this, ms, are shown together.
REST_MS = 120
_NO_IMAGE = "Open an image of a smear, find its cells and classify them."
_NOT_CLASSIFIED = "These cells are not classified yet: do so with “Classify and count”."
_BLIND = "A blind read is under way: what the classifier says is shown after it."
#: Shown before the image was compared.
_NOTHING_STRANGE = pd.DataFrame({"label": [], "strange": [], "wrong_share": []}).astype(
    {"label": "int64"}
)


class TrustWidget(QWidget):
    """Show sets of classes, distance to the training sets, and standardised colours.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images it works on.

    Attributes
    ----------
    form : TrustForm
        The controls.
    check : ImageCheck or None
        What was found out about the image.
    approval : Approval or None
        What can be approved in bulk.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer: Any = links.unwrap(viewer)
        self._session: Session | None = None
        self._checked: Predictions | None = None
        self._in_use: tuple[Manifest, InUse] | None = None
        self._job: Job | None = None
        #: The same job, for when the widget is gone.
        self._jobs: list[Job] = []
        self._following = Following(self._later, self._show_selection)
        self.check: ImageCheck | None = None
        self.approval: Approval | None = None
        self.form = TrustForm(self._viewer, self)
        self._preview = Preview(self._viewer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(REST_MS)
        self._soon.timeout.connect(self._update)
        self._connect()
        self.form.show_busy(False)
        self._follow()

    def _connect(self) -> None:
        form, viewer, soon, jobs = self.form, self._viewer, self._soon, self._jobs
        emitters = (viewer.layers.events.inserted, viewer.layers.events.removed)
        for emitter in emitters:
            emitter.connect(self._follow)
        form.image.changed.connect(self._follow)
        form.check.clicked.connect(lambda: self._check_now())
        form.level.valueChanged.connect(lambda _: self._later())
        form.by_class.toggled.connect(lambda _: self._later())
        form.recalibrate.clicked.connect(lambda: self._recalibrate())
        form.forget.clicked.connect(lambda: self._forget())
        form.approve.clicked.connect(lambda: self._approve())
        form.cells.itemSelectionChanged.connect(self._choose)
        form.method.currentIndexChanged.connect(lambda _: self._other_colors())
        form.target.currentIndexChanged.connect(lambda _: self._other_colors())
        form.preview.toggled.connect(self._show_preview)
        form.classify.clicked.connect(lambda: self._classify())
        blind_notice.changed.connect(self._later)
        image, preview, following = form.image, self._preview, self._following

        def end() -> None:
            # Docked widgets go without a close event.
            with suppress(RuntimeError):  # at the application's end Qt may have gone first
                soon.stop()
            image.release()
            for emitter in emitters:
                emitter.disconnect(self._follow)
            for job in jobs:
                job.abandon()
            following.release()
            with suppress(RuntimeError):
                preview.hide()

        self.destroyed.connect(end)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Catch up with what happened while another dock was in front."""
        super().showEvent(event)
        self._follow()

    @property
    def settled(self) -> bool:
        """Whether everything is shown and nothing is being computed."""
        return self._job is None and not self._soon.isActive()

    @property
    def settings(self) -> SetSettings:
        """How sets are made, as the user wants them and the image's look decides."""
        form = self.form
        wanted = SetSettings(form.level.value() / 100, by_class=form.by_class.isChecked())
        if self._in_use is None:
            return wanted
        report = None if self.check is None else self.check.report
        nearest = None if report is None else report.likeness.nearest.name
        foreign = report is not None and report.foreign
        return settings_for(self._in_use[1], wanted, nearest, foreign)

    @property
    def preview_layer(self) -> Any:
        """The layer with the preview, or None."""
        return self._preview.layer

    # -- what is followed -----------------------------------------------------------------

    def _later(self, *_: object) -> None:
        self._soon.start()

    def _follow(self, *_: object) -> None:
        image = self.form.image.layer()
        session = None if image is None else links.existing_session(image)
        self._later()
        if not self._following.follow([] if session is None else [session]):
            return
        self._session, self._checked, self.check = session, None, None
        self.form.preview.setChecked(False)
        self.form.changed.setText("")

    def _classifier(self) -> Manifest:
        session = self._session
        name = None if session is None else session.classifier
        return find_model("classification", name or "default")

    # -- what is shown --------------------------------------------------------------------

    def _update(self) -> None:
        session = self._session
        why = self._why_nothing(session)
        if why or session is None:
            self.approval = None
            self.form.show_nothing(why)
            return
        try:
            classifier = self._classifier()
            known = self._in_use
            if known is None or known[0].members != classifier.members:
                self._in_use = (classifier, calibration_in_use(classifier))
        except LeukocyteError as error:
            self.approval = None
            self.form.show_nothing(str(error))
            return
        self.form.show_all()
        if self._checked is not session.predictions and self._job is None:
            self._check_now()
        self._show()

    def _why_nothing(self, session: Session | None) -> str:
        if session is None:
            return _NO_IMAGE
        if session.predictions is None or not len(session.predictions.table):
            return _NOT_CLASSIFIED
        return _BLIND if any_hidden(session, session.table()["label"].tolist()) else ""

    def _show(self) -> None:
        session, known, form = self._session, self._in_use, self.form
        if session is None or known is None:
            return
        in_use, settings = known[1], self.settings
        table = session.table()
        sets = prediction_sets(table, in_use.calibration, settings)
        check = self.check
        strange = _NOTHING_STRANGE if check is None else check.strange
        show_cells(form.cells, table, sets, strange)
        form.sentence.setText("Looking at the image …" if check is None else self._sentence(check))
        form.quality.setText("" if check is None else _quality(check))
        form.calibrated.setText(in_use.sentence)
        form.forget.setVisible(in_use.own > 0)
        warning = ""
        foreign = check is not None and check.report is not None and check.report.foreign
        if foreign and not in_use.own:
            warning = "This image is unlike the training sets: the bound may not hold on it."
        self.approval = approvable(table, in_use.calibration, settings, warning)
        number = len(self.approval.labels)
        form.bound.setText(self.approval.bound)
        form.approve.setText(f"Approve {number} cell{'' if number == 1 else 's'}")
        form.approve.setEnabled(number > 0)
        self._show_selection()

    def _sentence(self, check: ImageCheck) -> str:
        said = check.sentence if check.report is None else check.report.sentence
        session = self._session
        predictions = None if session is None else session.predictions
        colors = None if predictions is None else colors_of(predictions.description)
        if colors is None:
            return said
        return f"In the standardised colours ({METHOD_TITLES[colors.method]}): {said}"

    def _show_selection(self, *_: object) -> None:
        if self._session is not None:
            choose_cells(self.form.cells, self._session.selection)

    def _choose(self) -> None:
        if self._session is not None:
            self._session.select(chosen_cells(self.form.cells))

    # -- what is computed -----------------------------------------------------------------

    def _start(
        self, work: Callable[[Progress], Any], title: str, done: Callable[[Any], None]
    ) -> None:
        if self._job is not None:
            return

        def end() -> None:
            self._job = None
            self._jobs.clear()
            self.form.show_busy(False)
            self._later()

        self.form.show_busy(True)
        self._job = start_job(work, title=title, on_done=done, on_end=end)
        self._jobs.append(self._job)

    def _check_now(self) -> None:
        session = self._session
        predictions = None if session is None else session.predictions
        if session is None or predictions is None or self._job is not None:
            return
        rgb, labels, table = session.rgb, session.labels, session.table()
        classifier, colors = self._classifier(), colors_of(predictions.description)
        # Also if it fails: it is not tried again by itself.
        self._checked = predictions

        def work(progress: Progress) -> ImageCheck:
            shown = rgb if colors is None else colors.apply(rgb, labels, classifier)
            return check_image(shown, labels, table, classifier, progress, colors is not None)

        def done(check: ImageCheck) -> None:
            if session is self._session:
                self.check = check

        self._start(work, "Comparing with the training sets", done)

    def _colors(self) -> Colors:
        method = self.form.method.currentData()
        return Colors(method, "" if method == "model" else self.form.target.currentData())

    def _other_colors(self) -> None:
        self.form.target.setEnabled(self.form.method.currentData() != "model")
        if self.form.preview.isChecked():
            self._show_preview(True)

    def _show_preview(self, on: bool) -> None:
        session, image = self._session, self.form.image.layer()
        if not on:
            self._preview.hide()
            return
        if session is None or image is None:
            return
        rgb, labels = session.rgb, session.labels
        classifier, colors = self._classifier(), self._colors()

        def done(shown: Any) -> None:
            if session is self._session and self.form.preview.isChecked():
                self._preview.show(image, shown, METHOD_TITLES[colors.method])

        self._start(
            lambda progress: colors.apply(rgb, labels, classifier), "Standardising colours", done
        )

    def _classify(self) -> None:
        session = self._session
        if session is None:
            return
        rgb, labels, nucleus = session.rgb, session.labels, session.nucleus
        classifier, colors = self._classifier(), self._colors()
        before = {} if session.predictions is None else session.predictions.classes

        def done(found: Predictions) -> None:
            try:
                session.set_predictions(found.table, found.model, found.description)
            except LeukocyteError as error:
                tell(error)
                return
            both = [n for n in found.classes if n in before]
            other = sum(found.classes[n] != before[n] for n in both)
            self.form.changed.setText(
                f"{other} of {len(both)} cells got another class; Undo brings the former back."
            )

        self._start(
            lambda progress: classify_in(colors, rgb, labels, nucleus, classifier, progress),
            "Classifying in standardised colours",
            done,
        )

    # -- commands -------------------------------------------------------------------------

    def _approve(self) -> None:
        session, approval = self._session, self.approval
        if session is None or approval is None or not approval.labels:
            return
        try:
            approve_in_bulk(session, approval)
        except LeukocyteError as error:
            tell(error)
            return
        show_info(f"{len(approval.labels)} cells are approved; Undo takes that back as one step.")

    def _recalibrate(self) -> None:
        session, known = self._session, self._in_use
        if session is None or known is None:
            return
        classifier = known[0]
        found = reviewed_cells(session.table(), classifier.classes)
        if not len(found):
            show_warning(
                "No cell of this image was reviewed by itself: give classes or confirm them first."
            )
            return
        try:
            OwnCells(classifier).put(session_key(session.rgb), found)
            self._in_use = (classifier, calibration_in_use(classifier))
        except LeukocyteError as error:
            tell(error)
            return
        self._show()

    def _forget(self) -> None:
        if self._in_use is None:
            return
        classifier = self._in_use[0]
        try:
            OwnCells(classifier).forget()
            self._in_use = (classifier, calibration_in_use(classifier))
        except LeukocyteError as error:
            tell(error)
            return
        self._show()


def _quality(check: ImageCheck) -> str:
    found = check.quality
    parts = {"Focus": found.focus, "exposure": found.exposure, "contrast": found.contrast}
    known = [f"{name} {100 * v:.0f}" for name, v in parts.items() if v == v]
    return f"{', '.join(known)} of 100. {found.sentence}"
