"""``napari-leukocyte finetune``: train a network of a model on with a dataset's photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def finetune_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DATASET", help="The dataset's folder.", show_default=False)
    ],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the new model.", show_default=False)
    ],
    model: Annotated[
        str,
        typer.Option(
            metavar="M",
            help="What is trained on: segmentation, classification, a model or a member.",
        ),
    ] = "segmentation",
    version: Annotated[
        int | None,
        typer.Option("--version", metavar="N", help="Of the dataset; the newest if not given."),
    ] = None,
    epochs: Annotated[int, typer.Option(metavar="N", help="How long.")] = 10,
    steps: Annotated[
        int, typer.Option(metavar="N", help="Steps an epoch; 0 shows every cell about once.")
    ] = 0,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Crops a step.")] = 8,
    learning_rate: Annotated[float, typer.Option(metavar="X", help="At its peak.")] = 1e-4,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with a fine-tuning of this name that was stopped."),
    ] = False,
    add_worse: Annotated[
        bool,
        typer.Option("--add-worse", help="Add the new model even if it measures worse."),
    ] = False,
    into: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of models; yours if not given."),
    ] = None,
) -> None:
    """Train a network on with a dataset's photographs, in minutes to hours.

    The new model is measured on the validation photographs against the one in use, and added to
    your models. Interrupted, it can be resumed.

    Exit status: 0 if the model was added, 1 if it is worse and was not, 2 if nothing could be
    done, 130 if interrupted.
    """
    from napari_leukocyte.annotations.dataset.reading import open_dataset
    from napari_leukocyte.cli.finetune_work import finetune
    from napari_leukocyte.learning.finetune.job import jobs_folder
    from napari_leukocyte.learning.finetune.plan import FinetuneParams, make_plan, read_plan

    job = jobs_folder() / name
    if resume:
        plan = read_plan(job)
    else:
        params = FinetuneParams(epochs, learning_rate, batch_size, steps)
        plan = make_plan(open_dataset(folder, version), model, name, params, into)
    raise typer.Exit(finetune(plan, job, resume=resume, add_worse=add_worse, into=into))
