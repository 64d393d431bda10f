"""The tasks of a run: a photograph, and of a slide its plan, its blocks and its end.

Each is a function of what it is given, which any process may call, and calls again if a worker was
lost: its result is kept with the key of its inputs, and what is kept is not made again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_leukocyte.analysis.batch.kept import (
    keep_json,
    keep_table,
    kept_folder,
    kept_json,
    kept_table,
)
from napari_leukocyte.analysis.batch.settings import (
    RunSettings,
    check_here,
    key_of,
    settings_key,
)
from napari_leukocyte.analysis.pipeline import analyse, image_record
from napari_leukocyte.analysis.slide.battlement import battlement
from napari_leukocyte.analysis.slide.blocks import cut_blocks
from napari_leukocyte.analysis.slide.cells import read_table
from napari_leukocyte.analysis.slide.maps import SlideMaps
from napari_leukocyte.analysis.slide.plan import SlidePlan, plan_slide
from napari_leukocyte.analysis.slide.segmenting import (
    LABEL_PYRAMID,
    OBJECT_TABLE,
    BlockResult,
    analyse_block,
    join_blocks,
    write_slide,
)
from napari_leukocyte.analysis.slide.zone import find_zone
from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.atomic import write_together
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.io.slides.opening import fingerprint, open_slide, state_of
from napari_leukocyte.io.slides.remote import Address, Place
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.reporting.pictures import draw_overlay
from napari_leukocyte.reporting.record import ImageRecord, file_sha256
from napari_leukocyte.reporting.save import LABELS, OVERLAY, write_labels
from napari_leukocyte.vocabulary import CLASSES

if TYPE_CHECKING:
    import pandas as pd

#: The slide that this process has open, by file, state and plan.
_slides: dict[tuple[Place, tuple[int, int], str], SlideMaps] = {}


@dataclass(frozen=True)
class ImageJob:
    """One image of a run.

    Attributes
    ----------
    image : str
        The path as given.
    path : Path or Address
        The same, absolute: workers have a working folder of their own.
    folder : str
        Name of the folder of its results.
    slide : bool
        Whether it is read part by part.
    """

    image: str
    path: Place
    folder: str
    slide: bool


def result_file(settings: RunSettings, job: ImageJob) -> Path:
    """Return the file that keeps an image's objects, and its record, when it is done."""
    return kept_folder(settings.out) / f"{job.folder}.parquet"


def slide_folder(settings: RunSettings, job: ImageJob) -> Path:
    """Return the folder that keeps a slide's plan and blocks."""
    return kept_folder(settings.out) / job.folder


def analyse_photograph(
    settings: RunSettings, job: ImageJob, identity: Mapping[str, Any]
) -> list[str]:
    """Analyse a photograph and write its files.

    Returns
    -------
    list of str
        Notes on it.

    Raises
    ------
    LeukocyteError
        With one sentence on what is wrong.
    """
    check_here(settings.model, settings.classifier, json.dumps(identity))
    if isinstance(job.path, Address):
        raise ImageError(f"{job.path} is not a slide: photographs are not read at addresses.")
    checksum = file_sha256(job.path)
    key = key_of(settings_key(settings, identity), checksum)
    kept = kept_table(result_file(settings, job), key)
    folder = settings.out / job.folder
    if kept is not None and all((folder / name).is_file() for name in (LABELS, OVERLAY)):
        return list(kept[1]["record"]["notes"])
    found = analyse(
        read_image(job.path),
        model=settings.model,
        classifier=settings.classifier or "default",
        diameter=settings.diameter,
        params=settings.params,
        classify=settings.classifier is not None,
    )
    overlay = draw_overlay(found.rgb, found.labels, found.table)
    with write_together(folder, (LABELS, OVERLAY), overwrite=True) as staging:
        write_labels(staging / LABELS, found.labels)
        write_png(staging / OVERLAY, overlay)
    record = image_record(found, job.image, folder=job.folder, file_sha256=checksum)
    keep_table(result_file(settings, job), key, found.table, {"record": asdict(record)})
    return list(found.notes)


def plan_of_slide(settings: RunSettings, job: ImageJob, identity: Mapping[str, Any]) -> int:
    """Plan a slide; return the number of its blocks.

    Raises
    ------
    LeukocyteError
        With one sentence on what is wrong.
    """
    check_here(settings.model, settings.classifier, json.dumps(identity))
    state = state_of(job.path)
    state_print = fingerprint(job.path)
    key = key_of(settings_key(settings, identity), state_print)
    path = slide_folder(settings, job) / "plan.json"
    kept = kept_json(path, key)
    if kept is None:
        with open_slide(job.path) as image:
            plan = plan_slide(
                image,
                model=settings.model,
                classifier=settings.classifier,
                diameter=settings.diameter,
                params=settings.params,
                block_px=settings.block_px,
            )
            blocks = cut_blocks(plan.shape, plan.block_px)
            if settings.until:
                zone = find_zone(image, plan.diameter)
                blocks = [zone.field(*place) for place in battlement(zone.inside)]
            if not blocks:
                raise ImageError(
                    f"{job.path} shows no monolayer in which cells could be counted: count the "
                    "whole slide."
                )
            kept = {
                "plan": plan.to_dict(),
                "um_per_px": image.um_per_px,
                "blocks": blocks,
                "fingerprint": state_print,
            }
    # The time of change may be another each time: it is no part of the key.
    keep_json(path, key, kept | {"state": list(state)})
    return len(kept["blocks"])


