"""The layout of a gallery: rows of equal squares below headings."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle, px: from `x`, `y`, `width` to the right and `height` down."""

    x: int
    y: int
    width: int
    height: int


class Grid:
    """The layout of groups of items, each below a heading.

    All is computed from counts, so that it takes no longer for ten thousand items.

    Parameters
    ----------
    counts : sequence of int
        Items in each group.
    width : int
        Of the gallery, px.
    item : (int, int)
        Width and height of an item with its margin, px.
    heading : int
        Height of a heading, px; 0 for none.
    """

    def __init__(
        self, counts: Sequence[int], width: int, item: tuple[int, int], heading: int
    ) -> None:
        self.item_width, self.item_height = max(1, item[0]), max(1, item[1])
        self.heading = heading
        self.columns = max(1, width // self.item_width)
        # What is left over is shared out, so that nothing jumps when a window gets wider by 1 px.
        self.pitch = max(self.item_width, width // self.columns)
        self.width = width
        self._first = [0]
        self._top = [0]
        for count in counts:
            rows = -(-count // self.columns)
            self._first.append(self._first[-1] + count)
            self._top.append(self._top[-1] + heading + rows * self.item_height)

    @property
    def count(self) -> int:
        """How many items there are."""
        return self._first[-1]

    @property
    def height(self) -> int:
        """Of everything, px."""
        return self._top[-1]

    def group_of(self, item: int) -> int:
        """Return which group an item is in."""
        return bisect_right(self._first, item) - 1

    def box(self, item: int) -> Box:
        """Return where an item lies."""
        group = self.group_of(item)
        row, column = divmod(item - self._first[group], self.columns)
        y = self._top[group] + self.heading + row * self.item_height
        return Box(column * self.pitch, y, self.item_width, self.item_height)

    def heading_box(self, group: int) -> Box:
        """Return where the heading of a group lies."""
        return Box(0, self._top[group], self.width, self.heading)

    def group_at(self, y: int) -> int | None:
        """Return the group at a height, or None."""
        if not 0 <= y < self.height:
            return None
        return bisect_right(self._top, y) - 1

    def item_at(self, x: int, y: int) -> int | None:
        """Return the item at a place, or None."""
        group = self.group_at(y)
        if group is None or x < 0:
            return None
        down = y - self._top[group] - self.heading
        column, aside = divmod(x, self.pitch)
        if down < 0 or column >= self.columns or aside >= self.item_width:
            return None
        item = self._first[group] + down // self.item_height * self.columns + column
        return item if item < self._first[group + 1] else None

    def groups_between(self, top: int, bottom: int) -> Iterator[int]:
        """Go through the groups that show between two heights."""
        for group in range(len(self._top) - 1):
            if self._top[group] < bottom and self._top[group + 1] > top:
                yield group

    def items_between(self, top: int, bottom: int) -> Iterator[int]:
        """Go through the items whose row shows between two heights."""
        for group in self.groups_between(top, bottom):
            start = self._top[group] + self.heading
            first = max(0, (top - start) // self.item_height)
            last = -(-(bottom - start) // self.item_height)
            begin = self._first[group] + first * self.columns
            end = min(self._first[group + 1], self._first[group] + last * self.columns)
            yield from range(begin, end)

    def items_in(self, x0: int, y0: int, x1: int, y1: int) -> list[int]:
        """Return the items that a rectangle touches; its corners may be in any order."""
        left, right = sorted((x0, x1))
        top, bottom = sorted((y0, y1))
        found = []
        for item in self.items_between(top, bottom + 1):
            box = self.box(item)
            if box.x <= right and box.x + box.width > left:
                found.append(item)
        return found

    def above_or_below(self, item: int, rows: int) -> int:
        """Return the item some rows further down (up if negative), as near as can be."""
        step = 1 if rows > 0 else -1
        group = self.group_of(item)
        column = (item - self._first[group]) % self.columns
        row = (item - self._first[group]) // self.columns
        for _ in range(abs(rows)):
            row += step
            while not 0 <= row < self._rows(group):
                group += step
                if not 0 <= group < len(self._first) - 1:
                    return item
                row = 0 if step > 0 else self._rows(group) - 1
            nearest = self._first[group] + row * self.columns + column
            item = min(nearest, self._first[group + 1] - 1)
        return item

    def _rows(self, group: int) -> int:
        return -(-(self._first[group + 1] - self._first[group]) // self.columns)
