"""The plan of a slide: all that its blocks have in common, fixed before the first is looked at."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.analysis.slide.blocks import BLOCK_PX, OVERLAP, least_overlap
from napari_leukocyte.analysis.slide.sampling import estimate_on_slide
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.images.background import background_color
from napari_leukocyte.io.images.normalise import SMALLEST_SIDE_PX
from napari_leukocyte.io.slides.image import SlideImage
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.segmentation.ensemble import DIAMETER_RANGE
from napari_leukocyte.segmentation.finder import Diameter, estimate_diameter
from napari_leukocyte.segmentation.frame import SAID, find_frame, without_frame
from napari_leukocyte.segmentation.parameters import PostprocessParams

#: Pixels up to which an image is looked at in one piece, as a photograph is.
IN_ONE_PIECE = 25_000_000
#: Longer side of the coarse copy of a larger one, px.
COARSE_PX = 1024
#: Diameters of a leukocyte, µm, that blood has: others mean that a number in the file is wrong.
PLAUSIBLE_UM = (6.0, 30.0)


@dataclass(frozen=True, eq=False)
class SlidePlan:
    """All that the blocks of a slide have in common.

    Attributes
    ----------
    shape : (int, int)
        Height and width of the slide, px.
    diameter : float
        Diameter of a leukocyte, px.
    params : PostprocessParams
        Of the post-processing.
    model : str
        Segmentation model: a name or a folder.
    classifier : str or None
        Classifier; None if objects are only measured.
    background : tuple of float
        RGB of the empty background, 0 to 255.
    block_px : int
        Longest side of a block, px.
    overlap_px : int
        How far a block looks beyond itself, px.
    frame : ndarray or None
        (h, w) uint8 coarse mask, 1 where there is no image.
    notes : tuple of str
        What a user should know, a sentence each.
    """

    shape: tuple[int, int]
    diameter: float
    params: PostprocessParams
    model: str
    classifier: str | None
    background: tuple[float, float, float]
    block_px: int
    overlap_px: int
    frame: NDArray[np.uint8] | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        least = least_overlap(self.params, self.diameter)
        if self.overlap_px < least:
            raise ParameterError(
                f"Blocks must overlap by at least {least} px with these parameters, not by "
                f"{self.overlap_px}."
            )
        if self.block_px < 1:
            raise ParameterError(f"A block must have at least 1 px, not {self.block_px}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as a dictionary that JSON can hold."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["params"] = self.params.to_dict()
        if self.frame is not None:
            packed = base64.b64encode(np.packbits(self.frame).tobytes()).decode()
            values["frame"] = {"shape": list(self.frame.shape), "bits": packed}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SlidePlan:
        """Make a plan from what `to_dict` gave."""
        frame, mask = values["frame"], None
        if frame is not None:
            height, width = frame["shape"]
            bits = np.frombuffer(base64.b64decode(frame["bits"]), np.uint8)
            mask = np.unpackbits(bits)[: height * width].reshape(height, width)
        return cls(
            shape=(int(values["shape"][0]), int(values["shape"][1])),
            diameter=float(values["diameter"]),
            params=PostprocessParams.from_dict(values["params"]),
            model=str(values["model"]),
            classifier=values["classifier"],
            background=tuple(values["background"]),
            block_px=int(values["block_px"]),
            overlap_px=int(values["overlap_px"]),
            frame=mask,
            notes=tuple(values["notes"]),
        )


def plan_slide(
    image: SlideImage,
    *,
    model: str = "default",
    classifier: str | None = "default",
    diameter: float | Literal["auto"] = "auto",
    params: PostprocessParams = PostprocessParams(),  # noqa: B008 - frozen
    block_px: int = BLOCK_PX,
    overlap_px: int | None = None,
    progress: Progress = silent,
) -> SlidePlan:
    """Look at a slide, and fix what its blocks have in common.

    Parameters
    ----------
    image : SlideImage
        The slide.
    model, classifier, params
        See `SlidePlan`.
    diameter : float or "auto"
        Diameter of a leukocyte, px; ``"auto"`` estimates it, on a large slide from sampled fields.
    block_px : int
        Longest side of a block, px.
    overlap_px : int, optional
        How far a block looks beyond itself, px; two diameters by default. What lies whole in it
        need not be looked at twice; results do not depend on it.
    progress : callable
        Called in the course of the estimate.

    Returns
    -------
    SlidePlan
        An image that fits is looked at as a photograph is, with the same result.

    Raises
    ------
    ImageError, ModelError, ParameterError
        With one sentence on what is wrong.
    """
    shape = image.shape
    if min(shape) < SMALLEST_SIDE_PX:
        raise ParameterError(
            f"{image.name} is {shape[0]} x {shape[1]} px: at least {SMALLEST_SIDE_PX} x "
            f"{SMALLEST_SIDE_PX} are needed."
        )
    whole = shape[0] * shape[1] <= IN_ONE_PIECE
    coarse = image.read((0, 0, *shape)) if whole else image.coarse(COARSE_PX)
    background = background_color(coarse)
    image.blank = tuple(round(v) for v in background.tolist())
    side = max(coarse.shape[:2])
    size = [max(1, round(v * min(1.0, COARSE_PX / side))) for v in coarse.shape[1::-1]]
    found = find_frame(np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_AREA)))
    frame, notes = None, image.notes
    if found is not None:
        frame = found[0]
        share = float(frame.mean())
        if share >= SAID:
            notes += (
                f"{100 * share:.0f} % of the image, flat and {found[1]} at its border, was taken "
                "for no part of the slide.",
            )
    if diameter != "auto":
        low, high = DIAMETER_RANGE
        if not low <= diameter <= high:
            raise ParameterError(
                f'The diameter must be "auto" or from {low:g} to {high:g} px, not {diameter:g}.'
            )
        measured = Diameter(float(diameter))
    elif whole:
        measured = estimate_diameter(without_frame(coarse).rgb, progress)
    else:
        measured = estimate_on_slide(image, background, progress)
    notes += measured.notes + _implausible(image, measured.px)
    overlap = round(OVERLAP * measured.px) if overlap_px is None else overlap_px
    if overlap_px is None:
        overlap += least_overlap(params, measured.px)
    red, green, blue = background.tolist()
    return SlidePlan(
        shape,
        measured.px,
        params,
        model,
        classifier,
        (red, green, blue),
        block_px,
        overlap,
        frame,
        notes,
    )


def _implausible(image: SlideImage, diameter: float) -> tuple[str, ...]:
    if image.um_per_px is None:
        return ()
    um = diameter * image.um_per_px
    if PLAUSIBLE_UM[0] <= um <= PLAUSIBLE_UM[1]:
        return ()
    return (
        f"A leukocyte of {diameter:.0f} px would have {um:.1f} µm at the file's "
        f"{image.um_per_px:g} µm per pixel: one of the two numbers is wrong.",
    )
