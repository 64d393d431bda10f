"""Begin, follow and end the blind read of a session, as a reader asks for it."""

from __future__ import annotations

import secrets
from typing import Protocol

from napari_leukocyte.counting.agreement import draw_blind
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.schema import LABEL
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import tell, telling_errors
from napari_leukocyte.ui.review.form import ReviewForm

_NOTHING = "There is nothing to read blindly: the model has classified none of these cells."


class BlindView(Protocol):
    """A view of a session whose cells can be read blindly."""

    @property
    def session(self) -> Session | None:
        """Whose cells are shown."""

    def say_in_passing(self, text: str) -> None:
        """Say something that need not stay."""


class BlindRun:
    """Turns the controls of a blind read into commands of the session, and shows its result.

    Parameters
    ----------
    view : BlindView
        In which the cells are.
    form : ReviewForm
        With the controls.
    """

    def __init__(self, view: BlindView, form: ReviewForm) -> None:
        self._view, self._form = view, form
        #: Name of the image if the read was begun some other time.
        self._going_on = ""
        form.blind.started.connect(self.start)
        form.blind.stopped.connect(self.end)

    def start(self, share: float, which: str) -> None:
        """Draw cells and begin.

        Parameters
        ----------
        share : float
            Part of the cells, 0 to 1.
        which : {"unreviewed", "all"}
            Of which cells.
        """
        session = self._view.session
        if session is None:
            self._view.say_in_passing(_NOTHING)
            return
        table = session.table()
        chosen = table["predicted"].notna()
        if which == "unreviewed":
            chosen &= ~table["reviewed"]
        labels = table[LABEL][chosen].tolist()
        if not labels:
            self._view.say_in_passing(_NOTHING)
            return
        self._going_on = ""
        self._form.blind.show_agreement(None)
        with telling_errors():
            session.begin_blind(draw_blind(labels, share, secrets.randbelow(2**31), session.name))

    def end(self) -> None:
        """End the read, and show what came of it."""
        session = self._view.session
        read = None if session is None else session.end_blind()
        if session is not None and read is not None:
            predicted = session.table()[[LABEL, "predicted"]].dropna()
            classes = dict(zip(predicted[LABEL], predicted["predicted"], strict=True))
            self._form.blind.show_agreement(read.agreement(classes))
            self._form.show_report()

    def follow(self) -> None:
        """Go on with the read of the session that is now shown, if one was begun."""
        session, form = self._view.session, self._form
        self._going_on = ""
        if session is None:
            return
        if session.blind_problem:
            tell(ParameterError(session.blind_problem))
        elif session.blind is not None:
            self._going_on = session.name
            form.blind.show_agreement(None)
        if session.hidden:
            form.blind_section.heading.setChecked(True)

    def update_now(self) -> None:
        """Show how far the read is; end it once every cell that still exists is read."""
        session, panel = self._view.session, self._form.blind
        if session is None:
            panel.show_read(None)
        elif session.blind_problem:
            panel.show_lost()
        elif session.blind is not None and not session.hidden:
            self.end()
        else:
            panel.show_read(session.blind, self._going_on)
