"""Templates filled with figures, whole pages or the part of a page between two marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from napari_leukocyte.vocabulary import DISCLAIMER, LEUKOCYTE_NAMES

#: Folder of the pages that are written from figures.
MEASURED = Path(__file__).parents[2] / "docs" / "measured"
#: The sets by their names in results, as a reader knows them.
SETS = {
    "zheng1": "Zheng 1 (Jiangxi Tecom, single cells)",
    "zheng2": "Zheng 2 (CellaVision, single cells)",
    "bccd": "BCCD (whole fields)",
    "pbc": "PBC (CellaVision DM96, single cells)",
    "raabin_labelled": "Raabin (two microscopes, two telephones, single cells)",
    "choi_marrow": "Choi (bone marrow, patches)",
    "together": "all together",
}
#: Between these lines a page is written anew; all else is prose by hand.
BEGIN, END = "<!-- {}: written by python -m training {} -->", "<!-- end of {} -->"


def render(template: str, **values: Any) -> str:
    """Return a template of `templates/` filled with values.

    Parameters
    ----------
    template : str
        The file's name without ``.md.jinja``.
    **values
        What it needs; a name that is missing is an error.
    """
    # Markdown, not HTML: what is filled in are figures and names of this project's own.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"interval": interval, "percent": percent}
    environment.globals |= {
        "DISCLAIMER": DISCLAIMER,
        "LEUKOCYTES": LEUKOCYTE_NAMES,
        "SETS": SETS,
        "table": table,
    }
    return environment.get_template(f"{template}.md.jinja").render(values)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def interval(value: float, limits: Sequence[float], digits: int = 3) -> str:
    """Return a figure with its limits, which have three digits."""
    return f"{value:.{digits}f} [{limits[0]:.3f}, {limits[1]:.3f}]"


def percent(share: float | None, limits: Sequence[float] | None = None) -> str:
    """Return a share as percent, with its limits if there are any; nothing for None."""
    if share is None:
        return ""
    shown = f"{100 * share:.1f} %"
    if limits is None:
        return shown
    low, high = (f"{100 * v:.1f}" for v in limits)
    return f"{shown} ({low}–{high})"


def write_page(page: Path, text: str) -> Path:
    """Write a whole page and return it."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")
    return page


def write_parts(page: Path, parts: dict[str, str]) -> Path:
    """Write parts of a page, each by the name in its marks, and return the page.

    Raises
    ------
    ValueError
        If the page lacks the marks of a part.
    """
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        begin, end = BEGIN.format(name, name), END.format(name)
        if begin not in text or end not in text:
            raise ValueError(f"The page has no place for the table {name!r}.")
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{part.strip()}\n\n{end}{after}"
    page.write_text(text, encoding="utf-8")
    return page
