"""The tools' icons, in the colour of napari's theme."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QByteArray, Qt
from qtpy.QtGui import QIcon, QPainter, QPixmap
from qtpy.QtSvg import QSvgRenderer

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
