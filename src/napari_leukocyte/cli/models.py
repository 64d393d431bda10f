"""``napari-leukocyte models``: its commands and options. What they do is imported when needed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

Folder = Annotated[
    Path | None,
    typer.Option(
        "--into", metavar="FOLDER", help="Folder of models; yours if not given.", show_default=False
    ),
]


class KindOption(StrEnum):
    """What a model does, as the command line takes it."""

    SEGMENTATION = "segmentation"
    CLASSIFICATION = "classification"


@app.callback(invoke_without_command=True)
def models_command(context: typer.Context) -> None:
    """List the models and their figures; show one, add one of your own, remove it again."""
    if context.invoked_subcommand is None:
        from napari_leukocyte.cli.model_cards import list_all

        list_all()


@app.command("show")
def show_command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A model's name or folder.", show_default=False)
    ],
) -> None:
    """Show everything that is known about a model."""
    from napari_leukocyte.cli.model_cards import show

    show(name)


@app.command("add")
def add_command(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A .keras or .onnx file.", show_default=False),
    ],
    kind: Annotated[KindOption, typer.Option(help="What the network does.", show_default=False)],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Name of the model.", show_default=False)
    ],
    classes: Annotated[
        str,
        typer.Option(
            metavar="A,B,C",
            help="Classes in the order of a classifier's outputs.",
            show_default=False,
        ),
    ] = "",
    diameter: Annotated[
        float | None,
        typer.Option(
            metavar="PX",
            help="Diameter that leukocytes had in the images that it was trained on: 64 px, or "
            "two thirds of a crop's side, if not given.",
            show_default=False,
        ),
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(
            metavar="PX",
            help="Side of a classifier's crops; that of its input, where that is fixed.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[
        str, typer.Option(metavar="TEXT", help="One line about it.", show_default=False)
    ] = "",
    licence: Annotated[
        str, typer.Option(metavar="TEXT", help="Of the weights.", show_default=False)
    ] = "",
    trained_on: Annotated[
        str,
        typer.Option(metavar="A,B", help="Sets that it was trained on.", show_default=False),
    ] = "",
    float16: Annotated[
        bool,
        typer.Option("--float16", help="Store the weights of a Keras file with half the bytes."),
    ] = False,
    into: Folder = None,
) -> None:
    """Add a network of your own: a Keras file, which is converted, or an ONNX file.

    The network takes RGB images of 0 to 255 with channels last. For segmentation it gives
    probabilities of the same size, of a cell and, if it can, of its nucleus; for classification
    logits or probabilities. No code of the file is run, and Lambda layers are refused.
    """
    from napari_leukocyte.cli.model_changes import add
    from napari_leukocyte.models.adding import NewModel

    new = NewModel(
        name=name,
        kind=kind.value,
        classes=_listed(classes),
        diameter_px=diameter,
        side_px=side,
        title=title,
        licence=licence,
        training_data=_listed(trained_on),
    )
    add(file, new, into, float16=float16)


@app.command("remove")
def remove_command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="One of your models.", show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    into: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FOLDER",
            help="Folder of models; yours if not given.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Remove a model of your own; those that were shipped stay."""
    from napari_leukocyte.cli.model_changes import remove

    remove(name, into, ask=not yes)


def _listed(text: str) -> tuple[str, ...]:
    """Return what is between commas; nothing for an empty text."""
    return tuple(part.strip() for part in text.split(",")) if text.strip() else ()
