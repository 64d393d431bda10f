"""The program that trains on: ``python -m napari_leukocyte.learning.keras_process.train FOLDER``.

:mod:`napari_leukocyte.learning.finetune.job` starts it in a process of its own. It reads the plan
in the folder, writes what happens into ``progress.jsonl``, one object a line, and goes on where it
was stopped or killed if it is started on the same folder again.
"""

from __future__ import annotations

import json
import math
import os
import sys
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its start-up notes hide what matters

import keras
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.reading import Dataset
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.learning.finetune.plan import (
    NETWORK,
    PROGRESS,
    RESULT,
    FinetuneError,
    FinetuneParams,
    Plan,
    read_plan,
)
from napari_leukocyte.learning.keras_process import batches
from napari_leukocyte.learning.keras_process.networks import cell_iou, dice_cross_entropy
from napari_leukocyte.learning.keras_process.onnx_files import rebuild, to_onnx
from napari_leukocyte.models.manifest import Manifest, Member, read_manifest

#: Steps an epoch unless told otherwise: one for each batch of cells, within these.
FEWEST_STEPS, MOST_STEPS = 10, 200
#: Files in a job's folder: the state after the last epoch, and the best weights so far.
LAST, BEST = "last.npz", "best.npz"


@dataclass(frozen=True, eq=False)
class _Task:
    """Network, batches, loss and metric of segmentation or classification."""

    model: keras.Model
    trained: keras.Model
    train: Any
    validation: batches.Batch
    loss: Any
    metric: Any
    outputs: tuple[str, ...] | None


def main(folder: Path) -> int:
    """Train as the plan in a folder says; return the exit status."""
    warnings.simplefilter("ignore")  # nobody reads them
    log = _Log(folder / PROGRESS)
    try:
        _train(folder, log)
    except LeukocyteError as error:
        log.write(event="error", message=str(error))
        return 2
    except MemoryError:
        log.write(event="error", message="There is not enough memory: choose smaller batches.")
        return 2
    except Exception as error:
        # Keras and TensorFlow raise anything.
        what = " ".join(str(error).split())[:200]
        log.write(event="error", message=f"Training failed ({type(error).__name__}: {what}).")
        return 2
    return 0


class _Log:
    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, **values: object) -> None:
        with self._path.open("a", encoding="utf-8") as f:
            f.write(json.dumps(values) + "\n")


def _train(folder: Path, log: _Log) -> None:
    plan = read_plan(folder)
    log.write(event="stage", what="Reading the dataset")
    keras.utils.set_random_seed(plan.params.seed)
    dataset = Dataset(Path(plan.dataset))
    if dataset.sha256 != plan.dataset_sha256:
        raise FinetuneError(f"The dataset in {plan.dataset} is not the one that was begun with.")
    manifest = read_manifest(Path(plan.model))
    member = next((m for m in manifest.members if m.name == plan.member), None)
    if member is None or member.sha256 != plan.member_sha256:
        raise FinetuneError(f"The model in {plan.model} is not the one that was begun with.")
    make = _segmentation if plan.kind == "segmentation" else _classification
    task = make(plan, manifest, member, dataset)
    steps = len(task.train)
    task.trained.compile(
        _optimizer(plan.params, steps), loss=task.loss, metrics=[task.metric], jit_compile=False
    )
    log.write(event="begin", epochs=plan.params.epochs, steps=steps)
    checkpoints = Checkpoints(folder)
    callbacks = [
        _Report(log, task),
        keras.callbacks.TerminateOnNaN(),
        checkpoints,
    ]
    task.trained.fit(
        task.train,
        epochs=plan.params.epochs,
        initial_epoch=checkpoints.resume(task.trained),
        validation_data=task.validation,
        validation_batch_size=plan.params.batch_size,
        callbacks=callbacks,
        verbose=0,
    )
    checkpoints.load_best(task.trained)
    log.write(event="stage", what="Exporting the network")
    sha256 = to_onnx(task.model, folder / NETWORK, task.outputs)
    (folder / RESULT).write_text(json.dumps({"sha256": sha256}), encoding="utf-8")
    log.write(event="done")


def _segmentation(plan: Plan, manifest: Manifest, member: Member, dataset: Dataset) -> _Task:
    fields = {s: batches.load_fields(dataset, s, manifest) for s in ("train", "validation")}
    batches.refuse_too_few(
        len(fields["train"]), len(fields["validation"]), "photograph that is annotated completely"
    )
    p = plan.params
    model = rebuild(
        member.file, "segmentation", stochastic_depth=p.stochastic_depth, dropout=p.dropout / 2
    )
    cells = sum(len(f.centres) for f in fields["train"])
    train = batches.FieldBatches(
        fields["train"], member.diameter_px, p.batch_size, _steps(p, cells), p.seed
    )
    validation = batches.validation_fields(fields["validation"], member.diameter_px)
    return _Task(model, model, train, validation, dice_cross_entropy, cell_iou, None)


