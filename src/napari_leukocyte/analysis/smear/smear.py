"""A smear: fields in an order, the state of each, their cells together, and a sign-off of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import RLock

import pandas as pd

from napari_leukocyte.analysis.smear import persistence
from napari_leukocyte.analysis.smear.fields import FieldState
from napari_leukocyte.analysis.smear.inspection import (
    FieldInspection,
    inspect_field,
    list_fields,
    smear_id,
    smears_folder,
)
from napari_leukocyte.analysis.smear.persistence import SmearSignOff
from napari_leukocyte.counting.leukogram import count, in_order
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.images.reading import passed_over
from napari_leukocyte.language import joined, later, later_n
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.session.reviews import now

#: So many fields are named where something is refused because of them.
_NAMED = 3


class Smear:
    """The fields of one smear. May be used from several threads.

    Parameters
    ----------
    given : iterable of Path
        A folder, or image files.

    Attributes
    ----------
    paths : tuple of Path
        The image files, in order.
    title : str
        What to call it: the folder's name.
    notes : tuple of str
        What a user should know, a sentence each.
    cells_file, candidates_file : Path
        Where the cells and the candidates of its fields may be kept; see
        :mod:`napari_leukocyte.analysis.smear.persistence` and
        :mod:`napari_leukocyte.analysis.smear.candidates`.

    Raises
    ------
    ImageError
        If a path does not exist or a folder has no image.
    """

    def __init__(self, given: Iterable[Path]) -> None:
        places = [Path(p) for p in given]
        self.paths: tuple[Path, ...] = tuple(list_fields(places))
        folder = places[0] if places and places[0].is_dir() else self.paths[0].parent
        self.title = folder.absolute().name or str(folder)
        name = smear_id(places)
        self._file = smears_folder() / f"{name}.json"
        self._inspections_file = smears_folder() / f"{name}-fields.json"
        self.cells_file = smears_folder() / f"{name}-cells.parquet"
        self.candidates_file = smears_folder() / f"{name}-candidates.json"
        self._lock = RLock()
        known = persistence.read_inspections(self._inspections_file)
        # Not shown before they were looked at again, which is quick where nothing changed.
        self._former = {p: known.get(str(p)) for p in self.paths}
        self._inspections: dict[Path, FieldInspection] = {
            p: FieldInspection(FieldState()) for p in self.paths
        }
        self._kept, told = persistence.read_record(self._file)
        self.notes: tuple[str, ...] = tuple(filter(None, (told, passed_over(places))))

    def __len__(self) -> int:
        return len(self.paths)

    # -- the fields -----------------------------------------------------------------------

    def state(self, index: int) -> FieldState:
        """Return the state of a field as it was last seen."""
        with self._lock:
            return self._inspections[self.paths[index]].state

    def inspect(self, index: int) -> FieldState:
        """Look at a field again, and return its state."""
        path = self.paths[index]
        with self._lock:
            former = self._inspections[path]
            if former.state.stage == "unread":
                former = self._former[path] or former
        seen = inspect_field(path, former)
        with self._lock:
            self._inspections[path] = seen
        return seen.state

    def inspect_all(self, progress: Progress = silent) -> None:
        """Look at all fields again, and remember what was seen for the next opening."""
        for index, path in enumerate(self.paths):
            progress(index, len(self), f"Looking at {path.name}")
            self.inspect(index)
        progress(len(self), len(self), "Looking at the fields")
        self.remember()

    def show(self, index: int, state: FieldState) -> None:
        """Take the state of a field from whoever has its session open."""
        with self._lock:
            path = self.paths[index]
            # Nothing of it was seen on the disk.
            self._inspections[path] = replace(self._inspections[path], state=state, journal=None)

    def remember(self) -> None:
        """Write down what was seen, so that the next opening is quick."""
        with self._lock:
            looks = {str(p): v for p, v in self._inspections.items() if v.state.stage != "unread"}
        persistence.write_inspections(self._inspections_file, looks)

    def double_of(self, index: int) -> int | None:
        """Return the first field with the same pixels, if that is another; it counts once."""
        with self._lock:
            keys = [self._inspections[p].state.key for p in self.paths]
        key = keys[index]
        first = keys.index(key) if key else index
        return None if first == index else first

    def counted(self) -> list[int]:
        """List the fields that can be used: those that can be read and are no doubles."""
        with self._lock:
            states = [self._inspections[p].state for p in self.paths]
        keys: set[str] = set()
        found = []
        for index, state in enumerate(states):
            if state.stage != "damaged" and not (state.key and state.key in keys):
                found.append(index)
                keys.add(state.key)
        return found

    def next_to_review(self, index: int) -> int | None:
        """Return the next field after one, round the end, that is not complete; None if all are."""
        usable = set(self.counted())
        for step in range(1, len(self) + 1):
            other = (index + step) % len(self)
            if other in usable and not self.state(other).complete:
                return other
        return None

    def begin(self) -> int:
        """Return the first field that was not finished the last time; else the first."""
        for index, path in enumerate(self.paths):
            former = self._former[path]
            if former is None or not (former.state.complete or former.state.stage == "damaged"):
                return index
        return 0

    # -- all fields together --------------------------------------------------------------

    def cells(self) -> pd.DataFrame:
        """Return the cells of all fields.

        Returns
        -------
        pandas.DataFrame
            ``image``; ``class``: the reader's word before the model's, missing where there is
            neither; ``reviewed``. One row a cell.
        """
        images: list[str] = []
        classes: list[str | None] = []
        reviewed: list[bool] = []
        for index in self.counted():
            state = self.state(index)
            found: list[str | None] = []
            for name in in_order(state.counts):
                number, sure = state.counts[name], state.sure.get(name, 0)
                found += [name] * number
                reviewed += [True] * sure + [False] * (number - sure)
            found += [None] * state.unclassified
            reviewed += [False] * state.unclassified
            images += [self.paths[index].name] * len(found)
            classes += found
        return pd.DataFrame(
            {
                "image": pd.Series(images, dtype="str"),
                "class": pd.Series(classes, dtype="str"),
                "reviewed": pd.Series(reviewed, dtype=bool),
            }
        )

    def totals(self) -> tuple[dict[str, int], int]:
        """Return how many cells of each class there are, and how many without one."""
        states = [self.state(index) for index in self.counted()]
        counts: Counter[str] = Counter()
        for state in states:
            counts.update(state.counts)
        return dict(counts), sum(state.unclassified for state in states)

    def sure(self) -> dict[str, int]:
        """Return how many reviewed cells of each class there are."""
        counts: Counter[str] = Counter()
        for index in self.counted():
            counts.update(self.state(index).sure)
        return dict(counts)

    def leukogram(self) -> pd.DataFrame:
        """Count the cells of all fields; see :func:`napari_leukocyte.counting.leukogram.count`."""
        settings = self.settings
        return count(self.cells(), (settings or DifferentialSettings()).counted)

    @property
    def settings(self) -> DifferentialSettings | None:
        """How the cells are counted; None if nobody has said so yet."""
        return self._kept.settings

    def set_settings(self, settings: DifferentialSettings) -> None:
        """Keep how the cells are counted; raises OutputError if that fails."""
        self._change(lambda kept: replace(kept, settings=settings))

    # -- signing off ----------------------------------------------------------------------

    @property
    def signed_off(self) -> SmearSignOff | None:
        """By whom and when the smear was signed off; see `check_sign_off`."""
        return self._kept.sign_off

    def why_not(self) -> str | None:
        """Say in one sentence what keeps the smear from being signed off; None if nothing does.

        In English; :func:`napari_leukocyte.language.tr` says it in the language in use.
        """
        usable = self.counted()
        states = [(self.paths[i].name, self.state(i)) for i in usable]
        waiting = [(name, missing) for name, state in states if (missing := state.missing())]
        if waiting:
            named = joined(
                (
                    later("{name} ({missing})", name=name, missing=missing)
                    for name, missing in waiting[:_NAMED]
                ),
                ", ",
            )
            more = len(waiting) - _NAMED
            rest = later(" and {n} more", n=more) if more > 0 else ""
            return later_n(
                "{fields} has to be finished before the sign-off: {named}{rest}.",
                "{fields} have to be finished before the sign-off: {named}{rest}.",
                len(waiting),
                fields=later_n(
                    "{waiting} of {n} field",
                    "{waiting} of {n} fields",
                    len(usable),
                    waiting=len(waiting),
                ),
                named=named,
                rest=rest,
            )
        if not sum(state.objects for _, state in states):
            return later("There are no cells to sign off.")
        return None

    def sign_off(self, reader: str, progress: Progress = silent) -> SmearSignOff:
        """Declare the count of the whole smear complete.

        Parameters
        ----------
        reader : str
            Who does.
        progress : callable, optional
            Called while the fields are looked at once more.

        Returns
        -------
        SmearSignOff

        Raises
        ------
        ParameterError
            If there are no cells, or a field has cells that are not reviewed or have no class, or
            was not analysed; the first such fields are named.
        OutputError
            If it can't be written down.
        """
        self.inspect_all(progress)
        reason = self.why_not()
        if reason is not None:
            raise ParameterError(reason)
        usable = self.counted()
        damaged = [p.name for i, p in enumerate(self.paths) if self.state(i).stage == "damaged"]
        signed = SmearSignOff(
            reader.strip(),
            now(),
            {self.state(i).key: self.state(i).digest for i in usable},
            tuple(damaged),
        )
        self._change(lambda kept: replace(kept, sign_off=signed))
        return signed

    def withdraw_sign_off(self) -> None:
        """Take the sign-off back; raises OutputError if that can't be written down."""
        self._change(persistence.without_sign_off)

    def check_sign_off(self) -> str | None:
        """Withdraw the sign-off if a field is no longer what was signed.

        Returns
        -------
        str or None
            One sentence on why it was withdrawn; None if it was not, or there is none.

        Raises
        ------
        OutputError
            If that can't be written down.
        """
        signed = self.signed_off
        if signed is None:
            return None
        with self._lock:
            states = [(p.name, self._inspections[p].state) for p in self.paths]
        if any(state.stage == "unread" for _, state in states):
            return None  # not everything was looked at yet
        present: set[str] = set()
        reason = None
        for name, state in states:
            present.add(state.key)
            if state.stage == "damaged":
                if name not in signed.left_out:
                    reason = reason or later("{name} can't be read any more", name=name)
            elif state.key not in signed.fields:
                reason = reason or later("{name} was added", name=name)
            elif state.digest and state.digest != signed.fields[state.key]:
                reason = reason or later("{name} was changed", name=name)
        if reason is None and not set(signed.fields) <= present:
            reason = later("a field was removed")
        if reason is None:
            return None
        self.withdraw_sign_off()
        return later(
            "The sign-off of the smear was withdrawn, since {reason} after it.", reason=reason
        )

    def _change(self, change: persistence.Change) -> None:
        kept = persistence.change_record(self._file, change)
        with self._lock:
            self._kept = kept


def open_smear(given: Sequence[Path]) -> Smear:
    """Open a smear and look at all of its fields; see `Smear`."""
    smear = Smear(given)
    smear.inspect_all()
    smear.check_sign_off()
    return smear
