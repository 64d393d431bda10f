"""The calibration in use for a classifier: what ships, and a laboratory's reviewed cells."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from napari_leukocyte.counting.confusion import Confusion
from napari_leukocyte.language import later, tr
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.schema import probability_column
from napari_leukocyte.uncertainty.calibration import EVERY, Calibration, SetSettings, fewest_cells
from napari_leukocyte.uncertainty.persistence import OwnCells, read_shipped

#: What the cells that ship count for together beside a laboratory's own: as many cells as this.
#: Chosen by measurement; see docs/measured/conformal-sets.md.
SHIPPED_WEIGHT = 10.0
#: Begins the note on cells that were approved in bulk: the model's word, which says nothing of
#: whether the model is right.
BULK = "approved in bulk"
#: Cells reviewed here from which a laboratory's own errors are better known than the sets' are
#: like them.
ENOUGH_OWN = 100


@dataclass(frozen=True, eq=False)
class CalibrationInUse:
    """The calibration in use, and where it comes from.

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


def recalibrated(
    shipped: Calibration | None, own: Calibration, shipped_weight: float = SHIPPED_WEIGHT
) -> Calibration:
    """Join the calibration that ships with a laboratory's own cells.

    Parameters
    ----------
    shipped : Calibration or None
        As it came with the classifier; None for a classifier without one.
    own : Calibration
        Reviewed cells, of the same classifier.
    shipped_weight : float
        How many cells those that ship count for together (of each class, those of that class).
        They fade: 25 own cells a class outweigh them.

    Returns
    -------
    Calibration
    """
    if shipped is None or not len(shipped) or shipped_weight <= 0:
        return own
    if shipped.classes != own.classes:
        raise ValueError("The two calibrations are of different classifiers.")
    counts = np.bincount(shipped.truth, minlength=len(shipped.classes))
    present = np.count_nonzero(counts)
    # Classes count alike among those that ship, as in the readers' choice of cells.
    weight = shipped_weight / present / counts[shipped.truth]
    return Calibration(
        own.classes,
        np.concatenate([own.truth, shipped.truth]),
        np.concatenate([own.probability, shipped.probability]),
        np.concatenate([own.weight, weight]),
        np.concatenate([own.source, shipped.source]),
    )


def reviewed_cells(table: pd.DataFrame, classes: tuple[str, ...]) -> Calibration:
    """Return the reviewed cells of a session's or a dataset's table.

    Parameters
    ----------
    table : pandas.DataFrame
        With ``class``, ``reviewed``, ``note`` (optional) and the probability of every class, as
        from :meth:`napari_leukocyte.session.session.Session.table`.
    classes : tuple of str
        The classifier's.

    Returns
    -------
    Calibration
        Cells with a class that the classifier knows and with probabilities. Cells that were
        approved in bulk are left out: nobody has looked at them.
    """
    names = [probability_column(name) for name in classes]
    if not len(table) or not set(names) <= set(table.columns):
        return Calibration.of(classes, [], np.zeros((0, len(classes))))
    chosen = table["reviewed"].to_numpy(bool) & table["class"].notna().to_numpy(bool)
    if "note" in table:
        bulk = table["note"].fillna("").astype(str).str.contains(BULK, regex=False)
        chosen &= ~bulk.to_numpy(bool)
    probability = table[names].to_numpy(np.float64)
    chosen &= np.isfinite(probability).all(axis=1)
    truth = table["class"].astype(str).to_numpy()[chosen].tolist()
    return Calibration.of(classes, truth, probability[chosen])


def calibration_in_use(classifier: Manifest) -> CalibrationInUse:
    """Return what ships with a classifier, joined with the laboratory's own cells.

    Parameters
    ----------
    classifier : Manifest
        Which.

    Returns
    -------
    CalibrationInUse

    Raises
    ------
    ModelError, ParameterError
        If a file is damaged or of other networks.
    """
    shipped = read_shipped(classifier)
    reviewed = OwnCells(classifier)
    own = reviewed.calibration()
    if len(own):
        calibration = recalibrated(None if shipped is None else shipped.calibration, own)
        images = len(reviewed.images)
        sentence = tr(
            "Calibrated on {n} cells reviewed here, of {images} images", n=len(own), images=images
        )
        return CalibrationInUse(calibration, len(own), images, _with_few(sentence, own))
    if shipped is None:
        size = len(classifier.classes)
        nothing = Calibration.of(classifier.classes, [], np.zeros((0, size)))
        return CalibrationInUse(
            nothing,
            0,
            0,
            tr(
                "{name} has no calibration: review about 25 cells of each class, then calibrate.",
                name=classifier.name,
            ),
        )
    known = shipped.calibration
    return CalibrationInUse(
        known,
        0,
        0,
        tr(
            "Calibrated on {n} cells of photographs held out from the training sets.",
            n=len(known),
        ),
    )


def settings_for(
    in_use: CalibrationInUse, settings: SetSettings, nearest: str | None, out_of_distribution: bool
) -> SetSettings:
    """Choose which cells an image's are compared with.

    Parameters
    ----------
    in_use : CalibrationInUse
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
    return replace(settings, like=like)


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
        return Confusion.of(own.classes, own.truth, said, later("reviewed here"))
    shipped = read_shipped(classifier)
    if shipped is None:
        return None
    return shipped.held_out if in_domain else (shipped.left_out or shipped.held_out)


def _with_few(sentence: str, own: Calibration) -> str:
    few = [f"{tr(name)} {n}" for name, n in own.counts().items() if n < 10]
    return f"{sentence}; {tr('few of')}: {', '.join(few)}." if few else f"{sentence}."
