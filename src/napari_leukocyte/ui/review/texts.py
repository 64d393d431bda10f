"""Sentences of the review, from tables and records."""

from __future__ import annotations

import html
import math
from datetime import datetime

import pandas as pd

from napari_leukocyte.counting.agreement import Agreement
from napari_leukocyte.language import decimal, later, tr, tr_n
from napari_leukocyte.ui.layers.objects_style import abbreviate
from napari_leukocyte.vocabulary import written

#: Shown of an object: column, name, decimals, unit.
_MEASUREMENTS = (
    ("equivalent_diameter_px", later("diameter"), 1, " px"),
    ("area_px", later("area"), 0, " px²"),
    ("circularity", later("circularity"), 2, ""),
    ("solidity", later("solidity"), 2, ""),
    ("nucleus_cell_ratio", later("nucleus/cell"), 2, ""),
)


def cells(number: int) -> str:
    """Return how many cells."""
    return tr_n("{n} cell", "{n} cells", number)


def describe_prediction(row: pd.Series, hidden: bool) -> str:
    """Return what the model says of a cell, without the figures."""
    if hidden:
        return tr("Model: hidden until you have said a class.")
    if not isinstance(row["predicted"], str):
        return tr("Model: has not classified this cell.")
    return tr("Model: {predicted}", predicted=written(row["predicted"]))


def describe_review(row: pd.Series) -> str:
    """Return what a reader said of a cell, who and when."""
    if row["source"] == "reader":
        said = tr("Reader: {name}", name=written(row["class"]))
    elif row["reviewed"]:
        said = tr("Reader: confirmed")
    else:
        return tr("Reader: not reviewed")
    who = row["reader"] if isinstance(row["reader"], str) else ""
    return said + (tr(", by {who}", who=who) if who else "") + _when(row["when"])


def _when(value: object) -> str:
    if not isinstance(value, str) or not value:
        return ""
    try:
        when = datetime.fromisoformat(value).astimezone()
        return ", " + when.strftime(tr("%Y-%m-%d %H:%M"))
    except ValueError:
        return ""


def describe_measurements(row: pd.Series) -> str:
    """Return the measurements of a cell on one line, and whether its mask was edited."""
    parts = []
    for column, name, decimals, unit in _MEASUREMENTS:
        value = float(row.get(column, math.nan))
        if not math.isnan(value):
            parts.append(f"{tr(name)} {decimal(f'{value:.{decimals}f}')}{unit}")
    if row["edited"]:
        parts.append(tr("mask edited by hand"))
    text = " · ".join(parts)
    return text[:1].upper() + text[1:]


def describe_agreement(agreement: Agreement) -> str:
    """Return the result of a blind read as HTML: agreement, kappa, and the table of classes."""
    if not agreement.cells:
        return tr("Nothing was read blindly that the model has classified.")
    n, agreed = agreement.cells, agreement.agreed
    text = tr(
        "Reader and model agree on <b>{agreed} of {cells}</b>: {percent:.0f} % "
        "(95 % limits {low:.0f} to {high:.0f} %).<br>",
        agreed=agreed,
        cells=cells(n),
        percent=agreement.percent,
        low=agreement.low,
        high=agreement.high,
    )
    kappa = agreement.kappa
    if math.isnan(kappa.value):
        text += tr("Cohen's kappa says nothing here: both gave all cells one class.")
    else:
        text += tr(
            "Cohen's kappa <b>{value:.2f}</b> (95 % limits {low:.2f} to {high:.2f}).",
            value=kappa.value,
            low=kappa.low,
            high=kappa.high,
        )
    return text + _confusion(agreement.confusion)


def _confusion(confusion: pd.DataFrame) -> str:
    names = [str(n) for n in confusion.columns]
    head = "".join(f"<th>{html.escape(abbreviate(n))}</th>" for n in names)
    corner = tr("Reader \\ model")
    rows = [f"<tr><th align=left>{corner}</th>{head}</tr>"]
    for name, counts in zip(names, confusion.to_numpy().tolist(), strict=True):
        figures = "".join(
            f"<td align=center>{f'<b>{c}</b>' if other == name else c or '·'}</td>"
            for other, c in zip(names, counts, strict=True)
        )
        rows.append(f"<tr><td>{html.escape(written(name))}</td>{figures}</tr>")
    return f"<table cellpadding=2>{''.join(rows)}</table>"
