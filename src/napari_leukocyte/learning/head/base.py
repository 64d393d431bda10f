"""The shipped embeddings: some cells of the public sets, so that a new head forgets nothing.

They lie beside the classifier's network as ``base-cells.npz``, made by ``python -m training
embeddings``. Cells for fitting are of photographs that the classifier was trained on; those for
measuring are of its validation photographs. The embeddings are kept as principal components.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import Features
from napari_leukocyte.learning.head.cells import Cells, RetrainingError, make_cells
from napari_leukocyte.models.artifact import ArtifactKind
from napari_leukocyte.models.registry import list_models

FILE_NAME = "base-cells.npz"
#: Principal components that are kept: with 256 of 1280 a cell takes 512 bytes.
COMPONENTS = 256
_FILE = ArtifactKind(
    header=FILE_NAME,
    tie="classifier_sha256",
    subject="The shipped embeddings were",
    otherwise="make them anew with 'python -m training embeddings'",
)
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
    header = {
        "classifier_sha256": base.sha256,
        "fitting": len(base.fitting),
        "classes": [*base.fitting.classes.tolist(), *base.measuring.classes.tolist()],
        "groups": [*base.fitting.groups.tolist(), *base.measuring.groups.tolist()],
    }
    arrays = {"mean": mean.astype(np.float16), "axes": axes, "scores": scores.astype(np.float16)}
    replace(_FILE, header=path.name).write(path.parent, header, arrays)


def read_base(path: Path) -> Base:
    """Read the shipped embeddings.

    Raises
    ------
    RetrainingError, ArtifactError
        If the file is missing; if it is damaged or of another layout.
    """
    found = replace(_FILE, header=path.name).read_any(path.parent)
    if found is None:
        raise RetrainingError("There are no shipped embeddings at {path}.", path=path)
    with found.parsing():
        mean, axes, scores = (found.arrays[n] for n in ("mean", "axes", "scores"))
        classes, groups = found.header["classes"], found.header["groups"]
        n, sha256 = int(found.header["fitting"]), str(found.header["classifier_sha256"])
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
            raise ValueError("arrays do not fit")
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
                    "{path} holds embeddings of another classifier ({one}, not {other}): "
                    "make them anew with 'python -m training embeddings'.",
                    path=path,
                    one=base.sha256[:8],
                    other=features.sha256[:8],
                )
            return base
    raise RetrainingError(
        "No shipped embeddings belong to {name}, so that a new head would forget what it "
        "knows: retrain the shipped classifier, or make them with 'python -m training "
        "embeddings --model {name}'.",
        name=features.manifest.name,
    )


def _rebuilt(
    mean: NDArray[np.float16], axes: NDArray[np.float16], scores: NDArray[np.float16]
) -> NDArray[np.float32]:
    return np.asarray(scores, np.float32) @ np.asarray(axes, np.float32) + np.asarray(
        mean, np.float32
    )
