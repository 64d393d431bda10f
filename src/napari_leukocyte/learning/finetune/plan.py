"""What a fine-tuning is to do, written down for the process that does it and for resuming."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.atomic import as_output_error, atomic_write
from napari_leukocyte.models.manifest import Kind

#: Files of a job's folder.
PLAN, PROGRESS, RESULT, NETWORK = "plan.json", "progress.jsonl", "result.json", "network.onnx"


class FinetuneError(LeukocyteError):
    """A fine-tuning that can't be done; one sentence."""


@dataclass(frozen=True)
class FinetuneParams:
    """How long and how fast.

    Attributes
    ----------
    epochs : int
        At least 1.
    learning_rate : float
        Peak, reached after a tenth of all steps; then half a cosine down to a hundredth. A tenth
        of what the shipped models were trained at: what they know is to be kept.
    batch_size : int
        Crops a step.
    steps : int
        Steps an epoch; 0 shows every cell of the training side about once, from 10 to 200.
    stochastic_depth, dropout : float
        Regularisation, as for the shipped models.
    seed : int
        Crops and their augmentation follow from it.
    """

    epochs: int = 10
    learning_rate: float = 1e-4
    batch_size: int = 8
    steps: int = 0
    stochastic_depth: float = 0.1
    dropout: float = 0.2
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.epochs <= 1000:
            raise FinetuneError(f"The number of epochs must be from 1 to 1000, not {self.epochs}.")
        if not 0 < self.learning_rate <= 0.1:
            raise FinetuneError(
                f"The learning rate must be above 0 and at most 0.1, not {self.learning_rate:g}."
            )
        if not 1 <= self.batch_size <= 256 or not 0 <= self.steps <= 10_000:
            raise FinetuneError("A batch has 1 to 256 crops, an epoch at most 10000 steps.")


@dataclass(frozen=True)
class Plan:
    """A fine-tuning.

    Attributes
    ----------
    kind : {"segmentation", "classification"}
        What is trained.
    model, member : str
        Folder of the model, and name of the member, to go on from.
    member_sha256 : str
        Checksum of that member's file.
    dataset : str
        Folder of a version of a dataset.
    dataset_sha256 : str
        Checksum of its manifest.
    classes : tuple of str
        Classes of the new classifier, the model's first; empty for segmentation.
    name : str
        Of the new model.
    params : FinetuneParams
        How long and how fast.
    """

    kind: Kind
    model: str
    member: str
    member_sha256: str
    dataset: str
    dataset_sha256: str
    classes: tuple[str, ...]
    name: str
    params: FinetuneParams = dataclasses.field(default_factory=FinetuneParams)

    def write(self, folder: Path) -> None:
        """Write it into a job's folder, which is made."""
        with as_output_error(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / PLAN) as temporary:
            temporary.write_text(json.dumps(dataclasses.asdict(self), indent=1), encoding="utf-8")


def read_plan(folder: Path) -> Plan:
    """Read the plan of a job's folder.

    Raises
    ------
    FinetuneError
        If there is none, or it is damaged.
    """
    path = folder / PLAN
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        params = FinetuneParams(**values.pop("params"))
        values["classes"] = tuple(values["classes"])
        plan = Plan(**values, params=params)
    except FileNotFoundError as error:
        raise FinetuneError(f"{folder} holds no fine-tuning that could be resumed.") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, FinetuneError):
            raise
        raise FinetuneError(f"{path} is damaged: begin anew.") from error
    return plan
