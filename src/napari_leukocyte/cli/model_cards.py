"""Print what there is to know about models."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import typer

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models.card import as_lines, describe, headline, printable
from napari_leukocyte.models.manifest import Kind, Manifest, read_manifest
from napari_leukocyte.models.registry import (
    Unusable,
    check_file,
    default_name,
    discover_models,
    user_folder,
)
from napari_leukocyte.vocabulary import DISCLAIMER


def list_all() -> None:
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


def show(name: str) -> None:
    """Print the cards of the models of a name, or of a model's folder.

    Raises
    ------
    ModelError
        If there is none, or it is damaged.
    """
    for manifest in _named(name):
        typer.echo("\n".join(as_lines(describe(manifest))))


def _named(name: str) -> list[Manifest]:
    surveys = [discover_models(kind) for kind in get_args(Kind)]
    found = [m for s in surveys for m in s.models if m.name == name]
    if found:
        return found
    for each in (u for s in surveys for u in s.unusable):
        if each.name == name:
            raise ModelError(each.reason)
    if Path(name).is_dir():
        manifest = read_manifest(Path(name))
        for member in manifest.members:
            check_file(member)
        return [manifest]
    known = ", ".join(m.name for s in surveys for m in s.models)
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
