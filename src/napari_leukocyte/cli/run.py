"""``napari-leukocyte run``: many images, without a window."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_leukocyte.analysis.batch.kept import FOLDER
from napari_leukocyte.analysis.pipeline import analyse, check_unattended, image_record
from napari_leukocyte.cli.console import (
    BAD_INPUT,
    DONE,
    INTERRUPTED,
    SOME_FAILED,
    Reporter,
    complain,
    one_line,
    quiet_decoders,
)
from napari_leukocyte.cli.run_files import (
    RUN_FILES,
    RunOptions,
    list_images,
    parse_diameter,
    prepare_folder,
    summarise,
    write_run,
)
from napari_leukocyte.errors import LeukocyteError, OutputError, ParameterError
from napari_leukocyte.io.atomic import (
    interrupts_held,
    remove_empty,
    write_together,
)
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.io.paths import ImageFolder, plan
from napari_leukocyte.io.slides.opening import is_slide
from napari_leukocyte.io.slides.remote import place_of
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.reporting.pictures import draw_overlay
from napari_leukocyte.reporting.record import (
    ImageRecord,
    describe_model,
    file_sha256,
    make_record,
)
from napari_leukocyte.reporting.save import (
    LABELS,
    OVERLAY,
    write_labels,
)
from napari_leukocyte.segmentation.parameters import PostprocessParams, load_preset

if TYPE_CHECKING:
    import pandas as pd

_IMAGE_FILES = (LABELS, OVERLAY)


@dataclass
class _Run:
    """A run: its settings, fixed before the first image, and its results so far."""

    options: RunOptions
    jobs: list[ImageFolder]
    diameter: float | Literal["auto"]
    params: PostprocessParams
    segmentation: Manifest
    classification: Manifest | None
    tables: list[tuple[str, pd.DataFrame]] = field(default_factory=list)
    records: list[ImageRecord] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)


def run(options: RunOptions) -> int:
    """Analyse images and write their results.

    Everything that can be wrong with the command line is found before the first image is read,
    and the output folder is made only then. An image that fails is named on stderr and the rest
    goes on. If the run is interrupted or the disk is full, the images that were finished keep
    their files, and the tables and the record are written for them.

    Parameters
    ----------
    options : RunOptions
        The command line.

    Returns
    -------
    int
        Exit status: 0 if every image was analysed, 1 if some failed, 2 if all did or the results
        can't be written, 130 if it was interrupted.

    Raises
    ------
    LeukocyteError
        If the command line is wrong; nothing was written.
    """
    if options.workers < 0 or (options.workers and options.scheduler is not None):
        raise ParameterError("Give --workers, 1 or more, or --scheduler, not both.")
    jobs = plan(list_images(options.paths), reserved=(*RUN_FILES, FOLDER))
    diameter = parse_diameter(options.diameter)
    params = PostprocessParams() if options.params is None else load_preset(options.params)
    check_unattended(params, diameter)
    slides = {job.image for job in jobs if is_slide(place_of(job.image))}
    as_tasks = options.workers or options.scheduler is not None or options.resume
    if slides or as_tasks or options.log == "json":
        # Photographs without any of these need neither tasks nor what is kept of them.
        from napari_leukocyte.cli.batch import run_batch

        return run_batch(options, jobs, slides, diameter, params)
    state = _prepare(options, jobs, diameter, params)
    made = prepare_folder(options.out, state.jobs, overwrite=options.overwrite)
    status = _analyse_all(state)
    if not state.tables:
        remove_empty(made)
        return status
    try:
        write_run(
            options.out,
            state.tables,
            _make_record(state, status),
            classified=options.classify,
            overwrite=options.overwrite,
        )
    except OutputError as error:
        if status != BAD_INPUT:  # else the same was just said of an image
            complain(str(error))
        return BAD_INPUT
    summarise(options.out, state.tables, classified=options.classify)
    return status


def _prepare(
    options: RunOptions,
    jobs: list[ImageFolder],
    diameter: float | Literal["auto"],
    params: PostprocessParams,
) -> _Run:
    segmentation = find_model("segmentation", options.model)
    classification = find_model("classification", options.classifier) if options.classify else None
    for manifest in filter(None, (segmentation, classification)):
        for member in manifest.members:
            runtime.load(member)  # a damaged file shows now, not after the first image
    return _Run(options, jobs, diameter, params, segmentation, classification)


def _analyse_all(state: _Run) -> int:
    alone = len(state.jobs) == 1
    with Reporter(len(state.jobs)) as reporter:
        try:
            for job in state.jobs:
                try:
                    _analyse_one(state, job, reporter)
                except OutputError:
                    raise
                except Exception as error:
                    # Whatever it is, the other images must not suffer for it.
                    state.errors[job.image] = _sentence(job, error)
                    reporter.say(state.errors[job.image])
                reporter.image_done()
        except KeyboardInterrupt:
            done = len(state.records)
            reporter.say(f"Interrupted: {done} of {len(state.jobs)} images are done and kept.")
            return INTERRUPTED
        except OutputError as error:
            reporter.say(str(error))
            return BAD_INPUT
        failed = len(state.errors)
        if failed and not alone:
            reporter.say(f"{failed} of {len(state.jobs)} images failed.")
    if not failed:
        return DONE
    return SOME_FAILED if state.tables else BAD_INPUT


def _analyse_one(state: _Run, job: ImageFolder, reporter: Reporter) -> None:
    path = Path(job.image)
    checksum = file_sha256(path)
    with quiet_decoders():
        image = read_image(path)
    found = analyse(
        image,
        model=state.options.model,
        classifier=state.options.classifier,
        diameter=state.diameter,
        params=state.params,
        classify=state.options.classify,
        progress=reporter.step,
    )
    overlay = draw_overlay(found.rgb, found.labels, found.table)
    # What is written is also recorded, whenever the user interrupts.
    with interrupts_held():
        with write_together(
            state.options.out / job.folder, _IMAGE_FILES, overwrite=state.options.overwrite
        ) as staging:
            write_labels(staging / LABELS, found.labels)
            write_png(staging / OVERLAY, overlay)
        state.tables.append((job.image, found.table))
        record = image_record(found, job.image, folder=job.folder, file_sha256=checksum)
        state.records.append(record)
    for note in found.notes:
        reporter.say(f"{job.image}: {note}")


def _sentence(job: ImageFolder, error: Exception) -> str:
    """Say what is wrong with an image, naming it once."""
    if isinstance(error, LeukocyteError):
        message = str(error)
        named = message.startswith((job.image, str(Path(job.image))))
        return one_line(message if named else f"{job.image}: {message}")
    if isinstance(error, MemoryError):
        return one_line(f"{job.image}: there is not enough memory for an image of this size")
    return one_line(f"{job.image}: the analysis failed ({type(error).__name__}: {error})")


def _make_record(state: _Run, status: int) -> dict[str, Any]:
    unfinished = len(state.jobs) - len(state.records) - len(state.errors)
    classifier = state.classification
    record = make_record(
        images=state.records,
        segmentation=describe_model(state.segmentation),
        classification=None if classifier is None else describe_model(classifier),
        params=state.params,
        diameter=state.diameter,
        errors=state.errors,
        notes=[f"The run was stopped before {unfinished} images were done."] if unfinished else [],
        command="run",
    )
    # Paths are recorded as they were typed; from here they lead to the photographs.
    return record | {"status": status, "directory": str(Path.cwd())}
