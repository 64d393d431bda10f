"""Write what was measured where users read it: the manifests, and ``docs/models.md``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_leukocyte.models.manifest import FILE_NAME, Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.vocabulary import DISCLAIMER, LEUKOCYTE_NAMES
from training.fitting import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
SETS = {
    "zheng1": "Zheng 1 (Jiangxi Tecom, single cells)",
    "zheng2": "Zheng 2 (CellaVision, single cells)",
    "bccd": "BCCD (whole fields)",
    "pbc": "PBC (CellaVision DM96, single cells)",
}


def write_cards() -> Path:
    """Write the measured figures into the default models' manifests and the page of cards.

    Returns
    -------
    Path
        The page, made anew from ``results/segmentation.json``, ``fields.json`` and
        ``classification.json``.

    Raises
    ------
    FileNotFoundError
        If one of them has not been measured.
    ValueError
        If one of them was measured with other networks than those shipped.
    """
    segmentation, fields, classification = (
        json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("segmentation", "fields", "classification")
    )
    segmenter, classifier = find_model("segmentation"), find_model("classification")
    for result, manifest in ((segmentation, segmenter), (classification, classifier)):
        if result["sha256"] != [m.sha256 for m in manifest.members]:
            raise ValueError(f"{manifest.name} has changed since it was measured.")
    _record(segmenter, _short_segmentation(segmentation))
    _record(classifier, _short_classification(classification))
    parts = (
        _head(),
        _segmentation_card(segmenter, segmentation, fields),
        _classification_card(classifier, classification),
    )
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    return PAGE


def _record(manifest: Manifest, figures: dict[str, Any]) -> None:
    path = manifest.folder / FILE_NAME
    data = json.loads(path.read_text(encoding="utf-8"))
    data["figures"] = figures
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def _short_segmentation(result: dict[str, Any]) -> dict[str, Any]:
    return {
        "foreground_iou_on_held-out_photographs": {
            name: round(s["methods"]["ensemble"]["foreground_iou"], 4)
            for name, s in result["sets"].items()
        }
    }


def _short_classification(result: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{figure}_on_held-out_photographs": {
            name: round(s[figure], 4) for name, s in result["sets"].items()
        }
        for figure in ("accuracy", "balanced_accuracy", "macro_f1")
    }


def _head() -> str:
    return f"""# The shipped models

{DISCLAIMER}

Made and measured by the commands in [training/README.md](../training/README.md). This page is
written by `python -m training cards` from `training/results/`.

Every figure is measured on photographs that took no part in training (10 % of each set, split by
source photograph before any augmentation), with the diameter estimated by the plugin itself.
Square brackets hold 95 % bootstrap intervals over photographs.

These are figures at home: the sets' other photographs were trained on. Expect less on smears
from other laboratories.
"""


def _segmentation_card(manifest: Manifest, result: dict[str, Any], fields: dict[str, Any]) -> str:
    lines = [
        f"## Segmentation: {manifest.name}",
        "",
        f"{manifest.title}. Licence: {manifest.licence}.",
        "",
        "Foreground IoU is the mean over photographs; 5 % of photographs lie below the 5th "
        "percentile. The looser mean IoU "
        "averages foreground and background. F1 counts objects matched at IoU 0.5.",
        "",
    ]
    for name, figures in result["sets"].items():
        low, middle, high = figures["diameter_ratio_percentiles_5_50_95"]
        lines += [
            f"### {SETS[name]}, {figures['photographs']} photographs",
            "",
            "| method | foreground IoU | 5th percentile | mean IoU, both classes | object F1 |",
            "|---|---|---|---|---|",
        ]
        for method, s in figures["methods"].items():
            a, b = s["foreground_iou_95"]
            lines.append(
                f"| {method} | {s['foreground_iou']:.4f} [{a:.3f}, {b:.3f}] "
                f"| {s['foreground_iou_5th_percentile']:.3f} | {s['mean_iou_both_classes']:.4f} "
                f"| {s['object_f1_at_0.5']:.3f} |"
            )
        lines += [
            "",
            f"Estimated over true diameter: median {middle:.2f}, 5th to 95th percentile {low:.2f} "
            f"to {high:.2f}.",
            "",
        ]
    weights = ", ".join(f"{m.name} {m.weight:g}" for m in manifest.members)
    a, b = fields["foreground_iou_95"]
    found, invented, missed = fields["objects"]
    lines += [
        f"Weights of the vote, fitted on the validation photographs: {weights}.",
        "",
        f"`napari-leukocyte run` on {len(fields['fields'])} held-out BCCD fields: foreground IoU "
        f"{fields['foreground_iou']:.4f} [{a:.3f}, {b:.3f}], F1 of objects at IoU 0.5 "
        f"{fields['object_f1_at_0.5']:.3f} ({found} found, {invented} invented, {missed} missed).",
        "",
        "What to expect it to fail on: smudge cells and bare nuclei (never in its training "
        "data), leukocytes cut by the "
        "border to a sliver, clumps of more than three, stains where the cytoplasm has the "
        "background's colour. Zheng's "
        "and BCCD's masks leave out the thinnest cytoplasm now and then; figures above 0.95 "
        "measure the annotators too.",
        "",
    ]
    return "\n".join(lines)


def _classification_card(manifest: Manifest, result: dict[str, Any]) -> str:
    lines = [
        f"## Classification: {manifest.name}",
        "",
        f"{manifest.title}. Licence: {manifest.licence}.",
        "",
        "Masks come from the plugin's own segmentation; a cell that it does not find counts as "
        "wrong. Averages go over the "
        "classes that occur. The majority class is what always saying the commonest class would "
        "score.",
        "",
        "| set | cells | accuracy | balanced accuracy | macro F1 | majority class | not found |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, s in result["sets"].items():
        a, b = s["accuracy_95"]
        lines.append(
            f"| {SETS[name]} | {s['photographs']} | {s['accuracy']:.4f} [{a:.3f}, {b:.3f}] "
            f"| {s['balanced_accuracy']:.4f} | {s['macro_f1']:.4f} "
            f"| {s['majority_class_accuracy']:.4f} | {s['not_found']} |"
        )
    lines += ["", "Recall of each class (cells):", ""]
    lines += ["| set | " + " | ".join(LEUKOCYTE_NAMES) + " |", "|---" * 6 + "|"]
    for name, s in result["sets"].items():
        cells = [
            f"{s[f'recall_{c}']:.3f} ({s['cells'][c]})" if s["cells"][c] else "none"
            for c in LEUKOCYTE_NAMES
        ]
        lines.append(f"| {SETS[name]} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"Temperature of the probabilities, fitted on the validation photographs: "
        f"{manifest.temperature:.3f}.",
        "",
        "It knows five classes and puts every object into one of them: immature granulocytes, "
        "erythroblasts, blasts, smudge cells, platelets and artefacts get a leukocyte's name too. "
        "Basophils were learned from PBC nearly alone (7 elsewhere). A few eosinophils of "
        "BCCD, whose granules are pale, pass for neutrophils. Zheng's classes were not checked "
        "by experts: the errors in Zheng 2 are 003, 098 and 100, which look like monocytes or "
        "atypical cells.",
        "",
    ]
    return "\n".join(lines)
