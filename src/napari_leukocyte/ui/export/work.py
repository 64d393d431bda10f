"""The work of the *Export annotations* dock, in a thread; it knows no widget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_leukocyte.annotations.dataset.check import check
from napari_leukocyte.annotations.dataset.export import export
from napari_leukocyte.annotations.dataset.export_state import Exported, ExportSettings
from napari_leukocyte.annotations.dataset.field import Fields
from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.dataset.reopen import adopt_classes, reopen
from napari_leukocyte.annotations.dataset.sources import ExportSnapshot, fields_of_files
from napari_leukocyte.annotations.formats import convert
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.images.reading import find_images
from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.progress import Progress

#: Gives the fields; called in the thread.
FieldSource = Callable[[], Fields]


@dataclass(frozen=True)
class ExportOutcome:
    """The outcome of an export, or of a check.

    Attributes
    ----------
    sentence : str
        In one line.
    lines : tuple of str
        All of it.
    """

    sentence: str
    lines: tuple[str, ...]


def photographs(number: int) -> str:
    """Return how many photographs."""
    return tr_n("{n} photograph", "{n} photographs", number)


def number_of_cells(number: int) -> str:
    """Return how many cells."""
    return tr_n("{n} cell", "{n} cells", number)


def source_of_image(taken: ExportSnapshot, file: Path | None, group: str | None) -> FieldSource:
    """Return the fields of the image in the viewer, as its session was when this was called."""
    return lambda: Fields.of([taken.field(file, group)])


def source_of_folder(folder: Path, group: str | None) -> FieldSource:
    """Return the fields of a folder's photographs, from their sessions on the disk."""

    def fields() -> Fields:
        found = fields_of_files(find_images([folder]), group)
        if not len(found):
            raise DatasetError(
                tr("{folder}: nothing was done with these photographs yet.", folder=folder)
            )
        return found

    return fields


def export_dataset(
    source: FieldSource, to: Path, settings: ExportSettings
) -> Callable[[Progress], ExportOutcome]:
    """Return the work of exporting a dataset and checking it."""

    def work(progress: Progress) -> ExportOutcome:
        progress(0, 0, "Looking for the annotations")
        done = export(to, source(), settings, progress)
        lines = _lines_of(done)
        if done.new:
            lines += ["", *check(to, progress=progress).lines()]
        return ExportOutcome(done.sentences[0], tuple(lines))

    return work


def _lines_of(done: Exported) -> list[str]:
    lines = [*done.sentences, tr("In {folder}", folder=done.folder)]
    for what, names in (
        (tr("added"), done.added),
        (tr("replaced"), done.replaced),
        (tr("unchanged"), done.unchanged),
    ):
        lines += [f"  {what}: {name}" for name in names]
    lines += [tr("  left out: {named}", named=_named(n, s)) for n, s in done.skipped.items()]
    return lines


def export_format(
    source: FieldSource, to: Path, name: str, *, only_reviewed: bool, overwrite: bool
) -> Callable[[Progress], ExportOutcome]:
    """Return the work of writing annotations in a format of the field."""

    def work(progress: Progress) -> ExportOutcome:
        images: list[AnnotatedImage] = []
        left: list[str] = []
        progress(0, 0, "Looking for the annotations")
        fields = source()
        for number, (image, load) in enumerate(fields.loaders):
            progress(number, 2 * len(fields), tr("Reading {image}", image=image))
            try:
                field = load().only_reviewed() if only_reviewed else load()
            except LeukocyteError as error:
                left.append(tr("  left out: {named}", named=_named(image, str(error))))
                continue
            images.append(field.annotated)
        if not images:
            raise DatasetError(" ".join(line.strip() for line in left))

        def writing(done: int, total: int, what: str) -> None:
            progress(total + done, 2 * total, what)

        lost = convert.write(images, to, name, overwrite=overwrite, progress=writing)
        cells = sum(len(image.table) for image in images)
        sentence = tr(
            "{photographs} with {cells} written.",
            photographs=photographs(len(images)),
            cells=number_of_cells(cells),
        )
        lines = [sentence, tr("In {folder}", folder=to), *left]
        if lost:
            lines += ["", tr("What the format has no place for:"), *(f"  {s}" for s in lost)]
        return ExportOutcome(sentence, tuple(lines))

    return work


def check_dataset(folder: Path) -> Callable[[Progress], ExportOutcome]:
    """Return the work of checking a dataset."""

    def work(progress: Progress) -> ExportOutcome:
        lines = check(folder, progress=progress).lines()
        return ExportOutcome(lines[0], tuple(lines))

    return work


def reopen_dataset(folder: Path) -> Callable[[Progress], ExportOutcome]:
    """Return the work of bringing a dataset back into sessions."""

    def work(progress: Progress) -> ExportOutcome:
        dataset = open_dataset(folder)
        added = adopt_classes(dataset)
        done = reopen(dataset, progress=progress)
        count = len(dataset.images) - len(done.skipped)
        sentence = tr(
            "The work on {n} of {photographs} is back.",
            n=count,
            photographs=photographs(len(dataset.images)),
        )
        lines = [sentence]
        if done.files:
            lines.append(tr("Open {folder} with the Smear widget.", folder=done.files[0].parent))
        if added:
            lines.append(tr("Classes added to yours: {names}.", names=", ".join(added)))
        lines += [tr("  left alone: {named}", named=_named(n, s)) for n, s in done.skipped.items()]
        return ExportOutcome(sentence, tuple(lines))

    return work


def _named(name: str, sentence: str) -> str:
    return sentence if sentence.startswith(name) else f"{name}: {sentence}"
