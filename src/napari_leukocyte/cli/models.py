"""``napari-leukocyte models``: list, show, add and remove models."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models.card import as_lines, describe, headline, printable
from napari_leukocyte.models.keras_file import SUFFIX, check_keras_file
from napari_leukocyte.models.manifest import Kind, Manifest, read_manifest
from napari_leukocyte.models.registry import (
    Unusable,
    check_file,
    default_name,
    discover_models,
    user_folder,
)
from napari_leukocyte.vocabulary import DISCLAIMER

if TYPE_CHECKING:
    from napari_leukocyte.models.adding import NewModel

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

Folder = Annotated[
    Path | None,
    typer.Option(
        "--into", metavar="FOLDER", help="Folder of models; yours if not given.", show_default=False
    ),
]


class KindOption(StrEnum):
    """Kind of a model, as the command line takes it."""

    SEGMENTATION = "segmentation"
    CLASSIFICATION = "classification"


@app.callback(invoke_without_command=True)
def models_command(context: typer.Context) -> None:
    """List the models and their figures; show one, add one of your own, remove it again."""
    if context.invoked_subcommand is None:
        _list_all()


@app.command("show")
def show_command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A model's name or folder.", show_default=False)
    ],
) -> None:
    """Show everything that is known about a model."""
    _show(name)


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
    _add(file, new, into, float16=float16)


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
    _remove(name, into, ask=not yes)


def _listed(text: str) -> tuple[str, ...]:
    """Return what is between commas; nothing for an empty text."""
    return tuple(part.strip() for part in text.split(",")) if text.strip() else ()


def _list_all() -> None:
    """Print every model with its figures, and with the reason what can't be used."""
    unusable: dict[Path, Unusable] = {}
    for kind in get_args(Kind):
        typer.echo(f"{kind.capitalize()} models")
        found = discover_models(kind)
        for manifest in found.models:
            _summarise(manifest, manifest.name == default_name(kind))
        if not found.models:
            typer.echo("  none")
        unusable |= {u.folder: u for u in found.unusable}
    if unusable:
        typer.echo("Can't be used")
        for each in unusable.values():
            typer.echo(f"  {each.name}: {each.reason}")
    typer.echo(f"Models of your own are looked for in {user_folder()}")
    typer.echo("napari-leukocyte models show NAME tells everything about one.")
    typer.echo(DISCLAIMER)


def _show(name: str) -> None:
    """Print the cards of the models of a name, or of a model's folder.

    Raises
    ------
    ModelError
        If there is none, or it is damaged.
    """
    for manifest in _named(name):
        typer.echo("\n".join(as_lines(describe(manifest))))


def _named(name: str) -> list[Manifest]:
    discovered = [discover_models(kind) for kind in get_args(Kind)]
    found = [m for s in discovered for m in s.models if m.name == name]
    if found:
        return found
    for each in (u for s in discovered for u in s.unusable):
        if each.name == name:
            raise ModelError(each.reason)
    if Path(name).is_dir():
        manifest = read_manifest(Path(name))
        for member in manifest.members:
            check_file(member)
        return [manifest]
    known = ", ".join(m.name for s in discovered for m in s.models)
    raise ModelError(
        f"There is no model {printable(name)!r}: known are {known or 'none'}, or give the folder "
        "of a model."
    )


def _summarise(manifest: Manifest, is_default: bool) -> None:
    card = describe(manifest)
    typer.echo(f"  {card.name}{' (default)' if is_default else ''}: {card.title}")
    figures = headline(manifest)
    if figures:
        typer.echo(f"    figures: {figures}")
    wanted = ("Member", "Classes", "Trained on", "Folder")
    for label, value in card.rows:
        if label in wanted:
            typer.echo(f"    {label.lower()}: {value}")


def _add(file: Path, new: NewModel, folder: Path | None, *, float16: bool) -> None:
    """Add a model and print its card.

    Raises
    ------
    ModelError, OutputError
        With one sentence; nothing is written then.
    """
    from napari_leukocyte.models.adding import add_model

    if file.suffix.lower() == SUFFIX:
        check_keras_file(file)
        typer.echo("Converting with TensorFlow, which takes a while.")
    manifest, notes = add_model(file, new, folder, float16=float16)
    typer.echo("\n".join(as_lines(describe(manifest))))
    for note in notes:
        typer.echo(note)
    if folder is None:
        where = "--model" if manifest.kind == "segmentation" else "--classifier"
        typer.echo(f"It is in the menus of napari, and {where} {manifest.name} takes it.")
    else:
        typer.echo(f"NAPARI_LEUKOCYTE_MODELS={folder} puts it into the menus of napari.")


def _remove(name: str, folder: Path | None, *, ask: bool) -> None:
    """Remove a model, after a question if wanted.

    Raises
    ------
    ModelError, OutputError
        If there is none of that name, or it can't be removed.
    """
    from napari_leukocyte.models.adding import own_model, remove_model

    found = own_model(name, folder)
    if ask and not typer.confirm(f"Remove the model in {found}?"):
        typer.echo("Nothing was removed.")
        return
    found, emptied = remove_model(name, folder)
    typer.echo(f"Removed {found}." if emptied else f"Removed; other files stay in {found}.")
