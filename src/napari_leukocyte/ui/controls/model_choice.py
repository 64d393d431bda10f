"""A list of models, and the window with everything that is known of one."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import cast

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices, QStandardItemModel
from qtpy.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPushButton,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.atomic import as_output_error
from napari_leukocyte.language import decimal, tr
from napari_leukocyte.models.card import FigureTable, describe, headline
from napari_leukocyte.models.manifest import Kind, Manifest
from napari_leukocyte.models.registry import (
    DiscoveredModels,
    Unusable,
    discover_models,
    user_folder,
)
from napari_leukocyte.ui.controls.inputs import choice_box
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import DISCLAIMER


class ModelChoice(QWidget):
    """Chooses one of the models of a kind.

    Models that can't be used are listed too, in grey, with the reason as their tooltip.

    Parameters
    ----------
    kind : {"segmentation", "classification"}
        What the models do.
    wanted : str
        Name of the model chosen at first; the default one stands for a name that there is not.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    box : QComboBox
        The list; its data are names, None for what can't be used.
    about : QToolButton
        Opens the card of the chosen model.
    card : ModelCard or None
        The window with it, from its first opening on.
    """

    #: Emitted when another model, or none, is chosen.
    changed = Signal()

    def __init__(self, kind: Kind, wanted: str = "default", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind: Kind = kind
        self._found = DiscoveredModels()
        self.card: ModelCard | None = None
        self.box = choice_box({})
        self.box.currentIndexChanged.connect(self._on_index)
        self.about = QToolButton()
        self.about.setText(tr("About…"))
        self.about.setToolTip(tr("What this model is, what was measured, and what it fails on."))
        self.about.clicked.connect(self.show_card)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.box, 1)
        row.addWidget(self.about)
        self.refresh()
        self.choose(wanted)

    def model(self) -> Manifest | None:
        """Return the chosen model; None if there is none."""
        name = self.box.currentData()
        return next((m for m in self._found.models if m.name == name), None)

    def choose(self, name: str) -> None:
        """Choose a model by its name, if there is one of that name."""
        index = self.box.findData(name)
        if index >= 0:
            self.box.setCurrentIndex(index)

    def refresh(self) -> None:
        """List the models again: one may have come or gone. The choice stays if it can."""
        try:
            found = discover_models(self._kind)
        except LeukocyteError as error:
            tell(error)
            found = DiscoveredModels()
        # Figures take no part in the comparison of models, but the card shows them.
        same = found == self._found and [m.figures for m in found.models] == [
            m.figures for m in self._found.models
        ]
        if same:
            return
        former = self.model()
        self._found = found
        blocked = self.box.blockSignals(True)
        self._list()
        self.box.setCurrentIndex(0 if found.models else -1)
        if former is not None:
            self.choose(former.name)
        self.box.blockSignals(blocked)
        self._on_index()

    def show_card(self) -> None:
        """Open the window with the card of the chosen model."""
        if self.card is None:
            self.card = ModelCard(self)
            self.card.reload.clicked.connect(self.refresh)
        self._fill_card()
        self.card.show()
        self.card.raise_()

    def _list(self) -> None:
        self.box.clear()
        for model in self._found.models:
            figures = headline(model)
            self.box.addItem(f"{model.name} · {figures}" if figures else model.name, model.name)
            self._set_tooltip(short_html(model))
        items = cast(QStandardItemModel, self.box.model())
        for each in self._found.unusable:
            self.box.addItem(tr("{name} · can't be used", name=each.name))
            self._set_tooltip(reason_as_html(each))
            item = items.item(self.box.count() - 1)
            if item is not None:
                item.setEnabled(False)
        view = self.box.view()
        if view is not None:
            # In a narrow dock the list itself may be wider than the box.
            view.setMinimumWidth(view.sizeHintForColumn(0) + 8)

    def _set_tooltip(self, text: str) -> None:
        self.box.setItemData(self.box.count() - 1, text, Qt.ItemDataRole.ToolTipRole)

    def _fill_card(self) -> None:
        if self.card is not None:
            self.card.fill(self.model(), self._found.unusable)

    def _on_index(self, index: int = 0) -> None:
        model = self.model()
        self.box.setToolTip("" if model is None else short_html(model))
        self._fill_card()
        self.changed.emit()


#: Size at first, px: four sets of figures stand side by side.
_SIZE = (680, 560)
_NONE = "There is no model: install napari-leukocyte again, or add one of your own."


class ModelCard(QDialog):
    """Shows a model's card, and what of the user's models can't be used.

    Parameters
    ----------
    parent : QWidget, optional
        The owner; the window stays open beside it.

    Attributes
    ----------
    text : QTextBrowser
        The card.
    reload, open_folder : QPushButton
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("About this model"))
        self.resize(*_SIZE)
        self.text = QTextBrowser()
        # What stands in a manifest must not lead anywhere.
        self.text.setOpenLinks(False)
        self.open_folder = QPushButton(tr("Open models folder"))
        self.open_folder.setToolTip(tr("The folder in which your own models lie."))
        self.open_folder.clicked.connect(open_user_folder)
        self.reload = QPushButton(tr("Reload"))
        self.reload.setToolTip(tr("Look again which models there are."))
        close = QPushButton(tr("Close"))
        close.clicked.connect(self.close)
        for button in (self.open_folder, self.reload):
            button.setAutoDefault(False)
        buttons = QHBoxLayout()
        buttons.addWidget(self.open_folder)
        buttons.addWidget(self.reload)
        buttons.addStretch(1)
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addLayout(buttons)

    def fill(self, model: Manifest | None, unusable: Sequence[Unusable] = ()) -> None:
        """Show a model, and below it those that can't be used."""
        self.text.setHtml(card_as_html(model, unusable))


