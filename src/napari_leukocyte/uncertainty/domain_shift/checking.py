"""Check an image and its classified cells against the training sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.classify import column
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.uncertainty.domain_shift.grain import GRAIN
from napari_leukocyte.uncertainty.domain_shift.image_profile import ImageProfile, measure_profile
from napari_leukocyte.uncertainty.domain_shift.quality import Quality, judge
from napari_leukocyte.uncertainty.domain_shift.reference import TrainingDomain, read_training_domain
from napari_leukocyte.uncertainty.domain_shift.warning import DomainReport, report_domain

COLUMNS = ("label", "ood_score", "wrong_share")


@dataclass(frozen=True, eq=False)
class ImageCheck:
    """What was found out about an image.

    Attributes
    ----------
    quality : Quality
        Focus, exposure, contrast.
    report : DomainReport or None
        How far from the training sets; None for a classifier of which that is not known.
    ood : pandas.DataFrame
        ``label``; ``ood_score``, the share, 0 to 1, of known cells that are less strange;
        ``wrong_share``, how often cells as strange were wrong on sets left out of training, NaN if
        not known. Only of classified cells, and without rows where it can't be told.
    sentence : str
        All of it in words.
    """

    quality: Quality
    report: DomainReport | None
    ood: pd.DataFrame
    sentence: str


def check_image(
    rgb: NDArray[np.uint8],
    labels: NDArray[np.int32],
    table: pd.DataFrame,
    classifier: Manifest,
    progress: Progress = silent,
    standardised: bool = False,
) -> ImageCheck:
    """Check an image and its cells.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32.
    table : pandas.DataFrame
        As from :meth:`napari_leukocyte.session.session.Session.table`.
    classifier : Manifest
        That gave the predictions.
    progress : callable
        Called after each batch of cells.
    standardised : bool
        Whether the image is one of
        :func:`napari_leukocyte.uncertainty.domain_shift.standardise.standardise`, whose
        background is always white and whose colours were mixed, so that neither background nor
        grain says anything.

    Returns
    -------
    ImageCheck

    Raises
    ------
    ModelError
        If what ships with the classifier is damaged.
    """
    look = measure_profile(rgb, labels)
    quality = judge(rgb, labels, look)
    domain = read_training_domain(classifier)
    if domain is None:
        sentence = (
            f"Nothing is known of where {classifier.name} is at home: it came without a "
            f"reference. {quality.sentence}"
        )
        return ImageCheck(quality, None, _none(), sentence)
    if standardised:
        values = look.values.copy()
        values[:3] = values[-len(GRAIN) :] = np.nan
        look = ImageProfile(values, look.cells)
    report = report_domain(look, domain)
    ood = _ood(rgb, labels, table, classifier, domain, progress)
    return ImageCheck(quality, report, ood, f"{report.sentence} {quality.sentence}")


def _none() -> pd.DataFrame:
    return pd.DataFrame({name: np.zeros(0) for name in COLUMNS}).astype({"label": np.int64})


def _ood(
    rgb: NDArray[np.uint8],
    labels: NDArray[np.int32],
    table: pd.DataFrame,
    classifier: Manifest,
    domain: TrainingDomain,
    progress: Progress,
) -> pd.DataFrame:
    from napari_leukocyte.learning.head.embeddings import embed
    from napari_leukocyte.learning.head.features import RetrainingError, features_of

    names = [column(name) for name in classifier.classes]
    if not set(names) <= set(table.columns) or "predicted" not in table:
        return _none()
    rows = table[table["predicted"].notna() & table[names].notna().all(axis=1)]
    if not len(rows):
        return _none()
    try:
        features = features_of(classifier)
    except RetrainingError:  # several networks, or none that gives an embedding
        return _none()
    found = embed(rgb, labels, features, rows["label"].tolist(), progress)
    if not len(found):
        return _none()
    # As the reference was made: the mean over the views that the classifier looks at.
    views = min(classifier.views, found.embeddings.shape[1])
    embedding = found.embeddings[:, :views].astype(np.float32).mean(axis=1)
    chosen = rows.set_index("label").loc[found.labels.tolist()]
    score = domain.cells.score(
        embedding,
        chosen[names].to_numpy(np.float64),
        chosen["predicted"].astype(str).to_numpy(),
    )
    return pd.DataFrame(
        {
            "label": found.labels,
            "ood_score": domain.cells.rank(score),
            "wrong_share": domain.cells.wrong_share(score),
        }
    )
