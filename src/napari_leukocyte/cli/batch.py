"""``napari-leukocyte run`` with slides, on workers, or to be resumed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from napari_leukocyte.analysis.batch.kept import alone_in, forget, kept_folder
from napari_leukocyte.analysis.batch.running import BatchRun, RunResult, results_of
from napari_leukocyte.analysis.batch.settings import RunSettings, identify
from napari_leukocyte.analysis.batch.tasks import ImageJob
from napari_leukocyte.analysis.batch.workers import (
    ThisProcess,
    Workers,
    join_workers,
    start_workers,
)
from napari_leukocyte.cli.batch_progress import make_progress
from napari_leukocyte.cli.console import (
    BAD_INPUT,
    DONE,
    INTERRUPTED,
    SOME_FAILED,
    complain,
)
from napari_leukocyte.cli.run_files import RunOptions, prepare_folder, summarise, write_run
from napari_leukocyte.errors import LeukocyteError, OutputError
from napari_leukocyte.io.atomic import remove_empty
from napari_leukocyte.io.paths import ImageFolder
from napari_leukocyte.io.slides.opening import fingerprint
from napari_leukocyte.io.slides.remote import place_of
from napari_leukocyte.models.runtime import provider_notes
from napari_leukocyte.reporting.record import file_sha256, make_record
from napari_leukocyte.reporting.save import RECORD
from napari_leukocyte.segmentation.parameters import PostprocessParams


def run_batch(
    options: RunOptions,
    folders: Sequence[ImageFolder],
    slides: set[str],
    diameter: float | Literal["auto"],
    params: PostprocessParams,
) -> int:
    """Analyse images and slides as tasks, and write their results.

    Parameters
    ----------
    options : RunOptions
        The command line.
    folders : sequence of ImageFolder
        The images.
    slides : set of str
        Those that are slides.
    diameter : float or "auto"
        Diameter of a leukocyte, px.
    params : PostprocessParams
        Of the post-processing.

    Returns
    -------
    int
        Exit status, as of `run`.

    Raises
    ------
    LeukocyteError
        If the command line is wrong or no worker can be had.
    """
    settings = RunSettings(
        out=options.out.absolute(),
        model=_place(options.model),
        classifier=_place(options.classifier) if options.classify else None,
        diameter=diameter,
        params=params,
        until=options.until,
    )
    identity = identify(settings.model, settings.classifier)
    jobs = [ImageJob(f.image, place_of(f.image), f.folder, f.image in slides) for f in folders]
    if options.resume and _is_complete(options, jobs, identity, params, diameter):
        complain(f"{options.out} holds all results of this run: nothing is left to do.")
        return DONE
    made = _prepare_folder(options, folders)
    try:
        with alone_in(settings.out):
            if not options.resume:
                forget(settings.out)
            return _work(options, settings, identity, jobs)
    finally:
        remove_empty(made)


def _place(model: str) -> str:
    """Return a model's folder so that workers find it, too; names stay as they are."""
    return os.path.realpath(model) if Path(model).is_dir() else model


def _prepare_folder(options: RunOptions, folders: Sequence[ImageFolder]) -> list[Path]:
    ours = options.resume and (kept_folder(options.out).is_dir() or _record(options.out) != {})
    return prepare_folder(options.out, folders, overwrite=options.overwrite or ours)


