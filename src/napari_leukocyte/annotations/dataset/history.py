"""The history of each object, replayed from a session's journal.

The journal holds what each command made of the session; here that becomes what it did to each
object. Masks that were computed again and again, as while a slider moves, become one event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.provenance import Event
from napari_leukocyte.reporting.record import model_sha256
from napari_leukocyte.session.codec import BadRecordError, Record, decode
from napari_leukocyte.session.difference import Difference
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.session.reviews import FLAGS, UNREVIEWED, Review

_COMPUTED = frozenset({"maps", "weights", "params", "markers"})


def replay_events(
    records: Iterable[bytes],
    shape: tuple[int, int],
    *,
    since: int = 0,
    segmentation: Mapping[str, Any] | None = None,
) -> list[Event]:
    """Return what happened in a session, as events of its objects.

    Parameters
    ----------
    records : iterable of bytes
        Of its journal, without the first, which says whose it is.
    shape : tuple of int
        Of the image: height and width, px.
    since : int
        Only what came after so many commands.
    segmentation : mapping, optional
        The model of the maps in use.

    Returns
    -------
    list of Event
        Oldest first. What comes after a damaged record is left out.
    """
    decoded = []
    for data in records:
        try:
            decoded.append(decode(data))
        except BadRecordError:
            break
    maps = [r.maps for r in decoded if r.maps_changed]
    builder = EventBuilder(np.zeros(shape, np.int32), maps[-1] if maps else None, segmentation)
    try:
        for place, record in enumerate(decoded):
            builder.follow(record, summary=place == 0 and record.number > 1)
            if record.number <= since:
                builder.forget()
    except (ValueError, KeyError, TypeError, IndexError):
        # A record that does not fit the ones before it: the session itself ends there, too.
        pass
    return builder.end()


@dataclass
class EventBuilder:
    """Builds the events of objects from a session's records, one after the other.

    Attributes
    ----------
    labels : ndarray
        (H, W) int32: the label image after the records so far.
    last_maps : object
        The maps in use at the end; only of those is the model known.
    segmentation : mapping or None
        That model.
    """

    labels: NDArray[np.int32]
    last_maps: object
    segmentation: Mapping[str, Any] | None
    events: list[Event] = field(default_factory=list)
    areas: dict[int, int] = field(default_factory=dict)
    edited: frozenset[int] = frozenset()
    reviews: dict[int, Review] = field(default_factory=dict)
    predictions: Predictions | None = None
    signed: Any = None
    maps: object = None
    #: Computed masks that may yet be computed again.
    pending: dict[int, Event] = field(default_factory=dict)
    #: Objects that have events already.
    known: set[int] = field(default_factory=set)
    known_areas: dict[int, int] = field(default_factory=dict)
    #: Objects with an event of their removal, that may come back as they were.
    gone: set[int] = field(default_factory=set)

    def follow(self, record: Record, summary: bool) -> None:
        """Take one record; `summary` if it stands for several that were joined."""
        step = record.step
        if record.maps_changed:
            self.maps = record.maps
        self.edited = step.after.get("edited", self.edited)
        if step.labels is not None:
            self._add_masks(step.labels, record, summary)
        if "predictions" in step.after:
            self._add_predictions(self.predictions, step.after["predictions"], record, summary)
            self.predictions = step.after["predictions"]
        for label, review in step.reviews_after.items():
            old = self.reviews.get(label, UNREVIEWED)
            new = review or UNREVIEWED
            # What is undone was not said again: the moment is that of the undo.
            said_now = new.when and new.when >= old.when
            who = (new.reader, new.when) if said_now else (record.reader, record.when)
            self._add_review(label, old, new, who, summary)
            self.reviews[label] = new
        if "signed_off" in step.after:
            self._add_sign_off(step.after["signed_off"], record, summary)

    def forget(self) -> None:
        """Leave out the events so far, as they are known already."""
        self.known |= {e.label for e in self.events if e.label is not None} | set(self.pending)
        self.known_areas.update(self.areas)
        self.events.clear()
        self.pending.clear()

    def end(self) -> list[Event]:
        """Return the events, oldest first."""
        for label in list(self.pending):
            self._flush(label)
        return self.events

    # -- masks ----------------------------------------------------------------------------

    def _add_masks(self, difference: Difference, record: Record, summary: bool) -> None:
        y0, x0, y1, x1 = difference.box
        if not (0 <= y0 < y1 <= self.labels.shape[0] and 0 <= x0 < x1 <= self.labels.shape[1]):
            raise ValueError("a difference does not fit the image")
        part = self.labels[y0:y1, x0:x1]
        # Only the part that differs is copied, whatever the image's size.
        new = replace(difference, box=(0, 0, *part.shape)).applied_to(np.ascontiguousarray(part))
        gain = _areas(new)
        for label, area in _areas(part).items():
            gain[label] = gain.get(label, 0) - area
        changed = part != new
        touched = set(np.unique(part[changed]).tolist()) | set(np.unique(new[changed]).tolist())
        self.labels[y0:y1, x0:x1] = new
        by_hand = not (_COMPUTED & set(record.step.after) or record.maps_changed)
        for label in sorted(touched - {0}):
            before = self.areas.get(label, 0)
            after = self.areas[label] = before + gain.get(label, 0)
            self._add_mask(label, before, after, record, by_hand or label in self.edited, summary)

    def _add_mask(
        self, label: int, before: int, after: int, record: Record, by_hand: bool, summary: bool
    ) -> None:
        if not after:
            pending = self.pending.pop(label, None)
            self.areas.pop(label, None)
            if label not in self.known and not (by_hand and pending):
                return  # nobody has seen it
            if pending is not None and label not in self.known:
                self._add(pending)
            before = self.known_areas.pop(label, before)
            self._add(self._event(label, "removed", before, None, record, by_hand, summary))
            self.known.discard(label)
            self.gone.add(label)
            return
        is_known = label in self.known
        kind = "mask changed" if is_known else "drawn"
        shown = self.known_areas.get(label, before) if is_known else None
        event = self._event(label, kind, shown or None, after, record, by_hand, summary)
        if by_hand:
            if not is_known and label in self.pending:
                self._flush(label)
                event = replace(event, kind="mask changed", before=before)
            self.pending.pop(label, None)
            self._add(event)
        else:
            self.pending[label] = event

    def _event(
        self,
        label: int,
        kind: Any,
        before: Any,
        after: Any,
        record: Record,
        by_hand: bool,
        summary: bool,
    ) -> Event:
        event = Event(label, kind, before, after, when=record.when, summary=summary)
        if by_hand:
            return replace(event, reader=record.reader)
        if self.maps is not None and self.maps == self.last_maps and self.segmentation:
            name = str(self.segmentation.get("model", ""))
            return replace(event, model=name, sha256=model_sha256(self.segmentation))
        return event

    def _flush(self, label: int) -> None:
        """Add the event of a computed mask, since something else happens to it now."""
        event = self.pending.pop(label, None)
        if event is not None:
            self._add(event)

    def _add(self, event: Event) -> None:
        if event.label is not None and event.kind != "removed":
            self.known.add(event.label)
            if event.kind in ("drawn", "mask changed"):
                self.known_areas[event.label] = event.after
        self.events.append(event)
        if event.kind == "drawn" and event.label in self.gone:
            self.gone.discard(event.label)
            self._restore_statements(event.label, event)

    def _restore_statements(self, label: int, back: Event) -> None:
        """Repeat what was said of an object that comes back, since its removal ended that."""
        predictions = self.predictions
        name = None if predictions is None else predictions.classes.get(label)
        if predictions is not None and name is not None:
            self._add(_prediction(label, None, name, predictions, back.when, back.summary))
        review = self.reviews.get(label, UNREVIEWED)
        who = (back.reader or review.reader, back.when)
        self._add_review(label, UNREVIEWED, review, who, back.summary)

    # -- classes --------------------------------------------------------------------------

    def _add_predictions(
        self, old: Predictions | None, new: Predictions | None, record: Record, summary: bool
    ) -> None:
        before = {} if old is None else old.classes
        after = {} if new is None else new.classes
        same = old is not None and new is not None
        same = same and (old.model, old.description) == (new.model, new.description)  # type: ignore[union-attr]
        for label in sorted(set(before) | set(after)):
            if label not in self.areas or (same and before.get(label) == after.get(label)):
                continue
            self._flush(label)
            said = before.get(label), after.get(label)
            self._add(_prediction(label, *said, new, record.when, summary))

    def _add_review(
        self, label: int, old: Review, new: Review, who: tuple[str, str], summary: bool
    ) -> None:
        """Add what of a review changed; `who` said so, and when."""
        predicted = None if self.predictions is None else self.predictions.classes.get(label)
        base = Event(label, "classified", reader=who[0], when=who[1], summary=summary)
        found: list[Event] = []
        if new.class_name and new.class_name != old.class_name:
            before = old.class_name or predicted
            found.append(replace(base, before=before, after=new.class_name))
        elif (old.reviewed and not new.reviewed) or (old.class_name and not new.class_name):
            before = old.class_name or predicted
            found.append(replace(base, kind="decision withdrawn", before=before, after=predicted))
        elif new.reviewed and not old.reviewed:
            name = new.class_name or predicted
            found.append(replace(base, kind="confirmed", before=name, after=name))
        if new.flags != old.flags:
            flags = [[f for f in FLAGS if f in r.flags] for r in (old, new)]
            found.append(replace(base, kind="flagged", before=flags[0], after=flags[1]))
        if new.note != old.note:
            found.append(replace(base, kind="noted", before=old.note, after=new.note))
        if found and label in self.areas:
            self._flush(label)
            for event in found:
                self._add(event)

    def _add_sign_off(self, signed: Any, record: Record, summary: bool) -> None:
        before = None if self.signed is None else self.signed.reader
        self.signed = signed
        if signed is None:
            event = Event(None, "sign-off withdrawn", before, None, record.reader)
            self.events.append(replace(event, when=record.when, summary=summary))
        else:
            event = Event(None, "signed off", before, signed.reader, signed.reader)
            self.events.append(replace(event, when=signed.when, summary=summary))


def _prediction(
    label: int,
    before: str | None,
    after: str | None,
    by: Predictions | None,
    when: str,
    summary: bool,
) -> Event:
    description = {} if by is None else {"model": by.model, **by.description}
    return Event(
        label,
        "predicted",
        before,
        after,
        model="" if by is None else by.model,
        sha256=model_sha256(description),
        when=when,
        summary=summary,
    )


def _areas(labels: NDArray[np.int32]) -> dict[int, int]:
    numbers, counts = np.unique(labels, return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))
