"""The colours of classes on the outlines of a labels layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap
from napari.utils.colormaps.standardize_color import transform_color

from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED, palette

#: Numbers beyond the largest that have a colour at once: of cells that are painted next.
_SPARE = 200
#: Napari keeps no more colours.
_MOST = 2**16


class ClassOutlines:
    """Gives the objects of a labels layer the colours of their classes, until it lets go.

    Napari's own colours stand for numbers; they come back with `release`, and stay where numbers
    are too large for a table of colours.

    Parameters
    ----------
    layer : napari.layers.Labels
        Whose numbers are those of the tables to come.
    """

    def __init__(self, layer: Labels) -> None:
        self.layer = layer
        self._former = layer.colormap
        self._own: CyclicLabelColormap | None = None

    @property
    def shown(self) -> bool:
        """Whether the layer is visible, as outlines."""
        return bool(self.layer.visible and self.layer.contour > 0)

    def show(self, table: pd.DataFrame) -> None:
        """Show the classes of a session's table."""
        numbers = table["label"].to_numpy(np.int64)
        needed = int(numbers.max(initial=0)) + 1
        if needed > _MOST:
            self.release()
            return
        own = self._own
        if own is not None and (self.layer.colormap is not own or len(own.colors) < needed):
            own = None
        if own is not None:
            colors = self._colors(table, numbers, len(own.colors))
            if not np.array_equal(colors, own.colors):
                # A new map of colours would have napari look for all outlines again.
                own.colors = colors
                self.layer.events.colormap()
            return
        size = min(_MOST, needed + _SPARE)
        own = CyclicLabelColormap(
            colors=self._colors(table, numbers, size),
            use_selection=self.layer.show_selected_label,
            selection=self.layer.selected_label,
        )
        self.layer.colormap = self._own = own

    def release(self) -> None:
        """Give the layer back the colours that it had."""
        own, self._own = self._own, None
        if own is not None and self.layer.colormap is own:
            self._former.use_selection = self.layer.show_selected_label
            self._former.selection = self.layer.selected_label
            self.layer.colormap = self._former

    @staticmethod
    def _colors(
        table: pd.DataFrame, numbers: np.ndarray[tuple[int], np.dtype[np.int64]], size: int
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        names = table["class"].fillna(UNCLASSIFIED)
        known = {n: transform_color(c)[0] for n, c in palette(names.unique()).items()}
        colors = np.tile(known[UNCLASSIFIED], (size, 1)).astype(np.float32)
        colors[0] = 0
        if len(numbers):
            colors[numbers] = [known[name] for name in names.tolist()]
        return colors
