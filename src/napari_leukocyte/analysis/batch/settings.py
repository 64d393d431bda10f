"""Settings of a run that all of its tasks have in common, and the keys of their results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from napari_leukocyte.analysis.slide.blocks import BLOCK_PX
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.models.registry import check_file, find_model
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.version import __version__


class VersionError(LeukocyteError):
    """A worker that would compute something else than the program that asks it."""


@dataclass(frozen=True)
class RunSettings:
    """Everything that decides what comes of an image, and where it goes.

    Attributes
    ----------
    out : Path
        Folder of the results, absolute.
    model : str
        Segmentation model: a name or a folder.
    classifier : str or None
        Classifier; None if objects are only measured.
    diameter : float or "auto"
        Diameter of a leukocyte, px.
    params : PostprocessParams
        Of the post-processing.
    block_px : int
        Longest side of a slide's block, px.
    until : int
        Leukocytes until which fields of a slide's monolayer are counted; 0 for the whole slide.
    """

    out: Path
    model: str = "default"
    classifier: str | None = "default"
    diameter: float | Literal["auto"] = "auto"
    params: PostprocessParams = PostprocessParams()  # noqa: RUF009 - frozen
    block_px: int = BLOCK_PX
    until: int = 0


def identify(model: str, classifier: str | None) -> dict[str, Any]:
    """Return the versions of the package and of the models that this process has.

    Raises
    ------
    ModelError
        If a model is missing or damaged.
    """
    found: dict[str, Any] = {"napari-leukocyte": __version__}
    manifests = {"segmentation model": find_model("segmentation", model)}
    if classifier is not None:
        manifests["classifier"] = find_model("classification", classifier)
    for kind, manifest in manifests.items():
        for member in manifest.members:
            check_file(member)
        found[kind] = describe_model(manifest)
    return found


def check_identity(
    expected: Mapping[str, Any], found: Mapping[str, Any], who: str = "This worker"
) -> None:
    """Refuse a worker of another version.

    Parameters
    ----------
    expected, found : mapping
        As from `identify`: of the program, and of the worker.
    who : str
        The worker, for the sentence.

    Raises
    ------
    VersionError
        With both versions.
    """
    for what, wanted in expected.items():
        there = found.get(what)
        if there != wanted:
            raise VersionError(
                f"{who} has {what} {_short(there)}, but this run {_short(wanted)}: install the "
                "same on both."
            )


def _short(described: object) -> str:
    if isinstance(described, Mapping):
        return f"{described.get('model')} ({key_of(described)[:12]})"
    return str(described)


@lru_cache(maxsize=8)
def check_here(model: str, classifier: str | None, expected: str) -> None:
    """Refuse to work in this process if it is of another version; `expected` is JSON."""
    check_identity(json.loads(expected), identify(model, classifier))


def key_of(*inputs: object) -> str:
    """Return the key of a result by all that it depends on: hexadecimal, the same everywhere."""
    text = json.dumps(inputs, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def settings_key(settings: RunSettings, identity: Mapping[str, Any]) -> str:
    """Return the key of what all results of a run depend on."""
    return key_of(
        identity,
        settings.params.to_dict(),
        settings.diameter,
        settings.classifier is not None,
        settings.block_px,
        settings.until,
    )
