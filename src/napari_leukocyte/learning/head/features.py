"""The part of a classifier that stays: what its network makes of a cell before the last layer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.models.manifest import Manifest, Member
from napari_leukocyte.models.registry import find_model

#: Turned views of a cell that its embedding is the mean of: cells have no upright. Four quarter
#: turns raise the balanced accuracy of a head by 0.01 to 0.04 over one view; see
#: docs/retraining.md.
VIEWS = 4
#: The output of a network that a head is fitted on.
EMBEDDING = "embedding"
#: A manifest may come from anywhere, and this becomes part of a path.
_SHA256 = re.compile(r"[0-9a-f]{64}")


class RetrainingError(LeukocyteError):
    """A head that can't be fitted, or not taken; one sentence."""


@dataclass(frozen=True)
class Features:
    """A classifier whose head can be replaced.

    Attributes
    ----------
    manifest : Manifest
        Of the classifier.
    member : Member
        Its only network.
    sha256 : str
        Checksum of the network that the embeddings were first computed with: a model with a
        retrained head shares the embeddings of the one that it was made of.
    views : int
        How many turned views of a cell are looked at.
    """

    manifest: Manifest
    member: Member
    sha256: str
    views: int


def features_of(model: str | Path | Manifest = "default") -> Features:
    """Find the part of a classifier that stays.

    Parameters
    ----------
    model : str, Path or Manifest
        A classifier.

    Returns
    -------
    Features

    Raises
    ------
    ModelError
        If there is no such classifier.
    RetrainingError
        If it has several members, or its network gives no embedding.
    """
    manifest = model if isinstance(model, Manifest) else find_model("classification", model)
    if len(manifest.members) != 1:
        raise RetrainingError(
            f"{manifest.name} has {len(manifest.members)} members: a head can only be fitted on "
            "one network."
        )
    if EMBEDDING not in manifest.outputs:
        raise RetrainingError(
            f"{manifest.name} gives no embedding of a cell, on which a head could be fitted."
        )
    member = manifest.members[0]
    shared = str(manifest.made_from.get("features_sha256", ""))
    sha256 = shared if _SHA256.fullmatch(shared) else member.sha256
    return Features(manifest, member, sha256, max(VIEWS, manifest.views))
