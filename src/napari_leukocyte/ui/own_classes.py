"""The user's own classes, as all widgets share them."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import QObject

from napari_leukocyte.counting.own_classes import (
    all_classes,
    load_own_classes,
    save_own_classes,
)
from napari_leukocyte.counting.settings import (
    DifferentialSettings,
    recall_settings,
    remember_settings,
    with_own_classes,
)
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import CLASSES, CellClass


class _ClassesNotice(QObject):
    """Tells every widget that the classes are others now."""

    #: Carries the user's classes before and after, each a tuple of CellClass.
    changed = Signal(object, object)


#: Qt forgets widgets that listen to it and are gone.
notice = _ClassesNotice()


def classes_now() -> tuple[CellClass, ...]:
    """Return all classes; the vocabulary's alone, after telling why, if the file is damaged."""
    try:
        return all_classes()
    except LeukocyteError as error:
        tell(error)
        return CLASSES


def keep_own_classes(classes: Iterable[CellClass]) -> tuple[CellClass, ...]:
    """Save the user's classes, let new ones count as they say, and tell every widget.

    Takes, returns and raises the same as
    :func:`napari_leukocyte.counting.own_classes.save_own_classes`.
    """
    former = _former()
    try:
        # Before they are saved: a habit that nobody has changed follows the own classes, and one
        # that is taken away must count as before, since cells may still have it.
        habit: DifferentialSettings | None = recall_settings()
    except LeukocyteError as error:
        habit = None
        tell(error)
    saved = save_own_classes(classes)
    try:
        settings = None if habit is None else with_own_classes(habit, former, saved)
        if settings is not None and settings != habit:
            remember_settings(settings)
    except LeukocyteError as error:
        tell(error)
    notice.changed.emit(former, saved)
    return saved


def _former() -> tuple[CellClass, ...]:
    # A damaged file is about to be replaced; the dialog has said so.
    try:
        return load_own_classes()
    except LeukocyteError:
        return ()
