"""From reviewed cells to a model of the user's, and back into the session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import embed, features_of
from napari_leukocyte.classification.inference import classify
from napari_leukocyte.learning.head.apply import apply, classify_embedded, predictions_of
from napari_leukocyte.learning.head.base import base_for
from napari_leukocyte.learning.head.cells import CollectedCells, RetrainingError, from_sessions
from napari_leukocyte.learning.head.onnx_head import accept, head_of
from napari_leukocyte.learning.head.retrain import Retrained, retrain
from napari_leukocyte.models import runtime
from napari_leukocyte.models.card import as_lines, describe
from napari_leukocyte.models.manifest import Manifest, Member
from napari_leukocyte.models.registry import list_models
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.session.session import Session
from tests.learning.head.colours import smear


def open_session(seed: int, classifier: Manifest, review: bool = True) -> Session:
    """Return a session of a photograph, classified, with every second cell reviewed."""
    image, labels, truth = smear(seed)
    session = Session(image, f"field {seed}")
    session.start_afresh(labels)
    table = classify(image, labels, classifier.name)
    session.set_predictions(table, classifier.name, describe_model(classifier))
    if review:
        for number, name in truth.items():
            if number % 2:
                session.set_class([number], name)
    return session


@pytest.fixture
def sessions(classifier: Manifest) -> list[Session]:
    return [open_session(seed, classifier) for seed in range(6)]


@pytest.fixture
def collected(sessions: list[Session], classifier: Manifest) -> CollectedCells:
    return from_sessions([s.snapshot() for s in sessions], features_of(classifier))


@pytest.fixture
def result(collected: CollectedCells, classifier: Manifest) -> Retrained:
    features = features_of(classifier)
    return retrain(collected.cells, base_for(features), head_of(features))


def test_walk(
    sessions: list[Session],
    collected: CollectedCells,
    result: Retrained,
    classifier: Manifest,
    models: Path,
) -> None:
    features = features_of(classifier)
    assert result.own.before.value < 0.8 < result.own.after.value
    accepted = accept(result, features, "mine", collected.source)
    assert [m.name for m in list_models("classification")][-2:] == ["colours", "mine"]
    lines = "\n".join(as_lines(describe(accepted)))
    assert classifier.members[0].sha256 in lines
    assert "field 0" in lines
    assert "your photographs, balanced accuracy" in lines

    session = sessions[0]
    before = session.table().set_index("label")
    predictions = predictions_of(session.snapshot(), features, result.head, accepted)
    # What the embeddings say is what the model says when it is asked.
    asked = classify(session.rgb, np.asarray(session.labels), "mine")
    assert predictions.table["class"].tolist() == asked["class"].tolist()
    assert np.allclose(predictions.table["confidence"], asked["confidence"], atol=5e-3)
    assert predictions.table.columns.tolist() == asked.columns.tolist()

    changes = apply(session, predictions)
    after = session.table().set_index("label")
    kept = before["reviewed"].astype(bool)
    assert after.loc[kept, "class"].tolist() == before.loc[kept, "class"].tolist()
    changed = {c.label for c in changes}
    assert changed == set(before.index[(before["class"] != after["class"]).to_numpy()])
    assert changed
    assert not changed & set(before.index[kept.to_numpy()])
    session.undo()
    assert session.table().set_index("label")["class"].tolist() == before["class"].tolist()
    assert session.classifier == "colours"


def test_a_head_can_be_fitted_on_a_retrained_model(
    collected: CollectedCells, result: Retrained, classifier: Manifest, sessions: list[Session]
) -> None:
    accepted = accept(result, features_of(classifier), "mine", collected.source)
    again = features_of(accepted)
    assert again.sha256 == classifier.members[0].sha256
    assert np.allclose(head_of(again).weights, result.head.weights, atol=1e-4)
    more = retrain(
        from_sessions([s.snapshot() for s in sessions], again).cells,
        base_for(again),
        head_of(again),
    )
    assert more.own.before.value > 0.8
    third = accept(more, again, "mine-too", "the same cells") if not more.refusals else accepted
    assert head_of(features_of(third)).classes == result.head.classes


def test_what_was_computed_is_kept(
    classifier: Manifest, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, labels, _ = smear(0)
    features = features_of(classifier)
    first = embed(image, labels, features)
    calls: list[int] = []
    run = runtime.run

    def counted(member: Member, batch: NDArray[np.float32], *shapes: tuple[int, ...]) -> Any:
        calls.append(len(batch))
        return run(member, batch, *shapes)

    monkeypatch.setattr(runtime, "run", counted)
    again = embed(image, labels, features)
    assert not calls
    assert np.array_equal(first.embeddings, again.embeddings)
    # Only the cell whose mask was touched is looked at again.
    touched = labels.copy()
    ys, xs = np.nonzero(touched == 2)
    touched[ys[: len(ys) // 4], xs[: len(xs) // 4]] = 0
    embed(image, touched, features)
    assert calls == [1] * features.views
    # A damaged file costs only time.
    (path,) = kept.rglob("*.npz")
    path.write_bytes(path.read_bytes()[:100])
    assert np.allclose(embed(image, labels, features).embeddings, first.embeddings, atol=1e-2)


def test_what_is_worse_is_not_taken(result: Retrained, classifier: Manifest) -> None:
    import dataclasses

    worse = dataclasses.replace(result, refusals=("It forgets.",))
    with pytest.raises(RetrainingError, match=r"The head was not taken. It forgets."):
        accept(worse, features_of(classifier), "worse", "somewhere")
    assert "worse" not in [m.name for m in list_models("classification")]


def test_unsure_and_unreviewed_cells_teach_nothing(classifier: Manifest) -> None:
    session = open_session(0, classifier, review=False)
    features = features_of(classifier)
    with pytest.raises(RetrainingError, match="no reviewed cell"):
        from_sessions([session.snapshot()], features)
    session.set_class([1, 2, 3], "neutrophil")
    session.set_flag([2], "uncertain class")
    session.set_class([3], "unidentified")
    assert len(from_sessions([session.snapshot()], features).cells) == 1


def test_no_cells_at_all(result: Retrained, classifier: Manifest) -> None:
    image, labels, _ = smear(0)
    found = embed(image, labels * 0, features_of(classifier))
    assert len(classify_embedded(found, result.head)) == 0