def _classification(plan: Plan, manifest: Manifest, member: Member, dataset: Dataset) -> _Task:
    side, diameter = manifest.side_px, member.diameter_px
    patch = side + 2 * round(side * (batches.MARGIN - 1) / 2)
    cells = {
        s: batches.load_cells(dataset, s, plan, manifest, patch, diameter)
        for s in ("train", "validation")
    }
    batches.refuse_too_few(
        len(cells["train"]), len(cells["validation"]), "reviewed cell with a class"
    )
    p, classes = plan.params, len(plan.classes)
    former = rebuild(
        member.file,
        "classification",
        len(manifest.classes),
        p.stochastic_depth,
        p.dropout,
    )
    model = _with_classes(former, classes)
    train = batches.CellBatches(
        cells["train"],
        classes,
        side,
        diameter,
        p.batch_size,
        _steps(p, len(cells["train"])),
        p.seed,
    )
    return _Task(
        model,
        # The embedding has no truth to be compared with: it is trained through the logits.
        keras.Model(model.input, model.output["logits"]),
        train,
        batches.validation_cells(cells["validation"], classes, side, diameter),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.05),
        keras.metrics.CategoricalAccuracy(name="accuracy"),
        ("logits", "embedding"),
    )


def _with_classes(model: keras.Model, classes: int) -> keras.Model:
    """Return a classifier with so many classes, the former ones first."""
    weights, bias = model.get_layer("logits").get_weights()
    more = classes - len(bias)
    if not more:
        return model
    layer = keras.layers.Dense(classes, dtype="float32", name="logits")
    logits = layer(model.get_layer("dropout").output)
    # Unlikely until their cells are met.
    layer.set_weights(
        [np.pad(weights, ((0, 0), (0, more))), np.append(bias, np.full(more, bias.min() - 1))]
    )
    return keras.Model(
        model.input, {"logits": logits, "embedding": model.output["embedding"]}, name=model.name
    )


def _steps(params: FinetuneParams, cells: int) -> int:
    if params.steps:
        return params.steps
    return min(MOST_STEPS, max(FEWEST_STEPS, math.ceil(cells / params.batch_size)))


def _optimizer(params: FinetuneParams, steps: int) -> keras.optimizers.Optimizer:
    total = params.epochs * steps
    warmup = max(1, total // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        params.learning_rate / 20,
        decay_steps=max(1, total - warmup),
        alpha=0.01,
        warmup_target=params.learning_rate,
        warmup_steps=warmup,
    )
    return keras.optimizers.AdamW(rate, weight_decay=1e-4, clipnorm=1.0)


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
        found = _read_arrays(self._last)
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
        found = _read_arrays(self._best)
        if found is not None:
            model.set_weights([found[f"weight_{i}"] for i in range(len(model.weights))])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep what there is now."""
        loss = float((logs or {})["val_loss"])
        weights = {f"weight_{i}": w for i, w in enumerate(self.model.get_weights())}
        if loss < self._least:
            self._least = loss
            _write_arrays(self._best, weights)
        optimizer = {
            f"optimizer_{i}": np.asarray(v) for i, v in enumerate(self.model.optimizer.variables)
        }
        numbers = {"epoch": np.array(epoch), "least": np.array(self._least)}
        _write_arrays(self._last, {**weights, **optimizer, **numbers})


def _write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    with atomic_write(path) as temporary, temporary.open("wb") as f:
        np.savez(f, allow_pickle=False, **arrays)


def _read_arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    try:
        with path.open("rb") as f, np.load(f, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


class _Report(keras.callbacks.Callback):
    """Writes steps and epochs down, and has batches follow a resumed run's epoch."""

    def __init__(self, log: _Log, task: _Task) -> None:
        super().__init__()
        self._log, self._task = log, task
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch
        # Read when a batch is drawn: a resumed run begins with another epoch than the first.
        self._task.train.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = float((logs or {}).get("loss", math.nan))
        self._log.write(
            event="step", epoch=self._epoch, step=batch + 1, loss=loss if math.isfinite(loss) else 0
        )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        values = {k: float(v) for k, v in (logs or {}).items()}
        if not all(map(math.isfinite, values.values())):
            raise FinetuneError("The loss is not a number any more: choose a lower learning rate.")
        self._log.write(event="epoch", epoch=epoch, **values)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
