"""The classes of a dataset, each with the folder of its crops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from napari_leukocyte.annotations.dataset.layout import unique_name
from napari_leukocyte.counting.own_classes import load_own_classes
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.validation import Truth
from napari_leukocyte.reporting.drawing import UNCLASSIFIED
from napari_leukocyte.vocabulary import CLASSES, GROUPS, CellClass


@dataclass(frozen=True)
class DatasetClass:
    """A class of cell in a dataset.

    Attributes
    ----------
    name, color, key, counted
        See :class:`napari_leukocyte.vocabulary.CellClass`.
    folder : str
        Of its crops.
    """

    name: str
    color: str
    key: str
    counted: Truth
    folder: str

    def cell_class(self) -> CellClass:
        """Return the class without its folder."""
        return CellClass(self.name, self.color, self.key, self.counted)


def gather_classes(
    names: Iterable[str], former: Sequence[DatasetClass] = ()
) -> tuple[DatasetClass, ...]:
    """Return the classes of a dataset.

    Parameters
    ----------
    names : iterable of str
        Of the objects.
    former : sequence of DatasetClass
        Those of the version before, which all stay: nobody's indices may change because a class
        has lost its last cell.

    Returns
    -------
    tuple of DatasetClass
        In the vocabulary's order, then the user's own, then others by name. Folders stay as they
        were.
    """
    try:
        own = load_own_classes()
    except ParameterError:
        own = ()
    known = {c.name: c for c in (*CLASSES, *GROUPS, *own)}
    earlier = {c.name: c for c in former}
    wanted = set(names) | set(earlier)
    order = [n for n in known if n in wanted] + sorted(wanted - set(known))
    folders = [c.folder for c in former]
    result = []
    for name in order:
        if name in earlier:
            result.append(earlier[name])
            continue
        folder = unique_name(name.lower(), folders)
        folders.append(folder)
        found = known.get(name) or CellClass(name, UNCLASSIFIED, "", counted=False)
        result.append(DatasetClass(name, found.color, found.key, found.counted, folder))
    return tuple(result)
