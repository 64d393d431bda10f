"""One sentence for what can't be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_leukocyte.errors import FormatError
from napari_leukocyte.io.refusing import as_unreadable


def test_the_reason_is_the_system_s_and_other_errors_go_through(tmp_path: Path) -> None:
    path = tmp_path / "cells.json"
    with pytest.raises(FormatError) as refused, as_unreadable(path, FormatError):
        path.read_bytes()
    assert str(refused.value) == f"{path} can't be read: No such file or directory."
    assert isinstance(refused.value.__cause__, FileNotFoundError)
    said = r"can't be read: the disk has gone\."
    with pytest.raises(FormatError, match=said), as_unreadable(path, FormatError):
        raise OSError("the disk has gone")
    with pytest.raises(KeyError), as_unreadable(path, FormatError):
        raise KeyError("label")
