"""What the widget *Map of the cells* computes off the main thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.embedding_map.cells import Source
from napari_leukocyte.interpretation.embedding_map.layout import Layout
from napari_leukocyte.interpretation.embedding_map.making import CellMap, make_map
from napari_leukocyte.interpretation.embedding_map.suspects import LabelSuspect, find_label_suspects
from napari_leukocyte.learning.head.features import Features, features_of
from napari_leukocyte.progress import Progress
from napari_leukocyte.ui.embedding_map.shown import ShownMap, Wanted

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
        return features, f"{error} The map shows how {features.manifest.name} sees the cells."


def map_work(
    wanted: Wanted, features: Features, former: Layout | None, *, anew: bool
) -> Callable[[Progress], tuple[CellMap, Suspects, tuple[str | None, ...]]]:
    """Return what makes a map, and finds the doubtful among the classes as they are now."""
    sources = [
        Source(s.rgb, labels) for s, labels in zip(wanted.sessions, wanted.labels, strict=True)
    ]
    said: list[Mapping[int, object]] = []
    for session in wanted.sessions:
        table = session.table()
        said.append(dict(zip(table["label"].tolist(), table["class"].tolist(), strict=True)))

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
