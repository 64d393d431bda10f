"""A slide's blocks one by one, and its results from all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from napari_leukocyte.analysis.slide.blocks import cut_blocks
from napari_leukocyte.analysis.slide.cells import cells_table, write_table
from napari_leukocyte.analysis.slide.choosing import ChosenObjects, check_diameter, choose_objects
from napari_leukocyte.analysis.slide.classifying import classify_cells
from napari_leukocyte.analysis.slide.finding import find_cells
from napari_leukocyte.analysis.slide.label_pyramid import NAME, write_label_pyramid
from napari_leukocyte.analysis.slide.maps import SlideMaps
from napari_leukocyte.analysis.slide.plan import SlidePlan
from napari_leukocyte.io.replace import replace_folder
from napari_leukocyte.io.slides.image import PartBox, SlideImage
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.reporting.save import objects_table, write_csv
from napari_leukocyte.segmentation.objects import candidates_text

#: Files of a slide's results.
LABEL_PYRAMID, OBJECT_TABLE, OBJECT_CSV = "labels.zarr", "objects.parquet", "objects.csv"


@dataclass(frozen=True, eq=False)
class BlockResult:
    """Everything that a block showed.

    Attributes
    ----------
    table : pandas.DataFrame
        Its cells, as from `cells_table`, with classes if there is a classifier.
    damaged : tuple of tuple of int
        Parts of the file that could not be read, px of the slide.
    too_wide : bool
        Whether a group of touching cells was left out.
    """

    table: pd.DataFrame
    damaged: tuple[PartBox, ...] = ()
    too_wide: bool = False


@dataclass(frozen=True, eq=False)
class SlideResult:
    """The objects of a slide.

    Attributes
    ----------
    objects : ChosenObjects
        With their masks.
    notes : tuple of str
        What a user should know, a sentence each.
    """

    objects: ChosenObjects
    notes: tuple[str, ...]


def analyse_block(slide: SlideMaps, block: PartBox) -> BlockResult:
    """Find, measure and classify the cells of one block.

    Parameters
    ----------
    slide : SlideMaps
        The slide.
    block : tuple of int
        y0, x0, y1, x1, px.

    Returns
    -------
    BlockResult

    Raises
    ------
    ImageError, ModelError
        With one sentence on what is wrong.
    """
    plan = slide.plan
    slide.image.damaged.clear()
    slide.begin(block)
    found = find_cells(slide, block)
    table = cells_table(found.cells)
    if plan.classifier is not None:
        # What can't become an object is not asked for its class.
        measured = [c for c in found.cells if c.measurements]
        classes = classify_cells(
            slide.image, measured, find_model("classification", plan.classifier), plan.background
        )
        classes.index = table.index[table["mask"].map(len) > 0]
        table = table.join(classes)
    return BlockResult(table, tuple(sorted(slide.image.damaged)), found.too_wide)


def join_blocks(plan: SlidePlan, blocks: Sequence[BlockResult]) -> SlideResult:
    """Make the result of a slide from those of all its blocks."""
    objects = choose_objects([b.table for b in blocks], plan.params, plan.diameter)
    notes = plan.notes + check_diameter(objects.table, plan.diameter)
    notes += damage_text({part for block in blocks for part in block.damaged})
    if any(block.too_wide for block in blocks):
        notes += (
            "Groups of touching cells that are too wide to be parted were left out: the slide is "
            "too thick there, or the diameter is wrong.",
        )
    if objects.candidates:
        notes += (candidates_text(objects.candidates),)
    return SlideResult(objects, notes)


def damage_text(damaged: set[PartBox]) -> tuple[str, ...]:
    """Return the sentence about parts that could not be read, if there are any."""
    if not damaged:
        return ()
    y0, x0, y1, x1 = min(damaged)
    where = f"at y {y0} to {y1}, x {x0} to {x1}"
    if len(damaged) == 1:
        return (f"A part of the file {where} is damaged and was left blank.",)
    return (
        f"{len(damaged)} parts of the file, the first {where}, are damaged and were left blank.",
    )


def write_slide(
    folder: Path,
    result: SlideResult,
    plan: SlidePlan,
    *,
    name: str,
    um_per_px: float | None = None,
    csv: bool = False,
    progress: Progress = silent,
) -> None:
    """Write the label pyramid and the objects of a slide.

    Parameters
    ----------
    folder : Path
        Made if it does not exist; earlier results of a slide in it are replaced.
    result : SlideResult
        What was found.
    plan : SlidePlan
        Of the slide.
    name : str
        The slide's, for the table.
    um_per_px : float, optional
        Side of a pixel, µm.
    csv : bool
        Whether the objects are also written as CSV.
    progress : callable
        Called in the course of the writing.

    Raises
    ------
    OutputError
        If they can't be written.
    """
    store = folder / LABEL_PYRAMID
    with replace_folder(store, ("**",), overwrite=True, is_ours=_is_ours) as staging:
        write_label_pyramid(
            staging, result.objects.table, plan.shape, um_per_px=um_per_px, progress=progress
        )
    table = objects_table([(name, result.objects.public)])
    write_table(folder / OBJECT_TABLE, table)
    if csv:
        write_csv(folder / OBJECT_CSV, table)


def _is_ours(store: Path) -> bool:
    return (store / "labels" / NAME).is_dir() or not any(store.iterdir())


def segment_slide(
    image: SlideImage, plan: SlidePlan, *, progress: Progress = silent
) -> SlideResult:
    """Find, measure and classify the cells of a slide, block by block, in this process.

    Parameters
    ----------
    image : SlideImage
        The slide; :class:`~napari_leukocyte.io.slides.image.ArrayImage` makes one of an array.
    plan : SlidePlan
        From :func:`~napari_leukocyte.analysis.slide.plan.plan_slide`.
    progress : callable
        Called after each block; it may raise :class:`~napari_leukocyte.errors.Cancelled`.

    Returns
    -------
    SlideResult
        For any block size and overlap that a plan may have the same, and that of the slide in
        one piece: but holes wider than a diameter are not filled, and groups of touching cells
        wider than 16 diameters or 2048 px are left out, with a note.

    Raises
    ------
    ImageError, ModelError
        With one sentence on what is wrong.
    """
    blocks = cut_blocks(plan.shape, plan.block_px)
    slide = SlideMaps(image, plan)
    results = []
    progress(0, len(blocks), "Segmenting")
    for number, block in enumerate(blocks, start=1):
        results.append(analyse_block(slide, block))
        progress(number, len(blocks), "Segmenting")
    return join_blocks(plan, results)
