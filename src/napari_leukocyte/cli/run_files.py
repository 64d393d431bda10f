"""The files of a run: its inputs, its options, what it writes as a whole and prints of results."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from napari_leukocyte.cli.console import complain
from napari_leukocyte.errors import ImageError, OutputError, ParameterError
from napari_leukocyte.io.atomic import as_output_error, make_folder, remove_empty, write_together
from napari_leukocyte.io.images.reading import find_images, passed_over
from napari_leukocyte.io.paths import ImageFolder
from napari_leukocyte.io.refusing import as_unreadable
from napari_leukocyte.io.slides.opening import is_slide, slides_in
from napari_leukocyte.io.slides.remote import is_address
from napari_leukocyte.reporting.record import write_record
from napari_leukocyte.reporting.save import (
    ALL,
    LEUKOGRAM,
    OBJECTS,
    RECORD,
    leukogram_table,
    objects_table,
    write_csv,
)
from napari_leukocyte.vocabulary import DISCLAIMER

if TYPE_CHECKING:
    import pandas as pd


def list_images(paths: Sequence[str]) -> list[str]:
    """List the images that paths stand for, each file once.

    Parameters
    ----------
    paths : sequence of str
        Files and folders, as typed, and addresses of slides.

    Returns
    -------
    list of str
        In the order given, a folder's files sorted by name. A file that is reached in two ways
        (twice in the list, through its folder, by a link) is listed as it came first: its cells
        must not be counted twice. Photographs in a folder that can't be read are named on stderr.

    Raises
    ------
    ImageError
        If a path does not exist or is neither file nor folder, or a folder can't be read or has
        no image.
    """
    found: dict[str, str] = {}
    on_disk = [given for given in paths if not is_address(given)]
    for given in paths:
        if is_address(given):
            found.setdefault(given, given)
            continue
        path = Path(given)
        with as_unreadable(given, ImageError):
            inside = _images_of(path)
        if path.is_dir() and inside == [path]:
            names = [given]  # a slide that is a folder
        elif path.is_dir():
            # Not Path's "/", which would change what was typed.
            names = [os.path.join(given, p.name) for p in inside]  # noqa: PTH118
        elif path.is_file():
            names = [given]
        else:
            raise ImageError(f"{given} is neither a file nor a folder.")
        for name in names:
            found.setdefault(os.path.realpath(name), name)
    passed = passed_over(map(Path, on_disk))
    if passed:
        complain(passed)
    return list(found.values())


def _images_of(path: Path) -> list[Path]:
    """Return the images that a path stands for: itself, or of a folder those in it."""
    if not path.is_dir():
        return find_images([path])
    if is_slide(path):
        return [path]
    slides = slides_in(path)
    try:
        return sorted({*find_images([path]), *slides})
    except ImageError:
        if not slides:
            raise
        return slides


def parse_diameter(text: str) -> float | Literal["auto"]:
    """Read a diameter: ``auto``, or pixels.

    Raises
    ------
    ParameterError
        If it is neither; whether it lies in its range is checked where it is used.
    """
    if text.strip().lower() == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError as error:
        raise ParameterError(
            f'--diameter is {text!r}; it must be a number of pixels or "auto".'
        ) from error


#: Files of the run as a whole.
RUN_FILES = (OBJECTS, LEUKOGRAM, RECORD)


def prepare_folder(out: Path, jobs: Sequence[ImageFolder], *, overwrite: bool) -> list[Path]:
    """Check that the results can be written, and make their folder.

    Parameters
    ----------
    out : Path
        Folder of the results.
    jobs : sequence of ImageFolder
        The images.
    overwrite : bool
        Whether the folder may hold something.

    Returns
    -------
    list of Path
        The folders that were made, outermost first.

    Raises
    ------
    OutputError
        If the folder holds something and may not, or can't be written to.
    """
    with as_output_error(out):
        if out.is_dir():
            if any(out.iterdir()) and not overwrite:
                raise OutputError(
                    f"{out} exists and is not empty: choose another folder, or allow with "
                    "--overwrite that earlier results in it are replaced."
                )
            for folder in (out / job.folder for job in jobs):
                if folder.exists() and not folder.is_dir():
                    raise OutputError(f"{folder} is a file where a folder is needed.")
        made = make_folder(out)
        try:
            probe = out / ".napari-leukocyte-probe"
            probe.touch()
            probe.unlink()
        except OSError:
            remove_empty(made)
            raise
    return made


def write_run(
    out: Path,
    tables: Sequence[tuple[str, pd.DataFrame]],
    record: Mapping[str, Any],
    *,
    classified: bool,
    overwrite: bool,
) -> None:
    """Write the tables and the record of all images.

    Parameters
    ----------
    out : Path
        Folder of the results.
    tables : sequence of (str, pandas.DataFrame)
        Each image's path and objects; at least one.
    record : mapping
        As from :func:`napari_leukocyte.reporting.record.make_record`.
    classified : bool
        Whether there is something to count. If not, no leukogram is written and an earlier one is
        removed.
    overwrite : bool
        Whether earlier ones may be replaced.

    Raises
    ------
    OutputError
        If they can't be written; earlier ones are then as they were.
    """
    with write_together(out, RUN_FILES, overwrite=overwrite) as staging:
        write_csv(staging / OBJECTS, objects_table(tables))
        if classified:
            write_csv(staging / LEUKOGRAM, leukogram_table(tables))
        write_record(staging / RECORD, record)


def summarise(out: Path, tables: Sequence[tuple[str, pd.DataFrame]], *, classified: bool) -> None:
    """Print on stdout how much was found, the count of all images, and where the files are."""
    images = "1 image" if len(tables) == 1 else f"{len(tables)} images"
    objects = sum(len(table) for _, table in tables)
    typer.echo(f"{images}, {objects} object{'s' * (objects != 1)}; results in {out}")
    if classified:
        leukogram = leukogram_table(tables)
        echo_leukogram(leukogram[leukogram["image"] == ALL])
    typer.echo(DISCLAIMER)


def echo_leukogram(leukogram: pd.DataFrame) -> None:
    """Print a leukogram, one line a class."""
    for row in leukogram.to_dict("records"):
        line = f"  {row['class']:<14}{row['count']:>6}"
        if row["percent"] == row["percent"]:  # not NaN: there are cells to be a part of
            limits = f"{row['ci_low']:.1f} to {row['ci_high']:.1f} %"
            line += f"{row['percent']:>8.1f} %   (95 % limits {limits})"
        typer.echo(line)


@dataclass(frozen=True)
class RunOptions:
    """The command line of ``run``; each as its option's help says."""

    paths: tuple[str, ...]
    out: Path
    model: str = "default"
    classifier: str = "default"
    diameter: str = "auto"
    params: Path | None = None
    classify: bool = True
    overwrite: bool = False
    workers: int = 0
    scheduler: str | None = None
    resume: bool = False
    log: Literal["text", "json"] = "text"
    until: int = 0
