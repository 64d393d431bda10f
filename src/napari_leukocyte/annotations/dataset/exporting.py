"""What an export is asked to do, what it has done so far, and how it takes one photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_leukocyte.annotations.dataset.corrections import corrections
from napari_leukocyte.annotations.dataset.duplicates import fingerprint
from napari_leukocyte.annotations.dataset.field import Field
from napari_leukocyte.annotations.dataset.layout import DatasetError, unique_name
from napari_leukocyte.annotations.dataset.manifest import ImageEntry, Manifest
from napari_leukocyte.annotations.dataset.provenance import Event, merge
from napari_leukocyte.annotations.dataset.reading import Dataset
from napari_leukocyte.annotations.dataset.split import TEST_SHARE, VALIDATION_SHARE
from napari_leukocyte.annotations.dataset.wording import number_of
from napari_leukocyte.annotations.dataset.writing import Staging, Written, digest_of, write_field
from napari_leukocyte.io.images.key import image_key

#: Longest that another export into the same dataset may take, s.
PATIENCE = 120.0


@dataclass(frozen=True)
class ExportSettings:
    """How to export.

    Attributes
    ----------
    title, description, licence : str or None
        Of the dataset; None leaves them as they were. The licence is best an SPDX identifier such
        as ``CC-BY-4.0``.
    only_reviewed : bool
        Whether objects stay out that nobody has reviewed. Photographs that have such are then
        marked as incomplete.
    copy_images : bool
        Whether photographs are copied; otherwise path and checksum are kept.
    validation, test : float
        Shares of the split, of a new dataset; an existing one keeps its own.
    patience : float
        Longest to wait for another export, s.
    """

    title: str | None = None
    description: str | None = None
    licence: str | None = None
    only_reviewed: bool = False
    copy_images: bool = True
    validation: float = VALIDATION_SHARE
    test: float = TEST_SHARE
    patience: float = PATIENCE


@dataclass(frozen=True)
class Exported:
    """What an export did.

    Attributes
    ----------
    folder : Path
        Of the version.
    version : int
        The newest now.
    new : bool
        Whether it is new; an export that changes nothing makes none.
    added, replaced, unchanged : tuple of str
        Photographs, by their names in the dataset.
    skipped : dict of str to str
        Photographs that could not be exported, and why.
    sentences : tuple of str
        What was done, and what the user should know of it.
    """

    folder: Path
    version: int
    new: bool
    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()


@dataclass
class Changed:
    """A photograph that is new or different."""

    given: Field
    id: str
    key: str
    digest: str
    written: Written
    former: ImageEntry | None
    views: tuple[str, ...]


@dataclass
class Work:
    """What has come of an export so far."""

    former: Dataset | None
    settings: ExportSettings
    staging: Staging
    changed: list[Changed] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    uncopied: int = 0

    @property
    def texts(self) -> dict[str, str]:
        """Title, description and licence: those asked for, or else as they were."""
        before = Manifest(0, "") if self.former is None else self.former.manifest
        found = {}
        for name in ("title", "description", "licence"):
            wanted = getattr(self.settings, name)
            found[name] = str(getattr(before, name) if wanted is None else wanted)
        return found

    @property
    def new_texts(self) -> bool:
        """Whether one of them changes."""
        before = Manifest(0, "") if self.former is None else self.former.manifest
        return any(getattr(before, name) != text for name, text in self.texts.items())

    @property
    def entries(self) -> dict[str, ImageEntry]:
        """The photographs of the version before, by what their pixels are known by."""
        return {} if self.former is None else {i.key: i for i in self.former.manifest.images}


def take(state: Work, given: Field) -> None:
    """Write one photograph, unless the dataset has it as it is."""
    if state.settings.only_reviewed:
        given = given.only_reviewed()
        if not len(given.table):
            raise DatasetError(f"{given.name}: none of its cells was reviewed.")
    key = image_key(given.rgb)
    if key in state.seen:
        raise DatasetError(f"{given.name} shows the same pixels as {state.seen[key]}.")
    state.seen[key] = given.name
    copy = state.settings.copy_images
    if given.file is None and not copy:
        state.uncopied += 1
    digest = digest_of(given, copy=copy)
    entry = state.entries.get(key)
    log, head, events = b"", "", list(merge((), given.events))
    if entry is not None and state.former is not None:
        image = next(i for i in state.former.images if i.sha256 == key)
        known = state.former.read_log(image)
        if known.problems:
            raise DatasetError(f"{image.name}: its history is damaged ({known.problems[0]})")
        events = _that_follow(known.events, given)
        log, head = state.former.read_bytes(entry.provenance), known.head
        if digest == entry.digest and not events and _all_there(state.former, entry):
            state.unchanged.append(entry.id)
            return
    if entry is None:
        taken = [c.id for c in state.changed] + [i.id for i in state.entries.values()]
        name = unique_name(Path(given.name).stem or given.name, taken)
    else:
        name = entry.id
    written = write_field(
        state.staging, given, name, key, copy=copy, log=log, head=head, events=events
    )
    views = fingerprint(given.rgb).views if entry is None else entry.views
    state.changed.append(Changed(_light(given), name, key, digest, written, entry, views))


def _that_follow(known: Sequence[Event], given: Field) -> list[Event]:
    """Return the events to add to a log, so that it leads to the field's table."""
    events = merge(known, given.events)
    more = corrections([*known, *events], given.table, given.left_out)
    return [*events, *merge((), more)]


def _all_there(former: Dataset, entry: ImageEntry) -> bool:
    """Whether the version before has all files of a photograph, by their sizes."""
    try:
        return all(
            (former.folder / f).stat().st_size == former.manifest.files[f].bytes
            for f in entry.files
        )
    except OSError:
        return False


def _light(given: Field) -> Field:
    """Return a field without its pixels, which are written."""
    return replace(
        given, rgb=given.rgb[:0], annotated=replace(given.annotated, labels=None), erased=None
    )


def describe(state: Work, folder: Path, version: int, *, new: bool) -> Exported:
    """Say what an export did."""
    added = tuple(c.id for c in state.changed if c.former is None)
    replaced = tuple(c.id for c in state.changed if c.former is not None)
    sentences = []
    if new:
        parts = [
            f"{len(names)} {what}"
            for names, what in (
                (added, "added"),
                (replaced, "replaced"),
                (state.unchanged, "unchanged"),
            )
            if names
        ]
        sentences.append(f"Version {version}: {', '.join(parts)}.")
    else:
        sentences.append(f"Nothing changed: version {version} stays the newest.")
    sentences += _warnings(state)
    return Exported(
        folder,
        version,
        new,
        added,
        replaced,
        tuple(state.unchanged),
        dict(state.skipped),
        tuple(sentences),
    )


def _warnings(state: Work) -> list[str]:
    told = []
    tables = [c.given.table for c in state.changed]
    bare = sum(int(t["class"].isna().sum()) for t in tables)
    if bare:
        told.append(f"{number_of(bare, 'cell')} without a class got no crop.")
    left = [len(c.given.left_out) for c in state.changed if c.given.left_out]
    if left:
        told.append(
            f"{number_of(sum(left), 'cell')} that nobody reviewed stayed out; "
            f"{number_of(len(left), 'photograph')} with such are marked as incomplete."
        )
    if state.uncopied:
        told.append(
            f"{number_of(state.uncopied, 'photograph')} without a file can't be named by a path: "
            "copied as PNG."
        )
    return told
