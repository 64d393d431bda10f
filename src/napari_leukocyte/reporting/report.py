"""The report of one image or of a whole smear: one HTML file that prints well."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.counting.agreement import Agreement
from napari_leukocyte.counting.leukogram import (
    assess,
    count,
    divided,
    erythroblasts_per_100,
    in_order,
    is_counted,
)
from napari_leukocyte.counting.presets import SUM_TITLES, assess_sums
from napari_leukocyte.counting.reference import Range, ReferenceRanges, find_ranges
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import OutputError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.language import decimal, in_use, tr, tr_n
from napari_leukocyte.progress import Progress
from napari_leukocyte.reporting.drawing import UNCLASSIFIED, class_colors
from napari_leukocyte.reporting.pictures import cell_pictures, field_picture
from napari_leukocyte.schema import LABEL
from napari_leukocyte.version import __version__
from napari_leukocyte.vocabulary import DISCLAIMER, tr_count, written

#: Ends of the axis of the bars, %: the least that holds everything is taken.
_ENDS = (20, 40, 60, 80, 100)
#: Cells shown of each class unless the caller decides otherwise.
MOST_CELLS = 120
_TEMPLATE = "report.html.jinja"


class SignOffLike(Protocol):
    """A reader's word that an image is done."""

    @property
    def reader(self) -> str:
        """Who said so."""

    @property
    def when(self) -> str:
        """When, ISO 8601."""


@dataclass(frozen=True, eq=False)
class ReportField:
    """One image of a smear.

    Attributes
    ----------
    name : str
        Shown as its heading.
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32.
    table : pandas.DataFrame
        Its objects: ``label`` and ``class``; also shown are ``reviewed`` (bool), ``predicted``,
        ``flags`` and ``note`` where the table has them.
    record : mapping
        As from :func:`napari_leukocyte.reporting.record.make_record`.
    sign_off : SignOffLike or None
        Who signed it off and when; None if nobody did.
    """

    name: str
    rgb: NDArray[np.uint8]
    labels: NDArray[np.int32]
    table: pd.DataFrame
    record: Mapping[str, Any] = field(default_factory=dict)
    sign_off: SignOffLike | None = None


def field_summary(one: ReportField) -> dict[str, Any]:
    """Return what is said of a field beside its picture."""
    return {
        "name": one.name,
        "cells": len(one.table),
        "review": review_of(one.table),
        "sign_off": one.sign_off,
        "notes": [str(n) for image in one.record.get("images", ()) for n in image.get("notes", ())],
    }


def signatures(fields: Sequence[ReportField]) -> list[tuple[str, str, list[int]]]:
    """Return who signed off, the last time, and the numbers of the fields."""
    signed: dict[str, tuple[str, list[int]]] = {}
    for number, one in enumerate(fields, 1):
        if one.sign_off is not None:
            last, numbers = signed.get(one.sign_off.reader, ("", []))
            signed[one.sign_off.reader] = max(last, one.sign_off.when), [*numbers, number]
    return [(reader, when, numbers) for reader, (when, numbers) in signed.items()]


def review_of(table: pd.DataFrame) -> dict[str, int | None] | None:
    """Return how many cells were reviewed and changed; None if the table does not say."""
    if "reviewed" not in table:
        return None
    changed = None
    if "predicted" in table:
        both = table["predicted"].notna() & table["class"].notna()
        changed = int((both & (table["predicted"] != table["class"])).sum())
    reviewed = int(table["reviewed"].fillna(False).astype(bool).sum())
    return {"reviewed": reviewed, "cells": len(table), "changed": changed}


def count_cells(
    table: pd.DataFrame, settings: DifferentialSettings, ranges: ReferenceRanges | None
) -> dict[str, Any]:
    """Return the leukogram with all that is derived from it."""
    leukogram = count(table, settings.counted)
    counted = is_counted(leukogram)
    assessed = assess(leukogram, ranges, settings.leukocytes)
    colors = _hex_colors(leukogram["class"])
    end = _axis_end(assessed, ranges)
    added = assess_sums(leukogram, ranges, settings.leukocytes)
    rows = _rows(assessed[counted], ranges, colors, end, divided(leukogram))
    for row in _rows(added, ranges, colors, end):
        rows.append(row | {"class": SUM_TITLES[row["class"]]})
    others = leukogram[~counted & (leukogram["count"] > 0)]
    return {
        "rows": rows,
        "axis_end": end,
        "cells": int(leukogram["total"].iloc[0]),
        "others": list(zip(others["class"], others["count"], strict=True)),
        "unclassified": int(table["class"].isna().sum()),
        "erythroblasts": erythroblasts_per_100(table, settings.counted),
    }


