"""Fine-tuning as a process of its own: started, followed, stopped, resumed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from napari_leukocyte.learning.finetune.plan import (
    NETWORK,
    PLAN,
    PROGRESS,
    RESULT,
    FinetuneError,
    Plan,
)

#: Environment variable that names another folder of jobs.
FOLDER_VARIABLE = "NAPARI_LEUKOCYTE_FINETUNE"
MISSING_TENSORFLOW = (
    'Fine-tuning needs TensorFlow, which is not installed: pip install "napari-leukocyte[train]".'
)
#: What the training imports.
_NEEDED = ("tensorflow", "keras", "tf2onnx", "onnx")
_PROGRAM = "napari_leukocyte.learning.keras_process.train"
#: How often the process is looked after, seconds.
_PERIOD = 0.2
#: How long it may take to end when it is asked to, seconds.
_PATIENCE = 10.0
_ERRORS = "errors.txt"


@dataclass
class TrainingProgress:
    """Progress of a run: stage, step, and curves of loss and metrics.

    Attributes
    ----------
    stage : str
        What is going on.
    epochs, steps : int
        How many epochs there will be, and steps in each.
    epoch, step : int
        The epoch under way, from 0, and the steps that it has done.
    values : dict of str to list of float
        Curves by name (``loss``, ``val_loss``, ``cell_iou`` or ``accuracy``), one value an epoch.
    """

    stage: str = "Starting"
    epochs: int = 0
    steps: int = 0
    epoch: int = 0
    step: int = 0
    values: dict[str, list[float]] = field(default_factory=dict)
    finished: bool = False
    error: str | None = None

    def take(self, line: dict[str, Any]) -> None:
        """Take one line of the progress file."""
        event = line.get("event")
        if event == "stage":
            self.stage = str(line["what"])
        elif event == "begin":
            self.epochs, self.steps = int(line["epochs"]), int(line["steps"])
            self.stage, self.error = "Training", None
        elif event == "step":
            self.epoch, self.step = int(line["epoch"]), int(line["step"])
        elif event == "epoch":
            self._epoch_done(int(line["epoch"]), line)
        elif event == "done":
            self.finished, self.stage = True, "Trained"
        elif event == "error":
            self.error = str(line["message"])

    def _epoch_done(self, epoch: int, line: dict[str, Any]) -> None:
        for name, value in line.items():
            if name not in ("event", "epoch"):
                curve = self.values.setdefault(name, [])
                # What a resumed run repeats counts instead of what it repeats.
                del curve[epoch:]
                curve.append(float(value))
        self.epoch, self.step = epoch + 1, 0


def jobs_folder() -> Path:
    """Return the folder in which jobs lie, a folder each; it may not exist yet."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("napari-leukocyte", appauthor=False) / "finetune"


def read_progress(folder: Path) -> TrainingProgress:
    """Return what a job's folder says of it; what is damaged is passed over."""
    curves = TrainingProgress()
    for line in _lines(folder / PROGRESS):
        _take(curves, line)
    return curves


def begin(plan: Plan, folder: Path) -> None:
    """Write a new job into a folder, in place of one that may be there.

    Raises
    ------
    FinetuneError
        If TensorFlow is not installed.
    OutputError
        If the folder can't be written to.
    """
    check_installed()
    if folder.is_dir() and (folder / PLAN).is_file():
        shutil.rmtree(folder, ignore_errors=True)
    plan.write(folder)


def check_installed() -> None:
    """Raise FinetuneError, with one sentence, if TensorFlow is not installed."""
    if any(find_spec(name) is None for name in _NEEDED):
        raise FinetuneError(MISSING_TENSORFLOW)


def run(folder: Path, on_change: Callable[[TrainingProgress], None] | None = None) -> Path:
    """Run the job of a folder to its end, from where it was stopped if it was.

    Parameters
    ----------
    folder : Path
        With a plan.
    on_change : callable, optional
        Called with what is known, a few times a second; it may raise
        :class:`~napari_leukocyte.errors.Cancelled`, which stops the process. What was trained
        stays in the folder.

    Returns
    -------
    Path
        The trained network, an ONNX file.

    Raises
    ------
    FinetuneError
        If TensorFlow is not installed, or the training failed.
    Cancelled
        If `on_change` wanted it to stop.
    """
    check_installed()
    curves = read_progress(folder)
    curves.stage, curves.error = "Starting", None
    tail = _Tail(folder / PROGRESS)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"}
    with (folder / _ERRORS).open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - a program of this package
            [sys.executable, "-m", _PROGRAM, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environment,
        )
        try:
            while process.poll() is None:
                _follow(curves, tail, on_change)
                time.sleep(_PERIOD)
            _follow(curves, tail, on_change)
        finally:
            _stop(process)
    if curves.error is not None:
        raise FinetuneError(curves.error)
    if process.returncode or not (folder / RESULT).is_file():
        raise FinetuneError(
            f"Training ended before it was done (status {process.returncode}): resume it."
            + _last_words(folder / _ERRORS)
        )
    return folder / NETWORK


class _Tail:
    """Reader of what is appended to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = path.stat().st_size if path.is_file() else 0
        self._rest = b""

    def read(self) -> list[dict[str, Any]]:
        """Return the lines that are new and whole."""
        try:
            with self._path.open("rb") as f:
                f.seek(self._position)
                data = self._rest + f.read()
                self._position = f.tell()
        except OSError:
            return []
        *lines, self._rest = data.split(b"\n")
        return [parsed for line in lines if (parsed := _parsed(line)) is not None]


def _follow(
    curves: TrainingProgress, tail: _Tail, on_change: Callable[[TrainingProgress], None] | None
) -> None:
    for line in tail.read():
        _take(curves, line)
    if on_change is not None:
        on_change(curves)


def _take(curves: TrainingProgress, line: dict[str, Any]) -> None:
    try:
        curves.take(line)
    except (KeyError, TypeError, ValueError):  # half a line of a process that was killed
        return


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        data = path.read_bytes()
    except OSError:
        return []
    return [parsed for line in data.split(b"\n") if (parsed := _parsed(line)) is not None]


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _last_words(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f" Its last words: {lines[-1][:200]}" if lines else ""
