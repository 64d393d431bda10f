"""The manifest of a model: everything known about it, in its ``manifest.json``.

A model is a folder: a manifest and one ONNX file for each member. Nothing in it is executed but
the graph, by ONNX Runtime, after its checksum was compared.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from napari_leukocyte.errors import ModelError

Kind = Literal["segmentation", "classification"]
#: Version of the manifest's layout that this code reads.
SCHEMA_VERSION = 1
FILE_NAME = "manifest.json"
#: Weights beyond this would drown in rounding.
LARGEST_WEIGHT = 1e6
#: Diameters of leukocytes in a network's input, and sides of crops, px.
DIAMETER_RANGE, SIDE_RANGE = (8, 1024), (32, 1024)

T = TypeVar("T")


@dataclass(frozen=True)
class Member:
    """One network of an ensemble.

    Attributes
    ----------
    name : str
        Shown to the user.
    file : Path
        The ONNX file.
    sha256 : str
        Its checksum, hexadecimal.
    weight : float
        Its share in the vote, before normalisation; > 0, at most 1e6.
    diameter_px : float
        Diameter that a leukocyte must have in its input, px.
    """

    name: str
    file: Path
    sha256: str
    weight: float
    diameter_px: float


@dataclass(frozen=True)
class Manifest:
    """A model and what was written about it.

    Attributes
    ----------
    name : str
        Unique among the models of a kind.
    kind : {"segmentation", "classification"}
        What it does.
    title : str
        One line for the user.
    folder : Path
        Where it lies.
    members : tuple of Member
        At least one.
    classes : tuple of str
        Classes in the order of a classifier's outputs; empty for segmentation.
    side_px : int
        Side of a classifier's crops, px; 0 for segmentation.
    temperature : float
        Divides a classifier's logits.
    nucleus_density : float or None
        Optical density that a nucleus must have in a classifier's crops; None leaves stains alone.
    views : int
        Turned and mirrored views of a crop that a classifier's probabilities are averaged over, 1
        to 8.
    licence : str
        Of the weights.
    training_data : tuple of str
        The sets it was trained on.
    figures : dict
        What was measured; :mod:`napari_leukocyte.models.card` says how it is laid out.
    outputs : tuple of str
        What its networks give, in their order; empty where that was not written down.
    fails : tuple of str
        What it is known to fail on, a sentence each.
    made_from : dict
        Of a model that was made of another one: ``model`` and ``sha256`` of that one,
        ``features_sha256`` of the network whose embeddings it shares, and ``dataset``, in words.
    """

    name: str
    kind: Kind
    title: str
    folder: Path
    members: tuple[Member, ...]
    classes: tuple[str, ...] = ()
    side_px: int = 0
    temperature: float = 1.0
    nucleus_density: float | None = None
    views: int = 1
    licence: str = ""
    training_data: tuple[str, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict, compare=False)
    outputs: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    made_from: dict[str, Any] = field(default_factory=dict, compare=False)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a model's folder.

    Parameters
    ----------
    folder : Path
        Folder that holds ``manifest.json``.

    Returns
    -------
    Manifest

    Raises
    ------
    ModelError
        If the file is missing, damaged, of another version, or names files outside its folder.
    """
    path = folder / FILE_NAME
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{folder} is not a model: it has no {FILE_NAME}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} can't be read as JSON.") from error
    try:
        if data["schema"] != SCHEMA_VERSION:
            raise ModelError(
                f"{path} has layout version {data['schema']}; this plugin reads {SCHEMA_VERSION}."
            )
        if data["kind"] not in get_args(Kind):
            raise ModelError(f"{path} describes a model of unknown kind {data['kind']!r}.")
        members = tuple(_member(folder, m) for m in _a(list, data["members"]))
        manifest = Manifest(
            name=_a(str, data["name"]),
            kind=data["kind"],
            title=_a(str, data["title"]),
            folder=folder,
            members=members,
            classes=_strings(data, "classes"),
            side_px=_a(int, data.get("side_px", 0)),
            temperature=float(_a((int, float), data.get("temperature", 1.0))),
            nucleus_density=_density(data),
            views=_a(int, data.get("views", 1)),
            licence=_a(str, data.get("licence", "")),
            training_data=_strings(data, "training_data"),
            figures=_a(dict, data.get("figures", {})),
            outputs=_strings(data, "outputs"),
            fails=_strings(data, "fails"),
            made_from=_a(dict, data.get("made_from", {})),
        )
    except ModelError:
        raise
    except KeyError as error:
        raise ModelError(f"{path} lacks {error}.") from error
    except (TypeError, OverflowError) as error:
        raise ModelError(f"{path} is malformed: {error}.") from error
    _check(manifest, path)
    return manifest


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a model's manifest.

    Parameters
    ----------
    folder : Path
        Folder of the model; it must exist.
    manifest : dict
        All but the version of the layout.
    """
    text = json.dumps({"schema": SCHEMA_VERSION, **manifest}, indent=2, ensure_ascii=False)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")


def wrong_checksum(file: Path) -> ModelError:
    """Return the error for a file that is not the one its manifest describes."""
    return ModelError(
        f"The model file {file} is damaged or not the one its manifest describes (wrong checksum): "
        "install it again."
    )


def _density(data: dict[str, Any]) -> float | None:
    value = data.get("nucleus_density")
    return None if value is None else float(_a((int, float), value))


def _strings(data: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(_a(str, s) for s in _a(list, data.get(key, [])))


def _a(kind: type[T] | tuple[type[T], ...], value: object) -> T:
    """Return a value as it is, if it is of a type that JSON should have had there."""
    if not isinstance(value, kind) or isinstance(value, bool):
        names = kind.__name__ if isinstance(kind, type) else " or ".join(k.__name__ for k in kind)
        raise TypeError(f"{str(value)[:40]!r} is not of type {names}")
    return value


def _member(folder: Path, entry: dict[str, Any]) -> Member:
    file = _a(str, _a(dict, entry)["file"])
    # A manifest may come from anywhere: its files must lie directly in its own folder.
    if Path(file).name != file or file in ("", ".", "..") or "\\" in file or "\0" in file:
        raise ModelError(f"The model in {folder} names a file outside its folder: {file!r}.")
    return Member(
        name=_a(str, entry["name"]),
        file=folder / file,
        sha256=_a(str, entry["sha256"]).lower(),
        weight=float(_a((int, float), entry.get("weight", 1.0))),
        diameter_px=float(_a((int, float), entry["diameter_px"])),
    )


def _check(manifest: Manifest, path: Path) -> None:
    if not manifest.name:
        raise ModelError(f"{path} gives the model no name.")
    if not manifest.members:
        raise ModelError(f"{path} names no member.")
    if len({m.name for m in manifest.members}) != len(manifest.members):
        raise ModelError(f"{path} has two members of the same name.")
    # The comparisons are false for NaN.
    if not all(
        0 < m.weight <= LARGEST_WEIGHT and DIAMETER_RANGE[0] <= m.diameter_px <= DIAMETER_RANGE[1]
        for m in manifest.members
    ):
        raise ModelError(f"{path} has a weight or a diameter outside its range.")
    if not 0 < manifest.temperature < math.inf:
        raise ModelError(f"{path} has a temperature that is not positive.")
    density = manifest.nucleus_density
    if not (density is None or 0 < density < 10) or not 1 <= manifest.views <= 8:
        raise ModelError(f"{path} has a density of nuclei or a number of views outside its range.")
    if manifest.kind == "classification" and (
        len(set(manifest.classes)) < 2
        or len(set(manifest.classes)) != len(manifest.classes)
        or not SIDE_RANGE[0] <= manifest.side_px <= SIDE_RANGE[1]
    ):
        raise ModelError(
            f"{path} needs at least two different classes and a crop of 32 to 1024 px."
        )
