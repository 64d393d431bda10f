"""What was measured of a head, as lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from napari_leukocyte.learning.head.comparison import Comparison, Share
from napari_leukocyte.learning.head.curve import ClassCurve, LearningCurve
from napari_leukocyte.learning.head.retrain import Retrained

#: A gain below this is not worth a sentence.
_NOTHING = 0.005


def as_lines(result: Retrained) -> list[str]:
    """Return before and after, class by class, then whether the head may be taken."""
    lines = [f"Your cells, each by a head that had not seen its photograph ({_size(result.own)}):"]
    lines += _table(result.own)
    lines.append(f"Shipped cells that no head was fitted on ({_size(result.shipped)}):")
    lines += _table(result.shipped)
    lines += [f"Note: {note}" for note in result.notes]
    lines += [verdict(result)]
    return lines


def verdict(result: Retrained) -> str:
    """Say in a few sentences whether a head may be taken."""
    if result.refusals:
        return "Not taken. " + " ".join(result.refusals)
    gain = result.own.difference
    sure = gain.low > 0
    return f"It may be taken: the balanced accuracy on your cells changes by {signed(gain)}" + (
        "." if sure else ", which may be chance."
    )


def curve_lines(curve: LearningCurve | None) -> list[str]:
    """Return the curve, and what twice the corrections would bring."""
    if curve is None:
        return ["Too few photographs to say what more corrections would bring."]
    measured = ", ".join(f"{p.value:.3f} with {p.cells:.0f}" for p in curve.overall.points)
    lines = [f"Balanced accuracy by reviewed cells a class: {measured}."]
    lines += [expectation(line) for line in (curve.overall, *curve.classes) if line.expected]
    return lines


def expectation(line: ClassCurve) -> str:
    """Say what twice the cells of a class are expected to bring."""
    what = line.name or "All classes"
    if line.expected is None:
        return f"{what}: too few cells to say what more would bring."
    more = f"{2 * line.points[-1].cells:.0f} cells" + ("" if line.name else " a class")
    little = " Little is to be gained." if line.gain < _NOTHING else ""
    return f"{what}: {line.points[-1].value:.3f} now, {share(line.expected)} with {more}.{little}"


def share(value: Share, digits: int = 3) -> str:
    """Return a share with its interval, ``0.912 [0.853–0.951]``."""
    if math.isnan(value.value):
        return "not measured"
    one, low, high = (f"{v:.{digits}f}" for v in (value.value, value.low, value.high))
    return f"{one} [{low}–{high}]"


def signed(value: Share) -> str:
    """Return a difference with its interval."""
    return f"{value.value:+.3f} [{value.low:+.3f} to {value.high:+.3f}]"


def _size(comparison: Comparison) -> str:
    return f"{comparison.cells} cells, {comparison.photographs} photographs"


def _table(comparison: Comparison) -> Iterator[str]:
    yield f"  {'class':24}{'cells':>6}   {'recall before':24}recall after"
    for row in comparison.rows:
        after = share(row.after) if row.measured else "not measured"
        yield f"  {row.name:24}{row.cells:6}   {share(row.before):24}{after}"
    yield f"  {'balanced accuracy':30}   {share(comparison.before):24}{share(comparison.after)}"
    errors = comparison.calibration_before, comparison.calibration_after
    yield f"  {'calibration error':30}   {errors[0]:<24.3f}{errors[1]:.3f}"
