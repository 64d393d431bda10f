"""The fields of a smear as sources of a map: also those that nobody has open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.analysis.smear.cells import SmearCells
from napari_leukocyte.analysis.smear.reading import read_field
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.embedding_map.cells import MapImage
from napari_leukocyte.schema import LABEL, PLACE

#: Stands for a field that can't be read any more.
_NOTHING = MapImage(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.int32))


class SmearField:
    """A field of a smear with its cells; its pixels are read when they are asked for.

    Parameters
    ----------
    cells : SmearCells
        Of the smear.
    field : int
        Index of the field.
    """

    def __init__(self, cells: SmearCells, field: int) -> None:
        self.cells, self.field = cells, field
        self._places = np.zeros((0, 0))

    @property
    def name(self) -> str:
        """What the field is called."""
        return self.cells.smear.paths[self.field].name

    @property
    def read_blindly(self) -> bool:
        """Whether some of its cells are being read blindly."""
        return bool(self.cells.smear.state(self.field).blind)

    def table(self) -> pd.DataFrame:
        """Return its cells, as :meth:`napari_leukocyte.session.session.Session.table` does."""
        return self.cells.field_table(self.field)

    @property
    def labels(self) -> NDArray[np.float64]:
        """Numbers and places of its cells, (N, 8): the same array as long as they are the same."""
        found = self.table()[[LABEL, *PLACE]].to_numpy(np.float64)
        if not np.array_equal(found, self._places):
            self._places = found
        return self._places

    @property
    def selection(self) -> frozenset[int]:
        """Numbers of its selected cells."""
        places = map(self.cells.place, self.cells.selection)
        return frozenset(p.label for p in places if p.field == self.field)

    def numbers(self, labels: Iterable[int]) -> list[int]:
        """Return the numbers in the smear of some of its cells."""
        return [self.cells.number(self.field, label) for label in labels]

    def image(self) -> MapImage:
        """Read its pixels and masks; takes a while."""
        try:
            session = read_field(self.cells.smear.paths[self.field], with_maps=False)
        except (LeukocyteError, MemoryError):
            return _NOTHING
        return MapImage(session.rgb, np.asarray(session.labels))


class FieldImages(Sequence[MapImage]):
    """The images of fields, one at a time in memory.

    Parameters
    ----------
    fields : sequence of SmearField
    """

    def __init__(self, fields: Sequence[SmearField]) -> None:
        self._fields = tuple(fields)

    def __len__(self) -> int:
        return len(self._fields)

    @overload
    def __getitem__(self, index: int) -> MapImage: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[MapImage]: ...

    def __getitem__(self, index: int | slice) -> MapImage | Sequence[MapImage]:
        if isinstance(index, slice):
            return FieldImages(self._fields[index])
        return self._fields[index].image()
