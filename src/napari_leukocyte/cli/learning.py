"""``napari-leukocyte retrain`` and ``finetune``: better models from a dataset's corrections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from napari_leukocyte.cli.console import DONE, INTERRUPTED, SOME_FAILED, Reporter, complain
from napari_leukocyte.vocabulary import DISCLAIMER

if TYPE_CHECKING:
    from napari_leukocyte.learning.finetune.job import TrainingProgress
    from napari_leukocyte.learning.finetune.outcome import Outcome
    from napari_leukocyte.learning.finetune.plan import Plan

#: Arguments and options of both commands.
DatasetFolder: TypeAlias = Annotated[
    Path, typer.Argument(metavar="DATASET", help="The dataset's folder.", show_default=False)
]
DatasetVersion: TypeAlias = Annotated[
    int | None,
    typer.Option("--version", metavar="N", help="Version of the dataset; the newest if not given."),
]
ModelsFolder: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Folder of models; yours if not given.")
]


def retrain_command(
    folder: DatasetFolder,
    version: DatasetVersion = None,
    model: Annotated[
        str, typer.Option(metavar="C", help="Classifier that gets a new head.")
    ] = "default",
    accept: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Add it to your models under this name, unless it is worse.",
            show_default=False,
        ),
    ] = "",
    no_curve: Annotated[
        bool,
        typer.Option("--no-curve", help="Don't look what more corrections would bring."),
    ] = False,
    into: ModelsFolder = None,
) -> None:
    """Fit a new head for a classifier on the reviewed cells of a dataset, in a minute or some.

    Shows what the classifier recognises before and after, on cells whose photographs were held
    out, class by class. The dataset's test side takes no part.

    Exit status: 0 if the head is no worse; 1 if it is, and then it is not taken; 2 if nothing
    could be done.
    """
    from napari_leukocyte.annotations.dataset.opening import open_dataset
    from napari_leukocyte.classification.embedding import features_of
    from napari_leukocyte.learning.head.base import base_for
    from napari_leukocyte.learning.head.cells import from_dataset
    from napari_leukocyte.learning.head.curve import curve_lines, learning_curve
    from napari_leukocyte.learning.head.onnx_head import accept as take
    from napari_leukocyte.learning.head.onnx_head import head_of
    from napari_leukocyte.learning.head.retrain import as_lines, retrain

    dataset = open_dataset(folder, version)
    features = features_of(model)
    base, former = base_for(features), head_of(features)
    with Reporter(images=0) as reporter:
        collected = from_dataset(dataset, features, reporter.step)
        views = features.manifest.views
        result = retrain(collected.cells, base, former, progress=reporter.step, former_views=views)
        curve = None
        if not no_curve:
            curve = learning_curve(collected.cells, base, former, progress=reporter.step)
    for sentence in collected.left_out:
        complain(sentence)
    typer.echo(f"{features.manifest.name}, with a head fitted on {collected.source}")
    for line in as_lines(result) + ([] if no_curve else curve_lines(curve)):
        typer.echo(line)
    if accept and not result.refusals:
        manifest = take(result, features, accept, collected.source, into)
        typer.echo(f"{manifest.name} is among your models now: {manifest.folder}")
    typer.echo(DISCLAIMER)
    raise typer.Exit(SOME_FAILED if result.refusals else DONE)


def finetune_command(
    folder: DatasetFolder,
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
    version: DatasetVersion = None,
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
    into: ModelsFolder = None,
) -> None:
    """Train a network on with a dataset's photographs, in minutes to hours.

    The new model is measured on the validation photographs against the one in use, and added to
    your models. Interrupted, it can be resumed.

    Exit status: 0 if the model was added, 1 if it is worse and was not, 2 if nothing could be
    done, 130 if interrupted.
    """
    from napari_leukocyte.annotations.dataset.opening import open_dataset
    from napari_leukocyte.learning.finetune.job import jobs_folder
    from napari_leukocyte.learning.finetune.plan import FinetuneParams, make_plan, read_plan

    job = jobs_folder() / name
    if resume:
        plan = read_plan(job)
    else:
        params = FinetuneParams(epochs, learning_rate, batch_size, steps)
        plan = make_plan(open_dataset(folder, version), model, name, params, into)
    raise typer.Exit(_finetune(plan, job, resume=resume, add_worse=add_worse, into=into))


def _finetune(plan: Plan, job: Path, *, resume: bool, add_worse: bool, into: Path | None) -> int:
    """Run, measure and add; return the exit status."""
    from napari_leukocyte.learning.finetune import job as jobs
    from napari_leukocyte.learning.finetune.outcome import measure_job, take

    if not resume:
        jobs.begin(plan, job)
    told = 0

    def follow(curves: TrainingProgress) -> None:
        nonlocal told
        done = curves.epoch * curves.steps + curves.step
        reporter.step(done, curves.epochs * curves.steps, curves.stage)
        epochs = len(curves.values.get("loss", []))
        for epoch in range(told, epochs):
            values = {n: v[epoch] for n, v in curves.values.items() if epoch < len(v)}
            shown = ", ".join(f"{n} {v:.4f}" for n, v in values.items() if n != "learning_rate")
            reporter.say(f"Epoch {epoch + 1} of {curves.epochs}: {shown}")
        told = max(told, epochs)

    with Reporter(images=0) as reporter:
        try:
            jobs.run(job, follow)
        except KeyboardInterrupt:
            complain(f"Interrupted: go on with --resume --name {plan.name}.")
            return INTERRUPTED
        made, outcome = measure_job(plan, job, reporter.step)
    for line in _outcome_lines(outcome):
        typer.echo(line)
    worse = outcome.difference.value < 0
    if worse and not add_worse:
        complain(f"{plan.name} is worse than the model in use and was not added.")
    else:
        added = take(plan, made, outcome, into)
        typer.echo(f"{added.name} is among your models now: {added.folder}")
    typer.echo(DISCLAIMER)
    return SOME_FAILED if worse and not add_worse else DONE


def _outcome_lines(outcome: Outcome) -> list[str]:
    """Return what was measured, before and after."""
    from napari_leukocyte.learning.head.comparison import share, signed

    lines = [
        f"On {outcome.photographs} validation photographs, {outcome.what}: before "
        f"{share(outcome.before)}, after {share(outcome.after)}, difference "
        f"{signed(outcome.difference)}."
    ]
    return [*lines, *(f"  {name}: before {a}, after {b}" for name, a, b in outcome.rows)]
