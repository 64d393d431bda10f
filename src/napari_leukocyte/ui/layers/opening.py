"""Open the session of an image, and say what came of it once someone can be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from napari.utils.notifications import show_info, show_warning

from napari_leukocyte.errors import OutputError
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import (
    SessionInUse,
    SessionUnreadableError,
    open_here,
    open_session,
)

#: What a session's user has yet to be told.
_WARNINGS: WeakKeyDictionary[Session, str] = WeakKeyDictionary()
_TOLD: WeakKeyDictionary[Session, bool] = WeakKeyDictionary()


def open_or_make(data: Any, name: str, is_shown: Callable[[Session], bool]) -> Session:
    """Return the session of an image, kept on disk if that is possible; safe on any thread.

    Parameters
    ----------
    data : array_like
        The image.
    name : str
        Of its layer.
    is_shown : callable
        Whether a session that this process has open belongs to a layer of a viewer. Otherwise
        it is taken over, with everything that can be undone.

    Returns
    -------
    Session
        One that is not kept, if it is in use elsewhere or the disk does not allow it.

    Raises
    ------
    ImageError
        If the image can't be analysed.
    """
    try:
        return open_session(data, name)
    except (SessionInUse, OutputError, SessionUnreadableError) as error:
        session = Session(data, name)
        if isinstance(error, SessionInUse):
            known = open_here(session.rgb)
            if known is not None and not is_shown(known):
                known.name = name
                return known
        _WARNINGS[session] = f"{error} What is done here is not kept when napari closes."
        return session


def tell_about(session: Session) -> None:
    """Tell the user once what was restored, or that nothing is kept; on the main thread."""
    if session in _TOLD:
        return
    _TOLD[session] = True
    warning = _WARNINGS.pop(session, None)
    if warning is not None:
        show_warning(warning)
    if session.restored is not None:
        show_info(session.restored)
