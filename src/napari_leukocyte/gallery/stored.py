"""Pictures of cells kept on the disk, so that a smear of thousands of cells opens at once."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.gallery.cells import Place
from napari_leukocyte.gallery.thumbnails import ThumbnailStyle, cut_thumbnail
from napari_leukocyte.io.images.background import background_color

#: Pictures take so much of the disk at most, bytes: some 100,000 of 96 px.
BUDGET = 400_000_000
#: After the budget is passed so much of it is kept.
_KEPT = 0.8
#: Quality of JPEG: no artefact is seen beside the photograph's own.
_QUALITY = 92
#: Keys in one question; SQLite takes some 30,000 values.
_AT_ONCE = 500
#: Longest wait for another program that writes, s.
_PATIENCE = 5.0


def picture_key(image: str, place: Place, style: ThumbnailStyle, extent: float) -> str:
    """Return what a picture is known by: pixels, mask and style; another mask is another picture.

    Parameters
    ----------
    image : str
        Key of the photograph's pixels.
    place : Place
        The cell: number, box, area and centroid of its mask.
    style : ThumbnailStyle
    extent : float
        Side of what is shown, px of the photograph.
    """
    mask = [round(float(value), 3) for value in place]
    parts = (image, mask, style.side, style.contrast, style.outline, round(float(extent), 3))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def cut_pictures(
    rgb: NDArray[np.uint8],
    labels: NDArray[np.int32],
    places: Sequence[Place],
    style: ThumbnailStyle,
    extent: float,
) -> list[NDArray[np.uint8]]:
    """Cut the pictures of several cells of one photograph.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32.
    places : sequence of Place
    style : ThumbnailStyle
    extent : float
        As for :func:`napari_leukocyte.gallery.thumbnails.cut_thumbnail`.

    Returns
    -------
    list of ndarray
        (S, S, 3) uint8 each.
    """
    background = background_color(rgb)
    return [cut_thumbnail(rgb, labels, place, style, extent, background) for place in places]


class PictureStore:
    """Pictures in one SQLite file; those not used for longest go when there are too many.

    What can't be read or written is as if it were not there: pictures can be cut again. May be used
    from several threads and by several programs at once.

    Parameters
    ----------
    path : Path
        The file; made when the first picture is kept.
    budget : int
        Bytes that pictures take at most.
    """

    def __init__(self, path: Path, budget: int = BUDGET) -> None:
        self.path = path
        self._budget = budget
        self._lock = threading.Lock()

    def find(self, keys: Iterable[str]) -> dict[str, NDArray[np.uint8]]:
        """Return the pictures that are kept, (S, S, 3) uint8 RGB, by key."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, NDArray[np.uint8]] = {}
        if not wanted or not self.path.is_file():
            return found
        with suppress(sqlite3.Error), self._lock, closing(self._open()) as file:
            for start in range(0, len(wanted), _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                asked = f"SELECT key, picture FROM pictures WHERE key IN ({marks})"  # noqa: S608
                for key, data in file.execute(asked, some):
                    picture = _decoded(data)
                    if picture is not None:
                        found[key] = picture
                used = f"UPDATE pictures SET used = ? WHERE key IN ({marks})"  # noqa: S608
                file.execute(used, [time.time(), *some])
            file.commit()
        return found

    def keep(self, pictures: Mapping[str, NDArray[np.uint8]]) -> None:
        """Keep pictures, (S, S, 3) uint8 RGB, by key."""
        if not pictures:
            return
        rows = [(key, time.time(), _encoded(picture)) for key, picture in pictures.items()]
        with suppress(sqlite3.Error, OSError), self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as file:
                file.executemany("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?)", rows)
                file.commit()
                self._make_room(file)

    def _open(self) -> sqlite3.Connection:
        file = sqlite3.connect(self.path, timeout=_PATIENCE)
        try:
            file.execute(
                "CREATE TABLE IF NOT EXISTS pictures "
                "(key TEXT PRIMARY KEY, used REAL, picture BLOB) WITHOUT ROWID"
            )
        except sqlite3.DatabaseError as error:
            file.close()
            if not isinstance(error, sqlite3.OperationalError):  # it is no database
                with suppress(OSError):
                    self.path.unlink()
            raise
        return file

    def _make_room(self, file: sqlite3.Connection) -> None:
        (size,) = file.execute("SELECT COALESCE(SUM(LENGTH(picture)), 0) FROM pictures").fetchone()
        if size <= self._budget:
            return
        excess = size - _KEPT * self._budget
        gone = []
        for key, length in file.execute("SELECT key, LENGTH(picture) FROM pictures ORDER BY used"):
            gone.append((key,))
            excess -= length
            if excess <= 0:
                break
        file.executemany("DELETE FROM pictures WHERE key = ?", gone)
        file.commit()


def _encoded(picture: NDArray[np.uint8]) -> bytes:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes() if done else b""


def _decoded(data: bytes) -> NDArray[np.uint8] | None:
    if not data:
        return None
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if bgr is None else np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
