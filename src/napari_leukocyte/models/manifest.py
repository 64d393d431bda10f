"""The manifest of a model: everything known about it, in its ``manifest.json``.

A model is a folder: a manifest and one ONNX file for each member. Nothing in it is executed but
the graph, by ONNX Runtime, after its checksum was compared.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from napari_leukocyte.errors import ModelError
from napari_leukocyte.io.json_text import read_json
from napari_leukocyte.io.validation import Name, Number, Whole, between, must, parse

Kind = Literal["segmentation", "classification"]
#: Version of the manifest's layout that this code reads.
SCHEMA_VERSION = 1
FILE_NAME = "manifest.json"
#: Weights beyond this would drown in rounding.
LARGEST_WEIGHT = 1e6
#: Diameters of leukocytes in a network's input, and sides of crops, px.
DIAMETER_RANGE, SIDE_RANGE = (8, 1024), (32, 1024)

_FILE = re.compile(r"(?!\.\.?$)[^/\\\0]+")
_Density = Annotated[Number, must(lambda d: 0 < d < 10, "above 0 and below 10")]
_Weight = Annotated[Number, must(lambda w: 0 < w <= LARGEST_WEIGHT, "above 0 and at most 1e6")]


def _beside(file: object, info: ValidationInfo) -> object:
    # A manifest may come from anywhere: its files must lie directly in its own folder.
    if not isinstance(file, str) or not _FILE.fullmatch(file):
        raise ValueError("the name of a file in the model's folder")
    return Path(info.context or "") / file


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
    file: Annotated[Path, BeforeValidator(_beside)]
    sha256: Annotated[str, AfterValidator(str.lower)]
    weight: Annotated[_Weight, Field(default=1.0)]
    diameter_px: Annotated[Number, between(*DIAMETER_RANGE)]


def _differ(members: tuple[Member, ...]) -> bool:
    return 0 < len({m.name for m in members}) == len(members)


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

    name: Name
    kind: Kind
    title: str
    folder: Path
    members: Annotated[tuple[Member, ...], must(_differ, "one or more members of different names")]
    classes: tuple[str, ...] = ()
    side_px: Whole = 0
    temperature: Annotated[Number, must(lambda t: t > 0, "above 0")] = 1.0
    nucleus_density: _Density | None = None
    views: Annotated[Whole, between(1, 8)] = 1
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
    data = read_json(path, ModelError)
    if data is None:
        raise ModelError(
            "{folder} is not a model: it has no {file_name}.", folder=folder, file_name=FILE_NAME
        )
    version = data.get("schema", "missing") if isinstance(data, dict) else "missing"
    if version != SCHEMA_VERSION:
        raise ModelError(
            "{path} has layout version {version!r} (schema); this plugin reads {known}.",
            path=path,
            version=version,
            known=SCHEMA_VERSION,
        )
    manifest = parse(
        Manifest, {**data, "folder": folder}, error=ModelError, where=f"{path}: ", context=folder
    )
    if manifest.kind == "classification" and (
        not 2 <= len(set(manifest.classes)) == len(manifest.classes)
        or not SIDE_RANGE[0] <= manifest.side_px <= SIDE_RANGE[1]
    ):
        raise ModelError(
            "{path} needs at least two different classes and a crop of 32 to 1024 px.", path=path
        )
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
        "The model file {file} is damaged or not the one its manifest describes (wrong "
        "checksum): install it again.",
        file=file,
    )
