"""Embeddings of an image's cells by a classifier's network, kept on disk.

The map of the cells, domain shift and the fitting of a head rest on them. A cell is known by its
photograph's pixels, its box and its mask, so that one that was not touched since costs nothing,
whichever session or dataset it is met in.
"""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.inference import BATCH, cut_batches, run_views
from napari_leukocyte.classification.measurements import Region, iterate_regions
from napari_leukocyte.errors import LeukocyteError, OutputError
from napari_leukocyte.io.atomic import as_output_error, atomic_write
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.models.manifest import Manifest, Member
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.progress import Progress, silent

#: Turned views of a cell that its kept embedding has: cells have no upright. Four quarter turns
#: raise the balanced accuracy of a head by 0.01 to 0.04 over one view; see
#: docs/measured/adaptation.md.
VIEWS = 4
#: The output of a network that a head is fitted on.
EMBEDDING = "embedding"
#: Environment variable that names another folder of kept embeddings.
FOLDER_VARIABLE = "NAPARI_LEUKOCYTE_EMBEDDINGS"
#: A manifest may come from anywhere, and this becomes part of a path.
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: Bytes of a cell's key: 128 bits never meet by chance.
_KEY = 16

_Cache = dict[bytes, NDArray[np.float16]]


class NoEmbeddingError(LeukocyteError):
    """A classifier of whose networks there is no embedding, or none that is one network's."""


@dataclass(frozen=True)
class Features:
    """The part of a classifier that stays when its head, the last layer, is replaced.

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


@dataclass(frozen=True, eq=False)
class Embedded:
    """The embeddings of an image's cells.

    Attributes
    ----------
    labels : ndarray
        (N,) int64: the objects' numbers in their label image.
    embeddings : ndarray
        (N, V, E) float16, of V turned views of each cell.
    """

    labels: NDArray[np.int64]
    embeddings: NDArray[np.float16]

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.labels)


def features_of(model: str | Path | Manifest = "default") -> Features:
    """Find the part of a classifier that stays when its head is replaced.

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
    NoEmbeddingError
        If it has several members, or its network gives no embedding.
    """
    manifest = model if isinstance(model, Manifest) else find_model("classification", model)
    if len(manifest.members) != 1:
        raise NoEmbeddingError(
            "{name} has {number} members: a head can only be fitted on one network.",
            name=manifest.name,
            number=len(manifest.members),
        )
    if EMBEDDING not in manifest.outputs:
        raise NoEmbeddingError(
            "{name} gives no embedding of a cell, on which a head could be fitted.",
            name=manifest.name,
        )
    member = manifest.members[0]
    shared = str(manifest.made_from.get("features_sha256", ""))
    sha256 = shared if _SHA256.fullmatch(shared) else member.sha256
    return Features(manifest, member, sha256, max(VIEWS, manifest.views))


def cache_folder() -> Path:
    """Return the folder in which embeddings are kept; it may not exist yet, and may be deleted."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("napari-leukocyte", appauthor=False) / "embeddings"


def embed(
    rgb: NDArray[np.uint8],
    labels: NDArray[np.int32],
    features: Features,
    numbers: Collection[int] | None = None,
    progress: Progress = silent,
) -> Embedded:
    """Return the embeddings of an image's cells.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32.
    features : Features
        Of a classifier.
    numbers : collection of int, optional
        Which objects; those that do not exist are passed over. All by default.
    progress : callable
        Called after each batch that had to be computed.

    Returns
    -------
    Embedded
        In the order of the numbers.

    Raises
    ------
    ModelError, NoEmbeddingError
        If the network can't be run or gives no embedding.
    """
    wanted = None if numbers is None else frozenset(int(n) for n in numbers)
    regions = [r for r in iterate_regions(labels) if wanted is None or r.label in wanted]
    if not regions:
        return Embedded(np.zeros(0, np.int64), np.zeros((0, features.views, 0), np.float16))
    path = cache_folder() / f"{features.sha256[:16]}-{features.views}" / f"{image_key(rgb)}.npz"
    known = _read(path)
    keys = [_key(r) for r in regions]
    missing = [i for i, key in enumerate(keys) if key not in known]
    if missing:
        computed = compute(rgb, [regions[i] for i in missing], features, progress)
        known |= {keys[i]: e for i, e in zip(missing, computed, strict=True)}
        # A full disk must not stop who only wants an answer.
        with suppress(OutputError):
            _write(path, known)
    return Embedded(
        np.array([r.label for r in regions], np.int64), np.stack([known[key] for key in keys])
    )


def compute(
    rgb: NDArray[np.uint8],
    regions: Sequence[Region],
    features: Features,
    progress: Progress = silent,
) -> NDArray[np.float16]:
    """Run the network on cells, each cut as the classifier sees it.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    regions : sequence of Region
        The cells.
    features : Features
        Of a classifier.
    progress : callable
        Called after each batch.

    Returns
    -------
    ndarray
        (N, V, E) float16.
    """
    steps = -(-len(regions) // BATCH)
    found = []
    for step, (_, crops) in enumerate(cut_batches(rgb, regions, features.manifest)):
        progress(step, steps, "Looking at cells")
        found.append(embed_crops(crops[0], features))
    progress(steps, steps, "Looking at cells")
    return np.concatenate(found)


def embed_crops(crops: NDArray[np.uint8], features: Features) -> NDArray[np.float16]:
    """Run the network on crops, (N, S, S, 3); return (N, V, E) float16."""
    found = run_views(features.member, crops, features.views).embeddings
    if found is None:
        raise NoEmbeddingError(
            "{file} gives no embedding as second output.", file=features.member.file
        )
    return found.astype(np.float16)


def _key(region: Region) -> bytes:
    digest = hashlib.sha256(repr((region.y0, region.x0, *region.mask.shape)).encode())
    digest.update(np.packbits(region.mask).data)
    return digest.digest()[:_KEY]


def _read(path: Path) -> _Cache:
    """Return what is kept of an image; nothing if it can't be read, as it can be had again."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            keys, values = file["keys"], file["embeddings"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    if keys.ndim != 2 or keys.shape[1:] != (_KEY,) or keys.dtype != np.uint8:
        return {}
    if values.ndim != 3 or values.dtype != np.float16 or len(values) != len(keys):
        return {}
    return {key.tobytes(): value for key, value in zip(keys, values, strict=True)}


def _write(path: Path, known: _Cache) -> None:
    with as_output_error(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    keys = np.frombuffer(b"".join(known), np.uint8).reshape(len(known), _KEY)
    with atomic_write(path) as temporary, temporary.open("wb") as f:
        np.savez(f, keys=keys, embeddings=np.stack(list(known.values())))
