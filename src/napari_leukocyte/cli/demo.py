"""``napari-leukocyte demo``: the whole path on the synthetic sample."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from napari_leukocyte.cli.console import Reporter, complain
from napari_leukocyte.cli.run_files import echo_leukogram
from napari_leukocyte.cli.window import open_sample, why_no_window
from napari_leukocyte.errors import OutputError
from napari_leukocyte.vocabulary import DISCLAIMER

#: Name of the sample in the tables.
SAMPLE = "synthetic smear"
#: The sample itself, and the overlay beside the leukogram.
PHOTOGRAPH, PICTURE = "smear.png", "demo.png"
_COMMAND = "demo"


def demo(out: Path, *, headless: bool) -> None:
    """Show the sample segmented, classified and counted.

    Parameters
    ----------
    out : Path
        Folder for the results where no window is opened. An earlier demo's results are replaced;
        any other folder must be empty or not exist.
    headless : bool
        Whether to open no window even where one could be opened.

    Raises
    ------
    LeukocyteError
        If the results can't be written or a model is missing.
    """
    reason = None if headless else why_no_window()
    if headless or reason:
        if reason:
            complain(f"{reason} The results are written to files instead.")
        write_demo(out)
    else:
        typer.echo(DISCLAIMER)
        open_sample()


def write_demo(out: Path) -> None:
    """Analyse the sample, and write the results and a picture of them.

    Parameters
    ----------
    out : Path
        See `demo`.

    Raises
    ------
    LeukocyteError
        See `demo`.
    """
    _check_folder(out)
    from napari_leukocyte.analysis.pipeline import analyse, image_record
    from napari_leukocyte.counting.leukogram import count
    from napari_leukocyte.models.registry import find_model
    from napari_leukocyte.reporting.drawing import write_png
    from napari_leukocyte.reporting.pictures import beside, draw_chart, draw_overlay, letter_height
    from napari_leukocyte.reporting.record import (
        describe_maps,
        describe_model,
        make_record,
    )
    from napari_leukocyte.reporting.save import save_results
    from napari_leukocyte.samples.synthetic import sample_smear
    from napari_leukocyte.segmentation.parameters import PostprocessParams

    smear = sample_smear()
    with Reporter(1) as reporter:
        found = analyse(smear.image, progress=reporter.step)
    leukogram = count(found.table)
    record = make_record(
        images=[image_record(found, SAMPLE)],
        segmentation=describe_maps(found.maps),
        classification=describe_model(find_model("classification")),
        params=PostprocessParams(),
        command=_COMMAND,
    )
    save_results(
        out,
        SAMPLE,
        image=found.rgb,
        labels=found.labels,
        table=found.table,
        leukogram=leukogram,
        record=record,
        overwrite=True,
    )
    write_png(out / PHOTOGRAPH, smear.image)
    shape = found.labels.shape
    overlay = draw_overlay(found.rgb, found.labels, found.table)
    chart = draw_chart(leukogram, round(0.6 * shape[0]), letter_height(shape))
    write_png(out / PICTURE, beside(overlay, chart))
    holds = len(smear.classes)
    typer.echo(f"{len(found.table)} leukocytes found in a synthetic smear that holds {holds}:")
    echo_leukogram(leukogram)
    typer.echo(f"Results are in {out.absolute()}; {out.absolute() / PICTURE} shows them.")
    typer.echo(DISCLAIMER)


def _check_folder(out: Path) -> None:
    """Refuse a folder that holds anything but an earlier demo."""
    if out.is_dir() and any(out.iterdir()):
        from napari_leukocyte.reporting.save import RECORD

        try:
            record = json.loads((out / RECORD).read_text(encoding="utf-8"))
            own = record["command"] == _COMMAND
        except (OSError, ValueError, LookupError, TypeError):
            own = False
        if not own:
            raise OutputError(
                f"{out} exists and holds something else than an earlier demo: choose another "
                "folder with --out."
            )
