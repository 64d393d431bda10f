"""What is said of a cell under the mouse."""

from __future__ import annotations

import base64
import html
from weakref import WeakKeyDictionary

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.gallery.cells import GalleryCell
from napari_leukocyte.gallery.thumbnails import Thumbnails, ThumbnailStyle, extent_of
from napari_leukocyte.session.session import Session

_LOOK = ThumbnailStyle(110, outline=True)


class Tooltips:
    """Makes them, with a picture of the cell."""

    def __init__(self) -> None:
        self._pictures: WeakKeyDictionary[Session, Thumbnails[str]] = WeakKeyDictionary()

    def tell(self, session: Session, cell: GalleryCell) -> str:
        """Return what is said of a cell, as rich text."""
        pictures = self._pictures.setdefault(session, Thumbnails(session.rgb, _as_address))
        extent = extent_of(session.table())
        picture = pictures.cut(session.labels, cell.place, _LOOK, extent)
        return f'<img src="{picture}"><br>{describe(session.name, cell)}'


def describe(image: str, cell: GalleryCell) -> str:
    """Return what is known of a cell, as rich text."""
    lines = [f"<b>{html.escape((cell.class_name or 'not classified').capitalize())}</b>"]
    if cell.predicted is not None:
        sure = f", {100 * cell.confidence:.0f} %" if cell.confidence == cell.confidence else ""
        lines.append(f"Model: {html.escape(cell.predicted)}{sure}")
    if cell.reviewed:
        lines.append("Reviewed")
    lines.append(f"{html.escape(image)}, cell {cell.place.label}")
    return "<br>".join(lines)


def _as_address(picture: NDArray[np.uint8]) -> str:
    _, encoded = cv2.imencode(".png", picture[..., ::-1])
    return f"data:image/png;base64,{base64.b64encode(encoded.tobytes()).decode()}"
