"""Teachers: earlier classifiers whose vote a new one learns, beside the labels.

A network that learns what a vote of several says keeps most of what the vote gains, at the price
of one network (G. Hinton and others, Distilling the knowledge in a neural network, 2015), the more
so where teacher and pupil see the same augmented crop (L. Beyer and others, Knowledge distillation:
a good teacher is patient and consistent, CVPR 2022). Crops without a label teach as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from napari_leukocyte.classification.inference import softmax
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.learning.keras_process.onnx_files import to_onnx
from napari_leukocyte.models.registry import find_model
from training.data.photographs import DatasetName
from training.fitting import RUNS
from training.ship_config import priors, recipe_of

#: Before the name of a shipped classifier where an experiment names a classifier.
SHIPPED = "shipped:"

Logits = Callable[[NDArray[np.float32]], NDArray[np.float64]]


@dataclass(frozen=True)
class TeachingParams:
    """The teachers and their part in what is learnt; none by default.

    Attributes
    ----------
    teachers : tuple of str
        Experiments that were trained, or ``"shipped:"`` and the name of a shipped classifier, all
        of the same classes.
    votes : tuple of float
        Part of each teacher in the vote; they sum to 1.
    share : float
        Part of the vote in the targets of labelled crops, 0 to 1; the rest is the label's. Those
        of crops without a label are the vote's alone.
    unlabelled : tuple of str
        Sets whose photographs are learnt from without labels.

    Raises
    ------
    ParameterError
        If votes and teachers don't fit, or the share is out of range.
    """

    teachers: tuple[str, ...] = ()
    votes: tuple[float, ...] = ()
    share: float = 0.0
    unlabelled: tuple[DatasetName, ...] = ()

    def __post_init__(self) -> None:
        if len(self.votes) != len(self.teachers):
            raise ParameterError("Every teacher needs one vote.")
        if self.teachers and (min(self.votes) < 0 or abs(sum(self.votes) - 1) > 1e-6):
            raise ParameterError("The teachers' votes must be 0 or more and sum to 1.")
        if not 0 <= self.share <= 1:
            raise ParameterError("share must be from 0 to 1.")
        if self.unlabelled and not self.teachers:
            raise ParameterError("Crops without labels need a teacher.")


class Teachers:
    """The vote of earlier classifiers on a batch.

    Parameters
    ----------
    params : TeachingParams
        Who takes part.
    classes : tuple of str
        The classes, in the order of the outputs.

    Raises
    ------
    ParameterError
        If a teacher was not trained or has other classes.
    """

    def __init__(self, params: TeachingParams, classes: tuple[str, ...]) -> None:
        self._votes = params.votes
        self._teachers = [_teacher(name, classes) for name in params.teachers]

    def vote(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the teachers' probabilities, (N, C), of crops (N, H, W, 3) RGB 0 to 255."""
        said = [softmax(logits(images)) for logits in self._teachers]
        return np.tensordot(self._votes, np.stack(said), 1).astype(np.float32)


def _teacher(name: str, classes: tuple[str, ...]) -> Logits:
    """Return the logits of a classifier, as calibrated, with all classes as common as trained."""
    if name.startswith(SHIPPED):
        manifest = find_model("classification", name.removeprefix(SHIPPED))
        if manifest.classes != classes:
            raise ParameterError(f"{manifest.name} has other classes than its pupil.")
        file, temperature = manifest.members[0].file, manifest.temperature
        offset = np.log(priors(recipe_of(manifest.name), classes))
    else:
        file, temperature, offset = _exported(name, len(classes)), 1.0, np.zeros(len(classes))
    # Batches are made beside the training, which has the other cores.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options)
    given = session.get_inputs()[0].name
    return lambda images: np.asarray(
        session.run(None, {given: images})[0] / temperature - offset, np.float64
    )


def _exported(name: str, classes: int) -> Path:
    """Return the ONNX file of an experiment that was trained, made unless it is there."""
    trained = RUNS / name / "model.keras"
    if not trained.is_file():
        raise ParameterError(f"The teacher {name} was not trained: there is no {trained}.")
    file = trained.with_suffix(".onnx")
    if not file.is_file() or file.stat().st_mtime < trained.stat().st_mtime:
        model = keras.models.load_model(trained, compile=False)
        to_onnx(keras.Model(model.input, model.output["logits"]), file)
    outputs = onnxruntime.InferenceSession(file).get_outputs()[0].shape[-1]
    if outputs != classes:
        raise ParameterError(f"{name} has other classes than its pupil.")
    return file
