"""The steps of the work, in its order, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.session.session import Session

#: Names of the steps; those after "improve" look at cells that are under review.
StepName = Literal[
    "smear", "segment", "review", "count", "export", "improve", "why", "uncertainty", "map"
]
#: What the button at the foot does besides opening its step.
Act = Literal["", "segment", "classify"]


@dataclass(frozen=True)
class WorkbenchStep:
    """A step of the work: a widget that stands in the workbench, or in a dock of its own.

    Attributes
    ----------
    name : str
    title : str
        On its tab: one word, so that all tabs have room.
    tip : str
        What it is for.
    widget : str
        Where its class is: ``module:Class``.
    """

    name: StepName
    title: str
    tip: str
    widget: str

    def make(self, viewer: Any, **given: Any) -> Any:
        """Make its widget for a viewer; the module is imported now."""
        module, _, name = self.widget.partition(":")
        return getattr(import_module(f"napari_leukocyte.ui.{module}"), name)(viewer, **given)


STEPS = (
    WorkbenchStep(
        "smear",
        "Smear",
        "The photographs of a smear: which are open, counted, signed off.",
        "smear.widget:SmearWidget",
    ),
    WorkbenchStep(
        "segment",
        "Segment",
        "Find the leukocytes of the photograph, and correct their masks.",
        "segment.widget:SegmentWidget",
    ),
    WorkbenchStep(
        "review",
        "Review",
        "Look at every cell; confirm or correct its class.",
        "review.widget:ReviewWidget",
    ),
    WorkbenchStep(
        "count",
        "Count",
        "Classify the cells, count them, and save the results.",
        "classify.widget:ClassifyWidget",
    ),
    WorkbenchStep(
        "export",
        "Export",
        "Save the corrected annotations for other programs and for training.",
        "export.widget:ExportWidget",
    ),
    WorkbenchStep(
        "improve",
        "Improve",
        "Make a better model of your corrections.",
        "improve.widget:ImproveWidget",
    ),
)
#: Views of the cells that are under review.
CELL_VIEWS = (
    WorkbenchStep(
        "why",
        "Why",
        "Why the selected cell got its class.",
        "explain.widget:WhyWidget",
    ),
    WorkbenchStep(
        "uncertainty",
        "How sure",
        "How sure the class of the selected cell is.",
        "uncertainty.widget:UncertaintyWidget",
    ),
    WorkbenchStep(
        "map",
        "Map",
        "All cells as points: those that look alike lie side by side.",
        "embedding_map.widget:CellMapWidget",
    ),
)


@dataclass(frozen=True)
class Suggestion:
    """A suggestion of what is best done next.

    Attributes
    ----------
    text : str
        On a button.
    step : str or None
        Where it is done; None if it is done outside, such as opening a photograph.
    act : str
        What is done there at once.
    """

    text: str
    step: StepName | None = None
    act: Act = ""


def suggest(image: bool, session: Session | None, front: StepName) -> Suggestion:
    """Say what is best done next.

    Parameters
    ----------
    image : bool
        Whether a photograph is chosen.
    session : Session or None
        The work on it.
    front : str
        The step that is in front: once all is done there, the one after it comes next.

    Returns
    -------
    Suggestion
    """
    if not image:
        return Suggestion("Open a photograph: File > Open, or drop it here")
    table = None if session is None else session.table()
    if session is None or table is None or (session.maps is None and not len(table)):
        return Suggestion("Next: find the leukocytes ▸", "segment", "segment")
    if not len(table):
        return Suggestion("No leukocyte was found: lower “Least score”, or draw one", "segment")
    unclassified = int(table["class"].isna().sum())
    if unclassified:
        act: Act = "classify" if session.classifier is None else ""
        where: StepName = "count" if act else "review"
        return Suggestion(tr("Next: classify {cells} ▸", cells=_cells(unclassified)), where, act)
    reviewed, total = session.review_progress
    if reviewed < total:
        return Suggestion(tr("Next: review {cells} ▸", cells=_cells(total - reviewed)), "review")
    if front == "count":
        return Suggestion("Next: export the annotations ▸", "export")
    if front == "export":
        return Suggestion("Next: improve the classifier with your corrections ▸", "improve")
    return Suggestion("Next: count and report ▸", "count")


def _cells(number: int) -> str:
    return tr_n("{n} cell", "{n} cells", number)
