"""The store of sessions on the disk: a folder for each image, found by the image's pixels.

A folder holds a journal of what was done (:mod:`napari_leukocyte.session.journal`), the maps of the
run in use (:mod:`napari_leukocyte.session.maps`), and a lock that is held while the session is
open. Now and then one record that holds everything so far takes the place of all.
"""

from __future__ import annotations

from pathlib import Path
from weakref import WeakValueDictionary, finalize

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.session.blinding import hidden_in
from napari_leukocyte.session.persistence import SessionInUse as SessionInUse
from napari_leukocyte.session.persistence import Store
from napari_leukocyte.session.restoring import FOLDER_VARIABLE as FOLDER_VARIABLE
from napari_leukocyte.session.restoring import JOURNAL, restore, summarise
from napari_leukocyte.session.restoring import SessionSummary as SessionSummary
from napari_leukocyte.session.restoring import SessionUnreadableError as SessionUnreadableError
from napari_leukocyte.session.restoring import session_folder as session_folder
from napari_leukocyte.session.restoring import sessions_folder as sessions_folder
from napari_leukocyte.session.session import Session

#: Sessions that are open in this process.
_OPEN: WeakValueDictionary[Path, Session] = WeakValueDictionary()


def open_session(image: ArrayLike, name: str, folder: Path | None = None) -> Session:
    """Open the session of an image; what was done on the same pixels before comes back.

    Parameters
    ----------
    image : array_like
        See :func:`napari_leukocyte.io.images.normalise.normalise_image`.
    name : str
        Shown to the user and written into tables.
    folder : Path, optional
        Of this session; `session_folder` by default.

    Returns
    -------
    Session
        Every command is on the disk before it returns. `Session.restored` says what came back.
        Closed by `Session.close`, or when it is no longer used.

    Raises
    ------
    ImageError
        If the image can't be used.
    SessionInUse
        If it is open elsewhere.
    SessionUnreadableError
        If the folder holds no session of this image.
    OutputError
        If the folder can't be written to.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import napari_leukocyte as nl
    >>> smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    >>> folder = Path(tempfile.mkdtemp()) / "session"
    >>> session = nl.sessions.open_session(smear.image, "field", folder)
    >>> session.accept_edit(smear.labels)
    >>> session.set_class([1], "neutrophil")
    >>> session.close()
    >>> again = nl.sessions.open_session(smear.image, "field", folder)
    >>> again.table().loc[0, "class"], again.review_progress
    ('neutrophil', (1, 5))
    >>> again.close()
    """
    session = Session(image, name)
    place = (session_folder(session.rgb) if folder is None else folder).absolute()
    shape = (int(session.rgb.shape[0]), int(session.rgb.shape[1]))
    store = Store(place, image_key(session.rgb), shape)
    try:
        state, next_label, session.restored = store.resume()
        session.attach(store, state, next_label)
        session.resume_blind(place)
    except BaseException:
        store.close()
        raise
    _OPEN[place] = session
    finalize(session, store.close)
    return session


def open_here(rgb_or_key: NDArray[np.uint8] | str) -> Session | None:
    """Return the session of an image that this process has open and writes down, or None."""
    key = rgb_or_key if isinstance(rgb_or_key, str) else image_key(rgb_or_key)
    session = _OPEN.get((sessions_folder() / key).absolute())
    return session if session is not None and session.is_persisted else None


def folder_of(session: Session) -> Path | None:
    """Return the folder that a session is written into; None if it is not written down."""
    if not session.is_persisted:
        return None
    return next((place for place, known in list(_OPEN.items()) if known is session), None)


def has_session(rgb: NDArray[np.uint8]) -> bool:
    """Whether something was done with an image before.

    Examples
    --------
    >>> import napari_leukocyte as nl
    >>> smear = nl.synthetic_smear((200, 200), seed=99, n_per_class={"basophil": 1}, diameter=60)
    >>> nl.sessions.has_session(smear.image)
    False
    """
    return (session_folder(rgb) / JOURNAL).is_file()


def peek(rgb_or_key: NDArray[np.uint8] | str) -> SessionSummary | None:
    """Look how far the work on an image has come, without opening its session.

    Parameters
    ----------
    rgb_or_key : ndarray or str
        (H, W, 3) uint8, or what `image_key` makes of it.

    Returns
    -------
    SessionSummary or None
        None if nothing was done with it, or what was done can't be read.

    Examples
    --------
    >>> import napari_leukocyte as nl
    >>> smear = nl.synthetic_smear((200, 200), seed=98, n_per_class={"basophil": 2}, diameter=60)
    >>> session = nl.sessions.open_session(smear.image, "field")
    >>> session.accept_edit(smear.labels)
    >>> session.close()
    >>> nl.sessions.peek(smear.image).objects
    2
    """
    key = rgb_or_key if isinstance(rgb_or_key, str) else image_key(rgb_or_key)
    folder = sessions_folder() / key
    try:
        restored = restore(folder)
    except LeukocyteError:
        return None
    if restored is None:
        return None
    return summarise(restored.state, hidden_in(folder, restored.state.numbers()))
