"""Embeddings of an image's cells; what was computed once is kept on disk.

A cell is known by its photograph's pixels, its box and its mask, so that one that was not touched
since costs nothing, whichever session or dataset it is met in.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.classify import BATCH, turned
from napari_leukocyte.classification.crops import cut_crop
from napari_leukocyte.classification.regions import Region, iterate_regions
from napari_leukocyte.errors import OutputError
from napari_leukocyte.io.atomic import as_output_error, atomic_write
from napari_leukocyte.io.images.background import background_color, balance_white
from napari_leukocyte.learning.head.features import Features, RetrainingError
from napari_leukocyte.models import runtime
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.session.folders import session_key

#: Environment variable that names another folder of kept embeddings.
FOLDER_VARIABLE = "NAPARI_LEUKOCYTE_EMBEDDINGS"
#: Bytes of a cell's key: 128 bits never meet by chance.
_KEY = 16

_Known = dict[bytes, NDArray[np.float16]]


@dataclass(frozen=True, eq=False)
class Embedded:
    """What a network makes of cells.

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


def kept_folder() -> Path:
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
    ModelError, RetrainingError
        If the network can't be run or gives no embedding.
    """
    wanted = None if numbers is None else frozenset(int(n) for n in numbers)
    regions = [r for r in iterate_regions(labels) if wanted is None or r.label in wanted]
    if not regions:
        return Embedded(np.zeros(0, np.int64), np.zeros((0, features.views, 0), np.float16))
    path = kept_folder() / f"{features.sha256[:16]}-{features.views}" / f"{session_key(rgb)}.npz"
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
    manifest, member = features.manifest, features.member
    balanced = balance_white(rgb, background_color(rgb))
    steps = -(-len(regions) // BATCH)
    found = []
    for step, start in enumerate(range(0, len(regions), BATCH)):
        progress(step, steps, "Looking at cells")
        crops = [
            cut_crop(balanced, r, manifest.side_px, member.diameter_px, manifest.nucleus_density)
            for r in regions[start : start + BATCH]
        ]
        found.append(embed_crops(np.stack(crops), features))
    progress(steps, steps, "Looking at cells")
    return np.concatenate(found)


def embed_crops(crops: NDArray[np.uint8], features: Features) -> NDArray[np.float16]:
    """Run the network on crops, (N, S, S, 3); return (N, V, E) float16."""
    batch = crops.astype(np.float32)
    views = []
    for view in range(features.views):
        outputs = runtime.run(features.member, turned(batch, view))
        if len(outputs) < 2 or outputs[1].ndim != 2:
            raise RetrainingError(f"{features.member.file} gives no embedding as second output.")
        views.append(outputs[1].astype(np.float16))
    return np.stack(views, axis=1)


def _key(region: Region) -> bytes:
    digest = hashlib.sha256(repr((region.y0, region.x0, *region.mask.shape)).encode())
    digest.update(np.packbits(region.mask).data)
    return digest.digest()[:_KEY]


def _read(path: Path) -> _Known:
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


def _write(path: Path, known: _Known) -> None:
    with as_output_error(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    keys = np.frombuffer(b"".join(known), np.uint8).reshape(len(known), _KEY)
    with atomic_write(path) as temporary, temporary.open("wb") as f:
        np.savez(f, keys=keys, embeddings=np.stack(list(known.values())))
