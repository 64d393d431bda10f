"""The reader's name, as all widgets share it."""

from __future__ import annotations

from qtpy.QtCore import QObject

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.session.reviews import recall_reader, remember_reader, tidy
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.signals import Signal


class _ReaderNotice(QObject):
    """Tells every widget that another reader has sat down."""

    #: Carries the name.
    changed = Signal(str)


#: Qt forgets widgets that listen to it and are gone.
reader_notice = _ReaderNotice()


def reader_now() -> str:
    """Return the reader's name; empty, after telling why, if it can't be read."""
    try:
        return recall_reader()
    except LeukocyteError as error:
        tell(error)
        return ""


def keep_reader(name: str) -> None:
    """Remember the reader's name if it is another, and tell every widget.

    Parameters
    ----------
    name : str
        As typed. Where it can't be remembered the user is told, and it still holds today.
    """
    name = tidy(name)
    try:
        if name != recall_reader():
            remember_reader(name)
    except LeukocyteError as error:
        tell(error)
    reader_notice.changed.emit(name)
