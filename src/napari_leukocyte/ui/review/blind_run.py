"""A blind read as it goes on: who answers, and what is hidden until then."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari_leukocyte.counting.blind import BlindRead, draw_blind
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.schema import LABEL
from napari_leukocyte.session.blind_reads import StoredRead, load_read, remove_read, save_read
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import folder_of
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.review.blind_notice import blind_notice

if TYPE_CHECKING:
    from napari_leukocyte.ui.review.widget import ReviewWidget

_NOTHING = "There is nothing to read blindly: the model has classified none of these cells."


class BlindRun:
    """Starts, follows and ends a blind read.

    Parameters
    ----------
    widget : ReviewWidget
        In which it happens.

    Attributes
    ----------
    read : BlindRead or None
        What is going on.
    """

    def __init__(self, widget: ReviewWidget) -> None:
        self._widget = widget
        self.read: BlindRead | None = None
        #: Classes that readers had given before it began: they are no answers.
        self._before: Mapping[int, str] = {}
        #: Name of the image if the read was begun some other time.
        self._going_on = ""
        #: Reads of sessions that are not written down.
        self._in_memory: WeakKeyDictionary[Session, StoredRead] = WeakKeyDictionary()
        self._layer: Any = None

    def connect_panel(self) -> None:
        """Listen to the buttons."""
        panel = self._widget.form.blind
        panel.started.connect(self.start)
        panel.stopped.connect(lambda: self.set_read(None))

    def start(self, share: float, which: str) -> None:
        """Draw cells and begin.

        Parameters
        ----------
        share : float
            Part of the cells, 0 to 1.
        which : {"unreviewed", "all"}
            Of which cells.
        """
        session = self._widget.session
        if session is None:
            self._widget.viewer.status = _NOTHING
            return
        table = session.table()
        chosen = table["predicted"].notna()
        if which == "unreviewed":
            chosen &= ~table["reviewed"]
        labels = table[LABEL][chosen].tolist()
        if not labels:
            self._widget.viewer.status = _NOTHING
            return
        try:
            read = draw_blind(labels, share, secrets.randbelow(2**31), session.name)
        except LeukocyteError as error:
            tell(error)
            return
        self.set_read(read)

    def set_read(self, read: BlindRead | None) -> None:
        """Begin with a read, or end the one that goes on and report."""
        widget, former = self._widget, self.read
        session, panel = widget.session, widget.form.blind
        self.read, self._going_on = read, ""
        if read is not None and session is not None:
            self._before = session.assigned
            self._keep()
            panel.show_agreement(None)
            self._hide_objects()
        else:
            self._drop()
            self.show_objects()
            if former is not None and session is not None:
                predicted = session.table()[[LABEL, "predicted"]].dropna()
                classes = dict(zip(predicted[LABEL], predicted["predicted"], strict=True))
                panel.show_agreement(former.agreement(classes))
                widget.form.show_report()
        panel.show_read(read)
        widget.update_now()
        blind_notice.changed.emit()

    def take_up(self) -> None:
        """Go on with the read of the session that is now shown, if one was begun."""
        session = self._widget.session
        if session is None:
            return
        folder = folder_of(session)
        try:
            kept = self._in_memory.get(session) if folder is None else load_read(folder)
        except LeukocyteError as error:
            tell(error)
            return
        if kept is None:
            return
        self.read, self._before, self._going_on = kept.read, kept.before, session.name
        panel = self._widget.form.blind
        panel.show_agreement(None)
        panel.show_read(self.read, self._going_on)
        self._widget.form.blind_section.heading.setChecked(True)
        self._hide_objects()
        blind_notice.changed.emit()

    def forget(self) -> None:
        """Let a read rest without a report: another image is chosen."""
        if self.read is not None:
            self.read = None
            self.show_objects()
            self._widget.form.blind.show_read(None)

    def answer(self, labels: Sequence[int], name: str) -> None:
        """Take a class that the reader gave cells for the answer of those that are hidden."""
        self._answer(dict.fromkeys(labels, name))

    def _answer(self, classes: Mapping[int, str]) -> None:
        before = self.read
        if self.read is not None:
            for label, name in classes.items():
                self.read = self.read.answer(label, name)
            if self.read is not before:
                self._keep()
                self._widget.form.blind.show_read(self.read, self._going_on)

    def hidden(self) -> Collection[int]:
        """Return the cells whose model's class must not be shown, after any answers elsewhere."""
        session = self._widget.session
        if self.read is None or session is None:
            return ()
        self._hide_objects()
        given = session.assigned.items()
        self._answer({n: c for n, c in given if c != self._before.get(n)})
        return frozenset(n for n in self.read.labels if self.read.hidden(n))

    def end_if_done(self) -> None:
        """End and report once every cell that still exists is read."""
        session = self._widget.session
        if self.read is None or session is None:
            return
        existing = set(session.table()[LABEL])
        if not any(self.read.hidden(n) for n in self.read.labels & existing):
            self.set_read(None)

    # -- where it is kept -----------------------------------------------------------------

    def _keep(self) -> None:
        """Write down how far the read is, so that it survives the window."""
        session = self._widget.session
        if self.read is None or session is None:
            return
        kept, folder = StoredRead(self.read, self._before), folder_of(session)
        if folder is None:
            self._in_memory[session] = kept
            return
        try:
            save_read(folder, kept)
        except LeukocyteError as error:
            tell(error)

    def _drop(self) -> None:
        session = self._widget.session
        if session is not None:
            self._in_memory.pop(session, None)
            folder = folder_of(session)
            if folder is not None:
                remove_read(folder)

    # -- the layer that would tell --------------------------------------------------------

    def _hide_objects(self) -> None:
        layer = self._widget.objects_layer()
        # One that the user has shown again stays.
        if layer is not None and layer is not self._layer and layer.visible:
            self._layer = layer
            layer.visible = False

    def show_objects(self) -> None:
        """Show the layer of objects again that was hidden."""
        layer, self._layer = self._layer, None
        if layer is not None:
            layer.visible = True
