"""The text of the model cards."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.vocabulary import DISCLAIMER, LEUKOCYTE_NAMES

#: What the shipped classifier is made of.
SHIPPED_CLASSIFIER = Path(__file__).parent / "configs" / "shipped" / "classifier.toml"
SETS = {
    "zheng1": "Zheng 1 (Jiangxi Tecom, single cells)",
    "zheng2": "Zheng 2 (CellaVision, single cells)",
    "bccd": "BCCD (whole fields)",
    "pbc": "PBC (CellaVision DM96, single cells)",
    "together": "all four together",
}


def head() -> str:
    """Return the beginning of the page."""
    return f"""# The shipped models

{DISCLAIMER}

Made and measured by the commands in [training/README.md](../training/README.md). This page is
written by `python -m training cards` from `training/results/`.

*Held out*: photographs that took no part in training (10 % of each set, split by source photograph
before any augmentation), while others of their set did. *Left out*: the same recipe, trained again
without the whole set and tried on all of it; expect such figures on smears from other
laboratories. The diameter is always estimated by the plugin itself. Square brackets hold 95 %
bootstrap intervals over photographs.

`python -m training gallery` draws the errors named below, for who has the photographs: they belong
to their sets, and are not part of this project.

## What fails, in pictures

Smears that are drawn, spoilt in one way each (`python -m training failures`): the outline of the
truth is green, what was found magenta; below stand the objects found, their foreground IoU, and
each class that is wrong with the probability that it was given.

![Drawn smears: blurred, faint, dark, blue, clumped, cut, broken](images/training/failures.png)

