"""The leukogram of any table of cells: figures, chart, and the settings of the count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QWidget

from napari_leukocyte.counting.confusion import CorrectedCount
from napari_leukocyte.counting.leukogram import (
    ADDED,
    assess,
    count,
    divided,
    erythroblasts_per_100,
)
from napari_leukocyte.counting.presets import assess_sums, find_preset
from napari_leukocyte.counting.reference import Range
from napari_leukocyte.counting.settings import (
    DifferentialSettings,
    recall_settings,
    remember_settings,
    with_own_classes,
)
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.ui import build
from napari_leukocyte.ui.jobs import tell, telling_errors
from napari_leukocyte.ui.leukogram.chart import LeukogramChart
from napari_leukocyte.ui.leukogram.error_limits import ErrorLimits, Errors
from napari_leukocyte.ui.leukogram.settings_form import SettingsForm
from napari_leukocyte.ui.leukogram.table import (
    WITH_ERRORS,
    FiguresTable,
    absolute_rows,
    as_sums,
    describe_cells_needed,
    describe_erythroblasts,
    describe_total,
    percent_rows,
    total_of,
)
from napari_leukocyte.ui.own_classes import keep_preset, notice
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import CellClass

#: Where the table shows limits that hold the classifier's errors.
_ERRORS_COLUMN = 4
_UNKNOWN = "How often this classifier errs is not known: it has no calibration."
_NO_CLASSIFIER = "Nothing here was classified by a model."


def leukogram_tsv(leukogram: pd.DataFrame) -> str:
    """Return a leukogram as text that a spreadsheet takes when it is pasted.

    Parameters
    ----------
    leukogram : pandas.DataFrame
        As from :func:`napari_leukocyte.counting.leukogram.count`, perhaps with more columns.

    Returns
    -------
    str
        A line of column names and one for each class, tabs between, fractions with two decimals.
    """
    return str(leukogram.to_csv(sep="\t", index=False, lineterminator="\n", float_format="%.2f"))


class LeukogramView(QWidget):
    """Shows a leukogram with limits, flags and absolute counts; the user sets how it counts.

    What the user sets is remembered for the next time, but for the total of leukocytes.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.
    settings : DifferentialSettings, optional
        To begin with; by default what was remembered.

    Attributes
    ----------
    table, absolute : FiguresTable
        Percentages; absolute counts, only shown while the total is known.
    chart : LeukogramChart
    summary, erythroblasts : QLabel
    form : SettingsForm
    errors : QCheckBox
        Whether limits that hold the classifier's errors stand beside those of the counting.
    limits : ErrorLimits
        Works these out.
    said : QLabel
        What they hold.
    report : QPushButton
        Hidden until the host calls `offer_report`.
    """

    #: The user changed how cells are counted; carries the DifferentialSettings.
    settings_changed = Signal(object)
    #: The user asks for a report; the host writes it.
    report_requested = Signal()

    def __init__(
        self, parent: QWidget | None = None, settings: DifferentialSettings | None = None
    ) -> None:
        super().__init__(parent)
        self._cells: pd.DataFrame | None = None
        self._leukogram: pd.DataFrame | None = None
        self._errors: Errors | None = None
        self._source: object = None
        self._corrected: CorrectedCount | None = None
        headers = ("Class", "Count", "%", "95 % limits", "With errors", "Reference", "")
        self.table = FiguresTable(headers, self)
        self.absolute = FiguresTable(("Class", "10⁹/L", "95 % limits", "Reference", ""), self)
        self.chart = LeukogramChart(self)
        self.summary, self.erythroblasts, self.said = build.text(), build.text(), build.text()
        self.errors = build.check(
            "Limits with the classifier's errors",
            "Counting few cells is one error, and a classifier that takes one class for another is "
            "a second. Shows limits that hold both.",
        )
        self.said.hide()
        self.limits = ErrorLimits(self)
        self.form = SettingsForm(self)
        self.report = build.button(
            "Report…", "Write a report with the images of the cells, to be printed."
        )
        self.report.hide()
        self.setLayout(
            build.column(
                self.table,
                self.absolute,
                self.chart,
                self.summary,
                self.erythroblasts,
                self.errors,
                self.said,
                self.form,
                self.report,
                build.disclaimer(),
                None,  # or labels would take the room that is left in a high dock
            )
        )
        self._settings = _recall() if settings is None else settings
        self.table.ticked.connect(self._tick)
        self.form.changed.connect(self._take_form)
        self.form.asked.connect(self._answer)
        self.form.preset_chosen.connect(self._take_preset)
        self.report.clicked.connect(self.report_requested)
        self.errors.toggled.connect(lambda _: self._refresh())
        self.limits.found.connect(self._take_limits)
        notice.changed.connect(self._follow_classes)
        self._refresh()

    @property
    def leukogram(self) -> pd.DataFrame | None:
        """The count that is shown; None before there is anything to count."""
        return self._leukogram

    @property
    def settings(self) -> DifferentialSettings:
        """How cells are counted."""
        return self._settings

    def set_settings(self, settings: DifferentialSettings) -> None:
        """Count another way; nothing is remembered or emitted."""
        self._settings = settings
        self._refresh()

    def show_table(
        self, cells: pd.DataFrame | None, errors: Errors | None = None, source: object = None
    ) -> None:
        """Count the cells of a table.

        Parameters
        ----------
        cells : pandas.DataFrame or None
            With a column ``class``, and ``reviewed`` where it is known, one row a cell: of one
            image, or of all of a smear.
        errors : callable, optional
            See :func:`napari_leukocyte.ui.leukogram.error_limits.errors_of`.
        source : object, optional
            While it is the same, the errors are.
        """
        kept = ["class", "reviewed"]
        self._cells = None if cells is None else cells[[c for c in kept if c in cells]]
        self._errors, self._source = errors, source
        self._refresh()

    def offer_report(self) -> None:
        """Show the button that asks for a report."""
        self.report.show()

    def copy(self) -> None:
        """Put the leukogram on the clipboard, with absolute counts and flags if there are any."""
        clipboard = QGuiApplication.clipboard()
        if clipboard is None or self._leukogram is None:
            return
        left_out = set(ADDED)
        if self._settings.leukocytes is not None:
            left_out -= {"absolute", "absolute_low", "absolute_high"}
        if self.form.ranges is not None:
            left_out -= {"flag"}
            left_out -= set() if self._settings.leukocytes is None else {"absolute_flag"}
        shown = self._with_errors(self._leukogram)
        assessed = assess(shown, self.form.ranges, self._settings.leukocytes)
        clipboard.setText(leukogram_tsv(assessed.drop(columns=sorted(left_out))))

    def _tick(self, name: str, ticked: bool) -> None:
        counted = set(self._settings.counted) ^ {name}
        if ticked != (name in self._settings.counted):
            try:
                self._change(replace(self._settings, counted=tuple(counted)))
            except LeukocyteError as error:
                tell(error)
                self._refresh()

    def _take_form(self) -> None:
        self._change(self.form.settings(self._settings))

    def _take_preset(self, name: str) -> None:
        with telling_errors():
            keep_preset(find_preset(name))
        self.form.show_preset()

    def _follow_classes(self, former: tuple[CellClass, ...], now: tuple[CellClass, ...]) -> None:
        """Count new classes as is said of them; their colours may be others too."""
        self.form.show_preset()
        with telling_errors():
            self._change(with_own_classes(self._settings, former, now))

    def _change(self, settings: DifferentialSettings) -> None:
        former, self._settings = self._settings, settings
        # The ranges' figures may have changed though their name did not.
        self._refresh()
        if settings != former:
            with telling_errors():
                remember_settings(settings)
            self.settings_changed.emit(settings)

    def _refresh(self) -> None:
        """Count anew and show everything."""
        cells, settings = self._cells, self._settings
        self.form.show_settings(settings)
        unclassified = 0 if cells is None else int(cells["class"].isna().sum())
        self._leukogram = None
        if cells is not None and unclassified < len(cells):
            self._leukogram = count(cells, settings.counted)
        leukogram = self._leukogram
        self._corrected = None
        self._ask_for_limits()
        self._show_figures()
        self.summary.setText(describe_total(leukogram, unclassified))
        beside = "" if cells is None else self._beside(cells)
        self.erythroblasts.setText(beside)
        self.erythroblasts.setVisible(bool(beside))
        self.form.show_progress(total_of(leukogram), settings.target)
        self.form.show_classes(list(settings.counted))
        self._answer()

    def _show_figures(self) -> None:
        leukogram, settings, ranges = self._leukogram, self._settings, self.form.ranges
        self.table.setColumnHidden(_ERRORS_COLUMN, self._corrected is None)
        percent: Mapping[str, Range] = {} if ranges is None else ranges.percent
        absolute: Mapping[str, Range] = {} if ranges is None else ranges.absolute
        if leukogram is None:
            self.table.show_rows([])
            self.absolute.show_rows([])
        else:
            assessed = assess(self._with_errors(leukogram), ranges, settings.leukocytes)
            ticks = {name: name in settings.counted for name in leukogram["class"].tolist()}
            added = assess_sums(leukogram, ranges, settings.leukocytes)
            rows = percent_rows(assessed, percent, divided(leukogram))
            rows += as_sums(percent_rows(added, percent))
            self.table.show_rows(rows, ticks, bool(percent))
            rows = []
            if settings.leukocytes is not None:
                counted = settings.counted
                rows = absolute_rows(assessed, absolute, counted, divided(leukogram))
                rows += as_sums(absolute_rows(added, absolute, added["class"].tolist()))
            self.absolute.show_rows(rows, ranges=bool(absolute))
        self.chart.show_leukogram(leukogram, percent)

    def _ask_for_limits(self) -> None:
        """Have the limits with the classifier's errors worked out, if they are wanted."""
        cells, wanted = self._cells, self.errors.isChecked()
        self.said.setVisible(wanted)
        if not wanted or cells is None or self._leukogram is None:
            self.limits.stop()
            self.said.setText("")
        elif self._errors is None:
            self.limits.stop()
            self.said.setText(tr(_NO_CLASSIFIER))
        else:
            self.said.setText(tr("Working out the limits …"))
            self.limits.ask(cells, self._settings.counted, self._errors, self._source)

    def _take_limits(self, corrected: CorrectedCount | None) -> None:
        if self._leukogram is None or not self.errors.isChecked():
            return
        self._corrected = corrected
        self.said.setText(tr(_UNKNOWN) if corrected is None else corrected.sentence)
        self._show_figures()

    def _with_errors(self, leukogram: pd.DataFrame) -> pd.DataFrame:
        """Add the limits that hold the classifier's errors, where they are known."""
        if self._corrected is None:
            return leukogram
        names = dict(zip(("ci_low", "ci_high"), WITH_ERRORS, strict=True))
        limits = self._corrected.table[["class", *names]].rename(columns=names)
        return leukogram.merge(limits, how="left", on="class")

    def _beside(self, cells: pd.DataFrame) -> str:
        return describe_erythroblasts(erythroblasts_per_100(cells, self._settings.counted))

    def _answer(self) -> None:
        name = self.form.question.currentData() or ""
        text = describe_cells_needed(self._leukogram, name, self.form.share.value())
        self.form.answer.setText(text)


def _recall() -> DifferentialSettings:
    try:
        return recall_settings()
    except LeukocyteError as error:
        tell(error)
        return DifferentialSettings()
