"""The state of an export: what it is asked to do, what it has done so far, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from napari_leukocyte.annotations.dataset.description import number_of
from napari_leukocyte.annotations.dataset.field import Field
from napari_leukocyte.annotations.dataset.manifest import DatasetManifest, ImageEntry
from napari_leukocyte.annotations.dataset.reading import Dataset
from napari_leukocyte.annotations.dataset.split import (
    TEST_SHARE,
    VALIDATION_SHARE,
)
from napari_leukocyte.annotations.dataset.staging import (
    Staging,
)
from napari_leukocyte.annotations.dataset.writing import WrittenFiles

#: Longest that another export into the same dataset may take, s.
PATIENCE = 120.0


@dataclass(frozen=True)
class ExportSettings:
    """Settings of an export.

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
    """Result of an export.

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
class ChangedImage:
    """A photograph that is new or different."""

    given: Field
    id: str
    key: str
    digest: str
    written: WrittenFiles
    former: ImageEntry | None
    views: tuple[str, ...]


@dataclass
class ExportState:
    """State of an export: the former version, and what was written so far."""

    former: Dataset | None
    settings: ExportSettings
    staging: Staging
    changed: list[ChangedImage] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    uncopied: int = 0

    @property
    def texts(self) -> dict[str, str]:
        """Title, description and licence: those asked for, or else as they were."""
        before = DatasetManifest(0, "") if self.former is None else self.former.manifest
        found = {}
        for name in ("title", "description", "licence"):
            wanted = getattr(self.settings, name)
            found[name] = str(getattr(before, name) if wanted is None else wanted)
        return found

    @property
    def new_texts(self) -> bool:
        """Whether one of them changes."""
        before = DatasetManifest(0, "") if self.former is None else self.former.manifest
        return any(getattr(before, name) != text for name, text in self.texts.items())

    @property
    def entries(self) -> dict[str, ImageEntry]:
        """The photographs of the version before, by image key."""
        return {} if self.former is None else {i.key: i for i in self.former.manifest.images}


def describe(state: ExportState, folder: Path, version: int, *, new: bool) -> Exported:
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


def _warnings(state: ExportState) -> list[str]:
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