def open_user_folder() -> None:
    """Open the folder of the user's models in the system's file manager; make it if need be."""
    folder = user_folder()
    try:
        with as_output_error(folder):
            folder.mkdir(parents=True, exist_ok=True)
    except LeukocyteError as error:
        tell(error)
        return
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def card_as_html(model: Manifest | None, unusable: Sequence[Unusable] = ()) -> str:
    """Return a model's card as rich text."""
    parts = [_card(model) if model is not None else f"<p>{tr(_NONE)}</p><p>{tr(DISCLAIMER)}</p>"]
    if unusable:
        reasons = "".join(f"<li>{reason_as_html(each)}</li>" for each in unusable)
        parts.append(tr("<h4>Models that can't be used</h4><ul>{reasons}</ul>", reasons=reasons))
    parts.append(
        tr(
            "<p>Add a network of your own: <code>napari-leukocyte models add FILE.keras --kind "
            "segmentation --name NAME</code>. Your models lie in {folder}.</p>",
            folder=_escaped(user_folder()),
        )
    )
    return "".join(parts)


def short_html(model: Manifest) -> str:
    """Return a model's title, figures and training data as rich text."""
    rows = dict(describe(model).rows)
    lines = [f"<b>{_escaped(model.title)}</b>"]
    if headline(model):
        lines.append(tr("Held out: {figures}", figures=_escaped(headline(model))))
    lines += [f"{tr(label)}: {_escaped(rows[label])}" for label in ("Trained on", "Licence")]
    return "<br>".join(lines)


def reason_as_html(unusable: Unusable) -> str:
    """Return why a model can't be used as rich text."""
    return f"<b>{_escaped(unusable.name)}</b>: {_escaped(tr(unusable.reason))}"


def _card(model: Manifest) -> str:
    card = describe(model)
    rows = "".join(
        f"<tr><td><b>{tr(label)}</b>&nbsp;&nbsp;</td><td>{_escaped(tr(value))}</td></tr>"
        for label, value in card.rows
    )
    parts = [f"<h3>{_escaped(card.name)}</h3><p>{_escaped(card.title)}</p><table>{rows}</table>"]
    parts += [_figures(table) for table in card.tables]
    if card.fails:
        sentences = "".join(f"<li>{_escaped(sentence)}</li>" for sentence in card.fails)
        parts.append(tr("<h4>What it fails on</h4><ul>{sentences}</ul>", sentences=sentences))
    parts += [f"<p><i>{_escaped(tr(note))}</i></p>" for note in card.notes]
    return "".join(parts)


def _figures(table: FigureTable) -> str:
    head = "".join(f"<th>&nbsp;{_escaped(name)}&nbsp;</th>" for name in ("", *map(tr, table.sets)))
    rows = "".join(
        f"<tr><td>{_escaped(tr(name))}&nbsp;&nbsp;</td>"
        + "".join(f"<td align='right'>&nbsp;{_escaped(decimal(v))}&nbsp;</td>" for v in values)
        + "</tr>"
        for name, values in table.rows
    )
    return (
        f"<h4>{_escaped(tr(table.title))}</h4>"
        f"<table border='1' cellspacing='0' cellpadding='2'><tr>{head}</tr>{rows}</table>"
    )


def _escaped(text: object) -> str:
    return html.escape(str(text))
