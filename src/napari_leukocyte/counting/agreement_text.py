"""What came of two readers' files, in words."""

from __future__ import annotations

import math

import pandas as pd

from napari_leukocyte.counting.agreement import Agreement
from napari_leukocyte.counting.readers import ReaderComparison
from napari_leukocyte.vocabulary import DISCLAIMER, abbreviate


def describe_readers(found: ReaderComparison, first: str, second: str) -> str:
    """Describe a comparison of two readers.

    Parameters
    ----------
    found : ReaderComparison
        What was compared.
    first, second : str
        What the readers' files are called.

    Returns
    -------
    str
        Lines of plain text, for a font whose letters are equally wide: cells compared and left
        over, agreement in percent, Cohen's kappa, both with 95 % limits, the table of classes, and
        the disclaimer.
    """
    agreement = found.agreement
    unclassified = len(found.pairs) - agreement.cells
    lines = [
        f"First reader:  {first}",
        f"Second reader: {second}",
        "",
        f"Cells compared: {agreement.cells}",
        f"Only in the first, on images of both: {found.only_first}",
        f"Only in the second, on images of both: {found.only_second}",
    ]
    if unclassified:
        lines.append(f"In both, but without a class in one of them: {unclassified}")
    outlines = len(found.by_overlap)
    if outlines:
        images = "1 image" if outlines == 1 else f"{outlines} images"
        lines.append(f"Cells were matched by their outlines in {images}, else by their numbers.")
    else:
        lines.append("Cells were matched by their numbers: there are no label images of both.")
    lines += ["", *_figures(agreement)]
    if agreement.cells:
        lines += ["", *_table(agreement.confusion)]
    return "\n".join([*lines, "", DISCLAIMER])


def _figures(agreement: Agreement) -> list[str]:
    if not agreement.cells:
        return ["There is no cell to which both gave a class."]
    lines = [
        f"Agreement: {agreement.percent:.1f} %, {agreement.agreed} of {agreement.cells} "
        f"(95 % limits {agreement.low:.1f} to {agreement.high:.1f} %)"
    ]
    kappa = agreement.kappa
    if math.isnan(kappa.value):
        lines.append("Cohen's kappa: undefined, as both gave all cells one class")
    else:
        lines.append(
            f"Cohen's kappa: {kappa.value:.3f} (95 % limits {kappa.low:.3f} to {kappa.high:.3f})"
        )
    return lines


def _table(confusion: pd.DataFrame) -> list[str]:
    names = [" ".join(str(n).split()) for n in confusion.columns]
    heads = [abbreviate(n) for n in names]
    if len(set(heads)) < len(heads):
        heads = [str(i) for i in range(1, len(names) + 1)]
    titles = [f"{head:<3} {name}" for head, name in zip(heads, names, strict=True)]
    corner = "First \\ second"
    left = max(len(corner), *(len(t) for t in titles))
    counts = confusion.to_numpy().tolist()
    width = 2 + max(3, len(str(max(max(row) for row in counts))))
    lines = [corner.ljust(left) + "".join(h.rjust(width) for h in heads)]
    for title, row in zip(titles, counts, strict=True):
        lines.append(title.ljust(left) + "".join(str(c).rjust(width) for c in row))
    return lines
