"""The table of laboratories never seen, for the page of cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.pages.render import render

#: Each source and kind as a reader knows it.
SOURCES = {
    "bccd, fields": "BCCD, held-out fields (home)",
    "bionet, fields": "Bio-Net, whole fields, boxes",
    "chula_rbc, fields": "Chula RBC-12, fields without leukocytes",
    "raabin_labelled, crops": "Raabin, labelled crops",
    "raabin_labelled, pasted": "Raabin, cells pasted into large fields",
    "choi_marrow, crops": "Choi, bone marrow, patches",
    "choi_marrow, pasted": "Choi, cells pasted into large fields",
}
_COLUMNS = (
    ("size_right", "size within 15 %", 2),
    ("size_error", "size error", 3),
    ("object_f1", "object F1", 3),
    ("invented_a_field", "invented a field", 2),
    ("foreground_iou", "foreground IoU", 3),
    ("balanced_accuracy", "balanced accuracy", 3),
)


def part(result: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> str:
    """Return the part of the page on laboratories never seen.

    Parameters
    ----------
    result : mapping
        As from :func:`training.abroad.evaluate_abroad`.
    before : mapping, optional
        The same of a former version, to stand beside it.
    """
    return render(
        "abroad",
        result=result,
        before=before,
        rows=_rows,
        head=("source", "fields", "cells", *(c[1] for c in _COLUMNS), "processor s a field"),
        recalls=_recalls(result["sources"]),
    )


def _rows(sources: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            SOURCES.get(name, name),
            str(figures["fields"]),
            str(figures["objects"]),
            *(_cell(figures, key, digits) for key, _, digits in _COLUMNS),
            f"{figures['cpu_seconds_a_field']:.1f}",
        )
        for name, figures in sources.items()
    ]


def _cell(figures: Mapping[str, Any], key: str, digits: int) -> str:
    if key not in figures:
        return ""
    low, high = figures[f"{key}_95"]
    return f"{figures[key]:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _recalls(sources: Mapping[str, Any]) -> dict[str, str]:
    return {
        SOURCES.get(name, name): "; ".join(
            f"{c} {r['recall']:.2f} ({r['cells']})" for c, r in figures["recalls"].items()
        )
        for name, figures in sources.items()
        if "recalls" in figures
    }
