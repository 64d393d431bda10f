"""Every model there is, sound or not, for those who choose one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import get_args

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models import registry
from napari_leukocyte.models.manifest import (
    FILE_NAME,
    Kind,
    Manifest,
    Member,
    read_manifest,
    wrong_checksum,
)


@dataclass(frozen=True)
class Unusable:
    """A folder of models' that can't be used.

    Attributes
    ----------
    name : str
        Of the folder.
    folder : Path
        Where it lies.
    reason : str
        Why, in one sentence.
    """

    name: str
    folder: Path
    reason: str


@dataclass(frozen=True)
class DiscoveredModels:
    """Every model of a kind, sound or not.

    Attributes
    ----------
    models : tuple of Manifest
        Those that can be used: the default first, the other shipped ones, then the user's.
    unusable : tuple of Unusable
        The others, with the reasons; also those whose kind can't be told.
    """

    models: tuple[Manifest, ...] = ()
    unusable: tuple[Unusable, ...] = ()


def discover_models(kind: Kind) -> DiscoveredModels:
    """List the models of a kind, and with reasons those that can't be used.

    The checksum of every file is compared, once for each state of the file.

    Parameters
    ----------
    kind : {"segmentation", "classification"}
        Which.

    Returns
    -------
    DiscoveredModels
        One damaged folder never hides the others.
    """
    found: dict[str, Manifest] = {}
    unusable: list[Unusable] = []
    for folder in registry.model_folders():
        try:
            manifest = read_manifest(folder)
            if manifest.kind != kind:
                continue
            if manifest.name in found:
                raise ModelError(
                    f"The model in {folder} has the name of another one, {manifest.name!r}, which "
                    "is taken instead: change the name in its manifest."
                )
            for member in manifest.members:
                check_file(member)
        except ModelError as error:
            if kind_of(folder) in (kind, None):
                unusable.append(Unusable(folder.name, folder, str(error)))
        else:
            found[manifest.name] = manifest
    default = registry.default_name(kind)
    return DiscoveredModels(
        tuple(sorted(found.values(), key=lambda m: m.name != default)), tuple(unusable)
    )


def check_file(member: Member) -> None:
    """Compare a member's file with its checksum; a file that has not changed is read once.

    Raises
    ------
    ModelError
        If it is missing, can't be read or is not the one described.
    """
    try:
        state = member.file.stat()
        sha256 = _sha256(str(member.file), state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise ModelError(f"The model file {member.file} is missing or can't be read.") from error
    if sha256 != member.sha256:
        raise wrong_checksum(member.file)


@lru_cache(maxsize=64)
def _sha256(path: str, size: int, modified: int) -> str:
    """Return a file's checksum; size and time of change only tell its states apart."""
    with Path(path).open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def kind_of(folder: Path) -> Kind | None:
    """Return what a model does as far as its manifest can be read; else None."""
    try:
        kind = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return kind if kind in get_args(Kind) else None
