"""One image from photograph to leukogram: four steps in a row, and what they found as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Member
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress
from napari_leukocyte.reporting.record import ImageRecord
from napari_leukocyte.segmentation.ensemble import DIAMETER_RANGE, MemberMaps, segment_members
from napari_leukocyte.segmentation.finder import shipped_finder
from napari_leukocyte.segmentation.objects import find_objects
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.vocabulary import DISCLAIMER

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything that was found in one image.

    Attributes
    ----------
    rgb : ndarray
        (H, W, 3) uint8: the image as it was analysed.
    maps : MemberMaps
        Every member's maps and the diameter used.
    labels : ndarray
        (H, W) int32.
    candidates : ndarray
        (H, W) int32: regions that look less like leukocytes than the objects.
    table : pandas.DataFrame
        One row an object, with its ``score``; without classification else only ``label`` and the
        measurements.
    leukogram : pandas.DataFrame or None
        The count of the classes; None without classification.
    notes : tuple of str
        What a user should know, a sentence each.
    """

    rgb: NDArray[np.uint8]
    maps: MemberMaps
    labels: NDArray[np.int32]
    candidates: NDArray[np.int32]
    table: pd.DataFrame
    leukogram: pd.DataFrame | None
    notes: tuple[str, ...]

    def to_xarray(self) -> xr.Dataset:
        """Return image, maps, labels and candidates with named axes.

        Returns
        -------
        xarray.Dataset
            ``image`` (y, x, channel) uint8; ``cell`` and ``nucleus`` (member, y, x) float32, 0 to
            1; ``labels`` and ``candidates`` (y, x) int32. ``to_zarr`` and ``to_netcdf`` write it.

        Raises
        ------
        NoXarrayError
            If the package xarray is not installed.
        """
        return as_dataset(self)


def image_record(
    found: Analysis, image: str, *, folder: str | None = None, file_sha256: str | None = None
) -> ImageRecord:
    """Return what is saved of an analysed image beside its results.

    Parameters
    ----------
    found : Analysis
        What was found in it.
    image : str
        Its name.
    folder : str, optional
        Folder of its label image and overlay, below that of the run.
    file_sha256 : str, optional
        Checksum of its file.
    """
    return ImageRecord(
        image=image,
        shape=(found.labels.shape[0], found.labels.shape[1]),
        diameter_px=found.maps.diameter,
        objects=len(found.table),
        file_sha256=file_sha256,
        folder=folder,
        notes=found.notes,
        pixels_sha256=image_key(found.rgb),
    )


def analyse(
    image: ArrayLike,
    *,
    model: str = "default",
    classifier: str = "default",
    diameter: float | Literal["auto"] = "auto",
    params: PostprocessParams = PostprocessParams(),  # noqa: B008 - frozen
    classify: bool = True,
    progress: Progress | None = None,
) -> Analysis:
    """Segment, post-process, classify and count one image.

    Parameters
    ----------
    image : array_like
        See :func:`napari_leukocyte.io.images.normalise.normalise_image`.
    model, classifier : str
        ``"default"``, the name of a model, or the path of its folder.
    diameter : float or "auto"
        Diameter of a leukocyte, px; ``"auto"`` estimates it.
    params : PostprocessParams
        Parameters of the post-processing.
    classify : bool
        Whether objects are classified and counted, or only measured.
    progress : callable, optional
        Called in the course of each step; it may raise
        :class:`~napari_leukocyte.errors.Cancelled`.

    Returns
    -------
    Analysis

    Raises
    ------
    ImageError, ModelError, ParameterError
        With one sentence on what is wrong.

    Examples
    --------
    >>> import napari_leukocyte as nl
    >>> smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    >>> found = nl.analyse(smear.image)
    >>> len(found.table), int(found.leukogram["count"].sum())
    (5, 5)
    >>> found.labels.shape, found.labels.dtype.name
    ((300, 300), 'int32')
    """
    check_unattended(params, diameter)
    _load_ahead(model, classifier if classify else None, diameter == "auto")
    # What parts cells and makes tables takes half a second to import: the networks are loaded
    # meanwhile.
    import scipy.special  # noqa: F401
    import skimage.segmentation  # noqa: F401

    from napari_leukocyte.classification.inference import classify as classify_objects
    from napari_leukocyte.classification.measurements import measure
    from napari_leukocyte.counting.leukogram import count
    from napari_leukocyte.reporting.save import with_scores

    normalised = normalise_image(image)
    maps = segment_members(normalised.rgb, model, diameter, progress)
    nucleus = maps.combine_nucleus()
    objects = find_objects(maps, params, nucleus=nucleus)
    labels = objects.labels
    leukogram = None
    if classify:
        table = classify_objects(
            normalised.rgb, labels, classifier, nucleus=nucleus, progress=progress
        )
        leukogram = count(table)
    else:
        table = measure(labels, nucleus)
    table = with_scores(table, objects.scores)
    # What the RGB image itself tells, the segmentation says again.
    notes = tuple(dict.fromkeys(normalised.notes + maps.notes + objects.notes))
    return Analysis(normalised.rgb, maps, labels, objects.candidates, table, leukogram, notes)


@cache
def _load_ahead(model: str, classifier: str | None, finder: bool) -> None:
    """Begin to load the networks of an analysis, once, in the order that they are run in."""

    def networks() -> Iterator[Member]:
        if finder:
            yield shipped_finder()
        yield from find_model("segmentation", model).members
        if classifier is not None:
            yield from find_model("classification", classifier).members

    runtime.load_ahead(networks())


def check_unattended(params: PostprocessParams, diameter: float | Literal["auto"]) -> None:
    """Check before any network runs that nothing is missing which only a user could give.

    Raises
    ------
    ParameterError
        If touching cells are to be parted by points that nobody placed, or the diameter is
        outside its range.
    """
    if params.watershed == "points":
        raise ParameterError(
            'watershed is "points", which a user has to place: use "distance", "nucleus" or '
            '"none" instead.'
        )
    low, high = DIAMETER_RANGE
    if diameter != "auto" and not low <= diameter <= high:
        raise ParameterError(
            f'The diameter must be "auto" or from {low:g} to {high:g} px, not {diameter:g}.'
        )


class NoXarrayError(LeukocyteError):
    """The package xarray is not installed."""


def as_dataset(found: Analysis) -> xr.Dataset:
    """Return the arrays of an analysis; see :meth:`Analysis.to_xarray`.

    Raises
    ------
    NoXarrayError
        If xarray is not installed.
    """
    try:
        import xarray as xr
    except ImportError as error:
        raise NoXarrayError(
            'This needs the package xarray: pip install "napari-leukocyte[xarray]".'
        ) from error
    maps, (height, width) = found.maps, found.labels.shape
    return xr.Dataset(
        {
            "image": (("y", "x", "channel"), found.rgb),
            "cell": (("member", "y", "x"), maps.cell),
            "nucleus": (("member", "y", "x"), maps.nucleus),
            "labels": (("y", "x"), found.labels),
            "candidates": (("y", "x"), found.candidates),
        },
        coords={
            "y": ("y", np.arange(height), {"units": "px"}),
            "x": ("x", np.arange(width), {"units": "px"}),
            "channel": ["red", "green", "blue"],
            "member": list(maps.names),
            "weight": ("member", np.array(maps.weights)),
        },
        attrs={
            "model": maps.model,
            "diameter_px": maps.diameter,
            "notes": list(found.notes),
            "disclaimer": DISCLAIMER,
        },
    )
