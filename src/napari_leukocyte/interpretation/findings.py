"""All findings on one cell, in one go: map, words, similar cells, and the second class."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.measurements import Region
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.activation import NoActivationMapError
from napari_leukocyte.interpretation.attributes import Attribute, AttributeHead, load_head
from napari_leukocyte.interpretation.counterfactual import (
    DeletionCounterfactual,
    EmbeddingStep,
    deletion_counterfactual,
    step_to_second,
)
from napari_leukocyte.interpretation.cropping import CellCrops, cut_cell
from napari_leukocyte.interpretation.explanation import DEFAULT_METHOD, Explanation, explain
from napari_leukocyte.interpretation.measured import Measured, measure_cell
from napari_leukocyte.interpretation.scoring import ExplainSettings, Method, Scorer
from napari_leukocyte.interpretation.similar_cells import Neighbour, load_reference_cells
from napari_leukocyte.language import tr
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.progress import Progress, silent

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Question:
    """A cell, a classifier and a method that an explanation is asked of.

    Attributes
    ----------
    rgb : ndarray
        (H, W, 3) uint8: the whole image.
    region : Region
        The cell.
    classifier : Manifest
        The classifier.
    nucleus : ndarray or None
        (H, W), 0 to 1: the probability of a nucleus.
    background : ndarray or None
        (3,): colour of the image's background, if it is known.
    class_name : str or None
        The class to be explained; the likeliest by default.
    method : str
        One of :data:`napari_leukocyte.interpretation.scoring.METHODS`.
    settings : ExplainSettings
        Its parameters.
    """

    rgb: NDArray[np.uint8]
    region: Region
    classifier: Manifest
    nucleus: NDArray[np.float32] | None = None
    background: NDArray[np.float64] | None = None
    class_name: str | None = None
    method: Method = DEFAULT_METHOD
    settings: ExplainSettings = field(default_factory=ExplainSettings)


@dataclass(frozen=True, eq=False)
class Findings:
    """All findings on one cell.

    Attributes
    ----------
    label : int
        The cell.
    crops : CellCrops
        What the classifier sees of it.
    explanation : Explanation
        The map.
    deletion : DeletionCounterfactual or None
        What is hidden until the class is another.
    measured : Measured
        What the masks say.
    head : AttributeHead or None
        What tells attributes.
    attributes : tuple of Attribute
        What it tells.
    step : EmbeddingStep or None
        To the second class.
    neighbours : tuple of Neighbour
        The most similar cells of the training sets.
    notes : tuple of str
        What could not be said, a sentence each.
    """

    label: int
    crops: CellCrops
    explanation: Explanation
    deletion: DeletionCounterfactual | None
    measured: Measured
    head: AttributeHead | None = None
    attributes: tuple[Attribute, ...] = ()
    step: EmbeddingStep | None = None
    neighbours: tuple[Neighbour, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Map:
    explanation: Explanation
    deletion: DeletionCounterfactual | None
    notes: tuple[str, ...]


#: Maps that were made, for whichever window asks again; the longest unused goes. Each takes 100 KB.
_MAPS: OrderedDict[tuple[object, ...], _Map] = OrderedDict()
_MOST = 256
_LOCK = threading.Lock()


def find_out(question: Question, progress: Progress | None = None) -> Findings:
    """Explain one cell: map, words, similar cells, and what would change its class.

    Parameters
    ----------
    question : Question
        What is asked. If the default method can't be used with this classifier, occlusion
        takes its place, and the notes say so.
    progress : callable, optional
        Called after each run of a network; it may raise
        :class:`~napari_leukocyte.errors.Cancelled`.

    Returns
    -------
    Findings

    Raises
    ------
    LeukocyteError
        One sentence, if no map can be made. Lacking words or similar cells are only noted.
    """
    q = question
    crops = cut_cell(q.rgb, q.region, q.classifier, q.background)
    made = _map(q, crops, progress or silent)
    explanation, embedding = made.explanation, made.explanation.embedding
    notes = list(made.notes)
    head = _or_note(lambda: load_head(q.classifier), notes)
    known = _or_note(lambda: load_reference_cells(q.classifier), notes)
    attributes: tuple[Attribute, ...] = ()
    step: EmbeddingStep | None = None
    neighbours: tuple[Neighbour, ...] = ()
    if embedding is None:
        if head is not None or known is not None:
            notes.append(
                tr(
                    "The classifier {name} gives no embedding, which words and similar cells are "
                    "found by.",
                    name=q.classifier.name,
                )
            )
    else:
        if head is not None:
            attributes = head.tell(embedding)
            step = _or_note(
                lambda: step_to_second(q.classifier, explanation, embedding, head), notes
            )
        if known is not None:
            neighbours = known.nearest(embedding)
    return Findings(
        label=q.region.label,
        crops=crops,
        explanation=explanation,
        deletion=made.deletion,
        measured=measure_cell(q.rgb, q.region, q.nucleus, q.background),
        head=head,
        attributes=attributes,
        step=step,
        neighbours=neighbours,
        notes=tuple(dict.fromkeys(notes)),
    )


def forget() -> None:
    """Forget the maps that were made."""
    with _LOCK:
        _MAPS.clear()


def _map(question: Question, crops: CellCrops, progress: Progress) -> _Map:
    """Return the map of a cell; made once for the same pixels, networks, class and settings."""
    q = question
    networks = tuple((m.sha256, m.weight, m.diameter_px) for m in q.classifier.members)
    model = (*networks, q.classifier.views, q.classifier.temperature, q.classifier.classes)
    key = (crops.sha256, model, q.class_name, q.method, q.settings)
    with _LOCK:
        if key in _MAPS:
            _MAPS.move_to_end(key)
            return _MAPS[key]
    notes: tuple[str, ...] = ()
    try:
        explanation = explain(crops, q.classifier, q.class_name, q.method, q.settings, progress)
    except NoActivationMapError as error:
        notes = (f"{error} Occlusion is shown instead.",)
        explanation = explain(crops, q.classifier, q.class_name, "occlusion", q.settings, progress)
    scorer = Scorer(crops, q.classifier, q.settings.fill, progress)
    made = _Map(explanation, deletion_counterfactual(scorer, explanation), notes)
    with _LOCK:
        _MAPS[key] = made
        while len(_MAPS) > _MOST:
            _MAPS.popitem(last=False)
    return made


def _or_note(find: Callable[[], T], notes: list[str]) -> T | None:
    """Do without what can't be had, and note why."""
    try:
        return find()
    except LeukocyteError as error:
        notes.append(str(error))
        return None
