"""Objects and candidates of an image: regions of the vote, parted from each other by evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.language import tr_n
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.evidence import score_objects
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.segmentation.postprocess import (
    find_regions,
    keep_regions,
    off_border,
    within_limits,
)

#: Score from which a region is never removed for its area.
CONVINCING = 0.4
#: Score below which a region is not worth a look.
FAINT = 0.02


@dataclass(frozen=True, eq=False)
class Objects:
    """Everything that the maps of an image show.

    Attributes
    ----------
    labels : ndarray
        (H, W) int32: the objects, 1 to N without a gap.
    scores : dict of int to float
        The evidence that each is a leukocyte, 0 to 1.
    candidates : ndarray
        (H, W) int32: regions that look less like leukocytes, 1 to K.
    candidate_scores : dict of int to float
        The same for each of these.
    """

    labels: NDArray[np.int32]
    scores: dict[int, float]
    candidates: NDArray[np.int32]
    candidate_scores: dict[int, float] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know, a sentence each."""
        return (candidates_text(len(self.candidate_scores)),) if self.candidate_scores else ()


def candidates_text(count: int) -> str:
    """Return the sentence about candidates."""
    return tr_n(
        "1 more region looks less like a leukocyte and was not taken.",
        "{n} more regions look less like leukocytes and were not taken.",
        count,
    )


def find_objects(
    maps: MemberMaps,
    params: PostprocessParams = PostprocessParams(),  # noqa: B008 - frozen
    weights: Sequence[float] | None = None,
    markers: ArrayLike | None = None,
    *,
    vote: NDArray[np.float32] | None = None,
    nucleus: NDArray[np.float32] | None = None,
) -> Objects:
    """Find the objects that an ensemble's maps show.

    Parameters
    ----------
    maps : MemberMaps
        Of the image.
    params : PostprocessParams
        The rule of the vote, the post-processing, and the least score of an object.
    weights : sequence of float, optional
        Of the members; the model's own by default.
    markers : array_like, optional
        (N, 2): y and x, px, of points that a user placed; needed for ``watershed="points"``.
    vote, nucleus : ndarray, optional
        What `maps.combine` and `maps.combine_nucleus` give with these weights, if it is known.

    Returns
    -------
    Objects
        With ``least_score`` 0 exactly the objects of
        :func:`~napari_leukocyte.segmentation.postprocess.postprocess`, and no candidates.

    Raises
    ------
    ParameterError
        If the weights do not fit or the parameters need markers that are not there.
    """
    if vote is None:
        vote = maps.combine(weights, params.vote)
    if nucleus is None:
        nucleus = maps.combine_nucleus(weights)
    by_area = params.least_score == 0
    regions, areas, size = find_regions(
        vote, params, maps.diameter, nucleus, markers, by_area=by_area
    )
    regions = np.where(areas[regions] > 0, regions, 0).astype(np.int32)
    scores = np.zeros(len(areas))
    for number, score in score_labels(regions, maps, weights).items():
        scores[number] = score
    kept, faint = select(areas, scores, size, params)
    kept, faint = (off_border(regions, chosen, params) for chosen in (kept, faint))
    return Objects(
        keep_regions(regions, kept),
        _by_number(scores[kept]),
        keep_regions(regions, faint),
        _by_number(scores[faint]),
    )


def select(
    areas: NDArray[np.int64],
    scores: NDArray[np.float64],
    diameter: float,
    params: PostprocessParams,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell objects from candidates by all regions' areas and scores, but for the border's rule.

    Parameters
    ----------
    areas : ndarray
        (N + 1,) by number, px; 0 is none.
    scores : ndarray
        (N + 1,) by number, 0 to 1.
    diameter : float
        Diameter of a leukocyte, px.
    params : PostprocessParams
        The deviations, and the least score.

    Returns
    -------
    objects, candidates : ndarray
        (N + 1,) bool by number.
    """
    if params.least_score == 0:
        return within_limits(areas, diameter, params), np.zeros(areas.shape, bool)
    convincing = (scores >= max(CONVINCING, params.least_score)) & (areas > 0)
    kept = within_limits(areas, diameter, params, convincing) & (scores >= params.least_score)
    return kept, (areas > 0) & ~kept & (scores >= FAINT)


def score_labels(
    labels: NDArray[np.int32], maps: MemberMaps, weights: Sequence[float] | None = None
) -> dict[int, float]:
    """Score the objects of any label image of the maps' image, also those drawn by hand.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32.
    maps : MemberMaps
        Of the image.
    weights : sequence of float, optional
        Of the members; one without weight has no say.

    Returns
    -------
    dict of int to float
        The evidence that each label is a leukocyte, 0 to 1.
    """
    voting = maps.voting(weights)
    cell, nucleus = maps.cell, maps.nucleus
    if not voting.all():
        cell, nucleus = cell[voting], nucleus[voting]
    return score_objects(labels, cell, nucleus, maps.diameter)


def _by_number(scores: NDArray[np.float64]) -> dict[int, float]:
    """Return the scores of regions by the numbers that `keep_regions` gives them."""
    return dict(enumerate(scores.tolist(), start=1))
