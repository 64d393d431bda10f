"""The commands and their options. What they do is imported when they run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from napari_leukocyte.cli import dataset, models
from napari_leukocyte.cli.console import OneSentenceGroup
from napari_leukocyte.cli.learning import finetune_command, retrain_command
from napari_leukocyte.vocabulary import DISCLAIMER

app = typer.Typer(
    name="napari-leukocyte",
    cls=OneSentenceGroup,
    add_completion=False,
    rich_markup_mode="markdown",  # joins the lines of a paragraph
    help="From photographs of stained blood smears to a differential count. " + DISCLAIMER,
)
app.add_typer(models.app, name="models")
app.add_typer(dataset.app, name="dataset")
app.command("retrain")(retrain_command)
app.command("finetune")(finetune_command)


class LogStyle(StrEnum):
    """Forms in which progress is shown."""

    TEXT = "text"
    JSON = "json"


def _version(wanted: bool) -> None:
    if wanted:
        from napari_leukocyte.version import __version__

        typer.echo(f"napari-leukocyte {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("run")
def run_command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Images and slides, and folders whose images are taken; slides also at addresses, "
            "such as https://host/slide.zarr or s3://bucket/slide.tif.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the results.", show_default=False)
    ],
    model: Annotated[
        str, typer.Option(metavar="M", help="Segmentation model: a name or a folder.")
    ] = "default",
    classifier: Annotated[
        str, typer.Option(metavar="C", help="Classifier: a name or a folder.")
    ] = "default",
    diameter: Annotated[
        str, typer.Option(metavar="PX|auto", help="Diameter of a leukocyte, px.")
    ] = "auto",
    params: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            help="Parameters of the post-processing: an object of them, a preset or a run.json.",
        ),
    ] = None,
    no_classify: Annotated[
        bool,
        typer.Option("--no-classify", help="Only segment and measure; no leukogram.csv."),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Allow a folder that is not empty: earlier results of the same names are "
            "replaced, all else in it is left alone.",
        ),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Work in N processes of this machine (dask.distributed)."
        ),
    ] = 0,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Have the workers of a dask scheduler do it, such as tcp://node1:8786; they must "
            "see the images and DIR, and have the same versions.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Do what is left of a run that was stopped, and keep what is done so that this "
            "one can be resumed.",
        ),
    ] = False,
    until: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Of a slide, count fields of the monolayer, in battlement order, until N "
            "leukocytes are found, instead of the whole.",
            show_default=False,
        ),
    ] = 0,
    log: Annotated[
        LogStyle, typer.Option(help="Progress as bars and sentences, or as lines of JSON.")
    ] = LogStyle.TEXT,
) -> None:
    """Segment, classify and count the leukocytes of images and slides.

    Writes DIR/NAME/labels.tif and DIR/NAME/overlay.png for each image, and objects.csv,
    leukogram.csv and run.json for all. Images of one name get the folders NAME, NAME-2 and so
    on; run.json says which.

    Slides (SVS, NDPI, MRXS, pyramids and large images in TIFF, OME-Zarr, DICOM) are read and
    analysed block by block in bounded memory; of each, DIR/NAME/labels.zarr (an OME-Zarr label
    pyramid) and DIR/NAME/objects.parquet are written instead.

    With slides, --workers, --scheduler or --resume, what is done is kept in
    DIR/.napari-leukocyte-run until all is: after a kill, the same command with --resume does the
    rest, with the same results.

    Exit status: 0 if every image was analysed; 1 if some failed; 2 if nothing could be
    done; 130 if interrupted (images that were finished are kept, with tables).
    """
    from napari_leukocyte.cli.run import run
    from napari_leukocyte.cli.run_files import RunOptions

    options = RunOptions(
        tuple(paths),
        out,
        model,
        classifier,
        diameter,
        params,
        not no_classify,
        overwrite,
        workers,
        scheduler,
        resume,
        log.value,
        until,
    )
    raise typer.Exit(run(options))


@app.command("agreement")
def agreement_command(
    first: Annotated[
        Path,
        typer.Argument(
            metavar="FIRST",
            help="The first reader's objects.csv, or the folder that holds it.",
            show_default=False,
        ),
    ],
    second: Annotated[
        Path, typer.Argument(metavar="SECOND", help="The second reader's.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv", help="Write the cells that both have to this.", show_default=False
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace FILE.csv if it exists.")
    ] = False,
) -> None:
    """Compare what two readers made of the same images: agreement, Cohen's kappa, classes.

    Exit status: 0 if they were compared, 2 if a file can't be used or written.
    """
    from napari_leukocyte.counting.readers import compare_readers, describe_readers, objects_file
    from napari_leukocyte.errors import OutputError
    from napari_leukocyte.reporting.save import write_csv

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


@app.command("convert")
def convert_command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SRC",
            help="Annotations: a file or a folder, in any of the formats.",
            show_default=False,
        ),
    ],
    destination: Annotated[
        Path,
        typer.Argument(
            metavar="DST",
            help="Folder to write. COCO becomes one file if this ends in .json (in a folder it is "
            "annotations.json); a single image does if it ends in .geojson, .zip (ImageJ) or "
            ".zarr.",
            show_default=False,
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="NAME",
            help="Format to write: coco, geojson, imagej-roi, yolo-seg, voc, labels-csv, ome-zarr "
            "or dataset.",
            show_default=False,
        ),
    ],
    given: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME",
            help="Format of SRC; recognised by its content if this is not given.",
            show_default=False,
        ),
    ] = None,
    photographs: Annotated[
        Path | None,
        typer.Option(
            "--images",
            metavar="DIR",
            help="Folder of the photographs, found by name, if they are not beside SRC: a dataset "
            "needs them, and other programs' GeoJSON, ROIs and YOLO labels do not say their size.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace DST if this format wrote it; nothing else is ever replaced.",
        ),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Refuse SRC if any of its objects can't be read as it is. By default such objects "
            "are left out, counted and named, and those over the border are clipped.",
        ),
    ] = False,
) -> None:
    """Convert annotations from one format into another.

    SRC may be what run or the Save button wrote, COCO instances, QuPath GeoJSON, ImageJ ROIs, YOLO
    labels, Pascal VOC, a label TIFF (with a CSV table of the same name), OME-Zarr labels or a
    dataset. What the format written has no place for is said before it is written.

    Exit status: 0 if DST was written; 2 if not, and then nothing was changed.
    """
    from napari_leukocyte.cli.convert import convert

    convert(
        source,
        destination,
        to,
        given=given,
        photographs=photographs,
        overwrite=overwrite,
        strict=strict,
    )


@app.command("open")
def open_command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Images, the folder of a smear, and folders of results.",
            show_default=False,
        ),
    ],
) -> None:
    """Open napari on images, a smear, or results as they were left, with the workbench docked."""
    from napari_leukocyte.cli.window import open_files

    open_files(paths)


@app.command("demo")
def demo_command(
    headless: Annotated[
        bool,
        typer.Option("--headless", help="Open no window; write the results and a picture."),
    ] = False,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the results, if no window opens.")
    ] = Path("demo-output"),
) -> None:
    """Segment, classify and count the synthetic sample; without a display, into files."""
    from napari_leukocyte.cli.demo import demo

    demo(out, headless=headless)


def main() -> None:
    """Run the command line and leave with its exit status."""
    app()
