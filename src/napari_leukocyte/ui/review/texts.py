"""Sentences of the review, from tables and records."""

from __future__ import annotations

import html
import math
from datetime import datetime

import pandas as pd

from napari_leukocyte.counting.agreement import Agreement
from napari_leukocyte.ui.layers.objects_style import abbreviate
from napari_leukocyte.vocabulary import written

#: Shown of an object: column, name, decimals, unit.
_MEASUREMENTS = (
    ("equivalent_diameter_px", "diameter", 1, " px"),
    ("area_px", "area", 0, " px²"),
    ("circularity", "circularity", 2, ""),
    ("solidity", "solidity", 2, ""),
    ("nucleus_cell_ratio", "nucleus/cell", 2, ""),
)


def cells(number: int) -> str:
    """Return how many cells."""
    return f"{number} cell{'' if number == 1 else 's'}"


def describe_prediction(row: pd.Series, hidden: bool) -> str:
    """Return what the model says of a cell, without the figures."""
    if hidden:
        return "Model: hidden until you have said a class."
    if not isinstance(row["predicted"], str):
        return "Model: has not classified this cell."
    return f"Model: {written(row['predicted'])}"


def describe_review(row: pd.Series) -> str:
    """Return what a reader said of a cell, who and when."""
    if row["source"] == "reader":
        said = f"Reader: {written(row['class'])}"
    elif row["reviewed"]:
        said = "Reader: confirmed"
    else:
        return "Reader: not reviewed"
    who = row["reader"] if isinstance(row["reader"], str) else ""
    return said + (f", by {who}" if who else "") + _when(row["when"])


def _when(value: object) -> str:
    if not isinstance(value, str) or not value:
        return ""
    try:
        return f", {datetime.fromisoformat(value).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return ""


def describe_measurements(row: pd.Series) -> str:
    """Return the measurements of a cell on one line, and whether its mask was edited."""
    parts = []
    for column, name, decimals, unit in _MEASUREMENTS:
        value = float(row.get(column, math.nan))
        if not math.isnan(value):
            parts.append(f"{name} {value:.{decimals}f}{unit}")
    if row["edited"]:
        parts.append("mask edited by hand")
    text = " · ".join(parts)
    return text[:1].upper() + text[1:]


def describe_agreement(agreement: Agreement) -> str:
    """Return the result of a blind read as HTML: agreement, kappa, and the table of classes."""
    if not agreement.cells:
        return "Nothing was read blindly that the model has classified."
    n, agreed = agreement.cells, agreement.agreed
    text = (
        f"Reader and model agree on <b>{agreed} of {cells(n)}</b>: {agreement.percent:.0f} % "
        f"(95 % limits {agreement.low:.0f} to {agreement.high:.0f} %).<br>"
    )
    kappa = agreement.kappa
    if math.isnan(kappa.value):
        text += "Cohen's kappa says nothing here: both gave all cells one class."
    else:
        text += (
            f"Cohen's kappa <b>{kappa.value:.2f}</b> "
            f"(95 % limits {kappa.low:.2f} to {kappa.high:.2f})."
        )
    return text + _confusion(agreement.confusion)


def _confusion(confusion: pd.DataFrame) -> str:
    names = [str(n) for n in confusion.columns]
    head = "".join(f"<th>{html.escape(abbreviate(n))}</th>" for n in names)
    rows = [f"<tr><th align=left>Reader \\ model</th>{head}</tr>"]
    for name, counts in zip(names, confusion.to_numpy().tolist(), strict=True):
        figures = "".join(
            f"<td align=center>{f'<b>{c}</b>' if other == name else c or '·'}</td>"
            for other, c in zip(names, counts, strict=True)
        )
        rows.append(f"<tr><td>{html.escape(written(name))}</td>{figures}</tr>")
    return f"<table cellpadding=2>{''.join(rows)}</table>"
