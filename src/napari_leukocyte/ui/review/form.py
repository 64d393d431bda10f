"""The controls of the *Review leukocytes* dock; what happens is in `widget`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pandas as pd
from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.counting.settings import recall_settings
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.gallery.arrange import Choice, Show, Sort, disagreeing, flagged
from napari_leukocyte.gallery.thumbnails import Contrast, ThumbnailStyle
from napari_leukocyte.language import tr
from napari_leukocyte.ui.controls.containers import Section
from napari_leukocyte.ui.controls.image_choice import ImageChoice
from napari_leukocyte.ui.controls.inputs import choice_box
from napari_leukocyte.ui.keys import shown_keys
from napari_leukocyte.ui.review.blind_panel import BlindPanel
from napari_leukocyte.ui.review.class_bar import ClassBar
from napari_leukocyte.ui.review.details import Details
from napari_leukocyte.ui.review.gallery_view import LARGEST, SMALLEST, GalleryView
from napari_leukocyte.ui.tools.tool_row import MaskToolRow
from napari_leukocyte.vocabulary import DISCLAIMER, CellClass

_SHOW: dict[Show, str] = {
    "all": "All cells",
    "unreviewed": "Unreviewed",
    "flagged": "Flagged",
    "disagreements": "Disagreements",
    "candidates": "Candidates",
}
_SORT: dict[Sort, str] = {
    "queue": "What matters most first",
    "uncertainty": "Least sure first",
    "size": "Largest first",
    "position": "Position",
    "number": "Number",
}
_CONTRAST: dict[Contrast, str] = {
    "photographed": "As photographed",
    "standardised": "Standardised",
    "stretched": "Stretched",
}
_CLASS = "class:"
#: Side of pictures at first, px; three stand side by side in a usual dock.
_SIDE = 96
#: A dock so much wider than high has its parts side by side.
_WIDE = 1.4
#: Width of the parts beside the gallery then, px.
_LEFT, _RIGHT = 360, 360
#: Width below which a dock does not get, px.
_LEAST = 340
#: Height below which it does not get, px: its parts below each other, and side by side. A window
#: that is made as low as 720 px has no more room than that below napari's own docks.
_LEAST_HIGH, _LEAST_FLAT = 280, 80
#: Least height of the gallery then, px.
_GALLERY_HIGH, _GALLERY_FLAT = 120, 60
#: Part of a narrow dock's height that controls and details get at most.
_MOST_CONTROLS, _MOST_DETAILS = 0.34, 0.28
#: The same where the dock is lower than this, px, as in a window of 720 px: the gallery needs the
#: room. What is chosen once is scrolled to; buttons, tools and classes stay in sight.
_LOW, _MOST_CONTROLS_LOW, _MOST_DETAILS_LOW = 520, 0.29, 0.16
#: Side of pictures at first there, px: three rows of four.
_SIDE_LOW = 64


class ReviewForm(QWidget):
    """Controls, gallery and details: below each other, or side by side in a wide dock.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose masks the tools change.
    image : ImageChoice
        The image whose cells are shown.
    classes : tuple of CellClass
        That cells can get.
    parent : QWidget, optional
        In which it stands.
    alone : bool
        Whether it has a row with the image, the reader and the sentence on what results are for.

    Attributes
    ----------
    image : ImageChoice
    reader : QLineEdit
    progress : QProgressBar
    approve_all, approve, show_on_image : QPushButton
    show_box, sort_box, contrast_box : QComboBox
    grouped, outline : QCheckBox
    zoom : QSlider
    classes : ClassBar
    gallery : GalleryView
    details : Details
    blind : BlindPanel
    tools : MaskToolRow
    """

    def __init__(
        self,
        viewer: Any,
        image: ImageChoice,
        classes: tuple[CellClass, ...],
        parent: QWidget | None = None,
        *,
        alone: bool = True,
    ) -> None:
        super().__init__(parent)
        self.image, self._alone = image, alone
        if alone:
            image.box.setToolTip(tr("The photograph whose cells are shown."))
        self.reader = QLineEdit(self)
        self.reader.setPlaceholderText(tr("Name or initials"))
        self.reader.setMinimumWidth(100)
        self.reader.setToolTip(tr("Is written beside everything that you say of a cell."))
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(True)
        self.show_box = choice_box(cast("Mapping[str, str]", _SHOW))
        self.sort_box = choice_box(cast("Mapping[str, str]", _SORT))
        self.sort_box.setToolTip(
            tr(
                "<p>What matters most: cells whose class is doubtful, and of classes so rare that "
                "one cell changes the count. A class or a confirmation then leads to the next "
                "one.</p>"
            )
        )
        self.contrast_box = choice_box(cast("Mapping[str, str]", _CONTRAST))
        self.grouped = _check("Groups", True, self)
        self.grouped.setToolTip(tr("Let the cells of one class stand together."))
        self.outline = _check("Outline", True, self)
        self.outline.setToolTip(tr("Draw the outline of each cell's mask."))
        self.zoom = QSlider(Qt.Orientation.Horizontal, self)
        self.zoom.setRange(SMALLEST, LARGEST)
        self.zoom.setValue(_SIDE)
        self.zoom.setFixedWidth(80)
        self.zoom.setToolTip(tr("Size of the pictures; also by the wheel with Ctrl."))
        self.classes = ClassBar(classes, self)
        self.gallery = GalleryView(self)
        self.details = Details(self)
        self.blind = BlindPanel(self)
        self.approve = QPushButton(tr("Confirm"), self)
        self.approve_all = QPushButton(tr("Confirm all shown"), self)
        self.approve_all.setToolTip(
            tr(
                "All cells that are shown and not reviewed yet have the right class. One undo "
                "takes it back."
            )
        )
        self.show_on_image = QPushButton(tr("Show on image"), self)
        for button in (self.approve, self.approve_all, self.show_on_image):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # the gallery keeps the keys
        self.tools = MaskToolRow(viewer, self)
        self._report_soon = QTimer(self)
        self._report_soon.setSingleShot(True)
        self._report_soon.timeout.connect(self._scroll_to_report)
        self._list_classes(classes)
        self.show_keys()
        self._lay_out()

    # -- what is chosen -------------------------------------------------------------------

    @property
    def choice(self) -> Choice:
        """Which cells, in which order."""
        show, name = str(self.show_box.currentData()), ""
        if show.startswith(_CLASS):
            show, name = "class", show.removeprefix(_CLASS)
        sort = self.sort_box.currentData()
        return Choice(cast(Show, show), name, sort, self.grouped.isChecked())

    @property
    def look(self) -> ThumbnailStyle:
        """How pictures look."""
        return ThumbnailStyle(
            self.zoom.value(), self.contrast_box.currentData(), self.outline.isChecked()
        )

    def set_classes(self, classes: tuple[CellClass, ...]) -> None:
        """Offer some other classes."""
        self.classes.set_classes(classes)
        self._list_classes(classes)

    def show_keys(self) -> None:
        """Say which keys do the same as the buttons."""
        confirm, show = shown_keys("confirm"), shown_keys("show_on_image")
        self.approve.setToolTip(
            tr("The selected cells have the right class ({confirm}).", confirm=confirm)
        )
        self.show_on_image.setToolTip(
            tr("Go to the cell on the image (double click, {show}).", show=show)
        )

    def show_numbers(self, numbers: Mapping[Show, int]) -> None:
        """Show how many cells there are to choose."""
        for show, title in _SHOW.items():
            index = self.show_box.findData(show)
            self.show_box.setItemText(index, f"{tr(title)} ({numbers.get(show, 0)})")

    def show_table(self, table: pd.DataFrame, candidates: int) -> None:
        """Show how many cells of a table, as it may be shown, there are to choose and reviewed."""
        total, reviewed = len(table), int(table["reviewed"].to_numpy(bool).sum())
        self.show_numbers(
            {
                "all": total,
                "unreviewed": total - reviewed,
                "flagged": int(flagged(table).sum()),
                "disagreements": int(disagreeing(table).sum()),
                "candidates": candidates,
            }
        )
        self.show_progress(reviewed, total)

    def show_progress(self, reviewed: int, total: int) -> None:
        """Show how many cells of all are reviewed."""
        self.progress.setRange(0, max(1, total))
        self.progress.setValue(reviewed)
        self.progress.setFormat(
            tr("{reviewed} of {total} reviewed", reviewed=reviewed, total=total)
        )
        self.approve_all.setEnabled(reviewed < total)

    def _list_classes(self, classes: tuple[CellClass, ...]) -> None:
        box = self.show_box
        blocked = box.blockSignals(True)
        chosen = box.currentData()
        while box.count() > len(_SHOW):
            box.removeItem(box.count() - 1)
        for each in classes:
            box.addItem(tr("Only {name}", name=tr(each.name)), _CLASS + each.name)
        box.addItem(tr("Only unclassified"), _CLASS)
        box.setCurrentIndex(max(0, box.findData(chosen)))
        box.blockSignals(blocked)

    def show_report(self) -> None:
        """Bring the result of a blind read into sight."""
        self.blind_section.heading.setChecked(True)
        self._report_soon.start(0)

    def _scroll_to_report(self) -> None:
        self._below.ensureWidgetVisible(self.blind.report)

    # -- layout ---------------------------------------------------------------------------

    def _lay_out(self) -> None:
        controls = QWidget(self)
        column = QVBoxLayout(controls)
        column.setContentsMargins(4, 4, 4, 2)
        column.setSpacing(4)
        self.reader.setVisible(self._alone)
        if self._alone:
            row = _row(_label("Image", self), self.image.box, _label("Reader", self))
            row.addWidget(self.reader, 1)
            column.addLayout(row)
        column.addLayout(_row(self.progress, self.approve_all))
        column.addLayout(_row(self.show_box, self.sort_box))
        column.addWidget(self.classes)
        column.addLayout(_row(self.grouped, self.outline, self.contrast_box, self.zoom))
        column.addStretch(1)
        inside = QWidget(self)
        below = QVBoxLayout(inside)
        below.setContentsMargins(0, 0, 4, 0)
        below.setSpacing(4)
        below.addLayout(_row(self.approve, self.show_on_image))
        below.addWidget(self.tools)
        below.addWidget(self.details)
        section = Section("Blind second read", self)
        section.form.addRow(self.blind)
        section.heading.setChecked(False)
        self.blind_section = section
        below.addWidget(section)
        if self._alone:
            note = _label(DISCLAIMER, self)
            note.setWordWrap(True)
            font = note.font()
            font.setItalic(True)
            note.setFont(font)
            below.addWidget(note)
        below.addStretch(1)
        self._controls, self._below = _Scroll(controls, self), _Scroll(inside, self)
        self._splitter = QSplitter(Qt.Orientation.Vertical, self)
        for part in (self._controls, self.gallery, self._below):
            self._splitter.addWidget(part)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.splitterMoved.connect(self._on_moved)
        self._moved = False
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._splitter)
        # Heights for a width are known once the parts have that width.
        self._fit_soon = QTimer(self)
        self._fit_soon.setSingleShot(True)
        self._fit_soon.timeout.connect(self._fit)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Put the parts side by side where there is room."""
        super().resizeEvent(event)
        wide = self.width() > _WIDE * self.height() and self.width() > 2 * (_LEFT + _RIGHT) / 1.6
        direction = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if direction != self._splitter.orientation():
            self._splitter.setOrientation(direction)
            self.gallery.setMinimumHeight(_GALLERY_FLAT if wide else _GALLERY_HIGH)
            self._moved = False
        self._fit_soon.start(0)

    def sizeHint(self) -> QSize:
        """Return the size of a usual dock."""
        return QSize(420, 820)

    def minimumSizeHint(self) -> QSize:
        """Return the least size: of a narrow dock, in which nothing is cut off at the right."""
        width = max(part.width_needed(_LEAST) for part in (self._controls, self._below))
        flat = self._splitter.orientation() == Qt.Orientation.Horizontal
        return QSize(width, _LEAST_FLAT if flat else _LEAST_HIGH)

    def _on_moved(self) -> None:
        self._moved = True

    def _fit(self) -> None:
        """Share the room out, unless the user has."""
        self.updateGeometry()  # classes and tools may need another width by now
        if self._moved:
            return
        if self._splitter.orientation() == Qt.Orientation.Horizontal:
            left, right = self._controls.width_needed(_LEFT), self._below.width_needed(_RIGHT)
            rest = max(160, self.width() - left - right)
            self._splitter.setSizes([left, rest, right])
            return
        height = self.height()
        low = height < _LOW
        if self.zoom.value() == (_SIDE if low else _SIDE_LOW):  # unless the user has chosen
            self.zoom.setValue(_SIDE_LOW if low else _SIDE)
        most = _MOST_CONTROLS_LOW if low else _MOST_CONTROLS
        controls = min(self._controls.needed(self.width()), int(most * height))
        below = int((_MOST_DETAILS_LOW if low else _MOST_DETAILS) * height)
        if self.details.label is not None:
            below = min(below, self._below.needed(self.width()))
        self._splitter.setSizes([controls, max(120, height - controls - below), below])


