"""Commands on the cells of several images at once, undone and done again as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.undo import step_back


class Together:
    """Gives classes, and remembers which sessions had a part in the last command."""

    def __init__(self) -> None:
        self._last: list[tuple[Session, int]] = []
        self._undone = False

    def classify(self, picks: Mapping[Session, Sequence[int]], name: str, reader: str) -> bool:
        """Give cells a class, in every session as one step.

        Parameters
        ----------
        picks : mapping of Session to sequence of int
            Numbers of the objects.
        name : str
            The class.
        reader : str
            Who says so; empty if unknown.

        Returns
        -------
        bool
            Whether it was done. If one session fails, the user is told and it is done in none.
        """
        done: list[Session] = []
        for session, labels in picks.items():
            session.reader = reader or session.reader
            try:
                session.set_class(labels, name)
            except LeukocyteError as error:
                for former in done:
                    step_back(former)
                tell(error)
                return False
            done.append(session)
        self._last, self._undone = [(s, s.revision) for s in done], False
        return bool(done)

    def step_back(self, session: Session | None, *, again: bool = False) -> None:
        """Undo the last command, or do it again, in all sessions that had a part in it.

        If something else was done in one of them since, it is that session's last command.
        """
        ours = bool(self._last) and again == self._undone
        if ours and all(s.revision == revision for s, revision in self._last):
            for each, _ in self._last:
                step_back(each, again=again)
            self._last = [(s, s.revision) for s, _ in self._last]
            self._undone = not again
        else:
            step_back(session, again=again)
