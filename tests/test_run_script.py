"""The set-up says what it installs while it does."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

#: As pip prints them.
PRINTED = """
Obtaining file:///somewhere/leukocyte
Collecting numpy>=2.0 (from napari-leukocyte==0.2)
  Downloading numpy-2.4.0-cp311-cp311-manylinux_2_27_x86_64.whl.metadata (6.6 kB)
Collecting napari[pyqt6]<1,>=0.6 (from napari-leukocyte==0.2)
Requirement already satisfied: wheel in /lib
Downloading opencv_python_headless-4.12.0-cp37-abi3-manylinux_2_28_x86_64.whl (54.0 MB)
Downloading https://files.example.org/a/PyQt6-6.9.1-cp39-abi3-manylinux_2_28_x86_64.whl (37 MB)
Building wheel for pure-python (pyproject.toml): started
Building wheel for pure-python (pyproject.toml): finished with status 'done'
Installing collected packages: numpy, napari, PyQt6
Successfully installed numpy-2.4.0
"""
SAID = [
    "Looking for numpy",
    "Looking for napari",
    "Downloading opencv_python_headless",
    "Downloading PyQt6",
    "Building pure-python",
    "Unpacking 3 packages",
]


@pytest.fixture
def script() -> Any:
    path = Path(__file__).parents[1] / "run.py"
    spec = importlib.util.spec_from_file_location("run_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pip(tmp_path: Path) -> list[str]:
    program = tmp_path / "pip.py"
    program.write_text(f"print({PRINTED!r})", encoding="utf-8")
    return [sys.executable, str(program)]


def test_packages_are_named_as_pip_goes(
    script: Any, pip: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, log = script.PipReport(), tmp_path / "log" / "setup.log"
    assert script.quiet(pip, log, report.line)
    report.end()
    assert capsys.readouterr().out.splitlines() == [f"    {text}" for text in SAID]
    assert PRINTED.strip() in log.read_text(encoding="utf-8")


def test_on_a_terminal_they_share_one_line(
    script: Any, pip: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = script.PipReport()
    report.on_terminal = True
    assert script.quiet(pip, tmp_path / "setup.log", report.line)
    report.end()
    out = capsys.readouterr().out
    assert "\n" not in out
    assert out.split("\r\033[K") == ["", *(f"    {text}" for text in SAID), ""]


def test_what_fails_shows_its_end(
    script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = [sys.executable, "-c", "print(*range(30), sep='\\n'); raise SystemExit(1)"]
    assert not script.quiet(program, tmp_path / "setup.log")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("This failed: ")
    assert lines[1:-1] == [f"    {number}" for number in range(5, 30)]
    assert lines[-1].endswith("setup.log")
