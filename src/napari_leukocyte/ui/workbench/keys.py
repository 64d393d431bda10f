"""All keys in one sheet."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass

from qtpy.QtWidgets import QDialog, QTextBrowser, QWidget

from napari_leukocyte.session.reviews import FLAGS
from napari_leukocyte.ui import build
from napari_leukocyte.ui.own_classes import classes_now
from napari_leukocyte.ui.tools.kinds import DELETE_KEYS, TOOLS

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


def key_groups() -> list[KeyGroup]:
    """List all keys, as they are now: classes of the user's own have keys as well."""
    classes = [(c.key.upper(), c.name.capitalize()) for c in classes_now() if c.key]
    flags = [(str(i), f"Flag: {flag}") for i, flag in enumerate(FLAGS, 1)]
    tools = [(tool.key, tool.title) for tool in TOOLS]
    return [
        KeyGroup("Classes, in the gallery and on the image", tuple(classes)),
        KeyGroup(
            "The gallery",
            (
                ("Enter, Space", "Confirm, and go to the next cell"),
                ("Backspace", "Take back what was said of the class"),
                *flags,
                ("Ctrl+Enter", "Show the cell on the image"),
                ("Ctrl+wheel", "Larger or smaller pictures"),
            ),
        ),
        KeyGroup(
            "The masks, on the image",
            (
                *tools,
                (" or ".join(DELETE_KEYS), "Delete the selected cells, or the one pointed at"),
                ("Ctrl+click", "Delete that cell, whatever tool is in hand"),
                ("Escape", "Stop"),
            ),
        ),
        KeyGroup(
            "The smear",
            (
                ("Page Down", "Next field"),
                ("Page Up", "Previous field"),
                ("Shift+Page Down", "Next field that is not finished"),
            ),
        ),
        KeyGroup(
            "Everywhere",
            (
                ("Ctrl+Z", "Undo"),
                ("Ctrl+Shift+Z", "Redo"),
                ("?", "This sheet"),
            ),
        ),
    ]


def as_html(groups: Iterable[KeyGroup]) -> str:
    """Return the sheet as a page."""
    parts = []
    for group in groups:
        rows = "".join(
            f"<tr><td width='150'><b>{html.escape(key)}</b></td><td>{html.escape(what)}</td></tr>"
            for key, what in group.keys
        )
        parts.append(f"<h4>{html.escape(group.place)}</h4><table>{rows}</table>")
    return "".join(parts)


class KeySheet(QDialog):
    """The sheet of all keys."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.resize(*_SIZE)
        self.text = QTextBrowser()
        self.text.setHtml(as_html(key_groups()))
        self.setLayout(build.column(self.text, build.button("Close", act=self.close), margins=8))
