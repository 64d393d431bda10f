"""The pages of the shipped models' cards in ``docs/measured``; figures in their manifests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_leukocyte.models.manifest import FILE_NAME, Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training.aims import aims
from training.evaluate import read_result
from training.fitting import RESULTS
from training.pages import abroad, compare, explain, performance, uncertainty
from training.pages.render import MEASURED, SETS, interval, render, write_page
from training.plots import drawn
from training.ship_config import recipe_of

PAGE = MEASURED / "models.md"
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


def write_cards() -> list[Path]:
    """Write the measured figures into the default models' manifests and all pages of measurements.

    Returns
    -------
    list of Path
        The pages, made anew from ``results/segmentation.json``, ``fields.json``,
        ``classification.json`` and ``left-out.json``, and those of further results (``abroad``,
        ``compare``, ``faithfulness``, ``attributes``, ``uncertainty``, ``domain-shift``) where they
        are there.

    Raises
    ------
    FileNotFoundError
        If one of the first four has not been measured.
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
    others = others_measured()
    for name, result in others.items():
        other = find_model("classification", name)
        if result["sha256"] != [m.sha256 for m in other.members]:
            raise ValueError(f"{name} has changed since it was measured.")
        _record(other, {"held_out": _classification(result["sets"])})
    elsewhere = read_result("abroad")
    texts = pages(segmenter, classifier, segmentation, fields, classification, left_out)
    if elsewhere is not None:
        texts["unseen-laboratories"] = abroad.part(elsewhere, read_result("abroad-before"))
        texts["performance"] = performance.page(elsewhere)
    written = [write_page(PAGE.with_name(f"{name}.md"), text) for name, text in texts.items()]
    return [*written, *_further_pages()]


def others_measured() -> dict[str, dict[str, Any]]:
    """Return what was measured of shipped classifiers that are not the default, by their names."""
    begin = "classification-"
    results = {path.stem: read_result(path.stem) for path in sorted(RESULTS.glob(f"{begin}*.json"))}
    return {stem.removeprefix(begin): found for stem, found in results.items() if found is not None}


def _further_pages() -> list[Path]:
    """Write the pages of what other commands measured, where it is there."""
    written = []
    if (compared := read_result("compare")) is not None:
        written += compare.write(compared, drawn())
    written.append(explain.write_tables())
    if (covered := read_result("uncertainty")) is not None:
        written.append(uncertainty.write_uncertainty_tables(covered))
    if (shifted := read_result("domain-shift")) is not None:
        written.append(uncertainty.write_domain_shift_tables(shifted))
    return written


def pages(
    segmenter: Manifest,
    classifier: Manifest,
    segmentation: dict[str, Any],
    fields: dict[str, Any],
    classification: dict[str, Any],
    left_out: dict[str, Any],
) -> dict[str, str]:
    """Return the texts of the pages by their names.

    Parameters
    ----------
    segmenter, classifier : Manifest
        The shipped models.
    segmentation, fields, classification, left_out : dict
        As from :mod:`training.evaluate` and :mod:`training.leave_out`.
    """
    recipe = recipe_of(classifier.name)
    values = {
        "aims": list(aims(segmentation, classification, left_out)),
        "segmenter": segmenter,
        "segmentation": segmentation["sets"],
        "fields": fields,
        "classifier": classifier,
        "classification": classification["sets"] | {"together": classification["together"]},
        "errors": _errors(classification["sets"]),
        "further": _further(classification["sets"]),
        "further_of": _further,
        "further_classes": [c for c in classifier.classes if c not in LEUKOCYTE_NAMES],
        "others": {
            name: result["sets"] | {"together": result["together"]}
            for name, result in others_measured().items()
        },
        "left_out": left_out,
        "left_out_before": [
            SETS[name]
            for name, row in left_out["classification"].items()
            if "trained_on" not in row
        ],
        "rare_prior": recipe.rare_prior,
        "artefact_prior": recipe.artefact_prior,
        "segmentation_rows": _segmentation_rows,
        "classification_rows": _classification_rows,
        "recall_rows": _recall_rows,
    }
    return {name: render(name, **values) for name in ("models", "segmentation", "classification")}


def _segmentation_rows(methods: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            method,
            interval(s["foreground_iou"], s["foreground_iou_95"], 4),
            f"{s['foreground_iou_5th_percentile']:.3f}",
            f"{s['mean_iou_both_classes']:.4f}",
            f"{s['object_f1_at_0.5']:.3f}",
        )
        for method, s in methods.items()
    ]


def _classification_rows(sets: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, s in sets.items():
        common = s["common_classes"]["balanced_accuracy"]
        calibration = f"{s['calibration_error']:.3f}"
        if "calibration_error_95" in s:
            calibration = interval(s["calibration_error"], s["calibration_error_95"])
        rows.append(
            (
                SETS[name],
                str(s["photographs"]),
                interval(s["accuracy"], s["accuracy_95"], 4),
                interval(s["balanced_accuracy"], s["balanced_accuracy_95"], 4),
                "none" if common is None else f"{common:.4f}",
                f"{s['macro_f1']:.4f}",
                calibration,
                f"{s['majority_class_accuracy']:.4f}",
                str(s["not_found"]),
            )
        )
    return rows


def _recall_rows(sets: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            SETS[name],
            *(
                f"{s[f'recall_{c}']:.3f} ({s['cells'][c]})" if s["cells"][c] else "none"
                for c in LEUKOCYTE_NAMES
            ),
        )
        for name, s in sets.items()
    ]


def _further(sets: dict[str, Any]) -> str:
    """Return the recall of the classes beyond the five, in words."""
    return "; ".join(
        f"{name} {value['recall']:.3f} ({value['cells']} cells, {SETS[dataset]})"
        for dataset, s in sets.items()
        for name, value in s["further"].items()
    )


def _errors(sets: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    """Return the wrong cells of the five classes by set, where there are any."""
    found = {}
    for dataset, s in sets.items():
        wrong = [w for w in s["wrong"] if w["truth"] in LEUKOCYTE_NAMES]
        if wrong:
            found[dataset] = [w | {"file": w["name"].rsplit("/", 1)[1]} for w in wrong]
    return found


def _record(manifest: Manifest, figures: dict[str, Any]) -> None:
    path = manifest.folder / FILE_NAME
    data = json.loads(path.read_text(encoding="utf-8"))
    data["figures"] = figures
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def _segmentation(sets: dict[str, Any]) -> dict[str, Any]:
    """Return the vote's figures; an experiment of one member has no other."""
    return {
        name: {"photographs": s["photographs"]}
        | _chosen(s["methods"]["ensemble"], SEGMENTATION_FIGURES)
        for name, s in sets.items()
    }


def _classification(sets: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _chosen(s, CLASSIFICATION_FIGURES)
        | {"recall": {k.removeprefix("recall_"): v for k, v in s.items() if k[:7] == "recall_"}}
        | {"recall_further": {k: v["recall"] for k, v in s["further"].items()}}
        for name, s in sets.items()
    }


def _chosen(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _rounded(values[name]) for name in names if name in values}


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return round(value, 4) if isinstance(value, float) else value
