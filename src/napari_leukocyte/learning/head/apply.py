"""A new head applied to a session's unreviewed cells, and the classes that it changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from napari_leukocyte.classification.embedding import Embedded, Features, embed
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.learning.head.head import Head
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.schema import LABEL, probability_column
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.snapshot import SessionSnapshot


@dataclass(frozen=True)
class ClassChange:
    """An unreviewed cell whose class is another one now."""

    label: int
    before: str
    after: str
    confidence: float


def predictions_of(
    taken: SessionSnapshot,
    features: Features,
    head: Head,
    manifest: Manifest,
    progress: Progress = silent,
) -> Predictions:
    """Return what a new model says of a session's cells, from embeddings where they are kept.

    Parameters
    ----------
    taken : SessionSnapshot
        Of the session.
    features : Features
        What the head was fitted on.
    head : Head
        The new one.
    manifest : Manifest
        Of the model that it was made.
    progress : callable
        Called while embeddings are computed.

    Returns
    -------
    Predictions
        The same as if the model were asked through
        :func:`napari_leukocyte.classification.inference.classify`, but for rounding.
    """
    found = embed(taken.rgb, taken.labels, features, progress=progress)
    measured = measure(taken.labels, taken.nucleus)
    table = pd.concat([classify_embedded(found, head), measured.drop(columns=LABEL)], axis=1)
    return Predictions(table, manifest.name, describe_model(manifest))


def classify_embedded(found: Embedded, head: Head) -> pd.DataFrame:
    """Classify cells from their embeddings.

    Returns
    -------
    pandas.DataFrame
        ``label``, ``class``, ``confidence`` and the probability of every class.
    """
    if len(found):
        probability = head.probabilities(found.embeddings)
    else:
        probability = np.zeros((0, len(head.classes)))
    best = [head.classes[i] for i in probability.argmax(axis=1)] if len(found) else []
    return pd.DataFrame(
        {
            LABEL: found.labels,
            "class": pd.Series(best, dtype=str),
            "confidence": probability.max(axis=1, initial=0),
            **{probability_column(name): probability[:, i] for i, name in enumerate(head.classes)},
        }
    )


def apply(session: Session, predictions: Predictions) -> list[ClassChange]:
    """Take over what a new model says, as one step that can be undone.

    What a reader gave or confirmed stays.

    Returns
    -------
    list of ClassChange
        The unreviewed cells that have another class now.

    Raises
    ------
    OutputError
        If it can't be written down; nothing has changed then.
    """
    before = session.table()
    session.set_predictions(predictions.table, predictions.model, predictions.description)
    after = session.table().set_index(LABEL)
    changes = []
    for row in before[~before["reviewed"].fillna(False).astype(bool)].itertuples():
        label = int(str(row.label))
        if label not in after.index:
            continue
        was, now = before.at[row.Index, "class"], after.at[label, "class"]
        if isinstance(was, str) and isinstance(now, str) and was != now:
            changes.append(ClassChange(label, was, now, float(str(after.at[label, "confidence"]))))
    return changes
