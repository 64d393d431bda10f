"""The set-up says what it installs while it does, and runs several checks at a time."""

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


def test_steps_run_side_by_side_in_homes_of_their_own(
    script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    met = tmp_path / "met"
    # Ends when the other one has begun, too; a lone one would never end.
    meets = (
        "import os, pathlib, sys, time; met = pathlib.Path(sys.argv[1]); met.mkdir(exist_ok=True)\n"
        "(met / sys.argv[2]).write_text(os.environ['HOME'])\n"
        "while len(list(met.iterdir())) < 2: time.sleep(0.01)\n"
        "print('met')"
    )
    commands = {
        "lint": [sys.executable, "-c", meets, str(met), "lint"],
        "types": [sys.executable, "-c", meets, str(met), "types"],
        "docs": [sys.executable, "-c", "raise SystemExit(3)"],
    }
    results = script.run_steps(commands, tmp_path)
    assert {name: status for name, (status, _) in results.items()} == {
        "lint": 0,
        "types": 0,
        "docs": 3,
    }
    out = capsys.readouterr().out
    assert out.count("ended with exit status 0\nmet\n") == 2
    assert (met / "lint").read_text() != (met / "types").read_text()


def test_every_window_test_is_in_one_part(script: Any) -> None:
    files = sorted(path for part in script.window_parts() for path in part)
    folder = script.ROOT / script.WINDOWS
    assert files == sorted(
        path.relative_to(script.ROOT).as_posix() for path in folder.rglob("test_*.py")
    )
    known = script.steps("python", [])
    windows = [name for name in known if name.startswith("windows-")]
    assert script.chosen_steps(["windows"], known) == windows
    assert script.chosen_steps(["tests"], known) == ["core", *windows]
    assert script.chosen_steps([], known) == list(known)