class _Scroll(QScrollArea):
    """Scrolls up and down."""

    def __init__(self, inside: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(inside)
        self.setMinimumHeight(40)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def width_needed(self, least: int) -> int:
        """Return the width at which nothing is cut off."""
        inside, bar = self.widget(), self.verticalScrollBar()
        width = 0 if inside is None else inside.minimumSizeHint().width()
        return max(least, width + (0 if bar is None else bar.sizeHint().width() + 5))

    def needed(self, width: int) -> int:
        """Return the height at which nothing need be scrolled."""
        inside = self.widget()
        layout = None if inside is None else inside.layout()
        if inside is None or layout is None:
            return 0
        height = layout.heightForWidth(width) if layout.hasHeightForWidth() else 0
        return max(height, layout.minimumSize().height()) + 2


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for widget in widgets:
        wide = isinstance(widget, (QComboBox, QProgressBar))
        row.addWidget(widget, 1 if wide else 0)
    return row


def _label(text: str, parent: QWidget) -> QLabel:
    return QLabel(tr(text), parent)


def _check(text: str, on: bool, parent: QWidget) -> QCheckBox:
    box = QCheckBox(tr(text), parent)
    box.setChecked(on)
    box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return box


def counted_now() -> tuple[str, ...] | None:
    """Return the classes that count for this user; None if the file that says so is damaged."""
    try:
        return recall_settings().counted
    except LeukocyteError:  # the differential tells of it
        return None
