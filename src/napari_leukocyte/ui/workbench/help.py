"""The workbench's entries in napari's *Help* menu: the tour, the sheet of keys, what this is."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy import API_NAME, QT_VERSION
from qtpy.QtGui import QAction, QGuiApplication
from qtpy.QtWidgets import QDialog, QTextBrowser, QWidget

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.models.manifest import Kind, Manifest
from napari_leukocyte.models.registry import discover_models
from napari_leukocyte.reporting.record import versions
from napari_leukocyte.ui import build
from napari_leukocyte.ui.keys import ACTIONS, PLACES, shown_keys
from napari_leukocyte.ui.own_classes import classes_now
from napari_leukocyte.version import __version__
from napari_leukocyte.vocabulary import DISCLAIMER

#: Size of the sheet, px.
_SHEET_SIZE = (520, 560)


@dataclass(frozen=True)
class KeyGroup:
    """Keys that act in one place.

    Attributes
    ----------
    place : str
        Where.
    keys : tuple of (str, str)
        Each key, and what it does.
    """

    place: str
    keys: tuple[tuple[str, str], ...]


#: What the mouse does with a key held, which can't be changed.
_MOUSE = (
    ("Ctrl+click", "Delete that cell on the image, whatever tool is in hand"),
    ("Ctrl+wheel", "Larger or smaller pictures in the gallery"),
    ("Double click", "Show the cell on the image"),
)


def key_groups() -> list[KeyGroup]:
    """List all keys, as they are now: those of classes, of all actions, and with the mouse."""
    classes = [(c.key.upper(), tr(c.name).capitalize()) for c in classes_now() if c.key]
    actions = [
        KeyGroup(title, tuple((shown_keys(a.id), a.what) for a in ACTIONS if a.place == place))
        for place, title in PLACES.items()
    ]
    return [
        KeyGroup("Classes, in the gallery and on the image", tuple(classes)),
        *actions,
        KeyGroup("With the mouse", _MOUSE),
    ]


def as_html(groups: Iterable[KeyGroup]) -> str:
    """Return the sheet as a page."""
    parts = []
    for group in groups:
        rows = "".join(
            f"<tr><td width='150'><b>{html.escape(tr(key))}</b></td>"
            f"<td>{html.escape(tr(what))}</td></tr>"
            for key, what in group.keys
        )
        parts.append(f"<h4>{html.escape(tr(group.place))}</h4><table>{rows}</table>")
    return "".join(parts)


class KeySheet(QDialog):
    """The sheet of all keys."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keys"))
        self.resize(*_SHEET_SIZE)
        self.text = QTextBrowser()
        self.text.setHtml(as_html(key_groups()))
        where = build.text(lines=2)
        where.setText(tr("Change them in Preferences, on the page of this plugin."))
        self.setLayout(
            build.column(self.text, where, build.button("Close", act=self.close), margins=8)
        )


_KINDS: tuple[Kind, ...] = ("segmentation", "classification")
#: Size of the dialogs, px.
_SIZE = (560, 480)
#: Letters of a checksum that tell one file from another.
_SHORT = 12


def installed_models() -> list[Manifest]:
    """List the models that can be used, those that find cells before those that classify them."""
    return [model for kind in _KINDS for model in discover_models(kind).models]


def diagnostics() -> str:
    """Return what helps to understand a report of trouble: versions and models, line by line.

    It has neither names of files nor of readers.
    """
    import napari
    import onnxruntime

    found = {
        **versions(),
        "napari": napari.__version__,
        "Qt": f"{QT_VERSION} ({API_NAME})",
        "execution providers": ", ".join(onnxruntime.get_available_providers()),
    }
    lines = [f"{name}: {value}" for name, value in found.items()]
    for model in installed_models():
        sums = ", ".join(m.sha256[:_SHORT] for m in model.members)
        lines.append(f"{model.kind} model {model.name}: {sums}")
    for kind in _KINDS:
        lines += [f"unusable: {each.reason}" for each in discover_models(kind).unusable]
    return "\n".join(lines)


class AboutDialog(QDialog):
    """Version, models, what they were trained on and under which licence.

    Attributes
    ----------
    text : QTextBrowser
    copy : QPushButton
        Copies `diagnostics`.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("About napari-leukocyte"))
        self.resize(*_SIZE)
        self.text = QTextBrowser()
        self.text.setOpenExternalLinks(True)
        self.text.setHtml(_about())
        self.copy = build.button(
            "Copy diagnostics",
            "Copy versions and models, for a report of trouble. Nothing of your images is in it.",
            self._copy,
        )
        self.setLayout(
            build.column(
                self.text,
                build.row(self.copy, None, build.button("Close", act=self.close)),
                margins=8,
            )
        )

    def _copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            try:
                clipboard.setText(diagnostics())
            except LeukocyteError as error:
                clipboard.setText(str(error))
            self.copy.setText(tr("Copied"))


def _about() -> str:
    rows = [f"<h3>napari-leukocyte {html.escape(__version__)}</h3><p><i>{tr(DISCLAIMER)}</i></p>"]
    for model in installed_models():
        sets = ", ".join(model.training_data) or "unknown"
        rows.append(
            tr(
                "<p><b>{title}</b> ({name}, {kind})<br>"
                "Weights: {licence}.<br>"
                "Trained on: {sets}.</p>",
                title=html.escape(model.title),
                name=html.escape(model.name),
                kind=tr(model.kind),
                licence=html.escape(model.licence or tr("licence unknown")),
                sets=html.escape(sets),
            )
        )
    return "".join(rows)


class HelpMenu:
    """Entries in the *Help* menu of a viewer, there as long as the workbench is.

    Parameters
    ----------
    viewer : napari.Viewer
        With a window.
    entries : sequence of (str, callable)
        What they are called, and what they do.
    """

    def __init__(self, viewer: Any, entries: Sequence[tuple[str, Callable[[], object]]]) -> None:
        self._menu: Any = viewer.window.help_menu
        self.actions: list[QAction] = []
        for title, act in entries:
            action = QAction(tr(title), self._menu)
            action.triggered.connect(lambda _=False, act=act: act())
            self._menu.addAction(action)
            self.actions.append(action)

    def release(self) -> None:
        """Take them out again; the window may have gone already."""
        for action in self.actions:
            try:
                self._menu.removeAction(action)
                action.deleteLater()
            except RuntimeError:
                break
        self.actions.clear()
