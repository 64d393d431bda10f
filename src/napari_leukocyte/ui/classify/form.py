"""The controls of *Classify and count*, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from qtpy.QtCore import QObject, QSize, Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.session.objects import READER
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.image_choice import ImageChoice, SessionChoice
from napari_leukocyte.ui.controls.inputs import SWATCH_PX, choice_box, swatch
from napari_leukocyte.ui.controls.model_choice import ModelChoice
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED, describe, palette
from napari_leukocyte.ui.leukogram.view import LeukogramView
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import CLASSES, CellClass, plural, tr_count

#: Names whose plurals are regular.
_VOCABULARY = frozenset(c.name for c in CLASSES)


class Legend(QWidget):
    """A row for each class: colour and name (a button), key, count.

    Classes of the vocabulary, or those of `set_classes`, are always there, others once an object
    has them; objects without a class have a last row of their own, which cannot be chosen.
    """

    #: The name of a class that was clicked.
    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(1)
        self._grid.setColumnStretch(0, 1)
        self._buttons: dict[str, QPushButton] = {}
        self._counts: dict[str, QLabel] = {}
        self._keys = _keys_of(CLASSES)
        self._marked: str | None = None
        self._classes: tuple[CellClass, ...] = CLASSES
        self.show_counts({})

    def set_classes(self, classes: Sequence[CellClass]) -> None:
        """Have a row for each of some other classes; what is counted and marked stays."""
        if tuple(classes) == self._classes:
            return
        self._classes = tuple(classes)
        self._keys = _keys_of(classes)
        counts = {name: number for name, number in self.counts().items() if number}
        marked = self._marked
        self._buttons = {}
        self.show_counts(counts)
        self.mark(marked)

    def show_counts(self, counts: Mapping[str, int]) -> None:
        """Show how many objects each class has; `UNCLASSIFIED` counts those without one."""
        others = sorted(set(counts) - set(self._keys) - {UNCLASSIFIED})
        names = [*self._keys, *others, UNCLASSIFIED]
        if names != list(self._buttons):
            self._build(names)
        for name, label in self._counts.items():
            number = counts.get(name, 0)
            label.setText(str(number))
            label.setEnabled(number > 0)

    def button(self, name: str) -> QPushButton:
        """Return the button of a class."""
        return self._buttons[name]

    def counts(self) -> dict[str, int]:
        """Return the counts that are shown."""
        return {name: int(label.text()) for name, label in self._counts.items()}

    def mark(self, name: str | None) -> None:
        """Mark the class that the selected objects have in common."""
        self._marked = name
        for of, button in self._buttons.items():
            font = button.font()
            font.setBold(of == name)
            button.setFont(font)

    def _build(self, names: list[str]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()  # until Qt gets round to it, it would show through
                old.deleteLater()
        self._buttons, self._counts = {}, {}
        colors = palette(names)
        for row, name in enumerate(names):
            key = self._keys.get(name, "")
            button = QPushButton(swatch(colors[name]), tr(name).capitalize(), self)
            button.setIconSize(QSize(SWATCH_PX, SWATCH_PX))
            button.setStyleSheet("QPushButton { text-align: left; padding: 2px 6px; }")
            if name == UNCLASSIFIED:
                button.setEnabled(False)
            else:
                keys = (
                    tr(", or press {key} while the objects layer is active", key=key) if key else ""
                )
                tip = tr("Make the selected objects {cells}{keys}.", cells=plural(name), keys=keys)
                button.setToolTip(tip)
                if name not in _VOCABULARY or name == "unidentified":
                    tip = tr("Mark the selected objects as {name}{keys}.", name=tr(name), keys=keys)
                    button.setToolTip(tip)
                button.clicked.connect(lambda _=False, n=name: self.chosen.emit(n))
            shortcut = QLabel(key, self)
            shortcut.setAlignment(Qt.AlignmentFlag.AlignCenter)
            count = QLabel("0", self)
            count.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            count.setMinimumWidth(40)
            for column, widget in enumerate((button, shortcut, count)):
                self._grid.addWidget(widget, row, column)
            self._buttons[name], self._counts[name] = button, count


def _keys_of(classes: Sequence[CellClass]) -> dict[str, str]:
    return {c.name: c.key.upper() for c in classes}


_KINDS = {"points": "Rings (Points)", "boxes": "Boxes (Shapes)"}


class ClassifyForm:
    """The controls, from top to bottom.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers can be chosen.
    image : ImageChoice
        The image that is chosen.
    owner : QObject
        Of what is no widget.

    Attributes
    ----------
    layers : SessionChoice
        The labels, beside the image.
    model : ModelChoice
        Classifiers.
    kind : QComboBox
        Its data are kinds of objects layer.
    classify, classify_new, show_objects, own_classes, copy, save : QPushButton
    names, automatic : QCheckBox
    selection : WrappedText
    legend : Legend
    leukogram : LeukogramView
    """

    def __init__(self, viewer: Any, image: ImageChoice, owner: QObject) -> None:
        self.layers = SessionChoice(viewer, image, owner)
        self.model = ModelChoice("classification")
        self.kind = build.tipped(
            choice_box(_KINDS),
            "Rings stay smooth with thousands of objects; boxes show what belongs to an object "
            "more exactly, and are slow beyond a few hundred.",
        )
        self.names = build.check(
            "Names", "Show the first letters of each object's class on the image.", on=True
        )
        self.automatic = build.check(
            "Classify new objects as they appear",
            "What a run finds is classified by itself, and after that, or after “Classify”, also "
            "objects that are drawn or that other parameters bring.",
            on=True,
        )
        self.classify = build.button("Classify")
        self.classify_new = build.button("Classify new objects")
        self.show_objects = build.button(
            "Show objects", "Show the objects as a layer, to select and classify them."
        )
        self.legend = Legend()
        self.own_classes = build.button(
            "Custom classes…", "Add classes of your own, with name, colour and key."
        )
        self.selection = build.text(lines=2)
        self.leukogram = LeukogramView()
        self.copy = build.button(
            "Copy differential", "Copy the table, to be pasted into a spreadsheet."
        )
        self.save = build.button(
            "Save results…",
            "Save label image, objects, differential, overlay and the record of how they came "
            "about.",
        )
        self.rows: list[build.Row] = [
            ("Labels", self.layers.labels_box),
            ("Classifier", self.model),
            ("Show as", build.row(self.kind, self.names)),
        ]
        self.head: list[build.Item] = [
            build.row(self.classify, self.show_objects),
            self.automatic,
            self.classify_new,
        ]
        self.body: list[build.Item] = [
            build.heading("Class of the selected objects"),
            self.legend,
            self.own_classes,
            self.selection,
            build.heading("Differential"),
            self.leukogram,
            build.row(self.copy, self.save),
            None,
        ]


def describe_state(session: Session | None, table: pd.DataFrame | None) -> str:
    """Say what there is to classify, and what has been classified by whom."""
    if session is None or table is None:
        return "Choose an image and the labels of its cells, then classify them."
    if not len(table):
        return "There are no objects yet."
    by_hand = int((table["source"] == READER).sum())
    parts = [tr_n("{n} object", "{n} objects", len(table))]
    if session.classifier is not None:
        parts.append(tr("classified by {name}", name=session.classifier))
    if by_hand:
        parts.append(tr("{n} by hand", n=by_hand))
    if session.hidden:
        parts.append(
            tr("{n} read blindly, whose classes are not shown or counted", n=len(session.hidden))
        )
    return ", ".join(parts)


def describe_selection(chosen: pd.DataFrame | None) -> tuple[str, str | None]:
    """Say what is selected.

    Parameters
    ----------
    chosen : pandas.DataFrame or None
        Rows of the selected objects; None without a layer to select them in.

    Returns
    -------
    text : str
        One sentence.
    common : str or None
        The class that all of them have; None if they differ or there are none.
    """
    if chosen is None:
        return "", None
    if not len(chosen):
        return (
            "Select objects on the image (Shift adds), then press a key or click a class.",
            None,
        )
    names = chosen["class"].fillna(UNCLASSIFIED)
    common = str(names.iloc[0]) if names.nunique() == 1 else None
    if len(chosen) > 1:
        counts = ", ".join(tr_count(int(n), str(name)) for name, n in names.value_counts().items())
        return tr("{n} objects selected: {counts}", n=len(chosen), counts=counts), common
    row = chosen.iloc[0]
    said = describe(row.fillna({"class": UNCLASSIFIED}))
    return tr("Object {label}: {said}", label=row["label"], said=said), common
