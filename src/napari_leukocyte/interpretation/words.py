"""An explanation in sentences and rows of tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from napari_leukocyte.interpretation.attributes import Attribute, AttributeHead
from napari_leukocyte.interpretation.counterfactual import DeletionCounterfactual, EmbeddingStep
from napari_leukocyte.interpretation.explanation import TRIED, Explanation
from napari_leukocyte.interpretation.measured import Measured
from napari_leukocyte.interpretation.scoring import TITLES
from napari_leukocyte.interpretation.similar_cells import Neighbour
from napari_leukocyte.vocabulary import written

#: Values that WBCAtt's tables write short.
_VALUES = {
    "nil": "none",
    "yes": "present",
    "no": "absent",
    "densely": "dense",
    "loosely": "loose",
}
#: Probability below which a value is only likely.
_SURE = 0.75


def value_in_words(value: str) -> str:
    """Return a value of an attribute as a user reads it."""
    return _VALUES.get(value, value.replace("-", ", "))


def describe_attributes(
    attributes: Sequence[Attribute], head: AttributeHead
) -> list[tuple[str, str, str]]:
    """Return attributes as rows: name, value, and how far it can be trusted.

    Parameters
    ----------
    attributes : sequence of Attribute
        Of the cell.
    head : AttributeHead
        That told them.

    Returns
    -------
    list of (str, str, str)
        The last is the probability, and the macro F1 on held-out cells.
    """
    rows = []
    for a in attributes:
        value = value_in_words(a.value)
        if a.probability < _SURE:
            value += "?"
        trust = f"{100 * a.probability:.0f} %"
        f1 = head.figure(a.name, "macro_f1")
        if not math.isnan(f1):
            trust += f", F1 {f1:.2f}"
        rows.append((a.name.capitalize(), value, trust))
    return rows


def describe_measured(measured: Measured) -> list[tuple[str, str]]:
    """Return what was measured as rows: name and value with its unit."""
    rows = [
        ("Area", f"{measured.area_px:.0f} px²"),
        ("Diameter", f"{measured.diameter_px:.1f} px"),
        ("Circularity", f"{measured.circularity:.2f}"),
    ]
    if math.isnan(measured.nucleus_cell_ratio):
        return [*rows, ("Nucleus", "no map of nuclei: segment the image here")]
    rows.append(("Nucleus / cell", f"{measured.nucleus_cell_ratio:.2f}"))
    if not measured.lobes:
        return [*rows, ("Nucleus", "none found in the cell")]
    rows += [
        ("Lobes of the nucleus", str(measured.lobes)),
        (
            "Chromatin",
            f"optical density {measured.chromatin_density:.2f}, "
            f"varying by {100 * measured.chromatin_variation:.0f} %",
        ),
    ]
    if measured.cytoplasm_rgb:
        rows.append(
            (
                "Cytoplasm",
                f"{measured.cytoplasm_colour}, optical density {measured.cytoplasm_density:.2f}",
            )
        )
    return rows


def describe_map(explanation: Explanation) -> str:
    """Say what kind of map it is, what it took, and whether it stands a test."""
    s = explanation.sanity
    p = explanation.probability
    parts = [
        f"{TITLES[explanation.method]} for {explanation.class_name}: "
        f"{explanation.runtime:.2f} s, {explanation.runs} runs.",
        f"With its first {100 * TRIED:.0f} % of the crop hidden, the probability goes from "
        f"{p:.2f} to {s['hidden_top']:.2f}; with as much hidden at random, to "
        f"{s['hidden_random']:.2f}.",
        f"{100 * s['inside']:.0f} % of the map lies in the cell.",
    ]
    if "fit_r2" in s:
        parts.append(f"The linear model explains R² = {s['fit_r2']:.2f} of what was tried.")
    return " ".join(parts)


def describe_second(
    explanation: Explanation, step: EmbeddingStep | None, deletion: DeletionCounterfactual | None
) -> str:
    """Say what would have to change for another class."""
    second = explanation.second
    p = explanation.probabilities[second]
    parts = [f"Second: {second} ({100 * p:.0f} %)."]
    if step is not None:
        parts.append(
            f"It draws level after a step of {100 * step.length:.0f} % of the embedding's length"
            + (
                f", along which this would be told: {_shifts(step)}."
                if step.shifts
                else ", along which no attribute would be told otherwise."
            )
            + f" (Attributes carry {100 * step.expressed:.0f} % of what tells the two apart; this "
            "is about the classifier's embedding, and no picture need belong to it.)"
        )
    if deletion is not None:
        parts.append(
            f"Hiding the first {100 * deletion.share:.0f} % of the map makes it {deletion.becomes} "
            f"({100 * deletion.probability:.0f} %)."
        )
    else:
        parts.append("Hiding the first half of the map does not change the class.")
    return " ".join(parts)


def describe_neighbours(neighbours: Sequence[Neighbour]) -> list[tuple[str, str, str]]:
    """Return neighbours as rows: class, photograph with its set, similarity."""
    return [
        (written(n.class_name), f"{n.dataset}: {n.name.rpartition('/')[2]}", f"{n.similarity:.3f}")
        for n in neighbours
    ]


def _shifts(step: EmbeddingStep) -> str:
    said = []
    for s in step.shifts[:4]:
        if s.before != s.after:
            change = f"{value_in_words(s.before)} → {value_in_words(s.after)}"
        else:
            change = f"more {value_in_words(s.value)} (+{100 * s.gain:.0f} %)"
        said.append(f"{s.name} {change}")
    return "; ".join(said)
