"""``napari-leukocyte retrain``: fit a new head for the classifier on a dataset's reviewed cells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def retrain_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DATASET", help="The dataset's folder.", show_default=False)
    ],
    version: Annotated[
        int | None,
        typer.Option("--version", metavar="N", help="Which version; the newest if not given."),
    ] = None,
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
    into: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of models; yours if not given."),
    ] = None,
) -> None:
    """Fit a new head for a classifier on the reviewed cells of a dataset, within seconds.

    Shows what the classifier recognises before and after, on cells whose photographs were held
    out, class by class. The dataset's test side takes no part.

    Exit status: 0 if the head is no worse; 1 if it is, and then it is not taken; 2 if nothing
    could be done.
    """
    from napari_leukocyte.annotations.dataset.store import open_dataset
    from napari_leukocyte.classification.embedding import features_of
    from napari_leukocyte.cli.reporting import Reporter
    from napari_leukocyte.cli.sentences import DONE, SOME_FAILED, complain
    from napari_leukocyte.learning.head.accept import accept as take
    from napari_leukocyte.learning.head.base import base_for
    from napari_leukocyte.learning.head.curve import learning_curve
    from napari_leukocyte.learning.head.gather import from_dataset
    from napari_leukocyte.learning.head.retrain import head_of, retrain
    from napari_leukocyte.learning.head.texts import as_lines, curve_lines
    from napari_leukocyte.vocabulary import DISCLAIMER

    dataset = open_dataset(folder, version)
    features = features_of(model)
    base, former = base_for(features), head_of(features)
    with Reporter(images=0) as reporter:
        gathered = from_dataset(dataset, features, reporter.step)
        result = retrain(gathered.cells, base, former, progress=reporter.step)
        curve = None
        if not no_curve:
            curve = learning_curve(gathered.cells, base, former, progress=reporter.step)
    for sentence in gathered.left_out:
        complain(sentence)
    typer.echo(f"{features.manifest.name}, with a head fitted on {gathered.source}")
    for line in as_lines(result) + ([] if no_curve else curve_lines(curve)):
        typer.echo(line)
    if accept and not result.refusals:
        manifest = take(result, features, accept, gathered.source, into)
        typer.echo(f"{manifest.name} is among your models now: {manifest.folder}")
    typer.echo(DISCLAIMER)
    raise typer.Exit(SOME_FAILED if result.refusals else DONE)
