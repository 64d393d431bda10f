"""Checks of a dataset: against what was exported, and for what may be wrong with its data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.description import number_of
from napari_leukocyte.annotations.dataset.integrity import (
    DatasetFinding,
    check_files,
    check_image,
    check_table,
    check_versions,
)
from napari_leukocyte.annotations.dataset.layout import SIDES, DatasetError
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.dataset.reading import Dataset
from napari_leukocyte.annotations.dataset.split import near_duplicates
from napari_leukocyte.classification.label_errors import (
    CELLS,
    LabelError,
    enough,
    find_label_errors,
)
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import probabilities_of

#: So many of a kind are named; of the rest, how many there are.
NAMED = 5
#: With fewer cells in training, a class can hardly be learnt; with none elsewhere, not measured.
FEW = 10
#: Share of cells whose probabilities must be known to do without the network.
KNOWN = 0.95
#: Smallest probability: logarithms of less say nothing more.
_LEAST = 1e-4
_BATCH = 16


@dataclass(frozen=True)
class Report:
    """Findings of a check.

    Attributes
    ----------
    version : int
        That was checked.
    findings : tuple of DatasetFinding
        Problems first.
    suspects : tuple of LabelError
        Cells whose class may be wrong, the most doubtful first.
    files, images, objects : int
        How many were looked at.
    """

    version: int
    findings: tuple[DatasetFinding, ...]
    suspects: tuple[LabelError, ...]
    files: int
    images: int
    objects: int

    @property
    def problems(self) -> tuple[DatasetFinding, ...]:
        """Findings that make the dataset unsound."""
        return tuple(f for f in self.findings if f.problem)

    @property
    def remarks(self) -> tuple[DatasetFinding, ...]:
        """Findings that one should know besides."""
        return tuple(f for f in self.findings if not f.problem)

    @property
    def sound(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def lines(self, named: int = NAMED) -> list[str]:
        """Return the report as lines; of a kind with many findings, the first `named`."""
        done = (
            f"{number_of(self.files, 'file')}, {number_of(self.images, 'photograph')}, "
            f"{number_of(self.objects, 'cell')}"
        )
        verdict = "sound" if self.sound else number_of(len(self.problems), "problem")
        lines = [f"Version {self.version}: {verdict} ({done})."]
        for heading, found in (("Problems", self.problems), ("Remarks", self.remarks)):
            if found:
                lines.append(f"{heading}:")
            of_kind: dict[str, list[DatasetFinding]] = {}
            for finding in found:
                of_kind.setdefault(finding.kind, []).append(finding)
            for kind, findings in of_kind.items():
                lines += [f"  {kind}: {f.sentence}" for f in findings[:named]]
                if len(findings) > named:
                    lines.append(f"  {kind}: and {len(findings) - named} more.")
        return lines


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

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import tifffile
    >>> import napari_leukocyte as nl
    >>> from napari_leukocyte import datasets, formats
    >>> folder = Path(tempfile.mkdtemp())
    >>> smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    >>> tifffile.imwrite(folder / "field.tif", smear.image, photometric="rgb")
    >>> table = nl.classify(smear.image, smear.labels)
    >>> image = formats.AnnotatedImage("field.tif", smear.labels.shape, smear.labels, table)
    >>> lost = formats.write([image], folder / "field.json", "coco")
    >>> fields = datasets.fields_of_sources([folder / "field.json"])
    >>> done = datasets.export(folder / "cells", fields)
    >>> datasets.check(folder / "cells", suspects=False).sound
    True
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
        return _report(dataset, [*findings, DatasetFinding("damaged file", str(error))], (), 0)
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
            findings.append(DatasetFinding("doubtful class", f"Not looked for: {error}", False))
        findings += [DatasetFinding("doubtful class", s.sentence, False) for s in doubted]
    report(steps, steps, "Checked")
    return _report(dataset, findings, doubted, len(table))


def _report(
    dataset: Dataset,
    findings: Iterable[DatasetFinding],
    suspects: tuple[LabelError, ...],
    objects: int,
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


def _split(dataset: Dataset) -> Iterator[DatasetFinding]:
    images = dataset.images
    prints = [i.entry.fingerprint for i in images]
    for place, image in enumerate(images):
        for other in near_duplicates(prints[place], prints):
            if images[other].side != image.side and other > place:
                yield DatasetFinding(
                    "near-duplicates on two sides",
                    f"{image.name} ({image.side}) and {images[other].name} ({images[other].side}) "
                    "show the same.",
                )
    of_group: dict[str, set[str]] = {}
    for image in images:
        of_group.setdefault(image.group, set()).add(image.side)
    for group, sides in of_group.items():
        if len(sides) > 1:
            yield DatasetFinding(
                "group on two sides", f"{group!r} is in {' and '.join(sorted(sides))}."
            )


def _counts(dataset: Dataset, table: pd.DataFrame) -> Iterator[DatasetFinding]:
    counts = Counter(
        zip(table["class"].dropna().tolist(), table[table["class"].notna()]["side"], strict=True)
    )
    for name in dataset.classes:
        numbers = [counts[name, side] for side in SIDES]
        told = ", ".join(f"{n} {side}" for n, side in zip(numbers, SIDES, strict=True))
        if numbers[0] < FEW or not all(numbers[1:]):
            yield DatasetFinding("few cells", f"{name}: {told}.", False)
    empty = [side for side in SIDES if not any(i.side == side for i in dataset.images)]
    for side in empty:
        yield DatasetFinding("few photographs", f"None is on the side {side}.", False)
    for image in dataset.images:
        if not image.complete:
            sentence = f"{image.name} lacks {number_of(image.entry.left_out, 'cell')}."
            yield DatasetFinding("incomplete photograph", sentence, False)
    bare = int(table["class"].isna().sum())
    if bare:
        yield DatasetFinding("no class", f"{number_of(bare, 'cell')} have none.", False)


def find_suspects(
    dataset: Dataset, table: pd.DataFrame, *, progress: Progress | None = None
) -> list[LabelError]:
    """Find cells whose class may be wrong.

    Parameters
    ----------
    dataset : Dataset
        Of which; its photographs are read only if the table lacks probabilities.
    table : pandas.DataFrame
        Of its objects.
    progress : callable, optional
        Called while the network looks at cells.

    Returns
    -------
    list of LabelError
        The least believed first; none where there are too few cells.

    Raises
    ------
    DatasetError
        If the photographs are needed and can't be read.
    """
    cells = enough(table[table["class"].notna()].reset_index(drop=True))
    if len(cells) < CELLS or cells["class"].nunique() < 2:
        return []
    features = _probabilities(cells)
    if features is None:
        features = _embeddings(dataset, cells, progress or silent)
    return find_label_errors(cells, features)


def _probabilities(cells: pd.DataFrame) -> NDArray[np.float64] | None:
    columns = probabilities_of(cells)
    values = cells[columns].to_numpy(np.float64, copy=True)
    if not columns or cells["model_sha256"].nunique() > 1:
        return None
    known = ~np.isnan(values).any(axis=1)
    if known.mean() < KNOWN:
        return None
    values[~known] = 1 / len(columns)
    shape = cells[["equivalent_diameter_px", "circularity", "solidity"]].to_numpy(np.float64)
    scaled = (shape - shape.mean(axis=0)) / np.maximum(shape.std(axis=0), 1e-9)
    return np.hstack([np.log(np.maximum(values, _LEAST)), scaled])


def _embeddings(dataset: Dataset, cells: pd.DataFrame, progress: Progress) -> NDArray[np.float64]:
    """Return what the shipped classifier's last layer is given, (N, D)."""
    from napari_leukocyte.classification.crops import cut_crop
    from napari_leukocyte.classification.measurements import iterate_regions
    from napari_leukocyte.io.images.background import background_color, balance_white
    from napari_leukocyte.models import runtime
    from napari_leukocyte.models.registry import find_model

    manifest = find_model("classification")
    member = manifest.members[0]
    place = {(r.image, r.label): n for n, r in enumerate(cells.itertuples())}
    result: NDArray[np.float64] | None = None
    done = 0
    names = set(cells["image"].tolist())
    for image in dataset.images:
        if image.name not in names:
            continue
        rgb = dataset.read_rgb(image)
        balanced = balance_white(rgb, background_color(rgb))
        wanted = [
            r for r in iterate_regions(dataset.read_labels(image)) if (image.name, r.label) in place
        ]
        for start in range(0, len(wanted), _BATCH):
            regions = wanted[start : start + _BATCH]
            crops = [
                cut_crop(
                    balanced, r, manifest.side_px, member.diameter_px, manifest.nucleus_density
                )
                for r in regions
            ]
            outputs = runtime.run(member, np.stack(crops).astype(np.float32))
            # A classifier without a second output is asked for its opinion.
            found = outputs[1] if len(outputs) > 1 else outputs[0]
            if result is None:
                result = np.zeros((len(cells), found.reshape(len(found), -1).shape[1]))
            for region, row in zip(regions, found.reshape(len(found), -1), strict=True):
                result[place[image.name, region.label]] = row
            done += len(regions)
            progress(done, len(cells), "Looking at cells")
    if result is None or done < len(cells):
        raise DatasetError("Some of the cells of the table have no mask.")
    deviation = np.maximum(result.std(axis=0), 1e-9)
    return np.asarray((result - result.mean(axis=0)) / deviation)
