"""Whatever is wrong with a user's folders or files is one sentence and exit status 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from training.__main__ import app


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["split"], "The data root ROOT is not a folder"),
        (["evaluate", "segmentation"], "The data root ROOT is not a folder"),
        (["evaluate", "nonsense"], "choose segmentation"),
        (["segment", "training/configs/unet-lite0.toml"], "The data root ROOT is not a folder"),
        (["segment", "none.toml"], "No such file"),
        (["segment", "README.md"], "is not a TOML file"),
        (["nonsense"], "No such command"),
    ],
)
def test_errors_are_one_sentence(command: list[str], said: str, tmp_path: Path) -> None:
    root = tmp_path / "none"
    options = ["--data-root", str(root)] if len(command) > 1 or command == ["split"] else []
    result = CliRunner().invoke(app, [*command, *options])
    assert result.exit_code == 2
    assert said.replace("ROOT", str(root)) in result.stderr
    assert result.stderr.count("\n") == 1
