"""Listen to sessions for as long as they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from napari_leukocyte.session.session import Session


class Following:
    """Listens to the sessions that a view shows.

    Parameters
    ----------
    on_table : callable
        Called when the table of one has changed.
    on_selection : callable, optional
        Called when others of its objects are selected.

    Attributes
    ----------
    sessions : tuple of Session
        That are listened to.
    """

    def __init__(
        self, on_table: Callable[..., Any], on_selection: Callable[..., Any] | None = None
    ) -> None:
        self._on_table, self._on_selection = on_table, on_selection
        self.sessions: tuple[Session, ...] = ()

    def follow(self, sessions: Sequence[Session]) -> bool:
        """Listen to these and no others; say whether they are others than before."""
        if len(sessions) == len(self.sessions) and all(
            a is b for a, b in zip(sessions, self.sessions, strict=True)
        ):
            return False
        self.release()
        self.sessions = tuple(sessions)
        for session in self.sessions:
            session.table_changed.connect(self._on_table)
            if self._on_selection is not None:
                session.selection_changed.connect(self._on_selection)
        return True

    def release(self) -> None:
        """Listen to none."""
        for session in self.sessions:
            session.table_changed.disconnect(self._on_table, missing_ok=True)
            if self._on_selection is not None:
                session.selection_changed.disconnect(self._on_selection, missing_ok=True)
        self.sessions = ()
