"""The networks' run over the fields of a smear that they have not seen, one after the other.

The session of a field is only held while the result is written into it, so that the field can be
opened, reviewed and drawn in all the while; what was drawn meanwhile is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.analysis.pipeline import check_unattended
from napari_leukocyte.analysis.smear.inspection import sentence
from napari_leukocyte.analysis.smear.reading import hold_session, read_session
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.classification import inference as classification
from napari_leukocyte.errors import Cancelled, OutputError
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.language import later
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.segmentation import ensemble
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.computation import Computed
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import SessionInUse

#: Steps of the progress for each field, and how many of them the segmentation takes.
STEPS, _SEGMENTATION = 100, 80
#: A result that does not fit any more, since someone drew meanwhile, is computed again so often.
_ATTEMPTS = 4


@dataclass(frozen=True)
class AnalysisOptions:
    """Settings of the analysis of fields.

    Attributes
    ----------
    model, classifier : str
        Names of models, or ``"default"``.
    diameter : float or "auto"
        Of a leukocyte, px.
    params : PostprocessParams
        Of the post-processing.
    weights : tuple of float or None
        Of the members; the model's own if None.
    """

    model: str = "default"
    classifier: str = "default"
    diameter: float | Literal["auto"] = "auto"
    params: PostprocessParams = PostprocessParams()  # noqa: RUF009 - frozen
    weights: tuple[float, ...] | None = None

    def check(self) -> None:
        """Find before any network runs what is wrong.

        Raises
        ------
        ModelError, ParameterError
            If a model is missing, or a user would have to place points.
        """
        check_unattended(self.params, self.diameter)
        find_model("segmentation", self.model)
        find_model("classification", self.classifier)


@dataclass(frozen=True, eq=False)
class Finding:
    """The networks' findings in a field.

    Attributes
    ----------
    computed : Computed or None
        Maps and label image; None if the field had them before.
    labels : ndarray
        (H, W) int32: the label image that the predictions are about.
    predictions : Predictions or None
        The classifier's; None if there are no cells.
    """

    computed: Computed | None
    labels: NDArray[np.int32]
    predictions: Predictions | None


#: Takes a finding over into the session of an image, (H, W, 3) uint8, that a window holds. Returns
#: "done", "again" if the finding does not fit what is there now, "gone" if no window holds it.
HandOver = Callable[[NDArray[np.uint8], Finding], Literal["done", "again", "gone"]]


def find(session: Session, options: AnalysisOptions, progress: Progress = silent) -> Finding | None:
    """Compute what a field lacks; nothing of the session is changed.

    Parameters
    ----------
    session : Session
        Of the field; one that is read only will do.
    options : AnalysisOptions
        How.
    progress : callable, optional
        See `STEPS`.

    Returns
    -------
    Finding or None
        None if the networks have nothing to do.

    Raises
    ------
    ModelError, ParameterError
        If the field can't be analysed this way.
    """
    computed: Computed | None = None
    labels: NDArray[np.int32] = session.labels
    nucleus = session.nucleus
    if session.maps is None and not labels.any():
        maps = ensemble.segment_members(
            session.rgb, options.model, options.diameter, _part(progress, 0, _SEGMENTATION)
        )
        weights = options.weights
        fitting = weights if weights is not None and len(weights) == len(maps.names) else None
        computation = session.plan(maps=maps, weights=fitting, params=options.params)
        if computation is not None:
            computed = computation.run()
            labels, nucleus = computed.labels, computed.votes.nucleus
    elif session.predictions is not None:
        return None
    predictions = None
    if labels.any():
        manifest = find_model("classification", options.classifier)
        table = classification.classify(
            session.rgb,
            labels,
            options.classifier,
            nucleus=nucleus,
            progress=_part(progress, _SEGMENTATION, STEPS),
        )
        predictions = Predictions(table, manifest.name, describe_model(manifest))
    elif computed is None:
        return None
    return Finding(computed, labels, predictions)


def take(session: Session, finding: Finding) -> bool:
    """Take a finding over into a session, as one step that can be undone.

    Returns
    -------
    bool
        False if the classes do not fit the cells, because someone has drawn meanwhile; the maps
        are then taken nevertheless, and `find` has only the classes left to do.

    Raises
    ------
    OutputError
        If it can't be written down.
    """
    with session.group(later("Segment and classify")):
        if finding.computed is not None:
            session.take(finding.computed)
        fits = np.array_equal(session.labels, finding.labels)
        if fits and finding.predictions is not None:
            told = finding.predictions
            session.set_predictions(told.table, told.model, told.description)
    return fits


def analyse_field(
    path: Path,
    options: AnalysisOptions,
    hand_over: HandOver | None = None,
    progress: Progress = silent,
) -> None:
    """Analyse one field and write the result into its session.

    Raises
    ------
    LeukocyteError
        If the file can't be read, the analysis fails or the session is open elsewhere.
    """
    rgb = normalise_image(read_image(path)).rgb
    for _ in range(_ATTEMPTS):
        finding = find(read_session(rgb, path.name), options, progress)
        if finding is None or _write(rgb, path.name, finding, hand_over):
            return


def _write(rgb: NDArray[np.uint8], name: str, finding: Finding, hand_over: HandOver | None) -> bool:
    """Write a finding where it belongs; say whether it fitted."""
    try:
        with hold_session(rgb, name) as session:
            return take(session, finding)
    except SessionInUse:
        if hand_over is None:
            raise
    answer = hand_over(rgb, finding)
    if answer == "gone":
        # Just closed, or held by another program.
        with hold_session(rgb, name) as session:
            return take(session, finding)
    return answer == "done"


def analyse_fields(
    smear: Smear,
    options: AnalysisOptions,
    *,
    order: Sequence[int] | None = None,
    hand_over: HandOver | None = None,
    on_field: Callable[[int], None] | None = None,
    progress: Progress = silent,
) -> dict[int, str]:
    """Analyse the fields of a smear that the networks have not seen.

    A field that fails does not stop the others. A field is either analysed wholly or not at all
    when this is cancelled.

    Parameters
    ----------
    smear : Smear
        Whose fields.
    options : AnalysisOptions
        How.
    order : sequence of int, optional
        The fields, in the order in which they are done; by default all as they come.
    hand_over : callable, optional
        See `HandOver`; without it, a field whose session is open counts as failed.
    on_field : callable, optional
        Called with each field before it is begun and after it was looked at again.
    progress : callable, optional
        Called in the course of it; it may raise :class:`~napari_leukocyte.errors.Cancelled`.

    Returns
    -------
    dict of int to str
        The fields that failed, each with its sentence.

    Raises
    ------
    ModelError, ParameterError
        If the options are wrong; no field was begun then.
    OutputError
        If nothing more can be written down, such as on a full disk.
    """
    options.check()
    chosen = range(len(smear)) if order is None else order
    failed: dict[int, str] = {}
    for number, index in enumerate(chosen):
        path = smear.paths[index]
        start = STEPS * number

        def report(
            done: int, total: int, what: str, start: int = start, name: str = path.name
        ) -> None:
            progress(start + done, STEPS * len(chosen), f"{name}: {what}")

        report(0, STEPS, "reading")
        state = smear.inspect(index)
        if state.stage == "damaged":
            failed[index] = state.problem
        elif state.to_do and smear.double_of(index) is None:
            if on_field is not None:
                on_field(index)
            try:
                analyse_field(path, options, hand_over, report)
            except (OutputError, Cancelled):
                raise
            except Exception as error:
                # Whatever it is, the other fields must not suffer for it.
                failed[index] = sentence(path, error)
            smear.inspect(index)
        if on_field is not None:
            on_field(index)
    progress(STEPS * len(chosen), STEPS * len(chosen), "All fields")
    smear.remember()
    return failed


def _part(progress: Progress, start: int, end: int) -> Progress:
    """Return a progress callback that fills a part of another's steps."""

    def report(done: int, total: int, what: str) -> None:
        share = done / total if total else 0.0
        progress(start + round((end - start) * share), STEPS, what)

    return report
