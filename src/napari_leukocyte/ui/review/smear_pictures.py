"""Pictures of a smear's cells for a gallery: asked for while it is painted, loaded behind it."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer
from qtpy.QtGui import QPixmap

from napari_leukocyte.analysis.smear.candidates import SmearCandidates
from napari_leukocyte.analysis.smear.cells import SmearCells
from napari_leukocyte.analysis.smear.pictures import load_pictures, picture_store
from napari_leukocyte.gallery.cells import GalleryCell, Place
from napari_leukocyte.gallery.thumbnails import ThumbnailStyle
from napari_leukocyte.ui.jobs import Job, start_job
from napari_leukocyte.ui.review.gallery_delegate import to_pixmap
from napari_leukocyte.ui.signals import Signal

#: Memory for pictures, bytes, at four to a pixel.
_BUDGET = 96_000_000
#: Cells whose pictures are loaded together: so few that what comes into sight is soon begun.
_AT_ONCE = 48

_Key = tuple[int, Place, ThumbnailStyle]


class SmearPictures(QObject):
    """Pictures of the cells of a smear; those not seen for longest are dropped first.

    Parameters
    ----------
    cells : SmearCells
        Whose cells.
    parent : QObject
        The owner, who calls `release` before it goes.
    """

    #: Emitted when pictures that were asked for are there.
    loaded = Signal()
    # From the thread: which were asked for, pictures, and what they show.
    _arrived = Signal(object, object, float)

    def __init__(self, cells: SmearCells, parent: QObject) -> None:
        super().__init__(parent)
        self._cells, self._store = cells, picture_store()
        self.candidates: SmearCandidates | None = None
        self.extent = 1.0
        self._kept: OrderedDict[_Key, QPixmap | None] = OrderedDict()
        self._used = 0
        # The last that was asked for is what is in sight.
        self._wanted: OrderedDict[_Key, GalleryCell] = OrderedDict()
        self._job: Job | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._load)
        self._arrived.connect(self._show)

    @property
    def busy(self) -> bool:
        """Whether pictures are being loaded."""
        return self._job is not None or self._soon.isActive()

    def picture(self, cell: GalleryCell, look: ThumbnailStyle, now: bool = True) -> QPixmap | None:
        """Return a picture; None if it has to be loaded first, which begins then."""
        key = (cell.place.label, cell.place, look)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        self._wanted[key] = cell
        self._wanted.move_to_end(key)
        if self._job is None and not self._soon.isActive():
            self._soon.start(0)
        return None

    def set_extent(self, extent: float) -> None:
        """Show so many px of the photographs, from now on."""
        if extent != self.extent:
            self.extent = extent
            self._kept.clear()
            self._wanted.clear()
            self._used = 0

    def release(self) -> None:
        """Stop loading."""
        self._soon.stop()
        if self._job is not None:
            self._job.abandon()
            self._job = None

    def _load(self) -> None:
        if self._job is not None or not self._wanted:
            return
        looks = {key[2] for key in self._wanted}
        look = next(reversed(self._wanted))[2]
        keys = [key for key in reversed(self._wanted) if key[2] == look][:_AT_ONCE]
        some = {key: self._wanted.pop(key) for key in keys}
        if len(looks) > 1 or len(self._wanted) > 4 * _AT_ONCE:
            # What has been scrolled past is asked for again when it comes into sight.
            for key in list(self._wanted)[: -2 * _AT_ONCE]:
                del self._wanted[key]
        extent, candidates = self.extent, self.candidates
        work = partial(load_pictures, self._cells, list(some.values()), look, extent, self._store)
        self._job = start_job(
            lambda progress: work(
                progress=progress,
                candidates=candidates,
                deliver=lambda pictures: self._arrived.emit(some, pictures, extent),
            ),
            title=None,
            on_done=lambda pictures: self._take(some, pictures, extent),
            on_end=self._end,
        )

    def _show(
        self,
        asked: dict[_Key, GalleryCell],
        pictures: dict[int, NDArray[np.uint8]],
        extent: float,
    ) -> None:
        """Show those of the pictures that were asked for which are there."""
        if extent != self.extent:
            return
        for key in asked:
            picture = pictures.get(key[0])
            if picture is not None and key not in self._kept:
                self._keep(key, to_pixmap(np.ascontiguousarray(picture)))
        self.loaded.emit()

    def _take(
        self,
        asked: dict[_Key, GalleryCell],
        pictures: dict[int, NDArray[np.uint8]],
        extent: float,
    ) -> None:
        self._show(asked, pictures, extent)
        if extent == self.extent:
            for key in asked:
                # One that can't be had is not asked for again and again.
                if key[0] not in pictures:
                    self._keep(key, None)

    def _keep(self, key: _Key, picture: QPixmap | None) -> None:
        self._wanted.pop(key, None)
        self._kept[key] = picture
        self._used += 4 * key[2].side ** 2
        while self._used > _BUDGET and len(self._kept) > 1:
            old, _ = self._kept.popitem(last=False)
            self._used -= 4 * old[2].side ** 2

    def _end(self) -> None:
        self._job = None
        if self._wanted:
            self._soon.start(0)
