"""Photographs that were worked on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.smear.fields import make_folder
from tests.annotations.dataset.worked import work_on


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of three photographs with sessions."""
    folder = make_folder(tmp_path / "smear 7")
    for path in sorted(folder.iterdir()):
        work_on(path)
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where a dataset can be made."""
    return tmp_path / "dataset"


@pytest.fixture(autouse=True)
def _made_up_maps(all_convincing: None) -> None:
    """Take every region of the drawn maps for an object."""
