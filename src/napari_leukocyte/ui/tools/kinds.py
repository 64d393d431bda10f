"""The list of tools, and the texts that a user reads about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Tool:
    """A tool that changes masks.

    Attributes
    ----------
    name : str
        Also of its icon.
    title : str
        Shown to the user.
    key : str
        Key that takes it in hand, as napari writes keys. Napari's own Labels, Points and Shapes
        keys and those of the classes leave these free.
    gesture : {"line", "click"}
        What the mouse does with it.
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
    key: str
    gesture: Literal["line", "click"]
    least: int
    help: str
    hint: str


SPLIT = Tool(
    "split",
    "Split",
    "Shift-S",
    "line",
    0,
    "Cut a cell in two: drag a line across it, or put two points into it with Shift+click, from "
    "which a watershed parts it. The larger part keeps the number.",
    "Drag a line across a cell, or Shift+click two points in it.",
)
MERGE = Tool(
    "merge",
    "Merge",
    "Shift-M",
    "line",
    2,
    "Make one cell of those selected. Without a selection: drag a line over them. A small gap is "
    "bridged; the smallest number stays.",
    "Drag a line over the cells to be merged.",
)
DELETE = Tool(
    "delete",
    "Delete",
    "Shift-D",
    "click",
    1,
    "Delete the selected cells. Without a selection: click on each.",
    "Click on a cell to delete it.",
)
ADD = Tool(
    "add",
    "Add",
    "Shift-N",
    "click",
    0,
    "Add a cell that was missed: click on it, and it grows from the probability map at a lower "
    "threshold, or from the stain.",
    "Click on a cell that was missed.",
)
SMOOTH = Tool(
    "smooth",
    "Smooth",
    "Shift-R",
    "click",
    1,
    "Smooth the outlines of the selected cells. Without a selection: click on each.",
    "Click on a cell to smooth its outline.",
)
FILL = Tool(
    "fill",
    "Fill holes",
    "Shift-H",
    "click",
    1,
    "Fill the holes of the selected cells. Without a selection: click on each.",
    "Click on a cell to fill its holes.",
)
#: In the order of the row.
TOOLS = (SPLIT, MERGE, DELETE, ADD, SMOOTH, FILL)
#: Also deletes the selected cells.
DELETE_KEYS = ("Delete", "Backspace")
#: Ends every hint.
LEAVE = "Esc leaves."


def cells(numbers: tuple[int, ...] | list[int]) -> str:
    """Return "cell 12" or "3 cells"."""
    return f"cell {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} cells"
