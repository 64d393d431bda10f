"""The session of a field, read without being held, or held just as long as something is written.

A window that shows a field holds its session. Whoever only needs to know what was done there, for a
report or a sum, reads what is on the disk: every command is there before it returns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike

from napari_leukocyte.errors import OutputError
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.session.maps import load_maps
from napari_leukocyte.session.restoring import restore, session_folder, sessions_folder
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import Store

#: Stands for an image of which nothing is on the disk.
_NO_PIXELS = np.zeros((1, 1, 3), np.uint8)


class _NoRecorder:
    """Stands where commands are written down while a session is filled."""

    def record(self, *_: object, **__: object) -> NoReturn:
        raise OutputError("The work on this photograph was opened for reading only.")

    def keep_maps(self, _: object) -> NoReturn:
        raise OutputError("The work on this photograph was opened for reading only.")

    def close(self) -> None:
        pass


def read_session(image: ArrayLike, name: str, *, with_maps: bool = True) -> Session:
    """Return a copy of the session of an image as it is on the disk.

    Parameters
    ----------
    image : array_like
        See :func:`napari_leukocyte.io.images.normalise.normalise_image`.
    name : str
        Of the field.
    with_maps : bool
        Whether the probability maps are read as well, which takes longest.

    Returns
    -------
    Session
        What is done with it is not written down.

    Raises
    ------
    ImageError
        If the image can't be used.
    SessionUnreadableError
        If the folder holds no session of this image.
    """
    session = Session(image, name)
    folder = session_folder(session.rgb)
    restored = restore(folder, image_key(session.rgb))
    if restored is not None:
        file = restored.maps
        maps = load_maps(folder, file) if with_maps and file is not None else None
        weights = restored.state.weights if maps is not None else None
        state = replace(restored.state, maps=maps, weights=weights)
        session.attach(_NoRecorder(), state, restored.next_label)
        session.resume_blind(folder)
        session.close()
    return session


def read_field(path: Path, *, with_maps: bool = True) -> Session:
    """Return a copy of the session of an image file; see `read_session`.

    Raises
    ------
    ImageError, SessionUnreadableError
        If the file or what was done with it can't be read.
    """
    return read_session(read_image(path), path.name, with_maps=with_maps)


@contextmanager
def hold_session(image: ArrayLike, name: str) -> Iterator[Session]:
    """Hold the session of an image while something is written into it.

    Unlike those of :func:`napari_leukocyte.session.store.open_session`, no view of this process can
    find it and take it over, so that a thread may work on it.

    Yields
    ------
    Session
        With what was done before.

    Raises
    ------
    ImageError, SessionInUse, SessionUnreadableError, OutputError
        As `open_session` does.
    """
    session = Session(image, name)
    shape = (int(session.rgb.shape[0]), int(session.rgb.shape[1]))
    folder = session_folder(session.rgb).absolute()
    store = Store(folder, image_key(session.rgb), shape)
    try:
        state, next_label, session.restored = store.resume()
        session.attach(store, state, next_label)
        session.resume_blind(folder)
        yield session
    finally:
        session.close()
        store.close()


@contextmanager
def hold_reviews(key: str, name: str) -> Iterator[Session]:
    """Hold the session of a field while something is said of its cells: quick, and without pixels.

    Parameters
    ----------
    key : str
        Of the field's pixels, see :func:`napari_leukocyte.io.images.key.image_key`.
    name : str
        Of the field.

    Yields
    ------
    Session
        With what was done before, but for pixels and maps: fit for reviews, flags and notes only.

    Raises
    ------
    SessionInUse, SessionUnreadableError, OutputError
        As :func:`napari_leukocyte.session.store.open_session` does.
    """
    folder = sessions_folder() / key
    restored = restore(folder, key)
    shape = (0, 0) if restored is None else restored.state.labels.shape
    store = Store(folder.absolute(), key, shape)
    try:
        state, next_label, sentence = store.resume(with_maps=False)
        session = Session(np.zeros((*shape, 3), np.uint8) if state else _NO_PIXELS, name)
        session.restored = sentence
        session.attach(store, state, next_label)
        session.resume_blind(folder.absolute())
        yield session
        session.close()
    finally:
        store.close()