def _work(
    options: RunOptions,
    settings: RunSettings,
    identity: Mapping[str, Any],
    jobs: Sequence[ImageJob],
) -> int:
    interrupted = False
    with (
        _workers(options, settings, identity) as workers,
        make_progress(len(jobs), options.log) as progress,
    ):
        if workers.dashboard:
            progress.say(f"The work can be watched at {workers.dashboard}.")
        for note in provider_notes():
            progress.say(note)
        run = BatchRun(settings, identity, workers, progress.count)
        result = run.result
        try:
            run.run(jobs)
        except KeyboardInterrupt:
            interrupted = True
        except OutputError as error:
            result.lost = str(error)
    left = len(jobs) - len(result.done) - len(result.errors)
    if interrupted or left:
        why = "Interrupted" if interrupted else result.lost
        complain(
            f"{why.rstrip('.')}: {len(result.done)} of {len(jobs)} images are done and kept; "
            "--resume does the rest."
        )
    elif result.errors and len(jobs) > 1:
        complain(f"{len(result.errors)} of {len(jobs)} images failed.")
        for job in jobs:
            if job.image in result.errors:
                complain(result.errors[job.image])
    status = _status(result, left, interrupted)
    if result.done:
        try:
            _write(options, settings, identity, jobs, result, status)
        except LeukocyteError as error:
            complain(str(error))
            return BAD_INPUT
    if status == DONE:
        forget(settings.out)
    return status


def _workers(options: RunOptions, settings: RunSettings, identity: Mapping[str, Any]) -> Workers:
    if options.scheduler is not None:
        return join_workers(options.scheduler, settings, identity)
    return start_workers(options.workers) if options.workers else ThisProcess()


def _status(result: RunResult, left: int, interrupted: bool) -> int:
    if interrupted:
        return INTERRUPTED
    if not result.errors and not left:
        return DONE
    return SOME_FAILED if result.done else BAD_INPUT


def _write(
    options: RunOptions,
    settings: RunSettings,
    identity: Mapping[str, Any],
    jobs: Sequence[ImageJob],
    result: RunResult,
    status: int,
) -> None:
    tables, records, slides = results_of(settings, jobs, result.done)
    left = len(jobs) - len(result.done) - len(result.errors)
    record = make_record(
        images=records,
        segmentation=identity["segmentation model"],
        classification=identity.get("classifier"),
        params=settings.params,
        diameter=settings.diameter,
        # In the order of the images, whichever failed first.
        errors={j.image: result.errors[j.image] for j in jobs if j.image in result.errors},
        notes=[f"The run was stopped before {left} images were done."] if left else [],
        command="run",
    )
    if slides:
        record["slides"] = slides
    write_run(
        options.out,
        tables,
        record | {"status": status, "directory": str(Path.cwd())},
        classified=options.classify,
        overwrite=True,
    )
    summarise(options.out, tables, classified=options.classify)


def _record(out: Path) -> dict[str, Any]:
    """Return the record of the run whose results a folder holds; empty if there is none."""
    try:
        found = json.loads((out / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("command") == "run" else {}


def _is_complete(
    options: RunOptions,
    jobs: Sequence[ImageJob],
    identity: Mapping[str, Any],
    params: PostprocessParams,
    diameter: float | Literal["auto"],
) -> bool:
    """Return whether a folder holds the whole of this run.

    Raises
    ------
    OutputError
        If it holds the results of another one.
    """
    found = _record(options.out)
    if not found:
        return False
    same = (
        found.get("segmentation") == identity["segmentation model"]
        and found.get("classification") == identity.get("classifier")
        and found.get("parameters") == params.to_dict()
        and found.get("diameter") == diameter
    )
    images = [i.get("image") for i in found.get("images", [])]
    if not same or not set(images) <= {job.image for job in jobs}:
        raise OutputError(
            f"{options.out} holds the results of another run: choose another folder, or give its "
            "own images, models and parameters."
        )
    complete = found.get("status") == DONE and not kept_folder(options.out).is_dir()
    return complete and images == [job.image for job in jobs] and _same_files(found, jobs)


def _same_files(record: Mapping[str, Any], jobs: Sequence[ImageJob]) -> bool:
    """Return whether images are those that a record's results were made from."""
    checksums = {i["image"]: i.get("file_sha256") for i in record["images"]}
    checksums |= {i.get("image"): i.get("fingerprint") for i in record.get("slides", [])}
    return all(
        checksums[job.image]
        == (
            file_sha256(job.path)
            if isinstance(job.path, Path) and not job.slide
            else fingerprint(job.path)
        )
        for job in jobs
    )
