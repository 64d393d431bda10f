"""A blind read as it goes on: who answers, and what is hidden until then."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from napari_leukocyte.counting.blind import BlindRead, draw_blind
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.widgets.jobs import tell

if TYPE_CHECKING:
    from napari_leukocyte.widgets.review.widget import ReviewWidget

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
        self._before: dict[int, str] = {}
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
        labels = table["label"][chosen].tolist()
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
        self.read = read
        if read is not None and session is not None:
            self._before = session.assigned
            panel.show_agreement(None)
            self._hide_objects()
        else:
            self.show_objects()
            if former is not None and session is not None:
                predicted = session.table()[["label", "predicted"]].dropna()
                classes = dict(zip(predicted["label"], predicted["predicted"], strict=True))
                panel.show_agreement(former.agreement(classes))
                widget.form.show_report()
        panel.show_read(read)
        widget.update_now()

    def forget(self) -> None:
        """End without a report: another image is chosen."""
        if self.read is not None:
            self.read = None
            self.show_objects()
            self._widget.form.blind.show_read(None)

    def answer(self, labels: Sequence[int], name: str) -> None:
        """Take a class that the reader gave cells for the answer of those that are hidden."""
        if self.read is not None:
            for label in labels:
                self.read = self.read.answer(label, name)
            self._widget.form.blind.show_read(self.read)

    def hidden(self) -> Collection[int]:
        """Return the cells whose model's class must not be shown, after any answers elsewhere."""
        session = self._widget.session
        if self.read is None or session is None:
            return ()
        for label, name in session.assigned.items():
            if self.read.hidden(label) and name != self._before.get(label):
                self.answer([label], name)
        return frozenset(n for n in self.read.labels if self.read.hidden(n))

    def end_if_done(self) -> None:
        """End and report once every cell that still exists is read."""
        session = self._widget.session
        if self.read is None or session is None:
            return
        existing = set(session.table()["label"])
        if not any(self.read.hidden(n) for n in self.read.labels & existing):
            self.set_read(None)

    # -- the layer that would tell --------------------------------------------------------

    def _hide_objects(self) -> None:
        layer = self._widget.objects_layer()
        if layer is not None and layer.visible:
            self._layer = layer
            layer.visible = False

    def show_objects(self) -> None:
        """Show the layer of objects again that was hidden."""
        layer, self._layer = self._layer, None
        if layer is not None:
            layer.visible = True
