"""Sentences about a leukogram."""

from __future__ import annotations

import math

import pandas as pd

from napari_leukocyte.counting.leukogram import PerHundred, rows_of
from napari_leukocyte.counting.sample_size import MOST_CELLS, cells_needed


def describe_total(leukogram: pd.DataFrame | None, unclassified: int) -> str:
    """Say, as rich text, how many cells count and what else there is."""
    total = total_of(leukogram)
    parts = [f"<b>n = {total}</b> leukocyte{'' if total == 1 else 's'}"]
    if leukogram is not None:
        parts += [
            f"{row['count']} {row['class']}, not in the count"
            for row in rows_of(leukogram)
            if row["count"] and math.isnan(row["ci_low"])
        ]
    if unclassified:
        parts.append(f"{unclassified} unclassified")
    return " · ".join(parts)


def describe_erythroblasts(found: PerHundred) -> str:
    """Say how many erythroblasts there are to 100 leukocytes; nothing if there are none."""
    if not found.count:
        return ""
    if math.isnan(found.per_100):
        return f"Erythroblasts: {found.count}, beside no leukocytes"
    return (
        f"Erythroblasts: <b>{found.per_100:.1f} per 100 leukocytes</b> "
        f"(95 % limits {found.ci_low:.1f} – {found.ci_high:.1f})"
    )


def describe_cells_needed(leukogram: pd.DataFrame | None, name: str, percent: float) -> str:
    """Say how many more cells tell a class from a share, given in percent."""
    total = total_of(leukogram)
    cells, share = f"{name}s", f"{percent:g} %"
    if leukogram is None or not total:
        return f"Count some cells first, to tell {cells} from {share}."
    counts = dict(zip(leukogram["class"].tolist(), leukogram["count"].tolist(), strict=True))
    found = int(counts.get(name, 0))
    now = f"{100 * found / total:.1f} %"
    needed = cells_needed(found, total, percent / 100)
    if needed == 0:
        return f"{cells.capitalize()}, now {now}, can already be told from {share}."
    if needed is None and found == percent / 100 * total:
        return f"{cells.capitalize()} are just at {share}: no number of cells tells them from it."
    if needed is None:
        return (
            f"More than {MOST_CELLS} more cells to tell {cells} from {share}, if they stay {now}."
        )
    more = "1 more cell" if needed == 1 else f"{needed} more cells"
    return f"{more} to tell {cells} from {share}, if they stay {now}."


def describe_progress(total: int, target: int) -> str:
    """Say how much of the target was counted."""
    return f"{total} of {target} cells"


def total_of(leukogram: pd.DataFrame | None) -> int:
    """Return how many cells count."""
    return 0 if leukogram is None or leukogram.empty else int(leukogram["total"].iloc[0])
