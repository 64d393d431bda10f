"""``napari-leukocyte dataset``: check, export and reopen datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from napari_leukocyte.cli.console import (
    BAD_INPUT,
    DONE,
    SOME_FAILED,
    Reporter,
    complain,
    quiet_decoders,
)
from napari_leukocyte.vocabulary import DISCLAIMER

if TYPE_CHECKING:
    from napari_leukocyte.annotations.dataset.export_state import ExportSettings

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", no_args_is_help=True)

#: Arguments and options of several commands.
DatasetFolder: TypeAlias = Annotated[
    Path, typer.Argument(metavar="DIR", help="The dataset's folder.", show_default=False)
]
DatasetVersion: TypeAlias = Annotated[
    int | None, typer.Option(metavar="N", help="Which version; the newest if not given.")
]


@app.callback()
def dataset_command() -> None:
    """Export corrected annotations as a dataset, check one, or bring its work back."""


@app.command("check")
def check_command(
    folder: DatasetFolder,
    version: DatasetVersion = None,
    no_suspects: Annotated[
        bool, typer.Option("--no-suspects", help="Don't look for doubtful classes.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Remarks count as problems, too.")
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="Name every finding.")] = False,
) -> None:
    """List missing and damaged files, leaks between the sides, doubtful labels and more.

    Exit status: 0 if the dataset is sound, 1 if problems are listed, 2 if it can't be read.
    """
    raise typer.Exit(
        check_dataset(folder, version, suspects=not no_suspects, strict=strict, every=all_)
    )


@app.command("export")
def export_command(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SRC",
            help="A results folder of run, images or a folder of images that were worked on in "
            "the viewer, or any annotation format that can be read.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="The dataset's folder.", show_default=False)
    ],
    group: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What the photographs were taken of: 'folder' takes the name of each one's "
            "folder, such as a smear's. Each is its own group if not given.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Of the dataset.", show_default=False)
    ] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Of the dataset.", show_default=False)
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Such as CC-BY-4.0.", show_default=False),
    ] = None,
    only_reviewed: Annotated[
        bool, typer.Option("--only-reviewed", help="Leave out cells that nobody reviewed.")
    ] = False,
    no_copy: Annotated[
        bool,
        typer.Option("--no-copy", help="Keep path and checksum of photographs, don't copy them."),
    ] = False,
) -> None:
    """Add annotated photographs to a dataset, or replace those that it has.

    Exit status: 0 if all were exported, 1 if some were not, 2 if nothing was.
    """
    from napari_leukocyte.annotations.dataset.export_state import ExportSettings

    settings = ExportSettings(
        title, description, licence, only_reviewed=only_reviewed, copy_images=not no_copy
    )
    raise typer.Exit(export_sources(sources, to, group, settings))


@app.command("reopen")
def reopen_command(
    folder: DatasetFolder,
    version: DatasetVersion = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Give up work that is there for the dataset's.")
    ] = False,
) -> None:
    """Bring a dataset's masks, classes, reviews and history back into the viewer's sessions.

    Then open its images folder in the viewer, as a smear. Exit status: 0 if all came back, 1 if
    some did not, 2 if the dataset can't be read.
    """
    raise typer.Exit(reopen_dataset(folder, version, replace=replace))


def check_dataset(
    folder: Path, version: int | None, *, suspects: bool, strict: bool, every: bool
) -> int:
    """Check a dataset and print what was found; return the exit status."""
    from napari_leukocyte.annotations.dataset.check import NAMED, check

    with Reporter(1) as reporter:
        found = check(folder, version, suspects=suspects, progress=reporter.step)
    for line in found.lines(len(found.findings) if every else NAMED):
        typer.echo(line)
    bad = found.findings if strict else found.problems
    return SOME_FAILED if bad else DONE


def export_sources(
    sources: Sequence[Path], to: Path, group: str | None, settings: ExportSettings
) -> int:
    """Export what sources hold and print what changed; return the exit status."""
    from napari_leukocyte.annotations.dataset.check import NAMED
    from napari_leukocyte.annotations.dataset.export import export
    from napari_leukocyte.annotations.dataset.sources import fields_of_sources

    with Reporter(1) as reporter, quiet_decoders():
        fields = fields_of_sources(sources, group)
        done = export(to, fields, settings, reporter.step)
    for name, sentence in done.skipped.items():
        complain(sentence if sentence.startswith(name) else f"{name}: {sentence}")
    for sentence in done.sentences:
        typer.echo(sentence)
    for what, names in (("added", done.added), ("replaced", done.replaced)):
        if names:
            shown = ", ".join(names[:NAMED])
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            typer.echo(f"  {what}: {shown}{more}")
    typer.echo(f"{done.folder}")
    typer.echo(DISCLAIMER)
    return SOME_FAILED if done.skipped else DONE


def reopen_dataset(folder: Path, version: int | None, *, replace: bool) -> int:
    """Bring a dataset's work back into sessions; return the exit status."""
    from napari_leukocyte.annotations.dataset.opening import open_dataset
    from napari_leukocyte.annotations.dataset.reopen import adopt_classes, reopen

    dataset = open_dataset(folder, version)
    added = adopt_classes(dataset)
    with Reporter(1) as reporter:
        done = reopen(dataset, replace=replace, progress=reporter.step)
    for name, sentence in done.skipped.items():
        complain(sentence if sentence.startswith(name) else f"{name}: {sentence}")
    count = len(dataset.images) - len(done.skipped)
    typer.echo(f"The work on {count} of {len(dataset.images)} photographs came back.")
    if added:
        typer.echo(f"Classes added to yours: {', '.join(added)}.")
    if done.files:
        typer.echo(f"Open them with: napari-leukocyte open {done.files[0].parent}")
    return DONE if not done.skipped else SOME_FAILED if count else BAD_INPUT
