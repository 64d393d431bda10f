"""Checkpoints that a kill at any moment leaves whole: the old one, or the new one."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.io.atomic import atomic_write

#: Files in a job's folder: the state after the last epoch, and the best weights so far.
LAST, BEST = "last.npz", "best.npz"


class Checkpoints(keras.callbacks.Callback):
    """Keeps the state after every epoch, and the weights of the least validation loss.

    Parameters
    ----------
    folder : Path
        Of the job.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._last, self._best = folder / LAST, folder / BEST
        self._least = math.inf

    def resume(self, model: keras.Model) -> int:
        """Bring a compiled model to the state in which it was stopped.

        Returns
        -------
        int
            The epoch to go on with: 0 if there is nothing to go on from, or it is damaged.
        """
        found = _read(self._last)
        if found is None or "epoch" not in found:
            return 0
        model.optimizer.build(model.trainable_variables)
        states = {"weight": model.weights, "optimizer": model.optimizer.variables}
        for name, variables in states.items():
            arrays = [found.get(f"{name}_{i}") for i in range(len(variables))]
            fits = all(
                a is not None and a.shape == tuple(v.shape)
                for a, v in zip(arrays, variables, strict=True)
            )
            if not fits:
                return 0
        for name, variables in states.items():
            for i, variable in enumerate(variables):
                variable.assign(found[f"{name}_{i}"])
        self._least = float(found["least"])
        return int(found["epoch"]) + 1

    def load_best(self, model: keras.Model) -> None:
        """Give a model the best weights, if there are any."""
        found = _read(self._best)
        if found is not None:
            model.set_weights([found[f"weight_{i}"] for i in range(len(model.weights))])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep what there is now."""
        loss = float((logs or {})["val_loss"])
        weights = {f"weight_{i}": w for i, w in enumerate(self.model.get_weights())}
        if loss < self._least:
            self._least = loss
            _write(self._best, weights)
        optimizer = {
            f"optimizer_{i}": np.asarray(v) for i, v in enumerate(self.model.optimizer.variables)
        }
        numbers = {"epoch": np.array(epoch), "least": np.array(self._least)}
        _write(self._last, {**weights, **optimizer, **numbers})


def _write(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    with atomic_write(path) as temporary, temporary.open("wb") as f:
        np.savez(f, allow_pickle=False, **arrays)


def _read(path: Path) -> dict[str, NDArray[Any]] | None:
    try:
        with path.open("rb") as f, np.load(f, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
