"""``napari-leukocyte agreement``: how far two readers agree."""

from __future__ import annotations

from pathlib import Path

import typer

from napari_leukocyte.counting.agreement_text import describe_readers
from napari_leukocyte.counting.readers import compare_readers, objects_file
from napari_leukocyte.errors import OutputError
from napari_leukocyte.reporting.tables import write_csv


def agreement(first: Path, second: Path, out: Path | None, *, overwrite: bool) -> None:
    """Compare two readers' files and print what came of it.

    Parameters
    ----------
    first, second : Path
        An ``objects.csv``, or the folder that holds it.
    out : Path, optional
        Table of the cells that both have, to be written.
    overwrite : bool
        Whether that file may exist; neither reader's file is ever replaced.

    Raises
    ------
    LeukocyteError
        If a file can't be used or written.
    """
    files = objects_file(first), objects_file(second)
    if out is not None:
        if out.resolve() in [file.resolve() for file in files]:
            raise OutputError(f"{out} is a reader's file: choose another name for the table.")
        if out.exists() and not overwrite:
            raise OutputError(f"{out} exists: choose another name or add --overwrite.")
    found = compare_readers(*files)
    if out is not None:
        write_csv(out, found.pairs)
    typer.echo(describe_readers(found, str(first), str(second)))
