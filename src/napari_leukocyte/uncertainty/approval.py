"""Approval of clear cells in one go, with the error that is known of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_leukocyte.counting.leukogram import clopper_pearson
from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.schema import LABEL, probability_column
from napari_leukocyte.session.session import Session
from napari_leukocyte.uncertainty.calibration import (
    DEFAULTS,
    EVERY,
    Calibration,
    SetSettings,
    fewest_cells,
)
from napari_leukocyte.uncertainty.domain_shift.training_domain import TITLES
from napari_leukocyte.uncertainty.recalibration import BULK


@dataclass(frozen=True, eq=False)
class Approval:
    """Cells that can be approved in bulk, and the error of doing so.

    Attributes
    ----------
    labels : tuple of int
        Objects that are not reviewed and whose set holds one class, the one they have.
    asked : int
        Objects that were asked about: all that have a prediction.
    level : float
        The level of the sets.
    observed : float
        Share of wrong ones among the calibration's cells with a single-class set.
    observed_high : float
        Its upper 95 % limit.
    single : int
        Of how many cells that share is.
    bound : str
        What can be said of the error, in words.
    """

    labels: tuple[int, ...]
    asked: int
    level: float
    observed: float
    observed_high: float
    single: int
    bound: str


def prediction_sets(
    table: pd.DataFrame, calibration: Calibration, settings: SetSettings = DEFAULTS
) -> pd.DataFrame:
    """Return the set of classes of every object that has a prediction.

    Parameters
    ----------
    table : pandas.DataFrame
        With ``label`` and the probability of every class of the calibration, as from
        :func:`napari_leukocyte.classification.inference.classify`.
    calibration : Calibration
        Of the classifier that gave them.
    settings : SetSettings
        Level, score, and whether for each class.

    Returns
    -------
    pandas.DataFrame
        ``label``; ``set``, a tuple of classes, the likeliest first; ``size``.
    """
    names = [probability_column(name) for name in calibration.classes]
    if not len(table) or not set(names) <= set(table.columns):
        return pd.DataFrame({LABEL: np.zeros(0, np.int64), "set": [], "size": []})
    probability = table[names].to_numpy(np.float64)
    known = np.isfinite(probability).all(axis=1)
    probability = probability[known]
    inside = calibration.sets(probability, settings)
    sets = [
        tuple(calibration.classes[i] for i in np.argsort(-p, kind="stable") if held[i])
        for p, held in zip(probability, inside, strict=True)
    ]
    return pd.DataFrame(
        {
            LABEL: table[LABEL].to_numpy()[known],
            "set": pd.Series(sets, dtype=object),
            "size": inside.sum(axis=1),
        }
    )


def approvable(
    table: pd.DataFrame,
    calibration: Calibration,
    settings: SetSettings = DEFAULTS,
    warning: str = "",
) -> Approval:
    """Find the objects whose class can be approved without looking at each.

    Parameters
    ----------
    table : pandas.DataFrame
        As from :meth:`napari_leukocyte.session.session.Session.table`.
    calibration, settings
        As for `prediction_sets`.
    warning : str
        A sentence that says why the bound may not hold on this image, if there is one.

    Returns
    -------
    Approval
        None of the objects that a reader gave a class, reviewed, flagged, or that have a class
        other than the one in their set.
    """
    sets = prediction_sets(table, calibration, settings)
    single = {int(n): s[0] for n, s in zip(sets[LABEL], sets["set"], strict=True) if len(s) == 1}
    open_ = table[~table["reviewed"].to_numpy(bool) & (table["flags"].fillna("") == "")]
    labels = tuple(
        int(n)
        for n, name in zip(open_[LABEL], open_["class"], strict=True)
        if single.get(int(n)) == name
    )
    wrong, found = _observed(calibration, settings)
    high = clopper_pearson(wrong, found)[1]
    share = wrong / found if found else float("nan")
    bound = _bound(len(single), len(labels), len(sets), calibration, settings, (wrong, found, high))
    return Approval(
        labels, len(sets), settings.level, share, high, found, f"{bound} {warning}".strip()
    )


def approve_in_bulk(session: Session, approval: Approval) -> None:
    """Approve what `approvable` found, as one step of the session's history.

    Each cell's note says that it was approved in bulk and at which level, so that it never counts
    as a cell that somebody has looked at.

    Parameters
    ----------
    session : Session
        Of the same objects.
    approval : Approval
        What to approve.

    Raises
    ------
    ParameterError
        If an object is gone.
    """
    session.approve(approval.labels, note=f"{BULK} at {100 * approval.level:g} %")


def compared(calibration: Calibration, settings: SetSettings) -> Calibration:
    """Return the cells whose error says something of new ones: own ones, or those of a set."""
    if calibration.own.any():
        return calibration[calibration.own]
    if settings.like in ("", EVERY):
        return calibration
    return calibration[calibration.source == settings.like]


def _observed(calibration: Calibration, settings: SetSettings) -> tuple[int, int]:
    """Count wrong ones among the single-class sets of the calibration's cells."""
    if not len(calibration):
        return 0, 0
    judged = compared(calibration, settings)
    inside = calibration.sets(judged.probability, settings)
    single = inside.sum(axis=1) == 1
    right = inside[np.arange(len(inside)), judged.truth]
    return int(np.sum(single & ~right)), int(np.sum(single))


def _bound(
    single: int,
    number: int,
    asked: int,
    calibration: Calibration,
    settings: SetSettings,
    observed: tuple[int, int, float],
) -> str:
    error = 100 * (1 - settings.level)
    if compared(calibration, settings).weight.sum() < fewest_cells(settings.level):
        return tr(
            "At {level:g} % nothing can be ruled out: that takes {needed} cells of known class, "
            "and there are {n}.",
            level=100 * settings.level,
            needed=fewest_cells(settings.level),
            n=len(compared(calibration, settings)),
        )
    like = compared(calibration, settings)
    where = tr("reviewed here") if like.own.any() else tr("held out from training")
    if settings.like not in ("", EVERY):
        where += tr(" of {name}", name=TITLES.get(settings.like, settings.like))
    wrong, found, high = observed
    counted = tr_n(
        "{n} of {asked} cells has a single class",
        "{n} of {asked} cells have a single class",
        single,
        asked=asked,
    )
    if number < single:
        counted += tr(
            ", and {n} of these can be approved: the rest is reviewed or flagged, or has another "
            "class than that in its set",
            n=number,
        )
    return tr(
        "{counted}. Of all {asked}, at most {error:g} % ({expected:.0f}) are expected to have a "
        "set without their true class, as long as they are like the {n} cells {where}; of {found} "
        "single-class cells among those, {wrong} were wrong (95 % limit: at most {high:.1f} %).",
        counted=counted,
        asked=asked,
        error=error,
        expected=error / 100 * asked,
        n=len(like),
        where=where,
        found=found,
        wrong=wrong,
        high=100 * high,
    )
