"""The list of tools, and the texts that a user reads about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_leukocyte.language import later, later_n, tr
from napari_leukocyte.ui.keys import shown_keys


@dataclass(frozen=True)
class Tool:
    """A tool that changes masks.

    Attributes
    ----------
    name : str
        Also of its icon.
    title : str
        Shown to the user.
    gesture : {"path", "click", "paint", "erase"}
        What the mouse does with it; the last two are napari's own modes.
    least : int
        So many selected objects are worked on at once, without a gesture; 0 for a tool that
        takes no selection.
    help : str
        What it does.
    hint : str
        What to do while it is in hand.
    """

    name: str
    title: str
    gesture: Literal["path", "click", "paint", "erase"]
    least: int
    help: str
    hint: str

    @property
    def keys(self) -> str:
        """Id of its keys in :data:`napari_leukocyte.ui.keys.ACTIONS`."""
        return f"tool_{self.name}"


SPLIT = Tool(
    "split",
    "Split",
    "path",
    0,
    "Part two cells that are one: click on the one, then on the other, and a watershed finds the "
    "cut; or draw the cut yourself, along any path. The larger part keeps the number.",
    "Click on the two cells, or draw the cut between them.",
)
MERGE = Tool(
    "merge",
    "Merge",
    "path",
    2,
    "Make one cell of those selected. Without a selection: draw over them. A small gap is "
    "bridged; the smallest number stays.",
    "Draw over the cells to be merged.",
)
DELETE = Tool(
    "delete",
    "Delete",
    "click",
    1,
    "Delete the selected cells. Without a selection: click on each. Whatever tool is in hand, "
    "Ctrl+click on a cell deletes it.",
    "Click on a cell to delete it.",
)
ADD = Tool(
    "add",
    "Add",
    "click",
    0,
    "Add a cell that was missed: click on it, and it grows from the probability map at a lower "
    "threshold, or from the stain.",
    "Click on a cell that was missed.",
)
SMOOTH = Tool(
    "smooth",
    "Smooth",
    "click",
    1,
    "Smooth the outlines of the selected cells. Without a selection: click on each.",
    "Click on a cell to smooth its outline.",
)
FILL = Tool(
    "fill",
    "Fill holes",
    "click",
    1,
    "Fill the holes of the selected cells. Without a selection: click on each.",
    "Click on a cell to fill its holes.",
)
BRUSH = Tool(
    "brush",
    "Brush",
    "paint",
    0,
    "Paint the selected cell; with none selected, a new one. [ and ] change the brush's size.",
    "Paint the selected cell, or a new one if none is selected (M: another new one).",
)
ERASER = Tool(
    "eraser",
    "Eraser",
    "erase",
    0,
    "Erase from the selected cell alone; with none selected, from any.",
    "Erase from the selected cell, or from any if none is selected.",
)
#: In the order of the row.
TOOLS = (SPLIT, MERGE, DELETE, ADD, BRUSH, ERASER, SMOOTH, FILL)

#: The id of the keys that put the tool in hand away.
STOP = "stop"


def leave() -> str:
    """Return the end of every hint: how to put the tool away."""
    return tr("{key} leaves.", key=shown_keys(STOP))


def cells(numbers: tuple[int, ...] | list[int]) -> str:
    """Return "cell 12" or "3 cells", in English; `tr` says it in the language in use."""
    if len(numbers) == 1:
        return later("cell {label}", label=numbers[0])
    return later_n("{n} cell", "{n} cells", len(numbers))
