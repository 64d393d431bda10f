"""The calibration that holds for a classifier here, and which of its cells an image is like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_leukocyte.counting.confusion import Confusion
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.uncertainty.calibration import EVERY, Calibration, SetSettings, fewest_cells
from napari_leukocyte.uncertainty.persistence import OwnCells, read_shipped
from napari_leukocyte.uncertainty.recalibration import recalibrated

#: Cells reviewed here from which a laboratory's own errors are better known than the sets' are
#: like them.
ENOUGH_OWN = 100


@dataclass(frozen=True, eq=False)
class InUse:
    """A calibration and where it comes from.

    Attributes
    ----------
    calibration : Calibration
        Without any cells, every set holds every class.
    own : int
        How many of its cells are this laboratory's.
    images : int
        From how many images those are.
    sentence : str
        The same in words.
    """

    calibration: Calibration
    own: int
    images: int
    sentence: str


def calibration_in_use(classifier: Manifest) -> InUse:
    """Return what ships with a classifier, joined with the laboratory's own cells.

    Parameters
    ----------
    classifier : Manifest
        Which.

    Returns
    -------
    InUse

    Raises
    ------
    ModelError, ParameterError
        If a file is damaged or of other networks.
    """
    shipped = read_shipped(classifier)
    kept = OwnCells(classifier)
    own = kept.calibration()
    if len(own):
        calibration = recalibrated(None if shipped is None else shipped.calibration, own)
        images = len(kept.images)
        sentence = f"Calibrated on {len(own)} cells reviewed here, of {images} images"
        return InUse(calibration, len(own), images, _with_few(sentence, own))
    if shipped is None:
        size = len(classifier.classes)
        nothing = Calibration.of(classifier.classes, [], np.zeros((0, size)))
        return InUse(
            nothing,
            0,
            0,
            f"{classifier.name} came without a calibration: review about 25 cells of each class, "
            "then calibrate.",
        )
    known = shipped.calibration
    return InUse(
        known,
        0,
        0,
        f"Calibrated on {len(known)} cells of photographs held out from the training sets.",
    )


def settings_for(
    in_use: InUse, settings: SetSettings, nearest: str | None, out_of_distribution: bool
) -> SetSettings:
    """Choose which cells an image's are compared with.

    Parameters
    ----------
    in_use : InUse
        The calibration.
    settings : SetSettings
        As the user wants them.
    nearest : str or None
        The training set that the image looks like; None if that is not known.
    out_of_distribution : bool
        Whether it is unlike all of them.

    Returns
    -------
    SetSettings
        With own cells, all; else those of the nearest set if the image is like it and the set has
        enough cells, every set by itself for a foreign image, and all together otherwise.
    """
    like = ""
    if not in_use.own and nearest is not None:
        if out_of_distribution:
            like = EVERY
        elif np.sum(in_use.calibration.source == nearest) >= 2 * fewest_cells(settings.level):
            like = nearest
    return SetSettings(settings.level, settings.score, settings.by_class, like)


def confusion_in_use(classifier: Manifest, in_domain: bool) -> Confusion | None:
    """Return how often a classifier is taken to err on an image.

    Parameters
    ----------
    classifier : Manifest
        Which.
    in_domain : bool
        Whether the image is known to look like one of the training sets.

    Returns
    -------
    Confusion or None
        Of the cells reviewed here, from `ENOUGH_OWN` on; else of photographs held out, for an image
        that is at home; else of sets left out of training. None if nothing is known.

    Raises
    ------
    ModelError, ParameterError
        If a file is damaged or of other networks.
    """
    own = OwnCells(classifier).calibration()
    if len(own) >= ENOUGH_OWN:
        said = own.probability.argmax(axis=1).astype(np.intp)
        return Confusion.of(own.classes, own.truth, said, "reviewed here")
    shipped = read_shipped(classifier)
    if shipped is None:
        return None
    return shipped.held_out if in_domain else (shipped.left_out or shipped.held_out)


def _with_few(sentence: str, own: Calibration) -> str:
    few = [f"{name} {n}" for name, n in own.counts().items() if n < 10]
    return f"{sentence}; few of: {', '.join(few)}." if few else f"{sentence}."
