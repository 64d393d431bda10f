"""Make the plan of a fine-tuning from what a user asks for."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from napari_leukocyte.annotations.dataset.reading import Dataset
from napari_leukocyte.learning.finetune.plan import FinetuneError, FinetuneParams, Plan
from napari_leukocyte.learning.head.gather import reviewed
from napari_leukocyte.models.adding import NewModel, check_new
from napari_leukocyte.models.manifest import Kind, Manifest, Member
from napari_leukocyte.models.registry import find_model, list_models, user_folder


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
        f"There is no model {model!r}: give segmentation, classification, a member or one of "
        f"{', '.join(names)}."
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
            what = "reviewed cell" if classes else "completely annotated photograph"
            raise FinetuneError(
                f"The dataset has no {what} on its {side} side: export more photographs (each is "
                "on one side of the split for good)."
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
