"""All keys in one sheet."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass

from qtpy.QtWidgets import QDialog, QTextBrowser, QWidget

from napari_leukocyte.language import tr
from napari_leukocyte.ui import build
from napari_leukocyte.ui.keys import ACTIONS, PLACES, shown_keys
from napari_leukocyte.ui.own_classes import classes_now

#: Size of the sheet, px.
_SIZE = (520, 560)


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
        self.resize(*_SIZE)
        self.text = QTextBrowser()
        self.text.setHtml(as_html(key_groups()))
        where = build.text(lines=2)
        where.setText(tr("Change them in Preferences, on the page of this plugin."))
        self.setLayout(
            build.column(self.text, where, build.button("Close", act=self.close), margins=8)
        )
