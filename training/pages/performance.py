"""The page of how long things take: what was measured with figures, and what benchmarks print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.pages.abroad import SOURCES
from training.pages.render import render


def page(abroad: Mapping[str, Any]) -> str:
    """Return the text of the page.

    Parameters
    ----------
    abroad : mapping
        As from :func:`training.abroad.evaluate_abroad`.
    """
    rows = [
        (SOURCES.get(name, name), str(found["fields"]), f"{found['cpu_seconds_a_field']:.1f}")
        for name, found in abroad["sources"].items()
    ]
    return render("performance", rows=rows)
