"""The work of the head's tab, as functions for a thread: neither widgets nor layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_leukocyte.annotations.dataset.reading import open_dataset
from napari_leukocyte.classification.embedding import Features, features_of
from napari_leukocyte.learning.head.apply import predictions_of
from napari_leukocyte.learning.head.base import base_for
from napari_leukocyte.learning.head.cells import (
    CollectedCells,
    ReviewSnapshot,
    from_dataset,
    from_sessions,
)
from napari_leukocyte.learning.head.curve import LearningCurve, learning_curve
from napari_leukocyte.learning.head.onnx_head import accept, head_of
from napari_leukocyte.learning.head.retrain import Retrained, retrain
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.progress import Progress
from napari_leukocyte.session.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Fitted:
    """A head, where its cells are from, and what more of them would bring."""

    features: Features
    collected: CollectedCells
    result: Retrained
    curve: LearningCurve | None


def fit(model: str, source: Sequence[ReviewSnapshot] | Path) -> Callable[[Progress], Fitted]:
    """Return the work that fits a head on the cells of sessions, or of a dataset."""

    def work(progress: Progress) -> Fitted:
        features = features_of(model)
        base, former = base_for(features), head_of(features)
        if isinstance(source, Path):
            collected = from_dataset(open_dataset(source), features, progress)
        else:
            collected = from_sessions(source, features, progress)
        result = retrain(collected.cells, base, former, progress=progress)
        curve = learning_curve(collected.cells, base, former, progress=progress)
        return Fitted(features, collected, result, curve)

    return work


def accept_and_classify(
    fitted: Fitted, name: str, snapshots: Sequence[ReviewSnapshot]
) -> Callable[[Progress], tuple[Manifest, list[Predictions]]]:
    """Return the work that makes a head a model, and asks it about the cells of sessions."""

    def work(progress: Progress) -> tuple[Manifest, list[Predictions]]:
        manifest = accept(fitted.result, fitted.features, name, fitted.collected.source)
        head = fitted.result.head
        said = [
            predictions_of(taken, fitted.features, head, manifest, progress) for taken in snapshots
        ]
        return manifest, said

    return work
