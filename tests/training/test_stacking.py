"""Stacking and boosting on cells whose best answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.models.manifest import Manifest, Member
from training.predictions import MORPHOLOGY, NOT_FOUND, probability_columns, verdicts
from training.stacking import MetaModel

CLASSES = ("a", "b", "c")


def _manifest(name: str) -> Manifest:
    member = Member(name, Path(f"{name}.onnx"), "0" * 64, 1.0, 64.0)
    return Manifest(name, "classification", name, Path(), (member,), CLASSES, 64)


FIRST, SECOND = _manifest("first"), _manifest("second")


def _cells(seed: int, n: int = 300) -> pd.DataFrame:
    """Return cells of three classes; one classifier mistakes a for b, the other b for c.

    The nucleus alone tells c from the others.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    table = pd.DataFrame({name: rng.normal(size=n) for name in MORPHOLOGY})
    table["nucleus_solidity"] += 6.0 * (truth == 2)
    table.loc[::17, "nucleus_circularity"] = np.nan
    for manifest, blind in ((FIRST, (0, 1)), (SECOND, (1, 2))):
        sure = np.eye(3)[truth] + rng.uniform(0, 0.2, (n, 3))
        lost = np.isin(truth, blind)
        sure[lost] = np.eye(3)[np.array(blind)[rng.integers(0, 2, lost.sum())]] + 0.1
        sure /= sure.sum(axis=1, keepdims=True)
        table[probability_columns(manifest)] = sure
    table.insert(0, "found", True)
    table.insert(0, "truth", [CLASSES[i] for i in truth])
    return table


def _accuracy(table: pd.DataFrame, said: list[str]) -> float:
    return float(np.mean(table["truth"].to_numpy() == said))


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_a_meta_model_is_better_than_its_members(kind: str) -> None:
    validation, test = _cells(0), _cells(1)
    alone = [_accuracy(test, verdicts(test, m)) for m in (FIRST, SECOND)]
    model = MetaModel(validation, [FIRST, SECOND], kind)  # type: ignore[arg-type]
    stacked = _accuracy(test, model.verdicts(test))
    assert max(alone) < 0.8 < 0.9 < stacked


def test_morphology_alone_knows_what_the_morphology_knows() -> None:
    validation, test = _cells(0), _cells(1)
    model = MetaModel(validation, [], "boosting")
    said = model.verdicts(test)
    third = (test["truth"] == "c").to_numpy()
    assert np.mean(np.array(said)[third] == "c") > 0.95
    assert np.mean(np.array(said)[~third] == test["truth"][~third]) < 0.7
    probabilities = [c for m in (FIRST, SECOND) for c in probability_columns(m)]
    assert model.verdicts(test.assign(**dict.fromkeys(probabilities, 0.5))) == said


def test_cells_that_were_not_found_stay_so() -> None:
    test = _cells(1, 20)
    test.loc[3, "found"] = False
    test.loc[3, list(MORPHOLOGY)] = np.nan
    assert verdicts(test, FIRST)[3] == NOT_FOUND
    said = MetaModel(_cells(0), [FIRST, SECOND]).verdicts(test)
    assert [i for i, s in enumerate(said) if s == NOT_FOUND] == [3]


def test_what_cannot_be_fitted_is_one_sentence() -> None:
    table = _cells(0, 30)
    with pytest.raises(ParameterError, match="cells of at least two classes"):
        MetaModel(table[table["truth"] == "a"], [FIRST])
    with pytest.raises(ParameterError, match="no meta-model 'forest'"):
        MetaModel(table, [FIRST], "forest")  # type: ignore[arg-type]
