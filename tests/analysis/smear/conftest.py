"""A folder of fields, and networks that answer at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_leukocyte.classification import inference as classification
from napari_leukocyte.segmentation import ensemble
from tests.analysis.smear.fields import find_dark, make_folder, name_in_turn


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of three fields and a damaged one."""
    folder = make_folder(tmp_path / "smear 7")
    (folder / "field 4.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    return folder


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put something quick in the networks' place."""
    monkeypatch.setattr(ensemble, "segment_members", find_dark)
    monkeypatch.setattr(classification, "classify", name_in_turn)
