"""A small classifier with an embedding, as a model of the user's, and embeddings kept apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from napari_leukocyte.models.manifest import Manifest
from tests.learning.head.colours import SIDE, add_classifier, smear


@pytest.fixture(autouse=True)
def kept(tmp_path: Path) -> Iterator[Path]:
    """Keep embeddings in a folder of each test's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_LEUKOCYTE_EMBEDDINGS", str(tmp_path / "embeddings"))
        yield tmp_path / "embeddings"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of the user's own models."""
    folder = tmp_path / "models"
    monkeypatch.setenv("NAPARI_LEUKOCYTE_MODELS", str(folder))
    return folder


@pytest.fixture
def classifier(models: Path) -> Manifest:
    """Return a classifier that sees mean colours, and calls purple cells monocytes."""
    return add_classifier(models)


@pytest.fixture
def field() -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Return a photograph, its label image and the classes of its objects."""
    assert SIDE > 0
    return smear(seed=0)