Focus and stain move the outlines little, and the class only when nothing is sharp any more. Four
cells that close a ring, alone in their field, pass for a single large one: set the diameter and
part by *nucleus*, which finds all four, or split by hand. Bare nuclei and smudge cells, which a
microscopist leaves out of the count, are found like leukocytes and get one of the classes: give
them their own.
"""


def segmentation_card(
    manifest: Manifest, result: dict[str, Any], fields: dict[str, Any], left_out: dict[str, Any]
) -> str:
    """Return the card of a segmentation model.

    Parameters
    ----------
    manifest : Manifest
        Of the model.
    result, fields, left_out : dict
        As from :mod:`training.evaluate` and :mod:`training.leave_out`.
    """
    lines = [
        f"## Segmentation: {manifest.name}",
        "",
        f"{manifest.title}. Licence: {manifest.licence}.",
        "",
        "Foreground IoU is the mean over photographs; 5 % of photographs lie below the 5th "
        "percentile. The looser mean IoU averages foreground and background. F1 counts objects "
        "matched at IoU 0.5.",
        "",
    ]
    for name, figures in result["sets"].items():
        low, middle, high = figures["diameter_ratio_percentiles_5_50_95"]
        lines += [
            f"### Held out: {SETS[name]}, {figures['photographs']} photographs",
            "",
            *_segmentation_table(figures["methods"]),
            "",
            f"Estimated over true diameter: median {middle:.2f}, 5th to 95th percentile {low:.2f} "
            f"to {high:.2f}.",
            "",
        ]
    lines += [
        "### Left out of training",
        "",
        "One member, trained for a shorter time without the set named.",
        "",
    ]
    for name, figures in left_out.items():
        lines += [
            f"{SETS[name]}, all {figures['photographs']} photographs:",
            "",
            *_segmentation_table(figures["methods"]),
            "",
        ]
    weights = ", ".join(f"{m.name} {m.weight:g}" for m in manifest.members)
    a, b = fields["foreground_iou_95"]
    found, invented, missed = fields["objects"]
    lines += [
        "### The vote, and whole fields",
        "",
        f"Weights of the vote, fitted on the validation photographs: {weights}.",
        "",
        f"`napari-leukocyte run` on {len(fields['fields'])} held-out BCCD fields: foreground IoU "
        f"{fields['foreground_iou']:.4f} [{a:.3f}, {b:.3f}], F1 of objects at IoU 0.5 "
        f"{fields['object_f1_at_0.5']:.3f} ({found} found, {invented} invented, {missed} missed).",
        "",
        "What to expect it to fail on: smudge cells and bare nuclei (never in its training "
        "data), leukocytes cut by the border to a sliver, clumps of more than three, stains "
        "where the cytoplasm has the background's colour. Zheng's and BCCD's masks leave out the "
        "thinnest cytoplasm now and then; figures above 0.95 measure the annotators too.",
        "",
    ]
    return "\n".join(lines)


def _segmentation_table(methods: dict[str, Any]) -> list[str]:
    lines = [
        "| method | foreground IoU | 5th percentile | mean IoU, both classes | object F1 |",
        "|---|---|---|---|---|",
    ]
    for method, s in methods.items():
        a, b = s["foreground_iou_95"]
        lines.append(
            f"| {method} | {s['foreground_iou']:.4f} [{a:.3f}, {b:.3f}] "
            f"| {s['foreground_iou_5th_percentile']:.3f} | {s['mean_iou_both_classes']:.4f} "
            f"| {s['object_f1_at_0.5']:.3f} |"
        )
    return lines


def classification_card(
    manifest: Manifest, result: dict[str, Any], left_out: dict[str, Any]
) -> str:
    """Return the card of a classifier.

    Parameters
    ----------
    manifest : Manifest
        Of the model.
    result, left_out : dict
        As from :mod:`training.evaluate` and :mod:`training.leave_out`.
    """
    further = [c for c in manifest.classes if c not in LEUKOCYTE_NAMES]
    lines = [
        f"## Classification: {manifest.name}",
        "",
        f"{manifest.title}. Licence: {manifest.licence}.",
        "",
        "Figures are over the cells of the five classes; a leukocyte that gets one of the other "
        "classes counts as wrong. Masks come from the plugin's own segmentation; a cell that it "
        "does not find counts as wrong as well. Averages go over the classes that occur. The "
        "majority class is what always saying the commonest class would score. The calibration "
        "error is the expected one over ten bins.",
        "",
        "### Held out",
        "",
        *_classification_table(result["sets"] | {"together": result["together"]}),
        "",
        *_recalls(result["sets"]),
        "",
    ]
    beyond = [
        f"{name} {value['recall']:.3f} ({value['cells']} cells, {SETS[dataset]})"
        for dataset, s in result["sets"].items()
        for name, value in s["further"].items()
    ]
    if beyond:
        lines += [f"Recall of the further classes: {'; '.join(beyond)}.", ""]
    for dataset, s in result["sets"].items():
        wrong = [w for w in s["wrong"] if w["truth"] in LEUKOCYTE_NAMES]
        if wrong:
            named = "; ".join(
                f"`{w['name'].rsplit('/', 1)[1]}` {w['truth']}, said {w['said']}" for w in wrong
            )
            lines += [f"Errors in {SETS[dataset]}: {named}.", ""]
    lines += [
        "### Left out of training",
        "",
        *_classification_table(left_out),
        "",
        *_recalls(left_out),
        "",
        "Without PBC only 7 basophils and 75 to 90 monocytes are left to learn from, so that its "
        "figures say what little data does, as well as what another source does.",
        "",
        "### What to know",
        "",
        f"Temperature of the probabilities, fitted on the validation photographs: "
        f"{manifest.temperature:.3f}. Probabilities are averaged over {manifest.views} turned and "
        "mirrored views.",
        "",
        *_priors(),
        f"Beside the five it knows {', '.join(further)}; of these, the first two come from one "
        "source (PBC) alone. Blasts, plasma cells, atypical lymphocytes and smudge cells were "
        "never in its training data and get another class's name. Basophils were learned from PBC "
        "nearly alone (7 elsewhere). Eosinophils with pale granules pass for neutrophils. Zheng's "
        "classes were not checked by experts: 003, 098 and 100 of Zheng 2 look like monocytes or "
        "atypical cells.",
        "",
    ]
    return "\n".join(lines)


def _priors() -> list[str]:
    """Say how common the rare classes are taken for."""
    given = tomllib.loads(SHIPPED_CLASSIFIER.read_text(encoding="utf-8"))
    return [
        "Rare classes are taken for rarer than they were shown in training, as they are in most "
        f"blood: immature granulocytes and erythroblasts {given.get('rare_prior', 1.0):g} times "
        f"as common, platelets and artefacts {given.get('artefact_prior', 1.0):g} times. Without "
        "that, monocytes and lymphocytes of a source never seen passed for erythroblasts; with it, "
        "fewer of the rare cells are found. The factors are guesses at usual blood, made with the "
        "figures of left-out sets in sight: these are somewhat too good for it.",
        "",
    ]


def _classification_table(sets: dict[str, Any]) -> list[str]:
    lines = [
        "| set | cells | accuracy | balanced accuracy | common classes | macro F1 | calibration "
        "error | majority class | not found |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, s in sets.items():
        a, b = s["accuracy_95"]
        c, d = s["balanced_accuracy_95"]
        common = s["common_classes"]["balanced_accuracy"]
        lines.append(
            f"| {SETS[name]} | {s['photographs']} | {s['accuracy']:.4f} [{a:.3f}, {b:.3f}] "
            f"| {s['balanced_accuracy']:.4f} [{c:.3f}, {d:.3f}] "
            f"| {'none' if common is None else f'{common:.4f}'} | {s['macro_f1']:.4f} "
            f"| {_calibration(s)} | {s['majority_class_accuracy']:.4f} "
            f"| {s['not_found']} |"
        )
    return [*lines, "", "Common classes are those with at least 10 cells in the set."]


def _calibration(s: dict[str, Any]) -> str:
    if "calibration_error_95" not in s:
        return f"{s['calibration_error']:.3f}"
    low, high = s["calibration_error_95"]
    return f"{s['calibration_error']:.3f} [{low:.3f}, {high:.3f}]"


def _recalls(sets: dict[str, Any]) -> list[str]:
    lines = ["Recall of each class (cells):", ""]
    lines += ["| set | " + " | ".join(LEUKOCYTE_NAMES) + " |", "|---" * 6 + "|"]
    for name, s in sets.items():
        cells = [
            f"{s[f'recall_{c}']:.3f} ({s['cells'][c]})" if s["cells"][c] else "none"
            for c in LEUKOCYTE_NAMES
        ]
        lines.append(f"| {SETS[name]} | " + " | ".join(cells) + " |")
    return lines
