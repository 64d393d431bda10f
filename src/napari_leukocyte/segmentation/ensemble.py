"""The ensemble: every member's maps, and the vote over them.

The weighted mean is the vote of Chernykh, Mikhelev and others (2024): each member's output times
its weight, then the mean. On photographs of laboratories that no member was trained on, one of them
may call a quarter of a field leukocyte; where all have to agree, that is not believed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Manifest, Member
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.segmentation.finder import Diameter, estimate_diameter
from napari_leukocyte.segmentation.frame import without_frame
from napari_leukocyte.segmentation.parameters import PostprocessParams, Vote
from napari_leukocyte.segmentation.tiles import Network, lattice, predict_tiled

#: Diameters, px, for which cells can be found at all.
DIAMETER_RANGE = (8.0, 2000.0)
#: The rule of the vote, unless another is asked for.
DEFAULT_VOTE: Vote = PostprocessParams().vote


@dataclass(frozen=True, eq=False)
class MemberMaps:
    """The maps of every member of an ensemble for one image.

    Attributes
    ----------
    cell, nucleus : ndarray
        (M, H, W) float32, 0 to 1.
    names : tuple of str
        Names of the members.
    weights : tuple of float
        The model's own weights of the members.
    diameter : float
        Diameter of a leukocyte, px, that the image was scaled by.
    model : str
        Name of the model.
    sha256 : tuple of str
        Checksums of the members' files.
    notes : tuple of str
        What a user should know, a sentence each.
    """

    cell: NDArray[np.float32]
    nucleus: NDArray[np.float32]
    names: tuple[str, ...]
    weights: tuple[float, ...]
    diameter: float
    model: str
    sha256: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    def combine(
        self, weights: Sequence[float] | None = None, rule: Vote = DEFAULT_VOTE
    ) -> NDArray[np.float32]:
        """Return the vote on the cell maps, (H, W) float32.

        Parameters
        ----------
        weights : sequence of float, optional
            One for each member, not negative, not all 0; the model's own by default. A member
            whose weight is 0 has no vote.
        rule : {"minimum", "geometric", "mean"}
            See :class:`napari_leukocyte.segmentation.parameters.PostprocessParams`.

        Raises
        ------
        ParameterError
            If the weights do not fit.
        """
        return _vote(self.cell, self._shares(weights), rule)

    def voting(self, weights: Sequence[float] | None = None) -> NDArray[np.bool_]:
        """Return which members have a vote, (M,) bool; weights as in `combine`."""
        return np.array(self._shares(weights)) > 0

    def combine_nucleus(self, weights: Sequence[float] | None = None) -> NDArray[np.float32]:
        """Return the weighted mean of the nucleus maps, (H, W) float32; weights as in `combine`."""
        return _vote(self.nucleus, self._shares(weights), "mean")

    def disagreement(self, weights: Sequence[float] | None = None) -> NDArray[np.float32]:
        """Return the weighted standard deviation between the members' cell maps.

        Parameters
        ----------
        weights : sequence of float, optional
            As in `combine`.

        Returns
        -------
        ndarray
            (H, W) float32, 0 (the members agree) to 0.5.
        """
        shares = self._shares(weights)
        mean = _vote(self.cell, shares, "mean")
        variance = np.zeros_like(mean)
        for share, member in zip(shares, self.cell, strict=True):
            variance += np.float32(share) * (member - mean) ** 2
        return np.minimum(np.sqrt(variance), np.float32(0.5))

    def _shares(self, weights: Sequence[float] | None) -> tuple[float, ...]:
        try:
            given = self.weights if weights is None else tuple(float(w) for w in weights)
        except (TypeError, ValueError) as error:
            raise ParameterError("The members' weights must be numbers, one for each.") from error
        if len(given) != len(self.names):
            raise ParameterError(
                "{given} weights were given for {number} members ({names}).",
                given=len(given),
                number=len(self.names),
                names=", ".join(self.names),
            )
        total = sum(given)
        if not (all(w >= 0 for w in given) and 0 < total < math.inf):
            raise ParameterError("The members' weights must not be negative, and not all 0.")
        return tuple(w / total for w in given)


def _vote(maps: NDArray[np.float32], shares: tuple[float, ...], rule: Vote) -> NDArray[np.float32]:
    if rule == "minimum":
        # One by one: a copy of all maps would be the largest thing in memory.
        voting = [member for share, member in zip(shares, maps, strict=True) if share > 0]
        least: NDArray[np.float32] = voting[0].astype(np.float32)
        for member in voting[1:]:
            np.minimum(least, member, out=least)
        return least
    if rule == "geometric":
        logarithm = np.zeros(maps.shape[1:], np.float32)
        for share, member in zip(shares, maps, strict=True):
            if share > 0:
                # Half precision knows no smaller probability, and 0 has no logarithm.
                logarithm += np.float32(share) * np.log(np.maximum(member, np.float32(1e-7)))
        return np.minimum(np.exp(logarithm, out=logarithm), np.float32(1), out=logarithm)
    result = np.zeros(maps.shape[1:], np.float32)
    for share, member in zip(shares, maps, strict=True):
        if share > 0:
            result += np.float32(share) * member
    return np.minimum(result, np.float32(1), out=result)


def segment_members(
    image: ArrayLike,
    model: str = "default",
    diameter: float | Literal["auto"] = "auto",
    progress: Progress | None = None,
) -> MemberMaps:
    """Run every member of an ensemble over an image.

    Parameters
    ----------
    image : array_like
        See :func:`napari_leukocyte.io.images.normalise.normalise_image`.
    model : str
        ``"default"``, the name of a model, or the path of its folder.
    diameter : float or "auto"
        Diameter of a leukocyte, px; ``"auto"`` estimates it.
    progress : callable, optional
        Called after each tile; it may raise :class:`~napari_leukocyte.errors.Cancelled`.

    Returns
    -------
    MemberMaps
        The maps, from which :meth:`MemberMaps.combine` votes with any weights.

    Raises
    ------
    ImageError, ModelError, ParameterError
        With one sentence on what is wrong.

    Examples
    --------
    >>> import napari_leukocyte as nl
    >>> smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    >>> maps = nl.segment_members(smear.image, diameter=60)
    >>> maps.names
    ('unet-lite0', 'unet-lite1', 'unet-lite2')
    >>> maps.cell.shape
    (3, 300, 300)
    >>> maps.combine(weights=(1, 0, 0), rule="mean").shape
    (300, 300)
    """
    normalised = normalise_image(image)
    manifest = find_model("segmentation", model)
    report = progress or silent
    framed = without_frame(normalised.rgb)
    size = _diameter(framed.rgb, diameter, report)
    members = manifest.members
    shape = framed.rgb.shape[:2]
    scales = [m.diameter_px / size.px for m in members]
    total = sum(lattice(shape, s).n_tiles for s in scales)
    maps = np.zeros((len(members), 2, *shape), np.float32)
    done = 0
    report(0, total, "Segmenting")
    for member, scale, out in zip(members, scales, maps, strict=True):

        def after_tile(name: str = member.name) -> None:
            nonlocal done
            done += 1
            report(done, total, f"Segmenting ({name})")

        predict_tiled(framed.rgb, scale, network_of(member), out, after_tile)
    # Weights of a tile's fades add up to one but for rounding.
    np.clip(maps, 0, 1, out=maps)
    if framed.outside is not None:
        maps[:, :, framed.outside] = 0
    return MemberMaps(
        cell=maps[:, 0],
        nucleus=maps[:, 1],
        names=tuple(m.name for m in members),
        weights=tuple(m.weight for m in members),
        diameter=size.px,
        model=manifest.name,
        sha256=tuple(m.sha256 for m in members),
        notes=normalised.notes + framed.notes + size.notes + _without_nuclei(manifest),
    )


def segment(
    image: ArrayLike,
    model: str = "default",
    diameter: float | Literal["auto"] = "auto",
    weights: Sequence[float] | None = None,
    progress: Progress | None = None,
    vote: Vote = DEFAULT_VOTE,
) -> NDArray[np.float32]:
    """Return the ensemble's probability of a leukocyte for every pixel.

    Parameters
    ----------
    image, model, diameter, progress
        See :func:`segment_members`, which also gives the nuclei and the diameter found.
    weights : sequence of float, optional
        Weights of the members in the vote; the model's own by default.
    vote : {"minimum", "geometric", "mean"}
        Rule of the vote, see :class:`napari_leukocyte.segmentation.parameters.PostprocessParams`.

    Returns
    -------
    ndarray
        (H, W) float32, 0 to 1.

    Examples
    --------
    >>> import napari_leukocyte as nl
    >>> smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    >>> probability = nl.segment(smear.image)
    >>> probability.shape, probability.dtype.name
    ((300, 300), 'float32')
    >>> cells = smear.labels > 0
    >>> bool(probability[cells].mean() > 0.8 and probability[~cells].mean() < 0.1)
    True
    """
    return segment_members(image, model, diameter, progress).combine(weights, vote)


def network_of(member: Member) -> Network:
    """Return a member of a segmentation model as a function of a batch.

    The nucleus map of a network that gives none is 0 everywhere.
    """

    def network(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        size = batch.shape[:3]
        maps = runtime.run(member, batch, (*size, 1), (*size, 2))[0]
        return maps if maps.shape[-1] == 2 else np.concatenate([maps, np.zeros_like(maps)], axis=-1)

    return network


def _without_nuclei(manifest: Manifest) -> tuple[str, ...]:
    if manifest.outputs != ("cell",):
        return ()
    return (
        f"The model {manifest.name} maps no nuclei: cells can't be parted by them, and the "
        "nucleus's share of a cell is not measured.",
    )


def _diameter(
    rgb: NDArray[np.uint8],
    diameter: float | Literal["auto"],
    progress: Progress,
) -> Diameter:
    if diameter == "auto":
        return estimate_diameter(rgb, progress)
    low, high = DIAMETER_RANGE
    if not (isinstance(diameter, Real) and low <= float(diameter) <= high):
        raise ParameterError(
            'The diameter must be "auto" or from {low:g} to {high:g} px, not {diameter!r}.',
            low=low,
            high=high,
            diameter=diameter,
        )
    return Diameter(float(diameter))
