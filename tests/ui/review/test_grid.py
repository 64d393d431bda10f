from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.ui.review.grid import Grid

GRIDS = st.builds(
    Grid,
    st.lists(st.integers(0, 30), min_size=1, max_size=5),
    st.integers(1, 300),
    st.tuples(st.integers(8, 60), st.integers(8, 60)),
    st.integers(0, 20),
)


@given(GRIDS)
def test_every_item_is_found_where_it_lies(grid: Grid) -> None:
    seen = set()
    for item in range(grid.count):
        box = grid.box(item)
        assert (box.x, box.y) not in seen
        seen.add((box.x, box.y))
        middle = box.x + box.width // 2, box.y + box.height // 2
        assert grid.item_at(*middle) == item
        assert grid.group_at(middle[1]) == grid.group_of(item)
        assert box.y + box.height <= grid.height
        head = grid.heading_box(grid.group_of(item))
        assert box.y >= head.y + head.height
    assert grid.item_at(0, grid.height) is None
    assert grid.item_at(-1, 0) is None


@given(GRIDS, st.integers(-50, 900), st.integers(0, 400))
def test_what_shows_between_two_heights(grid: Grid, top: int, size: int) -> None:
    bottom = top + size
    shown = list(grid.items_between(top, bottom))
    touching = [
        i
        for i in range(grid.count)
        if grid.box(i).y < bottom and grid.box(i).y + grid.item_height > top
    ]
    assert shown == touching


@given(GRIDS, st.data())
def test_up_and_down_stay_in_their_column(grid: Grid, data: st.DataObject) -> None:
    if not grid.count:
        return
    item = data.draw(st.integers(0, grid.count - 1))
    rows = data.draw(st.integers(-4, 4))
    other = grid.above_or_below(item, rows)
    here, there = grid.box(item), grid.box(other)
    if rows > 0:
        assert there.y >= here.y
    elif rows < 0:
        assert there.y <= here.y
    else:
        assert other == item
    if abs(rows) == 1:
        # The same column, or the end of a shorter row.
        assert there.x <= here.x
        between = [i for i in range(grid.count) if grid.box(i).y != here.y]
        beyond = [i for i in between if (grid.box(i).y > here.y) == (rows > 0)]
        assert (other != item) == bool(beyond)


@given(GRIDS)
def test_a_frame_around_all_holds_all(grid: Grid) -> None:
    corners = (10_000, grid.height + 5, -5, -5)
    assert grid.items_in(*corners) == list(range(grid.count))
