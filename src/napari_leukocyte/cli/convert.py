"""``napari-leukocyte convert``: annotations from one format into another."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from napari_leukocyte.annotations.formats.convert import losses, read, write
from napari_leukocyte.annotations.formats.recognise import find_format
from napari_leukocyte.cli.console import one_line, quiet_decoders
from napari_leukocyte.errors import OutputError


def convert(
    source: Path,
    destination: Path,
    to: str,
    *,
    given: str | None = None,
    photographs: Path | None = None,
    overwrite: bool = False,
    strict: bool = False,
) -> None:
    """Convert annotations and print what came of it.

    Parameters
    ----------
    source : Path
        File or folder.
    destination : Path
        See :func:`napari_leukocyte.annotations.formats.convert.write`.
    to : str
        Format to write.
    given : str, optional
        Format of the source; recognised by default.
    photographs : Path, optional
        Folder of the photographs, if they are not beside the annotations.
    overwrite : bool
        Whether the destination may be replaced.
    strict : bool
        Whether an object that can't be read refuses all others.

    Raises
    ------
    LeukocyteError
        If the source can't be read or the destination not be written; nothing has changed then.
    """
    find_format(to)
    _refuse_source(source, destination)
    with quiet_decoders():
        images = read(source, given, photographs, strict=strict)
    said = [note for image in images for note in image.notes]
    lost = losses(images, to)
    for sentence in [*said, *lost]:
        typer.echo(one_line(sentence))
    done = write(images, destination, to, overwrite=overwrite)
    for sentence in done[len(lost) :]:
        typer.echo(one_line(sentence))
    objects = sum(len(image.table) for image in images)
    amount = "1 image" if len(images) == 1 else f"{len(images)} images"
    typer.echo(f"{amount}, {objects} object{'s' * (objects != 1)}; written to {destination}")


def _refuse_source(source: Path, destination: Path) -> None:
    """Raise OutputError if what is read would be replaced."""
    read_from, write_to = os.path.realpath(source), os.path.realpath(destination)
    if read_from == write_to or read_from.startswith(write_to.rstrip(os.sep) + os.sep):
        raise OutputError(f"{destination} is or holds what is read: choose another destination.")
