"""The user's own classes, as all widgets share them."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import QObject

from napari_leukocyte.counting.own_classes import load_own_classes, save_own_classes
from napari_leukocyte.counting.presets import (
    ClassPreset,
    offered,
    preset_in_use,
    recall_preset,
    remember_preset,
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
from napari_leukocyte.vocabulary import CellClass


class _ClassesNotice(QObject):
    """Tells every widget that the classes are others now."""

    #: Carries the user's classes before and after, each a tuple of CellClass.
    changed = Signal(object, object)


#: Qt forgets widgets that listen to it and are gone.
notice = _ClassesNotice()


def classes_now() -> tuple[CellClass, ...]:
    """Return the classes of the preset in use and the user's own.

    Of a damaged file nothing is taken, after telling why.
    """
    try:
        own = load_own_classes()
    except LeukocyteError as error:
        tell(error)
        own = ()
    try:
        preset = recall_preset()
    except LeukocyteError as error:
        tell(error)
        preset = preset_in_use()
    return offered(preset, own)


def keep_own_classes(classes: Iterable[CellClass]) -> tuple[CellClass, ...]:
    """Save the user's classes, let new ones count as they say, and tell every widget.

    Takes, returns and raises the same as
    :func:`napari_leukocyte.counting.own_classes.save_own_classes`.
    """
    former = _former()
    habit = _habit()
    saved = save_own_classes(classes)
    _follow(habit, former, saved)
    return saved


def keep_preset(preset: ClassPreset) -> None:
    """Offer a preset's classes from now on, let them count as they say, and tell every widget.

    Raises
    ------
    OutputError
        If the choice can't be kept.
    """
    former = preset_in_use()
    if preset.name != former.name:
        habit = _habit()
        remember_preset(preset)
        # What the user has said of a class of the same name stands.
        own = {c.name for c in _former()}
        before, now = (tuple(c for c in p.classes if c.name not in own) for p in (former, preset))
        _follow(habit, before, now)


def _habit() -> DifferentialSettings | None:
    """Return how the user counts, if that is known."""
    try:
        # Before they are saved: a habit that nobody has changed follows the own classes, and one
        # that is taken away must count as before, since cells may still have it.
        return recall_settings()
    except LeukocyteError as error:
        tell(error)
        return None


def _follow(
    habit: DifferentialSettings | None,
    former: tuple[CellClass, ...],
    now: tuple[CellClass, ...],
) -> None:
    """Let new classes count as is said of them, and tell every widget."""
    try:
        settings = None if habit is None else with_own_classes(habit, former, now)
        if settings is not None and settings != habit:
            remember_settings(settings)
    except LeukocyteError as error:
        tell(error)
    notice.changed.emit(former, now)


def _former() -> tuple[CellClass, ...]:
    # A damaged file is about to be replaced; the dialog has said so.
    try:
        return load_own_classes()
    except LeukocyteError:
        return ()
