"""Look whether a dataset is what was exported, and what may be wrong with the data in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from napari_leukocyte.annotations.dataset.check_cells import check_image, check_table
from napari_leukocyte.annotations.dataset.check_files import check_files, check_versions
from napari_leukocyte.annotations.dataset.duplicates import near
from napari_leukocyte.annotations.dataset.findings import NAMED as NAMED
from napari_leukocyte.annotations.dataset.findings import Finding as Finding
from napari_leukocyte.annotations.dataset.findings import Report as Report
from napari_leukocyte.annotations.dataset.layout import SIDES, DatasetError
from napari_leukocyte.annotations.dataset.reading import Dataset, open_dataset
from napari_leukocyte.annotations.dataset.suspects import find_suspects
from napari_leukocyte.annotations.dataset.wording import number_of
from napari_leukocyte.classification.label_errors import LabelError
from napari_leukocyte.progress import Progress, silent

#: With fewer cells in training, a class can hardly be learnt; with none elsewhere, not measured.
FEW = 10


def check(
    folder: Path,
    version: int | None = None,
    *,
    suspects: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Check a version of a dataset.

    Parameters
    ----------
    folder : Path
        Of the dataset.
    version : int, optional
        The newest by default.
    suspects : bool
        Whether to look for cells whose class may be wrong, which takes longest.
    progress : callable, optional
        Called on the way.

    Returns
    -------
    Report

    Raises
    ------
    DatasetError
        If there is no dataset, or what it says of itself can't be read.
    """
    report = progress or silent
    dataset = open_dataset(folder, version)
    images = dataset.images
    steps = len(images) + 3
    report(0, steps, "Checking the files")
    findings = [*check_files(dataset), *check_versions(folder, dataset)]
    findings += _split(dataset)
    try:
        table = dataset.objects()
    except DatasetError as error:
        return _report(dataset, [*findings, Finding("damaged file", str(error))], (), 0)
    rows = dict(tuple(table.groupby("image")))
    findings += check_table(dataset, table)
    for number, image in enumerate(images):
        report(number + 1, steps, f"Checking {image.name}")
        findings += check_image(dataset, image, rows.get(image.name, table.iloc[:0]))
    findings += _counts(dataset, table)
    doubted: tuple[LabelError, ...] = ()
    if suspects:
        report(steps - 2, steps, "Looking for doubtful classes")

        def looking(done: int, total: int, what: str) -> None:
            report(steps - 2, steps, f"{what} ({done} of {total})")

        try:
            doubted = tuple(find_suspects(dataset, table, progress=looking))
        except DatasetError as error:
            findings.append(Finding("doubtful class", f"Not looked for: {error}", False))
        findings += [Finding("doubtful class", s.sentence, False) for s in doubted]
    report(steps, steps, "Checked")
    return _report(dataset, findings, doubted, len(table))


def _report(
    dataset: Dataset, findings: Iterable[Finding], suspects: tuple[LabelError, ...], objects: int
) -> Report:
    # The same damage shows in several ways.
    once = dict.fromkeys(findings)
    ordered = sorted(once, key=lambda f: not f.problem)
    return Report(
        dataset.version,
        tuple(ordered),
        suspects,
        len(dataset.manifest.files),
        len(dataset.manifest.images),
        objects,
    )


def _split(dataset: Dataset) -> Iterator[Finding]:
    images = dataset.images
    prints = [i.entry.fingerprint for i in images]
    for place, image in enumerate(images):
        for other in near(prints[place], prints):
            if images[other].side != image.side and other > place:
                yield Finding(
                    "near-duplicates on two sides",
                    f"{image.name} ({image.side}) and {images[other].name} ({images[other].side}) "
                    "show the same.",
                )
    of_group: dict[str, set[str]] = {}
    for image in images:
        of_group.setdefault(image.group, set()).add(image.side)
    for group, sides in of_group.items():
        if len(sides) > 1:
            yield Finding("group on two sides", f"{group!r} is in {' and '.join(sorted(sides))}.")


def _counts(dataset: Dataset, table: pd.DataFrame) -> Iterator[Finding]:
    counts = Counter(
        zip(table["class"].dropna().tolist(), table[table["class"].notna()]["side"], strict=True)
    )
    for name in dataset.classes:
        numbers = [counts[name, side] for side in SIDES]
        told = ", ".join(f"{n} {side}" for n, side in zip(numbers, SIDES, strict=True))
        if numbers[0] < FEW or not all(numbers[1:]):
            yield Finding("few cells", f"{name}: {told}.", False)
    empty = [side for side in SIDES if not any(i.side == side for i in dataset.images)]
    for side in empty:
        yield Finding("few photographs", f"None is on the side {side}.", False)
    for image in dataset.images:
        if not image.complete:
            sentence = f"{image.name} lacks {number_of(image.entry.left_out, 'cell')}."
            yield Finding("incomplete photograph", sentence, False)
    bare = int(table["class"].isna().sum())
    if bare:
        yield Finding("no class", f"{number_of(bare, 'cell')} have none.", False)
