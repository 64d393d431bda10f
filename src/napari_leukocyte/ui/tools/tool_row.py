"""The tools as a row of buttons for any dock."""

from __future__ import annotations

import html
from importlib.resources import files
from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QByteArray, QSize, Qt
from qtpy.QtGui import QIcon, QPainter, QPixmap
from qtpy.QtSvg import QSvgRenderer
from qtpy.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from napari_leukocyte.language import later, tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.controls.containers import WrappedText
from napari_leukocyte.ui.keys import keys_notice, shown_keys
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.tools.kinds import TOOLS, Tool, leave
from napari_leukocyte.ui.tools.mask_tools import mask_tools_of
from napari_leukocyte.ui.undo import step_back

#: Side of an icon, px; drawn larger, for screens with fine pixels.
SIDE, _SCALE = 22, 2
#: Opacity of the icon of a button that can't be pressed.
_FAINT = 0.35


def themed_icon(name: str, theme: str) -> QIcon:
    """Return an icon.

    Parameters
    ----------
    name : str
        Of a file in the folder ``icons`` beside this module, without ``.svg``.
    theme : str
        Name of napari's theme, as ``viewer.theme``.

    Returns
    -------
    QIcon
        With a fainter picture for a button that can't be pressed.
    """
    drawing = files(__package__).joinpath("icons", f"{name}.svg").read_text(encoding="utf-8")
    color: Any = get_theme(theme).icon
    svg = QByteArray(drawing.replace("currentColor", color.as_hex()).encode())
    icon = QIcon()
    icon.addPixmap(_draw(svg, 1.0), QIcon.Mode.Normal)
    icon.addPixmap(_draw(svg, _FAINT), QIcon.Mode.Disabled)
    return icon


def _draw(svg: QByteArray, opacity: float) -> QPixmap:
    picture = QPixmap(SIDE * _SCALE, SIDE * _SCALE)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setOpacity(opacity)
    QSvgRenderer(svg).render(painter)
    painter.end()
    return picture


#: What is said of a button.
_TITLES = {"undo": later("Undo"), "redo": later("Redo")} | {t.name: t.title for t in TOOLS}
_NOTHING = {"undo": later("Nothing to undo"), "redo": later("Nothing to redo")}
#: Room around an icon, px: ten buttons fit into a narrow dock.
_AROUND = 6


class MaskToolRow(QWidget):
    """A button for each tool, and for undo and redo.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the tools work.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    buttons : dict
        The buttons by the tool's name, and "undo" and "redo".
    hint : WrappedText
        What to do with the tool in hand.
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._tools = mask_tools_of(viewer)
        self._session: Session | None = None
        self.buttons: dict[str, QToolButton] = {}
        row = QHBoxLayout()
        row.setSpacing(2)
        for tool in TOOLS:
            button = self._button(tool.name)
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, t=tool: self._use(t))
            row.addWidget(button)
        row.addStretch(1)
        for name in ("undo", "redo"):
            button = self._button(name)
            button.clicked.connect(lambda _=False, n=name: self._go(n))
            row.addWidget(button)
        self.hint = WrappedText(lines=2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.hint)
        self._tools.changed.connect(self._show_tool)
        viewer.events.theme.connect(self._show_icons)
        # Qt calls no method of a widget that is being deleted, but a function it does.
        self.destroyed.connect(lambda: self._release())
        keys_notice.changed.connect(self._show_keys)
        self._show_icons()
        self._show_keys()
        self.follow(None)

    def _button(self, name: str) -> QToolButton:
        button = QToolButton()
        button.setAutoRaise(True)
        button.setIconSize(QSize(SIDE, SIDE))
        button.setFixedSize(SIDE + _AROUND, SIDE + _AROUND)
        button.setAccessibleName(tr(_TITLES[name]))
        self.buttons[name] = button
        return button

    def _release(self) -> None:
        """Let go of everything that outlives the widget; none of it is Qt's."""
        self._tools.changed.disconnect(self._show_tool, missing_ok=True)
        self._viewer.events.theme.disconnect(self._show_icons)
        self._leave_session()

    def follow(self, session: Session | None) -> None:
        """Stand for the tools on a session's image."""
        if session is not self._session or session is None:
            self._leave_session()
            self._session = session
            if session is not None:
                session.history_changed.connect(self._show_history)
        layer = None if session is None else links.labels_layer_of(self._viewer, session)
        if layer is not None:
            self._tools.bind_keys(layer)
        for tool in TOOLS:
            self.buttons[tool.name].setEnabled(session is not None)
        self._show_tool()
        self._show_history()

    def _leave_session(self) -> None:
        if self._session is not None:
            self._session.history_changed.disconnect(self._show_history, missing_ok=True)
        self._session = None

    # -- what the user does ---------------------------------------------------------------

    def _use(self, tool: Tool) -> None:
        if self._session is not None:
            self._tools.use(tool, self._session)
        self._show_tool()

    def _go(self, name: str) -> None:
        step_back(self._session, again=name == "redo")

    # -- what is shown --------------------------------------------------------------------

    def _show_tool(self) -> None:
        held = self._tools.in_hand
        tool = None if held is None or held.session is not self._session else held.tool
        for other in TOOLS:
            self.buttons[other.name].setChecked(other is tool)
        self.hint.setText("" if tool is None else f"{tr(tool.hint)} {leave()}")

    def _show_keys(self) -> None:
        for tool in TOOLS:
            self.buttons[tool.name].setToolTip(
                f"<p><b>{tr(tool.title)}</b> ({html.escape(shown_keys(tool.keys))})</p>"
                f"<p>{tr(tool.help)}</p>"
            )
        self._show_tool()
        self._show_history()

    def _show_history(self) -> None:
        session = self._session
        for name in ("undo", "redo"):
            possible = session is not None and bool(getattr(session, f"can_{name}"))
            what = tr(getattr(session, f"{name}_text")) if possible else ""
            self.buttons[name].setEnabled(possible)
            said = f"{tr(_TITLES[name])}: {what} ({shown_keys(name)})"
            self.buttons[name].setToolTip(said if what else tr(_NOTHING[name]))

    def _show_icons(self, event: Any = None) -> None:
        for name, button in self.buttons.items():
            button.setIcon(themed_icon(name, self._viewer.theme))
        # The theme leaves flat buttons alone; the tool in hand looks like napari's own.
        chosen: Any = get_theme(self._viewer.theme).current
        self.setStyleSheet(
            f"QToolButton:checked {{ background: {chosen.as_hex()}; border-radius: 3px; }}"
        )