def analyse_slide_block(
    settings: RunSettings, job: ImageJob, identity: Mapping[str, Any], number: int
) -> int:
    """Analyse a block of a slide that is planned.

    Returns
    -------
    int
        The number of leukocytes in it, as far as a block alone can tell.

    Raises
    ------
    LeukocyteError
        With one sentence on what is wrong.
    """
    check_here(settings.model, settings.classifier, json.dumps(identity))
    planned = _planned(settings, job)
    key = key_of(planned["key"], number)
    path = _block_file(settings, job, number)
    kept = kept_table(path, key)
    if kept is not None:
        return _leukocytes(kept[0])
    slide = _opened(job.path, tuple(planned["state"]), json.dumps(planned["plan"]))
    y0, x0, y1, x1 = planned["blocks"][number]
    found = analyse_block(slide, (y0, x0, y1, x1))
    # A change while the block was read, too.
    if state_of(job.path) != tuple(planned["state"]):
        raise _changed(job.path)
    about = {"damaged": [list(d) for d in found.damaged], "too_wide": found.too_wide}
    keep_table(path, key, found.table, about)
    return _leukocytes(found.table)


def _leukocytes(table: pd.DataFrame) -> int:
    """Count the rows that are leukocytes: what is none for the classifier does not count."""
    objects = table["mask"].map(len) > 0
    if "class" in table:
        objects &= ~table["class"].isin([c.name for c in CLASSES if not c.counted])
    return int(objects.sum())


def finish_slide(
    settings: RunSettings, job: ImageJob, identity: Mapping[str, Any], blocks: int
) -> list[str]:
    """Give a slide's objects their numbers and write its files, when all blocks are done.

    Returns
    -------
    list of str
        Notes on it.

    Raises
    ------
    LeukocyteError
        With one sentence on what is wrong.
    """
    check_here(settings.model, settings.classifier, json.dumps(identity))
    planned = _planned(settings, job)
    folder = settings.out / job.folder
    key = key_of(planned["key"], blocks)
    kept = kept_table(result_file(settings, job), key)
    if kept is not None and all((folder / n).exists() for n in (LABEL_PYRAMID, OBJECT_TABLE)):
        return list(kept[1]["record"]["notes"])
    plan = SlidePlan.from_dict(planned["plan"])
    results = []
    for number in range(blocks):
        table, about = read_table(_block_file(settings, job, number))
        damaged = tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in about["damaged"])
        results.append(BlockResult(table, damaged, bool(about["too_wide"])))
    result = join_blocks(plan, results)
    counted = sum(_leukocytes(r.table) for r in results)
    notes = result.notes
    if settings.until and counted < settings.until:
        notes += (
            f"The {blocks} fields of the monolayer show {counted} leukocytes; {settings.until} "
            "were asked for.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    scale = planned["um_per_px"]
    write_slide(folder, result, plan, name=job.image, um_per_px=scale)
    record = ImageRecord(
        image=job.image,
        shape=plan.shape,
        diameter_px=plan.diameter,
        objects=len(result.objects.table),
        folder=job.folder,
        notes=notes,
    )
    slide: dict[str, Any] = {
        "image": job.image,
        "fingerprint": planned["fingerprint"],
        "um_per_px": scale,
    }
    if settings.until:
        slide["fields"] = planned["blocks"][:blocks]
    else:
        slide |= {"block_px": plan.block_px, "blocks": blocks}
    keep_table(
        result_file(settings, job),
        key,
        result.objects.public,
        {"record": asdict(record), "slide": slide},
    )
    return list(notes)


def _block_file(settings: RunSettings, job: ImageJob, number: int) -> Path:
    return slide_folder(settings, job) / f"block-{number:06d}.parquet"


def _planned(settings: RunSettings, job: ImageJob) -> dict[str, Any]:
    path = slide_folder(settings, job) / "plan.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ImageError(
            f"{path} is missing or damaged: workers need the folder of the results."
        ) from error
    return dict(found)


def _opened(path: Place, state: tuple[int, int], plan: str) -> SlideMaps:
    """Open a slide, and keep it open for the next block; a plan is JSON."""
    key = (path, state, plan)
    if key not in _slides:
        let_go()
        if state_of(path) != state:
            raise _changed(path)
        _slides[key] = SlideMaps(open_slide(path), SlidePlan.from_dict(json.loads(plan)))
    return _slides[key]


def let_go() -> None:
    """Close the slide that this process keeps open, if it does."""
    while _slides:
        _slides.popitem()[1].image.close()


def _changed(path: Place) -> ImageError:
    return ImageError(f"{path} has changed while it was read: run again when it is complete.")
