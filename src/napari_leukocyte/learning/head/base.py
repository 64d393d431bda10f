"""The shipped embeddings: some cells of the public sets, so that a new head forgets nothing.

They lie beside the classifier's network as ``base-cells.npz``, made by ``python -m training
embeddings``. Cells for fitting are of photographs that the classifier was trained on; those for
measuring are of its validation photographs. The embeddings are kept as principal components.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import Features
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.learning.head.cells import Cells, make_cells
from napari_leukocyte.learning.head.errors import RetrainingError
from napari_leukocyte.models.registry import list_models

FILE_NAME = "base-cells.npz"
#: Principal components that are kept: with 256 of 1280 a cell takes 512 bytes.
COMPONENTS = 256
#: Version of the file's layout.
SCHEMA_VERSION = 1
#: Most cells, and most numbers of an embedding, that a file may name; more is damage.
_MOST_CELLS, _MOST_NUMBERS = 100_000, 8192


@dataclass(frozen=True, eq=False)
class Base:
    """Cells of the public sets.

    Attributes
    ----------
    fitting : Cells
        A head is fitted on these as well.
    measuring : Cells
        What a new head must not forget is measured on these.
    sha256 : str
        Checksum of the network that the embeddings are of.
    """

    fitting: Cells
    measuring: Cells
    sha256: str

    def only(self, classes: frozenset[str]) -> Base:
        """Return the cells of some classes."""
        wanted = sorted(classes)
        return Base(
            self.fitting[np.isin(self.fitting.classes, wanted)],
            self.measuring[np.isin(self.measuring.classes, wanted)],
            self.sha256,
        )


def write_base(path: Path, base: Base, components: int = COMPONENTS) -> None:
    """Write the shipped embeddings.

    Parameters
    ----------
    path : Path
        The file; it is replaced if it exists.
    base : Base
        What goes into it.
    components : int
        Principal components that are kept.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    embeddings = np.concatenate([base.fitting.embeddings, base.measuring.embeddings])
    mean = base.fitting.embeddings.mean(axis=0)
    _, _, axes = np.linalg.svd(base.fitting.embeddings - mean, full_matrices=False)
    axes = axes[:components].astype(np.float16)
    scores = (embeddings - mean) @ axes.T.astype(np.float32)
    text = {
        "schema": SCHEMA_VERSION,
        "classifier_sha256": base.sha256,
        "fitting": len(base.fitting),
        "classes": [*base.fitting.classes.tolist(), *base.measuring.classes.tolist()],
        "groups": [*base.fitting.groups.tolist(), *base.measuring.groups.tolist()],
    }
    header = np.frombuffer(json.dumps(text).encode(), np.uint8)
    with atomic_write(path) as temporary, temporary.open("wb") as f:
        np.savez_compressed(
            f,
            header=header,
            mean=mean.astype(np.float16),
            axes=axes,
            scores=scores.astype(np.float16),
        )


def read_base(path: Path) -> Base:
    """Read the shipped embeddings.

    Raises
    ------
    RetrainingError
        If the file is missing or damaged, or of another layout.
    """
    damaged = RetrainingError(f"{path} is damaged: install napari-leukocyte again.")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            header, mean, axes, scores = (file[n] for n in ("header", "mean", "axes", "scores"))
            text = json.loads(header.tobytes().decode())
        if text["schema"] != SCHEMA_VERSION:
            raise RetrainingError(
                f"{path} has layout version {text['schema']}; this plugin reads {SCHEMA_VERSION}."
            )
        classes, groups, n = text["classes"], text["groups"], int(text["fitting"])
        sha256 = str(text["classifier_sha256"])
    except FileNotFoundError as error:
        raise RetrainingError(f"There are no shipped embeddings at {path}.") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, RetrainingError):
            raise
        raise damaged from error
    sound = (
        all(a.dtype == np.float16 for a in (mean, axes, scores))
        and mean.ndim == 1
        and len(mean) <= _MOST_NUMBERS
        and len(scores) <= _MOST_CELLS
        and axes.shape == (len(axes), len(mean))
        and scores.shape == (len(classes), len(axes))
        and len(groups) == len(classes)
        and 0 < n <= len(classes)
        and all(np.isfinite(a).all() for a in (mean, axes, scores))
        and all(isinstance(t, str) for t in (*classes, *groups))
    )
    if not sound:
        raise damaged
    embeddings = _rebuilt(mean, axes, scores)
    return Base(
        make_cells(embeddings[:n], classes[:n], groups[:n]),
        make_cells(embeddings[n:], classes[n:], groups[n:]),
        sha256,
    )


def base_for(features: Features) -> Base:
    """Return the shipped embeddings of a classifier, or of the one that its head was fitted on.

    Raises
    ------
    RetrainingError
        If there are none of it.
    """
    folders = [features.manifest.folder]
    folders += [
        m.folder
        for m in list_models("classification")
        if any(member.sha256 == features.sha256 for member in m.members)
    ]
    for folder in folders:
        path = folder / FILE_NAME
        if path.is_file():
            base = read_base(path)
            if base.sha256 != features.sha256:
                raise RetrainingError(
                    f"{path} holds embeddings of another classifier ({base.sha256[:8]}, not "
                    f"{features.sha256[:8]}): make them anew with 'python -m training embeddings'."
                )
            return base
    raise RetrainingError(
        f"No shipped embeddings belong to {features.manifest.name}, so that a new head would "
        "forget what it knows: retrain the shipped classifier, or make them with 'python -m "
        f"training embeddings --model {features.manifest.name}'."
    )


def _rebuilt(
    mean: NDArray[np.float16], axes: NDArray[np.float16], scores: NDArray[np.float16]
) -> NDArray[np.float32]:
    return np.asarray(scores, np.float32) @ np.asarray(axes, np.float32) + np.asarray(
        mean, np.float32
    )