def _rows(
    assessed: pd.DataFrame,
    ranges: ReferenceRanges | None,
    colors: Mapping[str, str],
    end: int,
    without_range: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Return the rows of classes; a range of a divided class is one of its sum."""
    rows = []
    for row in assessed.to_dict("records"):
        name = str(row["class"])
        known = None if name in without_range else ranges
        usual = None if known is None else known.percent.get(name)
        rows.append(
            {str(k): v for k, v in row.items()}
            | {
                "color": colors[name],
                "usual": usual,
                "absolute_usual": None if known is None else known.absolute.get(name),
                "bar": _bar(row, usual, end),
            }
        )
    return rows


def _axis_end(assessed: pd.DataFrame, ranges: ReferenceRanges | None) -> int:
    highest = 0.0
    for row in assessed[is_counted(assessed)].to_dict("records"):
        usual = None if ranges is None else ranges.percent.get(str(row["class"]))
        highest = max(highest, row["ci_high"] if row["total"] else 0.0)
        if usual is not None and not math.isinf(usual.high):
            highest = max(highest, usual.high)
    return next((end for end in _ENDS if highest <= end), 100)


def _bar(row: Mapping[Any, Any], usual: Range | None, end: int) -> dict[str, Any]:
    """Return places on an axis of 100 units."""

    def place(percent: float) -> float:
        return round(100 * min(percent, end) / end, 2)

    bar: dict[str, Any] = {"share": None, "low": 0, "high": 0, "usual": None}
    if row["total"]:
        bar |= {
            "share": place(row["percent"]),
            "low": place(row["ci_low"]),
            "high": place(row["ci_high"]),
        }
    if usual is not None:
        bar["usual"] = place(usual.low), place(usual.high)
    return bar


def _hex_colors(names: Sequence[str] | pd.Series[str]) -> dict[str, str]:
    return {n: "#{:02X}{:02X}{:02X}".format(*c) for n, c in class_colors(names).items()}


def cells_by_class(fields: Sequence[ReportField], most: int) -> list[dict[str, Any]]:
    """Choose the cells that are shown, by class: those without a class come last."""
    cells: dict[str | None, list[dict[str, Any]]] = {}
    for number, one in enumerate(fields, 1):
        for row in one.table.to_dict("records"):
            name = None if pd.isna(row["class"]) else str(row["class"])
            cells.setdefault(name, []).append(_cell(row, number, name))
    colors = _hex_colors([name for name in cells if name is not None])
    names: list[str | None] = [*in_order(n for n in cells if n is not None)]
    groups = []
    for name in [*names, None] if None in cells else names:
        found = cells[name]
        step = max(1.0, len(found) / max(1, most))
        shown = [found[int(i * step)] for i in range(min(len(found), most))]
        color = UNCLASSIFIED if name is None else colors[name]
        groups.append({"name": name, "color": color, "cells": shown, "number": len(found)})
    return groups


def _cell(row: Mapping[Any, Any], number: int, name: str | None) -> dict[str, Any]:
    predicted = row.get("predicted")
    changed = isinstance(predicted, str) and name is not None and predicted != name
    texts = (row.get(column) for column in ("flags", "note"))
    return {
        "field": number,
        "label": int(row[LABEL]),
        "predicted": predicted if changed else None,
        "remarks": [t for t in texts if isinstance(t, str) and t],
        "unreviewed": "reviewed" in row and not row["reviewed"],
    }


def draw_pictures(
    fields: Sequence[ReportField],
    groups: Sequence[Mapping[str, Any]],
    progress: Progress | None,
) -> dict[str, Any]:
    """Draw every field, and the cells that are shown."""
    wanted: dict[int, set[int]] = {}
    for group in groups:
        for cell in group["cells"]:
            wanted.setdefault(cell["field"], set()).add(cell[LABEL])
    whole, cells = [], {}
    for number, one in enumerate(fields, 1):
        if progress is not None:
            progress(number - 1, len(fields), f"Drawing {one.name}")
        known = one.table[one.table["class"].notna()]
        classes = dict(zip(known[LABEL].astype(int), known["class"].astype(str), strict=True))
        for label, picture in cell_pictures(
            one.rgb, one.labels, classes, wanted.get(number, set())
        ).items():
            cells[number, label] = picture
        whole.append(field_picture(one.rgb, one.labels, one.table))
    if progress is not None:
        progress(len(fields), len(fields), "Writing the report")
    return {"fields": whole, "cells": cells}


def methods_of(fields: Sequence[ReportField]) -> list[dict[str, Any]]:
    """Return how the fields were analysed, once for all that were analysed the same way."""
    groups: list[dict[str, Any]] = []
    for number, one in enumerate(fields, 1):
        record = one.record
        method = {
            "models": [
                (what, model)
                for what in ("segmentation", "classification")
                if (model := record.get(what))
            ],
            "parameters": [(str(k), v) for k, v in (record.get("parameters") or {}).items()],
            "versions": list((record.get("versions") or {}).items()),
        }
        edits = len(record.get("edited_by_hand") or ())
        same = next((g for g in groups if g["method"] == method), None)
        if same is None:
            same = {"method": method, "numbers": [], "edits": 0}
            groups.append(same)
        same["numbers"].append(number)
        same["edits"] += edits
    return groups


def write_report(
    path: Path,
    fields: Sequence[ReportField],
    settings: DifferentialSettings | None = None,
    *,
    title: str | None = None,
    ranges: ReferenceRanges | None = None,
    agreements: Sequence[tuple[str, Agreement]] = (),
    most_cells: int = MOST_CELLS,
    created: datetime | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a report as one HTML file that needs no other; a browser prints it as PDF.

    Parameters
    ----------
    path : Path
        The file; it is replaced if it exists.
    fields : sequence of ReportField
        The images of one smear, at least one; their cells are counted together.
    settings : DifferentialSettings, optional
        What counts, the target, the total of leukocytes and the reference ranges' name.
    title : str, optional
        Heading; by default it names the image, or says how many fields there are.
    ranges : ReferenceRanges, optional
        In place of those that the settings name.
    agreements : sequence of (str, Agreement)
        Comparisons of readings to report, each with its heading.
    most_cells : int
        Cells of each class that are shown as pictures; of more, these are evenly chosen.
    created : datetime, optional
        The report's date; now, by default.
    progress : Progress, optional
        Called after each field; may raise to stop, and nothing is written then.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        If there is no field, or the file can't be written.
    ParameterError
        If the settings name ranges that do not exist.
    """
    if not fields:
        raise OutputError("There is no image to report on.")
    chosen = DifferentialSettings() if settings is None else settings
    if ranges is None and chosen.reference is not None:
        ranges = find_ranges(chosen.reference)
    if title is None:
        title = tr("Differential of {name}", name=fields[0].name)
        if len(fields) > 1:
            title = tr("Differential of a smear, {n} fields", n=len(fields))
    tables = [f.table for f in fields]
    pooled = pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)
    groups = cells_by_class(fields, most_cells)
    text = _render(
        title=title,
        disclaimer=tr(DISCLAIMER),
        version=__version__,
        created=(created or datetime.now(UTC)).astimezone(UTC).strftime(tr("%Y-%m-%d %H:%M UTC")),
        signed=signatures(fields),
        fields=[field_summary(f) for f in fields],
        settings=chosen,
        ranges=ranges,
        total=count_cells(pooled, chosen, ranges),
        review=review_of(pooled),
        groups=groups,
        pictures=draw_pictures(fields, groups, progress),
        methods=methods_of(fields),
        agreements=agreements,
    )
    with atomic_write(path) as temporary:
        # What is no text in a file's name becomes an escape.
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
    return path


def _render(**values: Any) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {"tr": tr, "tr_n": tr_n, "tr_count": tr_count, "language": in_use()}
    environment.filters |= {
        "decimal": decimal,
        "figure": _figure,
        "moment": _moment,
        "written": written,
    }
    source = resources.files("napari_leukocyte.reporting").joinpath(_TEMPLATE)
    return environment.from_string(source.read_text(encoding="utf-8")).render(values)


def _figure(value: float, decimals: int = 1) -> str:
    """Format a number; a dash where there is none."""
    if math.isnan(value):
        return "–"
    return "∞" if math.isinf(value) else decimal(f"{value:.{decimals}f}")


def _moment(when: str) -> str:
    """Format a point of time for people; as it is if it is none."""
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        return when
    if moment.tzinfo is None:
        return moment.strftime(tr("%Y-%m-%d %H:%M"))
    return moment.astimezone(UTC).strftime(tr("%Y-%m-%d %H:%M UTC"))
