"""The report of one image or of a whole smear: one HTML file that prints well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from napari_leukocyte.counting.agreement import Agreement
from napari_leukocyte.counting.reference import ReferenceRanges, find_ranges
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import OutputError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.progress import Progress
from napari_leukocyte.reporting.report_content import (
    ReportField,
    cells_by_class,
    count_cells,
    draw_pictures,
    field_summary,
    methods_of,
    review_of,
    signatures,
)
from napari_leukocyte.version import __version__
from napari_leukocyte.vocabulary import DISCLAIMER

__all__ = ["MOST_CELLS", "ReportField", "write_report"]

#: Cells shown of each class unless the caller decides otherwise.
MOST_CELLS = 120
_TEMPLATE = "report.html.jinja"


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
        title = f"Leukogram of {fields[0].name}"
        if len(fields) > 1:
            title = f"Leukogram of a smear, {len(fields)} fields"
    tables = [f.table for f in fields]
    pooled = pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)
    groups = cells_by_class(fields, most_cells)
    text = _render(
        title=title,
        disclaimer=DISCLAIMER,
        version=__version__,
        created=(created or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
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
    environment.filters |= {"figure": _figure, "moment": _moment}
    source = resources.files("napari_leukocyte.reporting").joinpath(_TEMPLATE)
    return environment.from_string(source.read_text(encoding="utf-8")).render(values)


def _figure(value: float, decimals: int = 1) -> str:
    """Format a number; a dash where there is none."""
    if math.isnan(value):
        return "–"
    return "∞" if math.isinf(value) else f"{value:.{decimals}f}"


def _moment(when: str) -> str:
    """Format a point of time for people; as it is if it is none."""
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        return when
    if moment.tzinfo is None:
        return moment.strftime("%Y-%m-%d %H:%M")
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
