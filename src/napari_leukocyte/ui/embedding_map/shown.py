"""The map that is shown: how it is made, whose cells its marks are, and what is said of one."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from weakref import WeakKeyDictionary

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import Features, features_of
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.gallery.cells import CellTable, GalleryCell
from napari_leukocyte.gallery.thumbnails import Thumbnails, ThumbnailStyle, extent_of
from napari_leukocyte.interpretation.embedding_map.cells import MapImage
from napari_leukocyte.interpretation.embedding_map.layout import Layout
from napari_leukocyte.interpretation.embedding_map.making import CellMap, make_map
from napari_leukocyte.interpretation.embedding_map.neighbours import (
    LabelSuspect,
    Outlier,
    find_label_suspects,
)
from napari_leukocyte.language import tr
from napari_leukocyte.progress import Progress
from napari_leukocyte.schema import LABEL
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.embedding_map.across_images import FieldImages, SmearField
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED
from napari_leukocyte.vocabulary import written

ListRow = tuple[int, tuple[str, ...]]
#: Whose cells a map shows: images that are open, or the fields of a smear.
MapSource: TypeAlias = Session | SmearField
_Labels: TypeAlias = NDArray[np.int32] | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Wanted:
    """The cells and the settings that a map is made of.

    Attributes
    ----------
    sessions : tuple of Session or SmearField
        Whose cells.
    labels : tuple of ndarray
        Their label images, or what stands for them, as they were then.
    classifier : str
        Who looks at the cells.
    """

    sessions: tuple[MapSource, ...]
    labels: tuple[_Labels, ...]
    classifier: str

    def same_as(self, other: Wanted | None) -> bool:
        """Whether the other map would be the same."""
        return (
            other is not None
            and self.classifier == other.classifier
            and len(self.sessions) == len(other.sessions)
            and all(a is b for a, b in zip(self.sessions, other.sessions, strict=True))
            and all(_same(a, b) for a, b in zip(self.labels, other.labels, strict=True))
        )


def wanted_of(sessions: Sequence[MapSource], classifier: str) -> Wanted:
    """Return what the map of some sessions is made of now."""
    return Wanted(tuple(sessions), tuple(s.labels for s in sessions), classifier)


def _same(one: _Labels, other: _Labels) -> bool:
    # Sessions replace their labels and never change them in place; both are alive, so that no
    # other array can have come to lie where one was.
    return bool(one.__array_interface__["data"] == other.__array_interface__["data"])


class ShownMap:
    """A map with the sessions whose cells are its rows.

    Parameters
    ----------
    found : CellMap
        The map.
    wanted : Wanted
        What it was made of.
    """

    def __init__(self, found: CellMap, wanted: Wanted) -> None:
        self.map, self.wanted = found, wanted
        self._owner = [wanted.sessions[i] for i in found.cells.sources.tolist()]
        self._labels: list[int] = found.cells.labels.tolist()
        self._cells: dict[MapSource, CellTable] = {}
        #: The class of each row, None for none.
        self.classes: tuple[str | None, ...] = (None,) * len(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def refresh(self) -> None:
        """Look again what is said of the cells."""
        self._cells, said = {}, {}
        for session in self.wanted.sessions:
            table = session.table()
            self._cells[session] = CellTable(table)
            names = (n if isinstance(n, str) else None for n in table["class"].tolist())
            said[session] = dict(zip(table[LABEL].tolist(), names, strict=True))
        rows = zip(self._owner, self._labels, strict=True)
        self.classes = tuple(said[session].get(label) for session, label in rows)

    @property
    def names(self) -> tuple[str, ...]:
        """The class of each row as it is shown."""
        return tuple(name or UNCLASSIFIED for name in self.classes)

    def selection(self) -> NDArray[np.bool_]:
        """Return which rows are selected in their sessions, (N,) bool."""
        rows = zip(self._owner, self._labels, strict=True)
        selected = {session: session.selection for session in self.wanted.sessions}
        return np.array([label in selected[session] for session, label in rows], bool)

    def picks(self, rows: Iterable[int]) -> dict[MapSource, list[int]]:
        """Return the cells of rows that still exist, by session."""
        found: dict[MapSource, list[int]] = {}
        for row in rows:
            session, label = self._owner[row], self._labels[row]
            if label in self._cells[session]:
                found.setdefault(session, []).append(label)
        return found

    def cell(self, row: int) -> tuple[MapSource, GalleryCell] | None:
        """Return a cell and whose it is; None if it is gone."""
        session, label = self._owner[row], self._labels[row]
        cells = self._cells.get(session)
        return None if cells is None or label not in cells else (session, cells[label])

    def title(self, row: int) -> str:
        """Return what a cell is called in a list."""
        label = str(self._labels[row])
        several = len(self.wanted.sessions) > 1
        return f"{self._owner[row].name}, {label}" if several else label

    def outlier_rows(self) -> list[ListRow]:
        """Return the list of outliers."""
        return [self._outlier(o) for o in self.map.outliers]

    def suspect_rows(self, suspects: Sequence[LabelSuspect]) -> list[ListRow]:
        """Return the list of doubtful classes."""
        return [
            (s.row, (self.title(s.row), tr(s.given), tr(s.suggested), f"{100 * s.belief:.0f} %"))
            for s in suspects
        ]

    def _outlier(self, found: Outlier) -> ListRow:
        name = self.names[found.row]
        return found.row, (
            self.title(found.row),
            tr(name),
            tr("{times:.1f} × usual", times=found.times),
        )


Suspects: TypeAlias = list[LabelSuspect] | None
_DEFAULT = "default"


def features_for(classifier: str) -> tuple[Features, str]:
    """Find who looks at the cells.

    Parameters
    ----------
    classifier : str
        Who gave the classes.

    Returns
    -------
    features : Features
        Of it, or of the default classifier if it gives no embedding.
    note : str
        Then one sentence that says so, else empty.

    Raises
    ------
    ModelError, RetrainingError
        If neither can.
    """
    try:
        return features_of(classifier), ""
    except LeukocyteError as error:
        if classifier == _DEFAULT:
            raise
        features = features_of(_DEFAULT)
        return features, tr(
            "{error} The map shows how {name} sees the cells.",
            error=error,
            name=features.manifest.name,
        )


def map_work(
    wanted: Wanted, features: Features, former: Layout | None, *, anew: bool
) -> Callable[[Progress], tuple[CellMap, Suspects, tuple[str | None, ...]]]:
    """Return what makes a map, and finds the doubtful among the classes as they are now."""
    sources: Sequence[MapImage] = [
        MapImage(s.rgb, np.asarray(labels, np.int32))
        for s, labels in zip(wanted.sessions, wanted.labels, strict=True)
        if isinstance(s, Session)
    ] or FieldImages([s for s in wanted.sessions if isinstance(s, SmearField)])
    said: list[Mapping[int, object]] = []
    for session in wanted.sessions:
        table = session.table()
        said.append(dict(zip(table[LABEL].tolist(), table["class"].tolist(), strict=True)))

    def work(progress: Progress) -> tuple[CellMap, Suspects, tuple[str | None, ...]]:
        found = make_map(sources, features, former, anew=anew, progress=progress)
        pairs = zip(found.cells.sources.tolist(), found.cells.labels.tolist(), strict=True)
        names = (said[source].get(label) for source, label in pairs)
        classes = tuple(n if isinstance(n, str) else None for n in names)
        return found, find_label_suspects(found.cells, classes, progress), classes

    return work


def suspects_work(shown: ShownMap, classes: Sequence[str | None]) -> Callable[[Progress], Suspects]:
    """Return what finds the doubtful among other classes of the same cells."""
    cells = shown.map.cells
    return lambda progress: find_label_suspects(cells, classes, progress)


_LOOK = ThumbnailStyle(110, outline=True)


class Tooltips:
    """Makes them, with a picture of the cell."""

    def __init__(self) -> None:
        self._pictures: WeakKeyDictionary[Session, Thumbnails[str]] = WeakKeyDictionary()

    def tell(self, session: MapSource, cell: GalleryCell) -> str:
        """Return what is said of a cell, as rich text; with its picture if its image is open."""
        if isinstance(session, SmearField):
            return describe(session.name, cell)
        pictures = self._pictures.setdefault(session, Thumbnails(session.rgb, _as_address))
        extent = extent_of(session.table())
        picture = pictures.cut(session.labels, cell.place, _LOOK, extent)
        return f'<img src="{picture}"><br>{describe(session.name, cell)}'


def describe(image: str, cell: GalleryCell) -> str:
    """Return what is known of a cell, as rich text."""
    lines = [f"<b>{html.escape(tr(cell.class_name or 'not classified').capitalize())}</b>"]
    if cell.predicted is not None:
        sure = f", {100 * cell.confidence:.0f} %" if cell.confidence == cell.confidence else ""
        lines.append(
            tr(
                "Model: {predicted}{sure}",
                predicted=html.escape(written(cell.predicted)),
                sure=sure,
            )
        )
    if cell.reviewed:
        lines.append(tr("Reviewed"))
    lines.append(tr("{image}, cell {label}", image=html.escape(image), label=cell.place.label))
    return "<br>".join(lines)


def _as_address(picture: NDArray[np.uint8]) -> str:
    _, encoded = cv2.imencode(".png", picture[..., ::-1])
    return f"data:image/png;base64,{base64.b64encode(encoded.tobytes()).decode()}"
