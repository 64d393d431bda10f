"""Start and stop the analysis of a smear, and show in the dock how it stands and when it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence

from napari_leukocyte.analysis.smear.analysis import STEPS, AnalysisOptions
from napari_leukocyte.analysis.smear.fields import state_of_session
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.leukogram.error_limits import errors_of
from napari_leukocyte.ui.segment.preferences import read_preferences
from napari_leukocyte.ui.smear import texts
from napari_leukocyte.ui.smear.desk import Desk

#: Nothing is foretold before so much of a field is done: the first networks must be loaded.
_LEAST = 0.5
#: From so many minutes on, hours are said.
_HOURS = 90


class Pace:
    """Tells from the progress of an analysis how far it is and how long it will take.

    Parameters
    ----------
    order : sequence of int
        The rows of the fields, in the order in which they are done.
    to_do : collection of int
        Those that the networks have not seen; the others pass in no time.
    """

    def __init__(self, order: Sequence[int], to_do: Collection[int]) -> None:
        self._order, self._to_do = order, frozenset(to_do)

    def describe(self, steps: int, seconds: float) -> str:
        """Say how far it is.

        Parameters
        ----------
        steps : int
            That are done, of all fields.
        seconds : float
            Since it began.

        Returns
        -------
        str
            Such as "5 of 16, about 2 min", the time only once it can be told.
        """
        number, part = divmod(steps, STEPS)
        finished = sum(row in self._to_do for row in self._order[:number])
        total = len(self._to_do)
        worked = float(finished)
        if number < len(self._order) and self._order[number] in self._to_do:
            worked += part / STEPS
        text = tr("{finished} of {total}", finished=finished, total=total)
        if not _LEAST <= worked < total:
            return text
        return f"{text}, {_about(seconds / worked * (total - worked))}"


def _about(seconds: float) -> str:
    if seconds < 60:
        return "less than a minute"
    minutes = math.ceil(seconds / 60)
    return (
        tr("about {minutes} min", minutes=minutes)
        if minutes < _HOURS
        else tr("about {minutes:.1f} h", minutes=minutes / 60)
    )


class Analysing:
    """The button *Analyse all* and what belongs to it.

    Parameters
    ----------
    desk : Desk
        What it works with.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pace, self._began = Pace((), ()), 0.0
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
            desk.pace = ""
            if cancelled:
                form.status.say(texts.CANCELLED)
            desk.show_soon()

        self._pace = Pace(order, [row for row in smear.counted() if smear.state(row).to_do])
        self._began = time.monotonic()
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
            pace = self._pace.describe(done, time.monotonic() - self._began)
            if pace != self._desk.pace:
                self._desk.pace = pace
                self._desk.show_soon()

    def _on_begun(self, smear: Smear, row: int) -> None:
        if smear is self._desk.smear and self._desk.background.analysis is not None:
            self._desk.form.model.set_working(row)

    def _on_taken(self, session: Session) -> None:
        if session is self._desk.session:
            self._desk.switch.show_work()


def take_state_of_shown(desk: Desk) -> None:
    """Take over the state of the field in the viewer; what is on the disk is the same but later."""
    smear, row, session = desk.smear, desk.shown_row, desk.session
    if smear is None or row is None or session is None or not session.is_persisted:
        return
    former = smear.state(row)
    state = state_of_session(session, former.key)
    # What was just looked at on the disk has a checksum, too.
    if former.key and state != former.without_digest():
        smear.show(row, state)
        desk.form.model.refresh(row)


def show_everything(desk: Desk) -> None:
    """Show the state of the smear, of its fields together and of the one in the viewer."""
    take_state_of_shown(desk)
    form, smear, session = desk.form, desk.smear, desk.session
    states = [] if smear is None else [smear.state(i) for i in smear.counted()]
    analysed = any(s.analysed for s in states)
    form.summary.setText(texts.BEGIN if smear is None else texts.describe_smear(smear, desk.pace))
    form.fields.setVisible(smear is not None)
    for button in (form.previous, form.next, form.next_open, form.sign_smear):
        button.setEnabled(smear is not None)
    running = desk.background.analysis is not None
    form.analyse.setText(tr("Cancel the analysis") if running else tr("Analyse all"))
    form.analyse.setEnabled(running or any(s.to_do for s in states))
    form.save.setEnabled(analysed)
    form.report.setEnabled(analysed)
    form.report_field.setEnabled(session is not None and bool(session.labels.any()))
    _show_sign_off(desk)
    _show_counts(desk, analysed)


def _show_counts(desk: Desk, analysed: bool) -> None:
    """Count again, which takes longest, if there is anything else to count."""
    form, smear, session = desk.form, desk.smear, desk.session
    whole = None if smear is None or not analysed else (smear.totals(), smear.sure())
    # The session may be another one in the same place of memory.
    one = None if session is None else (session.name, id(session), session.revision, session.hidden)
    former, desk.counted = desk.counted, (whole, one)
    if whole != former[0]:
        cells = None if smear is None or whole is None else smear.cells()
        form.smear_leukogram.show_table(cells, errors_of(session), session)
    if one != former[1]:
        table = None if session is None else session.shown_table()
        form.field_leukogram.show_table(table, errors_of(session), session)
    for tab, view, name in (
        (0, form.smear_leukogram, "All fields"),
        (1, form.field_leukogram, "This field"),
    ):
        counted = view.leukogram
        number = 0 if counted is None else int(counted["total"].iloc[0])
        form.tabs.setTabText(tab, f"{tr(name)} (n = {number})" if number else tr(name))


def _show_sign_off(desk: Desk) -> None:
    form, session = desk.form, desk.session
    signed = session is not None and session.signed_off is not None
    form.sign_field.setEnabled(session is not None)
    form.sign_field.setText(tr("Withdraw sign-off") if signed else tr("Sign off field"))
    whole = None if desk.smear is None else desk.smear.signed_off
    form.sign_smear.setText(tr("Withdraw sign-off") if whole else tr("Sign off smear"))
    form.signed.say(texts.describe_sign_off(whole, desk.refused), rich=True)
