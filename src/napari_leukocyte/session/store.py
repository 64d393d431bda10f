"""The store of sessions on the disk: a folder for each image, found by the image's pixels.

A folder holds a journal of what was done (:mod:`napari_leukocyte.session.journal`), the maps of the
run in use (:mod:`napari_leukocyte.session.maps`), and a lock that is held while the session is
open. Now and then one record that holds everything so far takes the place of all.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from weakref import WeakKeyDictionary, WeakValueDictionary, finalize

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import LeukocyteError, OutputError
from napari_leukocyte.io.atomic import as_output_error, make_folder
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.language import joined, later
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.session.blinding import hidden_in
from napari_leukocyte.session.codec import Record, encode, whole
from napari_leukocyte.session.history import Step
from napari_leukocyte.session.journal import Journal
from napari_leukocyte.session.maps import MapsFile, load_maps, save_maps
from napari_leukocyte.session.restoring import FOLDER_VARIABLE as FOLDER_VARIABLE
from napari_leukocyte.session.restoring import JOURNAL, describe, owner, restore, summarise
from napari_leukocyte.session.restoring import SessionSummary as SessionSummary
from napari_leukocyte.session.restoring import SessionUnreadableError as SessionUnreadableError
from napari_leukocyte.session.restoring import session_folder as session_folder
from napari_leukocyte.session.restoring import sessions_folder as sessions_folder
from napari_leukocyte.session.reviews import now
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.state import State

LOCK = "lock"
#: A journal is rewritten once it is larger than this, bytes, and than so many times what was left
#: of it the last time.
REWRITE_SIZE, REWRITE_FACTOR = 4_000_000, 4


class SessionInUse(LeukocyteError):  # noqa: N818 - it is no error of the program
    """Another program, or another layer of this one, has an image's session open."""


class Store:
    """The folder of one session that is open; nobody else can open it meanwhile.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    key : str
        What the image is known by.
    shape : tuple of int
        The image's.

    Raises
    ------
    SessionInUse
        If someone else has it open.
    OutputError
        If it can't be written to.
    """

    def __init__(self, folder: Path, key: str, shape: tuple[int, int]) -> None:
        self._folder, self._key, self._shape = folder, key, shape
        # Opened in one thread, it may be closed in another.
        self._lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
        with as_output_error(folder):
            make_folder(folder)
            try:
                self._lock.acquire()
            except Timeout:
                raise SessionInUse(
                    "This image is open in another window or layer, where the work on it is kept."
                ) from None
        self._journal = Journal(folder / JOURNAL, owner(key, shape))
        self._files: WeakKeyDictionary[MemberMaps, MapsFile] = WeakKeyDictionary()
        self._number, self._next_label = 0, 1
        self._rewrite_at = REWRITE_SIZE
        self._closed = False

    def resume(self, *, with_maps: bool = True) -> tuple[State | None, int, str | None]:
        """Bring back what was done.

        Parameters
        ----------
        with_maps : bool
            Whether the maps are read as well, which takes longest. Without them, what is done may
            be about reviews only.

        Returns
        -------
        state : State or None
            None if nothing was done.
        next_label : int
            First number that no object had.
        sentence : str or None
            What there is to say of it.

        Raises
        ------
        SessionUnreadableError
            If the folder holds no session of this image.
        OutputError
            If a damaged journal can't be set aside.
        """
        restored = restore(self._folder, self._key, self._shape)
        if restored is None:
            return None, 1, None
        if restored.lost:
            self._set_aside()
        self._journal.size = restored.size
        self._number, self._next_label = restored.number, restored.next_label
        state = restored.state
        told = [describe(summarise(state))]
        if not with_maps:
            # One record of everything would be one without the maps.
            self._rewrite_at = sys.maxsize
        elif restored.maps is not None:
            maps = load_maps(self._folder, restored.maps)
            if maps is None:
                state = replace(state, weights=None)
                told.append(
                    later("Its probability maps are missing or damaged: run again for them.")
                )
            else:
                self._files[maps] = restored.maps
                state = replace(state, maps=maps)
        if restored.lost:
            told.append(
                later(
                    "A part of what was written is damaged, so the last of the work may be "
                    "missing; the damaged file was set aside."
                )
            )
        else:
            self._remove_unused(restored.maps)
        said = [sentence for sentence in told if sentence]
        return state, restored.next_label, joined(said) if said else None

    def record(self, step: Step, before: State, *, reader: str, next_label: int) -> None:
        """Write a step down; raises OutputError if that fails."""
        maps = step.after.get("maps")
        entry = Record(
            step,
            self._number + 1,
            next_label,
            None if maps is None else self.keep_maps(maps),
            "maps" in step.after,
            reader,
            now(),
        )
        if self._journal.size > self._rewrite_at:
            self._rewrite(before)
        self._journal.append(encode(entry))
        self._number, self._next_label = self._number + 1, next_label

    def keep_maps(self, maps: MemberMaps) -> MapsFile:
        """Write maps into a file, unless they are in one; raises OutputError if that fails."""
        known = self._files.get(maps)
        if known is None or not (self._folder / known.name).is_file():
            known = self._files[maps] = save_maps(self._folder, maps)
        return known

    def close(self) -> None:
        """Close journal and lock; a folder in which nothing was written goes."""
        if self._closed:
            return
        self._closed = True
        self._journal.close()
        empty = not (self._folder / JOURNAL).exists()
        if empty:
            self._remove_unused(None)
            with suppress(OSError):
                # While it is held: whoever comes next makes a new one.
                (self._folder / LOCK).unlink()
        self._lock.release()
        if empty:
            with suppress(OSError):
                self._folder.rmdir()

    def _rewrite(self, state: State) -> None:
        """Put one record of everything so far in the place of all; if that fails, later."""
        step, maps = whole(state), state.maps
        with suppress(OutputError):
            if step is not None:
                file = None if maps is None else self.keep_maps(maps)
                entry = Record(
                    step, self._number, self._next_label, file, maps is not None, "", now()
                )
                self._journal.rewrite([encode(entry)])
        self._rewrite_at = max(REWRITE_SIZE, REWRITE_FACTOR * self._journal.size)

    def _set_aside(self) -> None:
        """Keep a copy of a damaged journal before anything is written to it."""
        source = self._folder / JOURNAL
        target = source
        number = 0
        while target.exists():
            number += 1
            target = self._folder / f"damaged-{number}.bin"
        with as_output_error(target):
            target.write_bytes(source.read_bytes())

    def _remove_unused(self, used: MapsFile | None) -> None:
        for file in self._folder.glob("maps-*.npz"):
            if used is None or file.name != used.name:
                with suppress(OSError):
                    file.unlink()


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
