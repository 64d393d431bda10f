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
from napari_leukocyte.language import decimal, tr
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
    return tr(in_plain_english(value))


def in_plain_english(value: str) -> str:
    """Return a value of an attribute as the catalogue has it."""
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
            trust += f", F1 {decimal(f'{f1:.2f}')}"
        rows.append((tr(a.name).capitalize(), value, trust))
    return rows


def describe_measured(measured: Measured) -> list[tuple[str, str]]:
    """Return what was measured as rows: name and value with its unit."""
    rows = [
        (tr("Area"), tr("{area:.0f} px²", area=measured.area_px)),
        (tr("Diameter"), tr("{diameter:.1f} px", diameter=measured.diameter_px)),
        (tr("Circularity"), decimal(f"{measured.circularity:.2f}")),
    ]
    if math.isnan(measured.nucleus_cell_ratio):
        return [*rows, (tr("Nucleus"), tr("no map of nuclei: segment the image here"))]
    rows.append((tr("Nucleus / cell"), decimal(f"{measured.nucleus_cell_ratio:.2f}")))
    if not measured.lobes:
        return [*rows, (tr("Nucleus"), tr("none found in the cell"))]
    rows += [
        (tr("Lobes of the nucleus"), str(measured.lobes)),
        (
            tr("Chromatin"),
            tr(
                "optical density {chromatin_density:.2f}, varying by {chromatin_variation:.0f} %",
                chromatin_density=measured.chromatin_density,
                chromatin_variation=100 * measured.chromatin_variation,
            ),
        ),
    ]
    if measured.cytoplasm_rgb:
        rows.append(
            (
                tr("Cytoplasm"),
                tr(
                    "{cytoplasm_colour}, optical density {cytoplasm_density:.2f}",
                    cytoplasm_colour=tr(measured.cytoplasm_colour),
                    cytoplasm_density=measured.cytoplasm_density,
                ),
            )
        )
    return rows


def describe_map(explanation: Explanation) -> str:
    """Say what kind of map it is, what it took, and whether it stands a test."""
    s = explanation.sanity
    p = explanation.probability
    parts = [
        tr(
            "{method} for {class_name}: {runtime:.2f} s, {runs} runs.",
            method=tr(TITLES[explanation.method]),
            class_name=tr(explanation.class_name),
            runtime=explanation.runtime,
            runs=explanation.runs,
        ),
        tr(
            "With its first {tried:.0f} % of the crop hidden, the probability goes from "
            "{p:.2f} to {hidden_top:.2f}; with as much hidden at random, to "
            "{hidden_random:.2f}.",
            tried=100 * TRIED,
            p=p,
            hidden_top=s["hidden_top"],
            hidden_random=s["hidden_random"],
        ),
        tr("{inside:.0f} % of the map lies in the cell.", inside=100 * s["inside"]),
    ]
    if "fit_r2" in s:
        parts.append(
            tr("The linear model explains R² = {fit_r2:.2f} of what was tried.", fit_r2=s["fit_r2"])
        )
    return " ".join(parts)


def describe_second(
    explanation: Explanation, step: EmbeddingStep | None, deletion: DeletionCounterfactual | None
) -> str:
    """Say what would have to change for another class."""
    second = explanation.second
    p = explanation.probabilities[second]
    parts = [tr("Second: {second} ({p:.0f} %).", second=tr(second), p=100 * p)]
    if step is not None:
        parts.append(
            tr(
                "It draws level after a step of {length:.0f} % of the embedding's length",
                length=100 * step.length,
            )
            + (
                tr(", along which this would be told: {shifts}.", shifts=_shifts(step))
                if step.shifts
                else tr(", along which no attribute would be told otherwise.")
            )
            + tr(
                " (Attributes carry {expressed:.0f} % of what tells the two apart; this "
                "is about the classifier's embedding, and no picture need belong to it.)",
                expressed=100 * step.expressed,
            )
        )
    if deletion is not None:
        parts.append(
            tr(
                "Hiding the first {share:.0f} % of the map makes it {becomes} "
                "({probability:.0f} %).",
                share=100 * deletion.share,
                becomes=tr(deletion.becomes),
                probability=100 * deletion.probability,
            )
        )
    else:
        parts.append(tr("Hiding the first half of the map does not change the class."))
    return " ".join(parts)


def describe_neighbours(neighbours: Sequence[Neighbour]) -> list[tuple[str, str, str]]:
    """Return neighbours as rows: class, photograph with its set, similarity."""
    return [
        (
            written(n.class_name),
            f"{n.dataset}: {n.name.rpartition('/')[2]}",
            decimal(f"{n.similarity:.3f}"),
        )
        for n in neighbours
    ]


def _shifts(step: EmbeddingStep) -> str:
    said = []
    for s in step.shifts[:4]:
        if s.before != s.after:
            change = f"{value_in_words(s.before)} → {value_in_words(s.after)}"
        else:
            change = tr(
                "more {value} (+{gain:.0f} %)", value=value_in_words(s.value), gain=100 * s.gain
            )
        said.append(f"{tr(s.name)} {change}")
    return "; ".join(said)
