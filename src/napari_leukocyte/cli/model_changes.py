"""Add models of the user's own, and remove them."""

from __future__ import annotations

from pathlib import Path

import typer

from napari_leukocyte.models.adding import NewModel, add_model, own_model, remove_model
from napari_leukocyte.models.card import as_lines, describe
from napari_leukocyte.models.keras_file import SUFFIX, check_keras_file


def add(file: Path, new: NewModel, folder: Path | None, *, float16: bool) -> None:
    """Add a model and print its card.

    Raises
    ------
    ModelError, OutputError
        With one sentence; nothing is written then.
    """
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


def remove(name: str, folder: Path | None, *, ask: bool) -> None:
    """Remove a model, after a question if wanted.

    Raises
    ------
    ModelError, OutputError
        If there is none of that name, or it can't be removed.
    """
    found = own_model(name, folder)
    if ask and not typer.confirm(f"Remove the model in {found}?"):
        typer.echo("Nothing was removed.")
        return
    found, emptied = remove_model(name, folder)
    typer.echo(f"Removed {found}." if emptied else f"Removed; other files stay in {found}.")
