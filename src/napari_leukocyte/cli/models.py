"""``napari-leukocyte models``: what there is to choose from."""

from __future__ import annotations

from typing import get_args

import typer

from napari_leukocyte.models.manifest import Kind, Manifest
from napari_leukocyte.models.registry import default_name, list_models, user_folder
from napari_leukocyte.vocabulary import DISCLAIMER


def show_models() -> None:
    """Print every model with what is known about it."""
    for kind in get_args(Kind):
        typer.echo(f"{kind.capitalize()} models")
        default = default_name(kind)
        models = list_models(kind)
        for manifest in models:
            _show(manifest, manifest.name == default)
        if not models:
            typer.echo("  none")
    typer.echo(f"Models of your own are looked for in {user_folder()}")
    typer.echo(DISCLAIMER)


def _show(manifest: Manifest, is_default: bool) -> None:
    typer.echo(f"  {manifest.name}{' (default)' if is_default else ''}: {manifest.title}")
    members = ", ".join(f"{m.name} (weight {m.weight:g})" for m in manifest.members)
    typer.echo(f"    members: {members}")
    if manifest.classes:
        typer.echo(f"    classes: {', '.join(manifest.classes)}")
    for line in _lines(manifest.figures):
        typer.echo(f"    {line}")
    typer.echo(f"    folder: {manifest.folder}")


def _lines(figures: dict[str, object], prefix: str = "") -> list[str]:
    """Return nested figures as one line each."""
    lines = []
    for name, value in figures.items():
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, dict):
            lines += _lines(value, f"{label}, ")
        else:
            lines.append(f"{label}: {f'{value:.3f}' if isinstance(value, float) else value}")
    return lines
