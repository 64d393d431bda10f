"""The tables of ``docs/uncertainty.md`` and ``docs/domain-shift.md``, from what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.card_pages import SETS
from training.explain_page import replaced
from training.tables import markdown_table

DOCS = Path(__file__).parents[1] / "docs"
#: Rows of the first table, by their names in the result.
_SETS_OF_CELLS = {
    "lac": "LAC, all cells together",
    "lac, by class": "LAC, by class",
    "aps": "APS",
    "raps": "RAPS",
    "lac, like its own set": "LAC, the image's own set",
    "lac, every set": "LAC, the widest of all sets",
}


def write_uncertainty_tables(result: dict[str, Any], page: Path = DOCS / "uncertainty.md") -> Path:
    """Write the tables of coverage into their page; all else stays."""
    text = page.read_text(encoding="utf-8")
    text = replaced(text, "uncertainty", [*_held_out(result), *_left_out(result)])
    page.write_text(text, encoding="utf-8")
    return page


def write_domain_shift_tables(
    result: dict[str, Any], page: Path = DOCS / "domain-shift.md"
) -> Path:
    """Write the tables of the warnings into their page; all else stays."""
    text = page.read_text(encoding="utf-8")
    page.write_text(
        replaced(text, "domain-shift", [*_images(result["images"]), *_cells(result["cells"])]),
        encoding="utf-8",
    )
    return page


def _held_out(result: dict[str, Any]) -> list[str]:
    held = result["held_out"]
    sets = list(next(iter(next(iter(held["by_level"].values())).values()))["sets"])
    lines = [
        f"Held-out photographs of the training sets ({held['cells']} cells), each tenth tried with "
        "the others calibrating:",
        "",
    ]
    rows = [
        (
            _percent(float(level)),
            title,
            _interval(row["coverage"], row["coverage_95"]),
            *(_percent(row["sets"][d]["coverage"]) for d in sets),
            f"{row['size']:.2f}",
            _percent(row["single"]),
            _percent(row["single_wrong"]),
        )
        for level, by_score in held["by_level"].items()
        for name, title in _SETS_OF_CELLS.items()
        if (row := by_score[name])
    ]
    head = (
        "Level",
        "Sets",
        "Coverage",
        *(SETS[d] for d in sets),
        "Size",
        "One class",
        "of it wrong",
    )
    return [*lines, *markdown_table(head, rows)]


def _left_out(result: dict[str, Any]) -> list[str]:
    lines = []
    for dataset, found in result["left_out"].items():
        unknown = found["of_unknown_classes"]
        lines += [
            f"{SETS[dataset]}, left out of training ({found['cells']} cells of classes that the "
            f"classifier knows{f', {unknown} others left aside' if unknown else ''}):",
            "",
        ]
        rows = [
            (
                _percent(float(level)),
                name[0].upper() + name[1:],
                _interval(row["coverage"], row["coverage_95"]),
                _percent(row["coverage_mean_of_classes"]),
                f"{row['size']:.2f}",
                _percent(row["single"]),
                _percent(row["single_wrong"]),
            )
            for level, by_name in found["by_level"].items()
            for name, row in by_name.items()
        ]
        head = ("Level", "Calibration", "Coverage", "Mean of classes", "Size", "One class", "wrong")
        lines += markdown_table(head, rows)
    return lines


def _images(images: dict[str, Any]) -> list[str]:
    rows = [
        (
            SETS.get(dataset, "all together"),
            _interval(held["warned"], held["warned_95"]) + f" of {held['of']}",
            _interval(left["warned"], left["warned_95"]) + f" of {left['of']}" if left else "",
            ", ".join(f"{SETS[d]} {n}" for d, n in left["nearest"].items()) if left else "",
        )
        for dataset, held in images["held_out"].items()
        for left in [images["left_out"].get(dataset)]
    ]
    head = ("Set", "Warned, set known", "Warned, set left out", "Nearest to")
    return [
        "Photographs that are called unlike the training sets:",
        "",
        *markdown_table(head, rows),
    ]


def _cells(cells: dict[str, Any]) -> list[str]:
    names = (
        "1 - confidence",
        "entropy",
        "doubt",
        "distance, 8 components",
        "distance and doubt, 8 components",
    )
    rows = [
        (
            f"{SETS[dataset]}, {found['cells']} cells, {_percent(found['wrong'])} wrong",
            *(f"{found['auroc_five_classes'][name]:.3f}" for name in names),
            "–".join(f"{v:.3f}" for v in found["shipped_95"]),
            f"{found['shipped_all_classes']:.3f}",
            f"{found['chosen']['auroc']:.3f} ({found['chosen']['score']})"
            if found["chosen"]
            else "",
        )
        for dataset, found in cells.items()
    ]
    head = (
        "Left out",
        "1 - confidence",
        "Entropy",
        "Doubt",
        "Distance",
        "Both",
        "95 %",
        "Both, all classes",
        "Best on the other sets",
    )
    lines = ["Area under the ROC curve, wrong cells against right ones, the five classes:", ""]
    return [*lines, *markdown_table(head, rows)]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _interval(share: float, limits: list[float]) -> str:
    low, high = (f"{100 * v:.1f}" for v in limits)
    return f"{100 * share:.1f} % ({low}–{high})"
