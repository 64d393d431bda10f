"""The tables of coverage and of warnings, in two pages of ``docs/measured``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.pages.render import MEASURED, SETS, percent, render, write_parts

#: Rows of the table of held-out photographs, by their names in the result.
_CALIBRATIONS = {
    "lac": "LAC, all cells together",
    "lac, by class": "LAC, by class",
    "aps": "APS",
    "raps": "RAPS",
    "lac, like its own set": "LAC, the image's own set",
    "lac, every set": "LAC, the widest of all sets",
}
#: Scores of cells, by their names in the result.
_SCORES = (
    "1 - confidence",
    "entropy",
    "doubt",
    "distance, 8 components",
    "distance and doubt, 8 components",
)


def write_uncertainty_tables(
    result: dict[str, Any], page: Path = MEASURED / "conformal-sets.md"
) -> Path:
    """Write the tables of coverage into their page; all else stays."""
    return write_parts(page, {"uncertainty": prediction_sets(result)})


def write_domain_shift_tables(
    result: dict[str, Any], page: Path = MEASURED / "distribution-shift.md"
) -> Path:
    """Write the tables of the warnings into their page; all else stays."""
    return write_parts(page, {"domain-shift": domain_shift(result)})


def prediction_sets(result: dict[str, Any]) -> str:
    """Return the part on the coverage of prediction sets, from ``uncertainty.json``."""
    held = result["held_out"]
    sets = list(next(iter(next(iter(held["by_level"].values())).values()))["sets"])
    rows = [
        (
            percent(float(level)),
            title,
            percent(row["coverage"], row["coverage_95"]),
            *(percent(row["sets"][d]["coverage"]) for d in sets),
            f"{row['size']:.2f}",
            percent(row["single"]),
            percent(row["single_wrong"]),
        )
        for level, by_score in held["by_level"].items()
        for name, title in _CALIBRATIONS.items()
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
    left_out = {name: _left_out_rows(found) for name, found in result["left_out"].items()}
    return render("prediction_sets", result=result, head=head, rows=rows, left_out=left_out)


def _left_out_rows(found: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            percent(float(level)),
            name[0].upper() + name[1:],
            percent(row["coverage"], row["coverage_95"]),
            percent(row["coverage_mean_of_classes"]),
            f"{row['size']:.2f}",
            percent(row["single"]),
            percent(row["single_wrong"]),
        )
        for level, by_name in found["by_level"].items()
        for name, row in by_name.items()
    ]


def domain_shift(result: dict[str, Any]) -> str:
    """Return the part on images and cells unlike the training sets, from ``domain-shift.json``."""
    images = result["images"]
    image_rows = [
        (
            SETS.get(dataset, "all together"),
            percent(held["warned"], held["warned_95"]) + f" of {held['of']}",
            percent(left["warned"], left["warned_95"]) + f" of {left['of']}" if left else "",
            ", ".join(f"{SETS[d]} {n}" for d, n in left["nearest"].items()) if left else "",
        )
        for dataset, held in images["held_out"].items()
        for left in [images["left_out"].get(dataset)]
    ]
    cell_rows = [
        (
            f"{SETS[dataset]}, {found['cells']} cells, {percent(found['wrong'])} wrong",
            *(f"{found['auroc_five_classes'][name]:.3f}" for name in _SCORES),
            "–".join(f"{v:.3f}" for v in found["shipped_95"]),
            f"{found['shipped_all_classes']:.3f}",
            f"{found['chosen']['auroc']:.3f} ({found['chosen']['score']})"
            if found["chosen"]
            else "",
        )
        for dataset, found in result["cells"].items()
    ]
    return render("domain_shift", image_rows=image_rows, cell_rows=cell_rows)
