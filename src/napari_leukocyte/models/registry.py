"""The models there are: shipped with the package, in the user's folder, or anywhere by path."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import get_args

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models.manifest import (
    FILE_NAME,
    Kind,
    Manifest,
    Member,
    read_manifest,
    wrong_checksum,
)

#: Models that come with the package.
SHIPPED = Path(__file__).parent / "shipped"
#: Environment variable that names another folder of user models.
FOLDER_VARIABLE = "NAPARI_LEUKOCYTE_MODELS"


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


def user_folder() -> Path:
    """Return the folder in which a user's own models lie; it may not exist yet."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("napari-leukocyte", appauthor=False) / "models"


def model_folders() -> list[Path]:
    """Return the folders that hold models or, without a manifest, networks; shipped ones first."""
    folders: list[Path] = []
    for root in (SHIPPED, user_folder()):
        try:
            inside = sorted(root.iterdir())
        except OSError:  # there need not be any
            continue
        # What is being written has a name with a dot.
        folders += [f for f in inside if not f.name.startswith(".") and _holds_a_model(f)]
    return folders


def list_models(kind: Kind) -> list[Manifest]:
    """List the models of a kind: the default first, the other shipped ones, then the user's.

    Parameters
    ----------
    kind : {"segmentation", "classification"}
        Which.

    Returns
    -------
    list of Manifest
        Folders that hold no sound manifest are left out;
        :func:`discover_models` says why.
    """
    found: dict[str, Manifest] = {}
    for folder in model_folders():
        try:
            manifest = read_manifest(folder)
        except ModelError:
            continue
        if manifest.kind == kind:
            found.setdefault(manifest.name, manifest)
    default = default_name(kind)
    return sorted(found.values(), key=lambda m: m.name != default)


def default_name(kind: Kind) -> str:
    """Return the name of the model that ``"default"`` stands for.

    Raises
    ------
    ModelError
        If the package's own list of models is missing or damaged.
    """
    path = SHIPPED / "defaults.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))[kind])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            "{path} is missing or damaged: install napari-leukocyte again.", path=path
        ) from error


def find_model(kind: Kind, name: str | Path = "default") -> Manifest:
    """Find a model by its name or its folder.

    Parameters
    ----------
    kind : {"segmentation", "classification"}
        What it must do.
    name : str or Path
        ``"default"``, a name of :func:`list_models`, or the path of a model's folder.

    Returns
    -------
    Manifest

    Raises
    ------
    ModelError
        If there is none, or it is of the other kind or damaged.
    """
    wanted = default_name(kind) if name == "default" else str(name)
    models = {m.name: m for m in list_models(kind)}
    if wanted in models:
        return models[wanted]
    for folder in (Path(wanted), user_folder() / wanted):
        if _is_folder(folder):
            manifest = read_manifest(folder)
            if manifest.kind != kind:
                raise ModelError(
                    "{folder} is a {kind} model, not a {wanted} model.",
                    folder=folder,
                    kind=manifest.kind,
                    wanted=kind,
                )
            return manifest
    raise ModelError(
        "There is no {kind} model {wanted!r}: known are {names}, or give the folder of a model.",
        kind=kind,
        wanted=wanted,
        names=", ".join(models) or "none",
    )


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
    for folder in model_folders():
        try:
            manifest = read_manifest(folder)
            if manifest.kind != kind:
                continue
            if manifest.name in found:
                raise ModelError(
                    "The model in {folder} has the name of another one, {name!r}, which is "
                    "taken instead: change the name in its manifest.",
                    folder=folder,
                    name=manifest.name,
                )
            for member in manifest.members:
                check_file(member)
        except ModelError as error:
            if kind_of(folder) in (kind, None):
                unusable.append(Unusable(folder.name, folder, str(error)))
        else:
            found[manifest.name] = manifest
    default = default_name(kind)
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
        raise ModelError(
            "The model file {file} is missing or can't be read.", file=member.file
        ) from error
    if sha256 != member.sha256:
        raise wrong_checksum(member.file)


def kind_of(folder: Path) -> Kind | None:
    """Return what a model does as far as its manifest can be read; else None."""
    try:
        kind = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return kind if kind in get_args(Kind) else None


@lru_cache(maxsize=64)
def _sha256(path: str, size: int, modified: int) -> str:
    """Return a file's checksum; size and time of change only tell its states apart."""
    with Path(path).open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _holds_a_model(folder: Path) -> bool:
    try:
        return (folder / FILE_NAME).exists() or any(folder.glob("*.onnx"))
    except OSError:  # it may not be read
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # longer than any name can be
        return False
