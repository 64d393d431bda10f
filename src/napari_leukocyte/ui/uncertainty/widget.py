"""The *How sure* dock: the classifier's uncertainty, and its validity on this image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from napari.utils.notifications import show_info, show_warning

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.language import later, tr, tr_n
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.schema import LABEL
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import build
from napari_leukocyte.ui.dock import SessionDock, SharedParts
from napari_leukocyte.ui.jobs import telling_errors
from napari_leukocyte.ui.uncertainty.form import UncertaintyForm
from napari_leukocyte.uncertainty.approval import (
    Approval,
    approvable,
    approve_in_bulk,
    prediction_sets,
)
from napari_leukocyte.uncertainty.calibration import SetSettings
from napari_leukocyte.uncertainty.domain_shift.checking import ImageCheck, check_image
from napari_leukocyte.uncertainty.persistence import OwnCells
from napari_leukocyte.uncertainty.recalibration import (
    CalibrationInUse,
    calibration_in_use,
    reviewed_cells,
    settings_for,
)

if TYPE_CHECKING:
    import napari

_NO_IMAGE = "Open an image of a smear, find its cells and classify them."
_NOT_CLASSIFIED = "These cells are not classified yet: do so with “Classify and count”."
#: Under this key, predictions of versions that could standardise colours say how they did.
STANDARDISED = "colours"
_STANDARDISED = (
    "These classes were given in standardised colours, by an earlier version; what follows is of "
    "the image in its own."
)
_BLIND = "A blind read is under way: what the classifier says is shown after it."
#: Shown before the image was compared.
_NOTHING_COMPARED = pd.DataFrame({LABEL: [], "ood_score": [], "wrong_share": []}).astype(
    {LABEL: "int64"}
)


class UncertaintyWidget(SessionDock):
    """Show prediction sets of classes, and the distance to the training sets.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images it works on.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    form : UncertaintyForm
        The controls.
    check : ImageCheck or None
        What was found out about the image.
    approval : Approval or None
        What can be approved in bulk.
    """

    rest_ms = 120

    def __init__(self, viewer: napari.viewer.Viewer, *, shared: SharedParts | None = None) -> None:
        super().__init__(viewer, shared=shared)
        self._checked: Predictions | None = None
        self._in_use: tuple[Manifest, CalibrationInUse] | None = None
        self.check: ImageCheck | None = None
        self.approval: Approval | None = None
        self.form = form = UncertaintyForm()
        for button, act in (
            (form.check, self._check_now),
            (form.recalibrate, self._recalibrate),
            (form.forget, self._forget),
            (form.approve, self._approve),
        ):
            button.clicked.connect(lambda _=False, act=act: act())
        for signal in (form.level.valueChanged, form.by_class.toggled):
            signal.connect(self.update_soon)
        form.cells.itemSelectionChanged.connect(self._choose)
        self.lay_out(body=[*form.sections, None])
        self._show_sections("")
        self.begin()

    def on_busy(self) -> None:
        """Let what computes wait for what is being computed."""
        form = self.form
        for button in (form.check, form.recalibrate):
            button.setEnabled(not self.busy)

    def on_session(self) -> None:
        """Forget what was found out of another image."""
        self._checked, self.check = None, None
        self.update_soon()

    def on_selection(self) -> None:
        """Show which cells are selected, wherever that was done."""
        if self.session is not None:
            self.form.cells.choose(self.session.selection)

    @property
    def settings(self) -> SetSettings:
        """How sets are made, as the user wants them and the image's look decides."""
        form = self.form
        wanted = SetSettings(form.level.value() / 100, by_class=form.by_class.isChecked())
        if self._in_use is None:
            return wanted
        report = None if self.check is None else self.check.report
        nearest = None if report is None else report.match.nearest.name
        out_of_distribution = report is not None and report.out_of_distribution
        return settings_for(self._in_use[1], wanted, nearest, out_of_distribution)

    def _classifier(self) -> Manifest:
        session = self.session
        name = None if session is None else session.classifier
        return find_model("classification", name or "default")

    # -- what is shown --------------------------------------------------------------------

    def update_now(self) -> None:
        """Show what is known of the image's cells; compare it first if need be."""
        session = self.session
        why = self._why_nothing(session)
        if not why:
            try:
                classifier = self._classifier()
                known = self._in_use
                if known is None or known[0].members != classifier.members:
                    self._in_use = (classifier, calibration_in_use(classifier))
            except LeukocyteError as error:
                why = tr(str(error))
        self._show_sections(why)
        if why or session is None:
            self.approval = None
            return
        if self._checked is not session.predictions:
            self._check_now()
        self._show()

    def _show_sections(self, why: str) -> None:
        """Show the sections, or say why there is nothing in them."""
        self.say_state(why)
        build.show_only(self.form.sections, not why)

    def _why_nothing(self, session: Session | None) -> str:
        if session is None:
            return _NO_IMAGE
        if session.predictions is None or not len(session.predictions.table):
            return _NOT_CLASSIFIED
        return _BLIND if session.hidden else ""

    def _show(self) -> None:
        session, known, form = self.session, self._in_use, self.form
        if session is None or known is None:
            return
        in_use, settings = known[1], self.settings
        table = session.table()
        sets = prediction_sets(table, in_use.calibration, settings)
        check = self.check
        ood = _NOTHING_COMPARED if check is None else check.ood
        form.cells.show_cells(table, sets, ood)
        form.sentence.setText(
            tr("Looking at the image …") if check is None else self._sentence(check)
        )
        form.quality.setText("" if check is None else _quality(check))
        form.calibrated.setText(in_use.sentence)
        form.forget.setVisible(in_use.own > 0)
        warning = ""
        out_of_distribution = (
            check is not None and check.report is not None and check.report.out_of_distribution
        )
        if out_of_distribution and not in_use.own:
            warning = tr("This image is unlike the training sets: the bound may not hold on it.")
        self.approval = approvable(table, in_use.calibration, settings, warning)
        number = len(self.approval.labels)
        form.bound.setText(self.approval.bound)
        form.approve.setText(tr_n("Approve {n} cell", "Approve {n} cells", number))
        form.approve.setEnabled(number > 0)
        self.on_selection()

    def _sentence(self, check: ImageCheck) -> str:
        said = check.sentence if check.report is None else check.report.sentence
        session = self.session
        predictions = None if session is None else session.predictions
        if predictions is not None and STANDARDISED in predictions.description:
            return f"{tr(_STANDARDISED)} {said}"
        return said

    def _choose(self) -> None:
        if self.session is not None:
            self.session.select(self.form.cells.chosen())

    # -- what is computed -----------------------------------------------------------------

    def _check_now(self) -> None:
        session = self.session
        predictions = None if session is None else session.predictions
        if session is None or predictions is None or self.busy:
            return
        rgb, labels, table = session.rgb, session.labels, session.table()
        classifier = self._classifier()
        # Also if it fails: it is not tried again by itself.
        self._checked = predictions

        def done(check: ImageCheck) -> None:
            if session is self.session:
                self.check = check

        self.start(
            lambda progress: check_image(rgb, labels, table, classifier, progress),
            "Comparing with the training sets",
            done,
        )

    # -- commands -------------------------------------------------------------------------

    def _approve(self) -> None:
        session, approval = self.session, self.approval
        if session is None or approval is None or not approval.labels:
            return
        with telling_errors():
            approve_in_bulk(session, approval)
            number = len(approval.labels)
            show_info(tr("{n} cells are approved; Undo takes that back as one step.", n=number))

    def _recalibrate(self) -> None:
        session, known = self.session, self._in_use
        if session is None or known is None:
            return
        classifier = known[0]
        found = reviewed_cells(session.table(), classifier.classes)
        if not len(found):
            show_warning(
                tr(
                    "No cell of this image was reviewed by itself: give classes or confirm them "
                    "first."
                )
            )
            return
        with telling_errors():
            OwnCells(classifier).put(image_key(session.rgb), found)
            self._in_use = (classifier, calibration_in_use(classifier))
            self._show()

    def _forget(self) -> None:
        if self._in_use is None:
            return
        classifier = self._in_use[0]
        with telling_errors():
            OwnCells(classifier).forget()
            self._in_use = (classifier, calibration_in_use(classifier))
            self._show()


def _quality(check: ImageCheck) -> str:
    found = check.quality
    parts = {
        later("Focus"): found.focus,
        later("exposure"): found.exposure,
        later("contrast"): found.contrast,
    }
    known = [f"{tr(name)} {100 * v:.0f}" for name, v in parts.items() if v == v]
    return tr("{known} of 100. {sentence}", known=", ".join(known), sentence=tr(found.sentence))
