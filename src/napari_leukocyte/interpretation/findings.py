"""All that is said of one cell, found in one go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.regions import Region
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.attributes import Attribute, AttributeHead, load_head
from napari_leukocyte.interpretation.cache import Cache, key_of
from napari_leukocyte.interpretation.counterfactual import (
    DeletionCounterfactual,
    EmbeddingStep,
    deletion_counterfactual,
    step_to_second,
)
from napari_leukocyte.interpretation.cropping import CellCrops, cut_cell
from napari_leukocyte.interpretation.embedding import embed
from napari_leukocyte.interpretation.explanation import DEFAULT_METHOD, Explanation, explain
from napari_leukocyte.interpretation.graph import NoActivationMapError
from napari_leukocyte.interpretation.known import load_reference_cells
from napari_leukocyte.interpretation.measured import Measured, measure_cell
from napari_leukocyte.interpretation.neighbours import Neighbour
from napari_leukocyte.interpretation.scoring import Scorer
from napari_leukocyte.interpretation.settings import ExplainSettings, Method
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.progress import Progress, silent

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Question:
    """Of which cell, classifier and method an explanation is asked.

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
        One of :data:`napari_leukocyte.interpretation.settings.METHODS`.
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
    """All that is said of one cell.

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


#: Maps that were made, for whichever window asks again.
_MAPS: Cache[_Map] = Cache()


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
    progress = progress or silent
    q = question
    crops = cut_cell(q.rgb, q.region, q.classifier, q.background)
    made = _map(q, crops, progress)
    notes = list(made.notes)
    measured = measure_cell(q.rgb, q.region, q.nucleus, q.background)
    head = _or_note(partial(load_head, q.classifier), notes)
    known = _or_note(partial(load_reference_cells, q.classifier), notes)
    embedding = None
    if head is not None or known is not None:
        embedding = _or_note(lambda: embed([crops], q.classifier)[0], notes)
    attributes: tuple[Attribute, ...] = ()
    step: EmbeddingStep | None = None
    if head is not None and embedding is not None:
        attributes = head.tell(embedding)
        scorer = Scorer(crops, q.classifier, q.settings.fill, progress)
        step = _or_note(partial(step_to_second, scorer, made.explanation, head), notes)
    neighbours: tuple[Neighbour, ...] = ()
    if known is not None and embedding is not None:
        neighbours = known.nearest(embedding)
    return Findings(
        label=q.region.label,
        crops=crops,
        explanation=made.explanation,
        deletion=made.deletion,
        measured=measured,
        head=head,
        attributes=attributes,
        step=step,
        neighbours=neighbours,
        notes=tuple(dict.fromkeys(notes)),
    )


def _map(question: Question, crops: CellCrops, progress: Progress) -> _Map:
    q = question
    key = key_of(crops, q.classifier, q.class_name, q.method, q.settings)
    kept = _MAPS.find(key)
    if kept is not None:
        return kept
    notes: tuple[str, ...] = ()
    try:
        explanation = explain(crops, q.classifier, q.class_name, q.method, q.settings, progress)
    except NoActivationMapError as error:
        notes = (f"{error} Occlusion is shown instead.",)
        explanation = explain(crops, q.classifier, q.class_name, "occlusion", q.settings, progress)
    scorer = Scorer(crops, q.classifier, q.settings.fill, progress)
    made = _Map(explanation, deletion_counterfactual(scorer, explanation), notes)
    _MAPS.keep(key, made)
    return made


def _or_note(find: Callable[[], T], notes: list[str]) -> T | None:
    """Do without what can't be had, and note why."""
    try:
        return find()
    except LeukocyteError as error:
        notes.append(str(error))
        return None
