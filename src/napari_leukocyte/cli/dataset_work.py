"""What the commands of ``napari-leukocyte dataset`` do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from napari_leukocyte.annotations.dataset.check import NAMED, check
from napari_leukocyte.annotations.dataset.export import export
from napari_leukocyte.annotations.dataset.export_state import ExportSettings
from napari_leukocyte.annotations.dataset.reading import open_dataset
from napari_leukocyte.annotations.dataset.reopen import adopt_classes, reopen
from napari_leukocyte.annotations.dataset.sources import fields_of_sources
from napari_leukocyte.cli.reporting import Reporter
from napari_leukocyte.cli.sentences import BAD_INPUT, DONE, SOME_FAILED, complain, quiet_decoders
from napari_leukocyte.vocabulary import DISCLAIMER


def check_dataset(
    folder: Path, version: int | None, *, suspects: bool, strict: bool, every: bool
) -> int:
    """Check a dataset and print what was found; return the exit status."""
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
