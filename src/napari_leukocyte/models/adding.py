"""Adding a network to a user's own models, and removing one."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from napari_leukocyte.errors import ModelError
from napari_leukocyte.io.atomic import as_output_error, write_together
from napari_leukocyte.models import keras_file, smoke_test
from napari_leukocyte.models.card import printable
from napari_leukocyte.models.manifest import (
    DIAMETER_RANGE,
    FILE_NAME,
    SIDE_RANGE,
    Kind,
    Manifest,
    Member,
    read_manifest,
    write_manifest,
)
from napari_leukocyte.models.registry import list_models, user_folder

#: A name is a folder's on every system: no path, no hidden folder.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}[A-Za-z0-9]|[A-Za-z0-9]")
#: Names with a meaning of their own, here or to Windows.
_TAKEN = {"default", "con", "prn", "aux", "nul"} | {
    f"{d}{i}" for d in ("com", "lpt") for i in range(10)
}
#: Part of a crop's side that a leukocyte fills unless told otherwise, as in the shipped classifier.
CELL_IN_CROP = 2 / 3
#: Diameters that the shipped U-Nets were trained at, px.
DIAMETER_PX = 64.0
#: Largest network read into memory, bytes; more is no network for this.
_LARGEST = 4 * 2**30


@dataclass(frozen=True)
class NewModel:
    """A network as its user describes it.

    Attributes
    ----------
    name : str
        Name of the model and its folder: letters, digits, ``.``, ``_`` and ``-``.
    kind : {"segmentation", "classification"}
        What it does.
    classes : tuple of str
        Classes in the order of a classifier's outputs; empty for segmentation.
    diameter_px : float, optional
        Diameter that leukocytes had in the images that it was trained on, px.
    side_px : int, optional
        Side of a classifier's crops, px; that of its input, where that is fixed.
    title, licence : str
        For the card.
    training_data : tuple of str
        Sets that it was trained on, for the card.
    """

    name: str
    kind: Kind
    classes: tuple[str, ...] = ()
    diameter_px: float | None = None
    side_px: int | None = None
    title: str = ""
    licence: str = ""
    training_data: tuple[str, ...] = ()


def add_model(
    file: Path,
    new: NewModel,
    folder: Path | None = None,
    *,
    float16: bool = False,
    further: Mapping[str, Any] | None = None,
) -> tuple[Manifest, tuple[str, ...]]:
    """Put a network into the folder of a user's models.

    Parameters
    ----------
    file : Path
        A ``.keras`` file, which is converted in a process of its own, or an ``.onnx`` file. No
        code of it is run.
    new : NewModel
        What is known about it.
    folder : Path, optional
        Folder of models; the user's by default.
    float16 : bool
        Whether the weights of a Keras file are stored with half the bytes.
    further : mapping, optional
        What else its manifest says: figures, a temperature, what it was made from.

    Returns
    -------
    manifest : Manifest
        The model, which has been tried on random images.
    notes : tuple of str
        What was changed on the way, a sentence each.

    Raises
    ------
    ModelError, OutputError
        With one sentence; nothing is written then.
    """
    root = user_folder() if folder is None else folder
    check_new(new, root)
    target = root / new.name
    suffix = file.suffix.lower()
    if suffix not in (keras_file.SUFFIX, ".onnx", ".h5", ".hdf5"):
        raise ModelError(f"{file} is neither a {keras_file.SUFFIX} nor an .onnx file.")
    if not file.is_file():
        raise ModelError(f"{file} does not exist or is not a file.")
    name = f"{new.name}.onnx"
    with tempfile.TemporaryDirectory() as temporary:
        onnx = Path(temporary) / name
        notes: tuple[str, ...] = ()
        if suffix == ".onnx":
            if float16:
                raise ModelError("Only the weights of a Keras file can be stored as float16.")
            if file.stat().st_size > _LARGEST:
                raise ModelError(f"{file} is larger than any network that could be run here.")
            shutil.copyfile(file, onnx)
        else:
            notes = keras_file.convert(file, onnx, new.kind, len(new.classes), float16=float16)
        member = Member(new.name, onnx, _checksum(onnx), 1.0, 0.0)
        try:
            side = _side(new, smoke_test.fixed_side(member))
            if new.kind == "segmentation":
                outputs = smoke_test.try_segmentation(member)
            else:
                outputs = smoke_test.try_classification(member, side, len(new.classes))
        except ModelError as error:
            # The name of a file that is gone in a moment says nothing.
            raise ModelError(str(error).replace(str(onnx), str(file))) from error
        manifest = _manifest(new, member, side, outputs) | dict(further or {})
        with write_together(target, [name, FILE_NAME]) as staging:
            shutil.copyfile(onnx, staging / name)
            write_manifest(staging, manifest)
            read_manifest(staging)  # what the plugin would refuse is not put there
    return read_manifest(target), notes


def remove_model(name: str, folder: Path | None = None) -> tuple[Path, bool]:
    """Remove one of the user's models.

    Parameters
    ----------
    name : str
        Of the model or of its folder; a damaged one will do.
    folder : Path, optional
        Folder of models; the user's by default.

    Returns
    -------
    folder : Path
        Where it lay.
    emptied : bool
        Whether the folder is gone; one with files that belong to no model stays, with them.

    Raises
    ------
    ModelError
        If there is none of that name.
    OutputError
        If it can't be removed.
    """
    found = own_model(name, folder)
    with as_output_error(found):
        if found.is_symlink():
            found.unlink()
            return found, True
        # First the manifest: without it what is left is no model.
        for path in (found / FILE_NAME, *sorted(found.glob("*.onnx"))):
            path.unlink(missing_ok=True)
        emptied = not any(found.iterdir())
        if emptied:
            found.rmdir()
    return found, emptied


def own_model(name: str, folder: Path | None = None) -> Path:
    """Return the folder of one of the user's models, by the model's name or the folder's.

    Raises
    ------
    ModelError
        If there is none of that name.
    """
    root = user_folder() if folder is None else folder
    try:
        folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError:
        folders = []
    for path in folders:
        if path.name == name and ((path / FILE_NAME).exists() or any(path.glob("*.onnx"))):
            return path
    for path in folders:
        try:
            if read_manifest(path).name == name:
                return path
        except ModelError:
            continue
    if any(m.name == name for kind in get_args(Kind) for m in list_models(kind)):
        raise ModelError(f"{name} was shipped with the plugin and can't be removed.")
    raise ModelError(f"There is no model {printable(name)!r} of yours in {root}.")


def check_new(new: NewModel, folder: Path) -> None:
    """Refuse a model that could not be put into a folder of models.

    Raises
    ------
    ModelError
        With one sentence.
    """
    _check(new)
    _refuse_taken(new, folder)


def _check(new: NewModel) -> None:
    if not _NAME.fullmatch(new.name) or new.name.split(".")[0].lower() in _TAKEN:
        raise ModelError(
            f"{printable(new.name)!r} can't be a model's name: use up to 64 letters, digits, dots, "
            "dashes and underscores, with a letter or digit first and last."
        )
    texts = (new.title, new.licence, *new.classes, *new.training_data)
    if any(text != printable(text) for text in texts) or "" in (*new.classes, *new.training_data):
        raise ModelError("Titles, licences and names must be one line of at most 200 characters.")
    if new.kind == "segmentation" and (new.classes or new.side_px is not None):
        raise ModelError(
            "Classes and the side of crops are a classifier's: leave them out for a "
            "segmentation model."
        )
    if new.kind == "classification" and not 2 <= len(set(new.classes)) == len(new.classes):
        raise ModelError("A classifier needs the names of its classes, two or more different ones.")
    low, high = DIAMETER_RANGE
    if new.diameter_px is not None and not low <= new.diameter_px <= high:
        raise ModelError(
            f"The diameter of leukocytes must be from {low} to {high} px, not {new.diameter_px:g}."
        )


def _refuse_taken(new: NewModel, root: Path) -> None:
    """Refuse a name that another model has, also where capitals make no difference."""
    taken = {m.name.lower() for kind in get_args(Kind) for m in list_models(kind)}
    if root.is_dir():
        taken |= {p.name.lower() for p in root.iterdir()}
    if new.name.lower() in taken:
        raise ModelError(
            f"There already is a model {new.name!r}: choose another name, or remove it first."
        )


def _checksum(file: Path) -> str:
    with file.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _side(new: NewModel, fixed: int) -> int:
    """Return the side of a classifier's crops; 0 for segmentation."""
    if new.kind == "segmentation":
        return 0
    if fixed and new.side_px not in (None, fixed):
        raise ModelError(f"The network takes crops of {fixed} px, not {new.side_px} px.")
    side = fixed or new.side_px
    if side is None:
        raise ModelError("The network takes crops of any size: give the side it was trained on.")
    low, high = SIDE_RANGE
    if not low <= side <= high:
        raise ModelError(f"The side of a crop must be from {low} to {high} px, not {side}.")
    return side


def _manifest(new: NewModel, member: Member, side: int, outputs: tuple[str, ...]) -> dict[str, Any]:
    diameter = new.diameter_px or (CELL_IN_CROP * side if side else DIAMETER_PX)
    manifest: dict[str, Any] = {
        "kind": new.kind,
        "name": new.name,
        "title": new.title or f"{new.name}, added by its user",
        "licence": new.licence,
        "members": [
            {
                "name": new.name,
                "file": member.file.name,
                "sha256": member.sha256,
                "weight": 1.0,
                "diameter_px": round(diameter, 1),
            }
        ],
        "outputs": list(outputs),
        "training_data": list(new.training_data),
        "figures": {},
    }
    if new.kind == "classification":
        manifest |= {"classes": list(new.classes), "side_px": side, "temperature": 1.0}
    return manifest
