"""A photograph with its annotations and their history, as it goes into a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.provenance import Event
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.schema import LABEL

#: How the objects of a photograph came about, where nothing is known of it.
RECORD: Mapping[str, Any] = MappingProxyType(
    dict.fromkeys(("segmentation", "classification", "parameters", "markers", "sign_off"))
)


@dataclass(frozen=True, eq=False)
class Field:
    """A photograph, its objects and their history.

    Attributes
    ----------
    annotated : AnnotatedImage
        Name, label image and table; the table as
        :func:`napari_leukocyte.annotations.dataset.objects.tidy` makes it.
    rgb : ndarray
        (H, W, 3) uint8.
    file : Path or None
        The photograph's file, whose pixels these are.
    group : str
        What it was taken of; the split keeps a group on one side.
    events : tuple of Event
        What happened to its objects, oldest first.
    record : mapping
        How they came about: ``segmentation`` and ``classification`` (the models), ``parameters``,
        ``markers``, ``sign_off``; each may be None.
    erased : ndarray or None
        (H, W) bool: where a reader removed objects.
    left_out : frozenset of int
        Objects that it has besides, and that do not go into the dataset.
    """

    annotated: AnnotatedImage
    rgb: NDArray[np.uint8]
    file: Path | None
    group: str
    events: tuple[Event, ...] = ()
    record: Mapping[str, Any] = field(default_factory=lambda: RECORD)
    erased: NDArray[np.bool_] | None = None
    left_out: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """File name of the photograph."""
        return self.annotated.name

    @property
    def labels(self) -> NDArray[np.int32]:
        """(H, W) int32."""
        assert self.annotated.labels is not None  # noqa: S101 - every way here has set it
        return self.annotated.labels

    @property
    def table(self) -> pd.DataFrame:
        """One row an object."""
        return self.annotated.table

    def only_reviewed(self) -> Field:
        """Return the same without the objects that nobody has reviewed."""
        table = self.table
        kept = table[table["reviewed"]].reset_index(drop=True)
        if len(kept) == len(table):
            return self
        gone = sorted(set(table[LABEL].tolist()) - set(kept[LABEL].tolist()))
        labels = np.where(np.isin(self.labels, gone), np.int32(0), self.labels)
        return replace(
            self,
            annotated=replace(self.annotated, labels=labels, table=kept),
            events=tuple(e for e in self.events if e.label not in gone),
            left_out=self.left_out | frozenset(gone),
        )


#: Reads a field when it is its turn: a smear's photographs need not fit into memory together.
FieldLoader = Callable[[], Field]


class Fields:
    """Fields that are read one by one.

    Parameters
    ----------
    loaders : sequence of (str, callable)
        Name and what reads the field; it may raise LeukocyteError.
    """

    def __init__(self, loaders: Sequence[tuple[str, FieldLoader]]) -> None:
        self.loaders = tuple(loaders)

    def __len__(self) -> int:
        return len(self.loaders)

    def __iter__(self) -> Iterator[Field]:
        for _, load in self.loaders:
            yield load()

    @classmethod
    def of(cls, fields: Fields | Iterable[Field]) -> Fields:
        """Return fields as such; those that are read already are only wrapped."""
        if isinstance(fields, Fields):
            return fields
        return cls([(f.name, _constant(f)) for f in fields])


def _constant(value: Field) -> FieldLoader:
    return lambda: value


def default_group(name: str) -> str:
    """Return the group of a photograph of which nothing else is known: itself."""
    return Path(name).stem or name
