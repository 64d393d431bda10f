"""The check of an image and its classified cells against the training sets, and its quality.

Quality is judged without any other photograph.

References
----------
.. [1] Pech-Pacheco and others, "Diatom autofocusing in brightfield microscopy: a comparative
   study", ICPR 2000: focus by the Laplacian.
.. [2] Ruifrok, Johnston, "Quantification of histochemical staining by color deconvolution",
   Analytical and Quantitative Cytology and Histology 23, 2001: stain as optical density.
.. [3] Immerkaer, "Fast noise variance estimation", 1996: noise; see
   :func:`napari_leukocyte.uncertainty.domain_shift.image_profile.noise_level`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import NoEmbeddingError, embed, features_of
from napari_leukocyte.io.images.background import background_color
from napari_leukocyte.language import later, tr
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import LABEL, probability_column
from napari_leukocyte.uncertainty.domain_shift.domain_match import DomainReport, report_domain
from napari_leukocyte.uncertainty.domain_shift.image_profile import (
    FEATURES,
    ImageProfile,
    measure_profile,
)
from napari_leukocyte.uncertainty.domain_shift.training_domain import (
    TrainingDomain,
    read_training_domain,
)

COLUMNS = (LABEL, "ood_score", "wrong_share")
#: Values of a channel at which a camera's range ends.
_BLACK, _WHITE = 3, 252
#: For each figure, the value that gets 0 and the one that gets 1. Focus: logarithm of the
#: Laplacian over the contrast; 90 % of the training sets' photographs lie above -3.6, and blurring
#: them by a tenth of a cell's diameter brings them to -4.5. Exposure: share of clipped pixels.
#: Background: its lightness. Contrast: difference in lightness of nucleus and background, balanced.
FOCUS, CLIPPED, BACKGROUND, CONTRAST = (-4.8, -3.6), (0.15, 0.02), (50.0, 75.0), (15.0, 35.0)
#: Below this a figure is named.
POOR = 0.5
#: Lightness of the background after balancing.
_BALANCED_LIGHTNESS = 94.8


@dataclass(frozen=True)
class Quality:
    """The quality of a photograph: focus, exposure, contrast of the stain.

    Attributes
    ----------
    focus, exposure, contrast : float
        0 (useless) to 1 (as good as it gets); NaN where there are no cells.
    overall : float
        The least of them.
    sentence : str
        What is wrong, if anything.
    """

    focus: float
    exposure: float
    contrast: float
    overall: float
    sentence: str


@dataclass(frozen=True, eq=False)
class ImageCheck:
    """The check of an image: its quality, and how it matches the training domain.

    Attributes
    ----------
    quality : Quality
        Focus, exposure, contrast.
    report : DomainReport or None
        How far from the training sets; None for a classifier of which that is not known.
    ood : pandas.DataFrame
        ``label``; ``ood_score``, the share, 0 to 1, of known cells that are less so;
        ``wrong_share``, how often cells as far out were wrong on sets left out of training, NaN if
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

    Returns
    -------
    ImageCheck

    Raises
    ------
    ModelError
        If what ships with the classifier is damaged.
    """
    profile = measure_profile(rgb, labels)
    quality = judge(rgb, labels, profile)
    domain = read_training_domain(classifier)
    if domain is None:
        sentence = tr(
            "Nothing is known of the training sets of {name}: it has no reference. {quality}",
            name=classifier.name,
            quality=quality.sentence,
        )
        return ImageCheck(quality, None, _none(), sentence)
    report = report_domain(profile, domain)
    ood = _ood(rgb, labels, table, classifier, domain, progress)
    return ImageCheck(quality, report, ood, f"{report.sentence} {quality.sentence}")


def judge(
    rgb: NDArray[np.uint8], labels: NDArray[np.int32], profile: ImageProfile | None = None
) -> Quality:
    """Judge a photograph.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32: its cells.
    profile : ImageProfile, optional
        If it was measured already.

    Returns
    -------
    Quality
    """
    seen = measure_profile(rgb, labels) if profile is None else profile
    focus = _between(seen["sharpness"], FOCUS)
    # The background may be white; what must not be clipped are cells, or all channels when dark.
    shown = rgb[labels > 0] if labels.any() else rgb.reshape(-1, 3)
    clipped = float(np.mean(((shown <= _BLACK) | (shown >= _WHITE)).any(axis=-1)))
    lightness = float(seen.values[FEATURES.index("background_l")])
    exposure = min(_between(clipped, CLIPPED), _between(lightness, BACKGROUND))
    if float(background_color(rgb).min()) >= 255:
        # Blown out: the background's colour can't be known.
        exposure = min(exposure, 0.6)
    contrast = _between(_BALANCED_LIGHTNESS - seen["nucleus_l"], CONTRAST)
    parts = {
        later("focus"): focus,
        later("exposure"): exposure,
        later("contrast of the stain"): contrast,
    }
    known = {name: value for name, value in parts.items() if not np.isnan(value)}
    overall = min(known.values())
    poor = [tr(name) for name, value in known.items() if value < POOR]
    sentence = (
        tr("Poor {what}: photograph the field again if you can.", what=tr(" and ").join(poor))
        if poor
        else tr("Focus, exposure and contrast are sufficient.")
    )
    return Quality(focus, exposure, contrast, overall, sentence)


def _none() -> pd.DataFrame:
    return pd.DataFrame({name: np.zeros(0) for name in COLUMNS}).astype({LABEL: np.int64})


def _ood(
    rgb: NDArray[np.uint8],
    labels: NDArray[np.int32],
    table: pd.DataFrame,
    classifier: Manifest,
    domain: TrainingDomain,
    progress: Progress,
) -> pd.DataFrame:
    names = [probability_column(name) for name in classifier.classes]
    if not set(names) <= set(table.columns) or "predicted" not in table:
        return _none()
    rows = table[table["predicted"].notna() & table[names].notna().all(axis=1)]
    if not len(rows):
        return _none()
    try:
        features = features_of(classifier)
    except NoEmbeddingError:  # several networks, or none that gives an embedding
        return _none()
    found = embed(rgb, labels, features, rows[LABEL].tolist(), progress)
    if not len(found):
        return _none()
    # As the reference was made: the mean over the views that the classifier looks at.
    views = min(classifier.views, found.embeddings.shape[1])
    embedding = found.embeddings[:, :views].astype(np.float32).mean(axis=1)
    chosen = rows.set_index(LABEL).loc[found.labels.tolist()]
    score = domain.cells.score(
        embedding,
        chosen[names].to_numpy(np.float64),
        chosen["predicted"].astype(str).to_numpy(),
    )
    return pd.DataFrame(
        {
            LABEL: found.labels,
            "ood_score": domain.cells.rank(score),
            "wrong_share": domain.cells.wrong_share(score),
        }
    )


def _between(value: float, limits: tuple[float, float]) -> float:
    low, high = limits
    return float(np.clip((value - low) / (high - low), 0, 1)) if not np.isnan(value) else value
