"""Morphological attributes of a cell, read off the classifier's embedding.

The attributes are WBCAtt's (S. Tsutsui, W. Pang, B. Wen: WBCAtt: a white blood cell dataset
annotated with detailed morphological attributes. NeurIPS 2023). One multinomial logistic
regression each; ``python -m training attributes`` makes the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.inference import softmax
from napari_leukocyte.models.artifact import ArtifactError, ArtifactKind
from napari_leukocyte.models.manifest import Manifest

#: The shipped files.
FOLDER = Path(__file__).parent / "shipped"
_FILE = ArtifactKind(
    header="attributes.json",
    arrays="attributes.npz",
    tie="tied_to",
    checksum="sha256",
    subject="The words for attributes were",
    otherwise="only measured words are shown",
)


@dataclass(frozen=True)
class Attribute:
    """One attribute of a cell.

    Attributes
    ----------
    name : str
        Such as "nucleus shape".
    value : str
        The likeliest of its values.
    probability : float
        Of that value, 0 to 1.
    values : mapping of str to float
        The probability of every value.
    """

    name: str
    value: str
    probability: float
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class AttributeHead:
    """Logistic regressions from an embedding to attributes.

    Attributes
    ----------
    values : dict of str to tuple of str
        The values of each attribute, by its name.
    weights : dict of str to ndarray
        (D, V) float32 each: from the embedding as it is to logits.
    biases : dict of str to ndarray
        (V,) float32 each.
    description : dict
        What the file says of it: how well each attribute is told on held-out cells.
    """

    values: dict[str, tuple[str, ...]]
    weights: dict[str, NDArray[np.float32]]
    biases: dict[str, NDArray[np.float32]]
    description: dict[str, Any] = field(default_factory=dict)

    def probabilities(self, embeddings: NDArray[np.float32], name: str) -> NDArray[np.float64]:
        """Return the probabilities of one attribute's values, (N, V), for (N, D) embeddings."""
        return softmax(embeddings @ self.weights[name] + self.biases[name])

    def tell(self, embedding: NDArray[np.float32]) -> tuple[Attribute, ...]:
        """Tell the attributes of one cell from its embedding, (D,)."""
        told = []
        for name, values in self.values.items():
            p = self.probabilities(embedding[np.newaxis], name)[0]
            best = int(p.argmax())
            by_value = dict(zip(values, p.tolist(), strict=True))
            told.append(Attribute(name, values[best], float(p[best]), by_value))
        return tuple(told)

    def figure(self, name: str, figure: str) -> float:
        """Return a held-out figure of an attribute, such as "macro_f1"; NaN if there is none."""
        found = self.description.get("figures", {}).get(name, {}).get(figure)
        return float(found) if isinstance(found, (int, float)) else float("nan")


def checksums(classifier: Manifest) -> list[str]:
    """Return what an embedding depends on: the networks, their crops and views.

    A classifier of which only the last layer was fitted anew shares that of the one it was made of.
    """
    crop = f"{classifier.side_px} {classifier.nucleus_density} {classifier.views}"
    shared = classifier.made_from.get("features_sha256")
    if isinstance(shared, str) and len(classifier.members) == 1:
        return [f"{shared} {classifier.members[0].diameter_px} {crop}"]
    return [f"{m.sha256} {m.diameter_px} {crop}" for m in classifier.members]


def save_head(head: AttributeHead, classifier: Manifest, folder: Path = FOLDER) -> None:
    """Write a head and tie it to its classifier; weights are stored at half precision.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for i, name in enumerate(head.values):
        arrays[f"weights_{i}"] = head.weights[name].astype(np.float16)
        arrays[f"biases_{i}"] = head.biases[name].astype(np.float32)
    header = {
        "classifier": classifier.name,
        "tied_to": checksums(classifier),
        "attributes": {name: list(values) for name, values in head.values.items()},
        **head.description,
    }
    _FILE.write(folder, header, arrays)


def load_head(classifier: Manifest, folder: Path = FOLDER) -> AttributeHead:
    """Read the head that was made for a classifier.

    Raises
    ------
    ArtifactError
        If there is none, it was made for another classifier, or its files are damaged.
    """
    found = _FILE.read(folder, classifier, checksums(classifier))
    if found is None:
        raise ArtifactError("No words for attributes come with this installation.")
    header, arrays = found.header, found.arrays
    with found.parsing():
        values = {str(n): tuple(map(str, v)) for n, v in header["attributes"].items()}
        weights = {n: arrays[f"weights_{i}"].astype(np.float32) for i, n in enumerate(values)}
        biases = {n: arrays[f"biases_{i}"].astype(np.float32) for i, n in enumerate(values)}
        fits = all(
            weights[n].ndim == 2 and weights[n].shape[1] == len(v) == len(biases[n])
            for n, v in values.items()
        )
        if not fits:
            raise ValueError("wrong shapes")
    description = {k: header[k] for k in ("figures", "trained_on", "held_out") if k in header}
    return AttributeHead(values, weights, biases, description)
