"""Start and stop the analysis of a smear, and show how far it is."""

from __future__ import annotations

from napari_leukocyte.analysis.smear.analysis import AnalysisOptions
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.segment.preferences import read_preferences
from napari_leukocyte.ui.smear import texts
from napari_leukocyte.ui.smear.desk import Desk


class Analysing:
    """The button *Analyse all* and what belongs to it.

    Parameters
    ----------
    desk : Desk
        What it works with.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        desk.form.analyse.clicked.connect(self._start_or_cancel)
        desk.background.begun.connect(self._on_begun)
        desk.background.taken.connect(self._on_taken)

    def start(self) -> None:
        """Have the networks see the fields that are new, first the one that is shown."""
        desk, form = self._desk, self._desk.form
        smear = desk.smear
        if smear is None or desk.background.analysis is not None:
            return
        try:
            options = self.options()
            options.check()
        except LeukocyteError as error:
            tell(error)
            return
        first = desk.row or 0
        order = [(first + i) % len(smear) for i in range(len(smear))]

        def done(failed: dict[int, str]) -> None:
            sentences = [failed[row] for row in sorted(failed)]
            form.status.say(texts.describe_failures(sentences), rich=True)

        def end(cancelled: bool) -> None:
            form.bar.hide()
            form.model.set_working(None)
            if cancelled:
                form.status.say(texts.CANCELLED)
            desk.show_soon()

        job = desk.background.analyse(smear, options, order, done, end)
        job.progressed.connect(self._show_progress)
        form.bar.setRange(0, 0)
        form.bar.show()
        form.status.say("")
        desk.show_soon()

    def cancel(self) -> None:
        """Stop; the fields that are done stay so."""
        job = self._desk.background.analysis
        if job is not None:
            job.cancel()
            self._desk.form.analyse.setEnabled(False)

    def options(self) -> AnalysisOptions:
        """Return how fields are analysed: as the shown one was, or as the Preferences say."""
        form, preferences, session = self._desk.form, read_preferences(), self._desk.session
        model, classifier = form.segmentation.model(), form.classification.model()
        options = AnalysisOptions(
            "default" if model is None else model.name,
            "default" if classifier is None else classifier.name,
            preferences.diameter,
            preferences.params,
        )
        if form.as_shown.isChecked() and session is not None and session.maps is not None:
            return AnalysisOptions(
                session.maps.model,
                options.classifier,
                options.diameter,
                session.params,
                session.weights,
            )
        return options

    def _start_or_cancel(self) -> None:
        if self._desk.background.analysis is None:
            self.start()
        else:
            self.cancel()

    def _show_progress(self, done: int, total: int, what: str) -> None:
        if self._desk.background.analysis is not None:
            self._desk.form.bar.setRange(0, total)
            self._desk.form.bar.setValue(done)

    def _on_begun(self, smear: Smear, row: int) -> None:
        if smear is self._desk.smear and self._desk.background.analysis is not None:
            self._desk.form.model.set_working(row)

    def _on_taken(self, session: Session) -> None:
        if session is self._desk.session:
            self._desk.switch.show_work()
