"""Write what was measured where users read it: the manifests, and ``docs/models.md``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_leukocyte.models.manifest import FILE_NAME, Manifest
from napari_leukocyte.models.registry import find_model
from training.aims import aims_page
from training.card_pages import classification_card, head, segmentation_card
from training.fitting import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
#: Figures of a set that go into a manifest; intervals are named with ``_95``.
SEGMENTATION_FIGURES = (
    "photographs",
    "foreground_iou",
    "foreground_iou_95",
    "foreground_iou_5th_percentile",
    "mean_iou_both_classes",
    "object_f1_at_0.5",
)
CLASSIFICATION_FIGURES = (
    "photographs",
    "accuracy",
    "accuracy_95",
    "balanced_accuracy",
    "balanced_accuracy_95",
    "macro_f1",
    "calibration_error",
    "majority_class_accuracy",
)


def write_cards() -> Path:
    """Write the measured figures into the default models' manifests and the page of cards.

    Returns
    -------
    Path
        The page, made anew from ``results/segmentation.json``, ``fields.json``,
        ``classification.json`` and ``left-out.json``.

    Raises
    ------
    FileNotFoundError
        If one of them has not been measured.
    ValueError
        If one of them was measured with other networks than those shipped.
    """
    segmentation, fields, classification, left_out = (
        json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("segmentation", "fields", "classification", "left-out")
    )
    segmenter, classifier = find_model("segmentation"), find_model("classification")
    for result, manifest in ((segmentation, segmenter), (classification, classifier)):
        if result["sha256"] != [m.sha256 for m in manifest.members]:
            raise ValueError(f"{manifest.name} has changed since it was measured.")
    _record(
        segmenter,
        {
            "held_out": _segmentation(segmentation["sets"]),
            "left_out": _segmentation(left_out["segmentation"]),
        },
    )
    _record(
        classifier,
        {
            "held_out": _classification(classification["sets"]),
            "left_out": _classification(left_out["classification"]),
        },
    )
    parts = (
        head(),
        aims_page(segmentation, classification, left_out),
        segmentation_card(segmenter, segmentation, fields, left_out["segmentation"]),
        classification_card(classifier, classification, left_out["classification"]),
    )
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    return PAGE


def _record(manifest: Manifest, figures: dict[str, Any]) -> None:
    path = manifest.folder / FILE_NAME
    data = json.loads(path.read_text(encoding="utf-8"))
    data["figures"] = figures
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def _segmentation(sets: dict[str, Any]) -> dict[str, Any]:
    """Keep the vote's figures; an experiment of one member has no other."""
    return {
        name: {"photographs": s["photographs"]}
        | _kept(s["methods"]["ensemble"], SEGMENTATION_FIGURES)
        for name, s in sets.items()
    }


def _classification(sets: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _kept(s, CLASSIFICATION_FIGURES)
        | {"recall": {k.removeprefix("recall_"): v for k, v in s.items() if k[:7] == "recall_"}}
        | {"recall_further": {k: v["recall"] for k, v in s["further"].items()}}
        for name, s in sets.items()
    }


def _kept(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _rounded(values[name]) for name in names if name in values}


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return round(value, 4) if isinstance(value, float) else value
