"""The pages of measurements, held against the results that they were written from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from napari_leukocyte.models.registry import find_model
from training.fitting import RESULTS
from training.pages import abroad, compare, performance
from training.pages.models import pages
from training.pages.render import MEASURED
from training.plots import drawn


def result(name: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return figures


def texts() -> dict[str, str]:
    """Return every whole page as the results have it now."""
    measured = [result(n) for n in ("segmentation", "fields", "classification", "left-out")]
    found = pages(find_model("segmentation"), find_model("classification"), *measured)
    elsewhere, compared = result("abroad"), result("compare")
    found["unseen-laboratories"] = abroad.part(elsewhere)
    found["performance"] = performance.page(elsewhere)
    for part in compare.PARTS:
        found[f"comparison-{part}"] = compare.page(compared, part, drawn())
    return found


@pytest.mark.parametrize(("name", "text"), texts().items(), ids=texts())
def test_the_page_is_what_was_measured(name: str, text: str) -> None:
    """``python -m training cards`` writes it anew."""
    assert (MEASURED / f"{name}.md").read_text(encoding="utf-8") == text
