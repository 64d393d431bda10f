"""Tells views of the same cells that a blind read has begun or ended."""

from __future__ import annotations

from qtpy.QtCore import QObject

from napari_leukocyte.ui.signals import Signal


class _Notice(QObject):
    """A signal that views of classes must check again what they may show."""

    changed = Signal()


#: Qt forgets widgets that listen to it and are gone.
blind_notice = _Notice()
