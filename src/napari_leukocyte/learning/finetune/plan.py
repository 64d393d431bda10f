"""The plan of a fine-tuning, written down for the process that trains and for resuming."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args

from napari_leukocyte.annotations.dataset.reading import Dataset
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.atomic import as_output_error, atomic_write
from napari_leukocyte.io.json_text import read_json
from napari_leukocyte.io.validation import FORBID, Number, Whole, between, must, parse, record
from napari_leukocyte.language import later
from napari_leukocyte.learning.head.cells import reviewed
from napari_leukocyte.models.adding import NewModel, check_new
from napari_leukocyte.models.manifest import Kind, Manifest, Member
from napari_leukocyte.models.registry import find_model, list_models, user_folder

#: Files of a job's folder.
PLAN, PROGRESS, RESULT, NETWORK = "plan.json", "progress.jsonl", "result.json", "network.onnx"


class FinetuneError(LeukocyteError):
    """A fine-tuning that can't be done; one sentence."""


@record(frozen=True)
class FinetuneParams:
    """Length and learning rates of a fine-tuning run.

    Attributes
    ----------
    epochs : int
        1 to 1000.
    learning_rate : float
        Peak, reached after a tenth of all steps; then half a cosine down to a hundredth. A tenth
        of what the shipped models were trained at: what they know is to be kept. Above 0, at most
        0.1.
    batch_size : int
        Crops a step; 1 to 256.
    steps : int
        Steps an epoch; 0 shows every cell of the training side about once, from 10 to 200. At most
        10,000.
    stochastic_depth, dropout : float
        Regularisation, as for the shipped models; parts that are left out, 0 to 1.
    seed : int
        Crops and their augmentation follow from it.
    """

    __pydantic_config__ = FORBID
    error = FinetuneError

    epochs: Annotated[Whole, between(1, 1000)] = 10
    learning_rate: Annotated[Number, must(lambda r: 0 < r <= 0.1, "above 0 and at most 0.1")] = 1e-4
    batch_size: Annotated[Whole, between(1, 256)] = 8
    steps: Annotated[Whole, between(0, 10_000)] = 0
    stochastic_depth: Annotated[Number, between(0, 1)] = 0.1
    dropout: Annotated[Number, between(0, 1)] = 0.2
    seed: Whole = 1


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

    __pydantic_config__ = FORBID

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
    values = read_json(path, FinetuneError)
    if values is None:
        raise FinetuneError("{folder} holds no fine-tuning that could be resumed.", folder=folder)
    damaged = f"{path} is damaged, begin anew: "
    return parse(Plan, values, error=FinetuneError, where=damaged, complete=True)


def find_member(model: str) -> tuple[Manifest, Member]:
    """Find what to train on.

    Parameters
    ----------
    model : str
        ``"segmentation"`` or ``"classification"`` for the default of that kind, a model's name or
        folder, or a member's name.

    Returns
    -------
    manifest : Manifest
        The model.
    member : Member
        The one named, or the one that counts most in the vote.

    Raises
    ------
    ModelError
        If there is none.
    """
    if model in get_args(Kind):
        kind: Kind = "segmentation" if model == "segmentation" else "classification"
        manifest = find_model(kind)
        return manifest, max(manifest.members, key=lambda m: m.weight)
    for manifest in (m for k in get_args(Kind) for m in list_models(k)):
        if manifest.name == model or str(manifest.folder) == model:
            return manifest, max(manifest.members, key=lambda m: m.weight)
        for member in manifest.members:
            if member.name == model:
                return manifest, member
    names = [m.name for k in get_args(Kind) for m in list_models(k)]
    raise FinetuneError(
        "There is no model {model!r}: give segmentation, classification, a member or one of "
        "{names}.",
        model=model,
        names=", ".join(names),
    )


def make_plan(
    dataset: Dataset,
    model: str,
    name: str,
    params: FinetuneParams | None = None,
    folder: Path | None = None,
) -> Plan:
    """Make a plan, and refuse what can't be done before anything is begun.

    Parameters
    ----------
    dataset : Dataset
        What to train on.
    model : str
        See :func:`find_member`.
    name : str
        Of the new model.
    params : FinetuneParams, optional
        How long and how fast.
    folder : Path, optional
        Folder of models; the user's by default.

    Returns
    -------
    Plan

    Raises
    ------
    FinetuneError
        If the dataset has nothing to train or to measure on.
    ModelError
        If there is no such model, or the name can't be had.
    """
    manifest, member = find_member(model)
    classes: tuple[str, ...] = ()
    table = dataset.objects()
    if manifest.kind == "classification":
        table = reviewed(table)
        sides = table[table["side"].isin(["train", "validation"])]
        new = sorted(set(sides["class"].astype(str)) - set(manifest.classes))
        classes = (*manifest.classes, *new)
    else:
        complete = {i.name for i in dataset.images if i.complete and i.image is not None}
        table = table[table["image"].isin(complete)]
    for side in ("train", "validation"):
        if not (table["side"] == side).any():
            cell, photograph = later("reviewed cell"), later("completely annotated photograph")
            raise FinetuneError(
                "The dataset has no {what} on its {side} side: export more photographs (each "
                "is on one side of the split for good).",
                what=cell if classes else photograph,
                side=later(side),
            )
    check_new(NewModel(name, manifest.kind, classes), user_folder() if folder is None else folder)
    return Plan(
        manifest.kind,
        str(manifest.folder),
        member.name,
        member.sha256,
        str(dataset.folder.absolute()),
        dataset.sha256,
        classes,
        name,
        params or FinetuneParams(),
    )
