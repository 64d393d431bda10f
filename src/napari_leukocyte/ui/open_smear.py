"""The smear that a viewer has open, for all docks that show something of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QObject

from napari_leukocyte.analysis.smear.cells import SmearCells
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.ui.layers.links import unwrap
from napari_leukocyte.ui.signals import Signal


@dataclass(frozen=True, eq=False)
class OpenSmear:
    """A smear that is open in a viewer.

    Attributes
    ----------
    smear : Smear
    cells : SmearCells
        Of all its fields.
    show : callable
        Shows a field, by its index.
    """

    smear: Smear
    cells: SmearCells
    show: Callable[[int], object]


class _SmearNotice(QObject):
    """Tells every dock that another smear is open, or none."""

    changed = Signal()


#: Qt forgets widgets that listen to it and are gone.
smear_notice = _SmearNotice()
#: By the identity of the viewer: whoever opens one closes it before the viewer goes.
_OPEN: dict[int, OpenSmear] = {}


def open_smear_of(viewer: Any) -> OpenSmear | None:
    """Return the smear that a viewer has open."""
    return _OPEN.get(id(unwrap(viewer)))


def set_open_smear(viewer: Any, smear: Smear | None, show: Callable[[int], object]) -> None:
    """Say which smear a viewer has open; None if none any more.

    Parameters
    ----------
    viewer : napari.Viewer
    smear : Smear or None
    show : callable
        Shows a field, by its index.
    """
    key = id(unwrap(viewer))
    former = _OPEN.get(key)
    if smear is None:
        _OPEN.pop(key, None)
    elif former is None or former.smear is not smear:
        _OPEN[key] = OpenSmear(smear, SmearCells(smear), show)
    if _OPEN.get(key) is not former:
        with suppress(RuntimeError):  # at the application's end Qt may have gone first
            smear_notice.changed.emit()
