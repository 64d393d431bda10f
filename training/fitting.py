"""The part of a training run that is the same for every network."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

#: Checkpoints and logs of runs, ignored by git; ``LEUKOCYTE_RUNS`` names another place, such as one
#: that outlives the checkout.
RUNS = Path(os.environ.get("LEUKOCYTE_RUNS", Path(__file__).parent / "runs"))
#: Small results that are committed.
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Schedule:
    """Length and learning rates of a training.

    Attributes
    ----------
    epochs, steps, batch_size : int
        Length of the run.
    learning_rate : float
        Peak; a linear warm-up of one epoch, then half a cosine down to a hundredth.
    weight_decay : float
        Of AdamW.
    patience : int
        Epochs without a better validation loss before the run stops.
    bfloat16 : bool
        Whether convolutions and dense layers multiply in bfloat16, weights staying float32: on a
        processor that has it in hardware VGG16 trains nearly twice as fast.
    """

    epochs: int = 16
    steps: int = 100
    batch_size: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    patience: int = 8
    bfloat16: bool = False


def optimizer(schedule: Schedule, ema: float = 0.0) -> keras.optimizers.Optimizer:
    """Return AdamW with warm-up and cosine decay, averaging the weights with momentum `ema`."""
    total = schedule.epochs * schedule.steps
    warmup = min(schedule.steps, total // 4)
    rate = keras.optimizers.schedules.CosineDecay(
        schedule.learning_rate / 20,
        decay_steps=max(1, total - warmup),
        alpha=0.01,
        warmup_target=schedule.learning_rate,
        warmup_steps=warmup,
    )
    made = keras.optimizers.AdamW(
        rate,
        weight_decay=schedule.weight_decay,
        clipnorm=1.0,
        use_ema=ema > 0,
        ema_momentum=ema or 0.99,
    )
    made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made


def fit(
    model: keras.Model,
    train: keras.utils.PyDataset,
    validation: tuple[Any, ...],
    schedule: Schedule,
    name: str,
    config: Any,
    *,
    keep_best: bool = True,
) -> dict[str, list[float]]:
    """Fit a compiled model; an interrupted run goes on from its last epoch.

    Parameters
    ----------
    model : keras.Model
        Compiled. It ends with the weights of the best validation loss, see `keep_best`.
    train : keras.utils.PyDataset
        Batches.
    validation : tuple
        Fixed inputs and truth, and weights where samples count differently.
    schedule : Schedule
        Length and patience.
    name : str
        The experiment: names its folders under ``runs/`` and ``results/``.
    config : dataclass
        Saved beside the curves.
    keep_best : bool
        Whether the best epoch is kept, and the run stops when it has not been bettered for long.
        Otherwise all epochs are run and the last one is kept: nothing is chosen on `validation`,
        which then may be what figures are measured on.

    Returns
    -------
    dict
        Curves by name, one value an epoch.
    """
    if schedule.bfloat16:
        # TensorFlow rewrites the graph that is trained; what is saved knows nothing of it.
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})
    run, result = RUNS / name, RESULTS / name
    run.mkdir(parents=True, exist_ok=True)
    result.mkdir(parents=True, exist_ok=True)
    best = run / "best.weights.h5"
    log = run / "log.csv"
    callbacks = [
        keras.callbacks.BackupAndRestore(str(run / "backup"), delete_checkpoint=False),
        keras.callbacks.CSVLogger(str(log), append=True),
        keras.callbacks.TerminateOnNaN(),
    ]
    if model.optimizer.use_ema:
        # What follows in the list sees the average; training goes on from the weights themselves.
        callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if keep_best:
        callbacks += [
            keras.callbacks.ModelCheckpoint(
                str(best), monitor="val_loss", save_best_only=True, save_weights_only=True
            ),
            keras.callbacks.EarlyStopping(monitor="val_loss", patience=schedule.patience),
        ]
    model.fit(
        train,
        epochs=schedule.epochs,
        validation_data=validation,
        validation_batch_size=schedule.batch_size,
        callbacks=callbacks,
        verbose=2,
    )
    if keep_best:
        model.load_weights(best)
    curves = read_log(log)
    record = {"config": asdict(config), "curves": curves}
    (result / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return curves


def read_log(path: Path) -> dict[str, list[float]]:
    """Read Keras' CSV log; where a resumed run repeats an epoch, the later row counts."""
    lines = path.read_text(encoding="utf-8").splitlines()
    names = lines[0].split(",")
    rows: dict[int, list[float]] = {}
    for line in lines[1:]:
        if line and line != lines[0]:
            values = [float(v) if v else math.nan for v in line.split(",")]
            rows[int(values[0])] = values
    return {n: [rows[e][i] for e in sorted(rows)] for i, n in enumerate(names)}
