"""Morphological attributes of a cell, read off the classifier's embedding.

The attributes are WBCAtt's (S. Tsutsui, W. Pang, B. Wen: WBCAtt: a white blood cell dataset
annotated with detailed morphological attributes. NeurIPS 2023). One multinomial logistic
regression each; ``python -m training attributes`` makes the files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.classify import softmax
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.models.manifest import Manifest

#: The shipped files.
FOLDER = Path(__file__).parent / "shipped"
DESCRIPTION, ARRAYS = "attributes.json", "attributes.npz"
SCHEMA = 1


class AttributesError(LeukocyteError):
    """The attributes can't be told; one sentence on why."""


@dataclass(frozen=True)
class Attribute:
    """What is said of one attribute.

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
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type] # numpy's stub takes flags too
    data = buffer.getvalue()
    described = {
        "schema": SCHEMA,
        "classifier": classifier.name,
        "tied_to": checksums(classifier),
        "sha256": hashlib.sha256(data).hexdigest(),
        "attributes": {name: list(values) for name, values in head.values.items()},
        **head.description,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / ARRAYS) as temporary:
        temporary.write_bytes(data)
    with atomic_write(folder / DESCRIPTION) as temporary:
        temporary.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def load_head(classifier: Manifest, folder: Path = FOLDER) -> AttributeHead:
    """Read the head that was made for a classifier.

    Raises
    ------
    AttributesError
        If there is none, it was made for another classifier, or its files are damaged.
    """
    head, name, tied_to = _load(str(folder), _stamp(folder))
    if tied_to != checksums(classifier):
        raise AttributesError(
            f"The words for attributes were made for the classifier {name} as it was then, not "
            f"for this {classifier.name}: only measured words are shown."
        )
    return head


def _stamp(folder: Path) -> tuple[int, ...]:
    """Return what changes when the files are made anew."""
    try:
        return tuple((folder / n).stat().st_mtime_ns for n in (DESCRIPTION, ARRAYS))
    except OSError as error:
        raise AttributesError("No words for attributes come with this installation.") from error


@lru_cache(maxsize=2)
def _load(folder: str, stamp: tuple[int, ...]) -> tuple[AttributeHead, str, list[str]]:
    place = Path(folder)
    try:
        described = json.loads((place / DESCRIPTION).read_text(encoding="utf-8"))
        data = (place / ARRAYS).read_bytes()
        if described["schema"] != SCHEMA or hashlib.sha256(data).hexdigest() != described["sha256"]:
            raise ValueError("wrong checksum")
        values = {str(n): tuple(map(str, v)) for n, v in described["attributes"].items()}
        with np.load(BytesIO(data), allow_pickle=False) as arrays:
            weights = {n: arrays[f"weights_{i}"].astype(np.float32) for i, n in enumerate(values)}
            biases = {n: arrays[f"biases_{i}"].astype(np.float32) for i, n in enumerate(values)}
        fits = all(
            weights[n].ndim == 2 and weights[n].shape[1] == len(v) == len(biases[n])
            for n, v in values.items()
        )
        if not fits:
            raise ValueError("wrong shapes")
        kept = {k: described[k] for k in ("figures", "trained_on", "held_out") if k in described}
        head = AttributeHead(values, weights, biases, kept)
        return head, str(described["classifier"]), [str(s) for s in described["tied_to"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AttributesError(
            f"The words for attributes in {place} are damaged: install the plugin again."
        ) from error
