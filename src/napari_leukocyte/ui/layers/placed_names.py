"""The names beside the objects of a layer: each at its own outline, with a halo.

Napari's text stands at one distance from every object, in one colour, so that it falls into the
next cell and can't be read where the ground is as dark. Here each name has a place of its own (see
:mod:`napari_leukocyte.reporting.drawing`), is never larger than its object allows, and has a rim.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any, cast

import numpy as np
import pandas as pd
from napari.layers import Points, Shapes
from napari.layers.utils.string_encoding import ManualStringEncoding
from napari.layers.utils.text_manager import TextManager
from numpy.typing import NDArray
from pydantic import PrivateAttr

from napari_leukocyte.reporting.drawing import NamePlaces, place_names

#: Size of the letters on the screen, points, and the largest in diameters of an object.
SIZE_PT, _LARGEST = 11.0, 0.36
#: A point is so many px of the screen (of 96 to the inch, as napari takes them).
_PX_PER_PT = 96 / 72
#: Height of a line of capitals with their halo and width of three letters, in sizes of the font.
_HEIGHT, _WIDTH = 1.0, 2.6
#: Between outline and name, in diameters of an object.
_GAP = 0.04

INK, PAPER = "#1E1E1E", "#FFFFFF"

# The signed distance to a letter's rim, which vispy keeps in its texture, is 0.5 on the rim and
# falls to 0 some tenth of the letter's size outside: below `rim` it is neither letter nor halo.
_BEFORE = "gl_FragColor = vec4(v_color.rgb, v_color.a * alpha);"
_DISCARD = "if (alpha <= 0) discard;"
_AFTER = """
    float rim = smoothstep(0.12, 0.30, distance);
    float shown = max(alpha, rim);
    if (shown <= 0.) discard;
    gl_FragColor = vec4(mix(vec3(1., 1., 1.), v_color.rgb, alpha), v_color.a * shown);
"""


class PlacedText(TextManager):  # type: ignore[misc]
    """Text of a layer, each with a place of its own in the layer's data."""

    _places: NamePlaces | None = PrivateAttr(default=None)
    _diameter: float = PrivateAttr(default=1.0)
    _zoom: Callable[[], float] | None = PrivateAttr(default=None)

    def follow(self, zoom: Callable[[], float]) -> None:
        """Be told how many px of the screen one of the layer's data is."""
        self._zoom = zoom

    def place(self, places: NamePlaces, diameter: float) -> None:
        """Take new places, and the diameter of a usual object in px of the data."""
        self._places, self._diameter = places, diameter
        self.fit()

    def fit(self) -> None:
        """Be no larger than the objects allow at the present zoom."""
        self.size = max(0.5, self._em() / _PX_PER_PT)

    def _em(self) -> float:
        """Return the size of the letters, px of the screen."""
        return min(SIZE_PT * _PX_PER_PT, _LARGEST * self._diameter * self._magnified())

    def _magnified(self) -> float:
        return 1.0 if self._zoom is None else self._zoom()

    def compute_text_coords(
        self,
        view_data: Any,
        ndisplay: int,
        order: tuple[int, ...] | None = None,
    ) -> tuple[NDArray[np.float64], str, str]:
        """Return the middles of the names, as napari asks for them."""
        places = self._places
        if places is None or ndisplay != 2 or len(places.points) != len(view_data):
            found = super().compute_text_coords(view_data, ndisplay, order)
            return cast(tuple[NDArray[np.float64], str, str], found)
        em = self._em() / self._magnified()
        return places.middles(_HEIGHT * em, _WIDTH * em), "center", "center"


def give_names(layer: Points | Shapes) -> None:
    """Let a layer that is in no viewer yet have names with places of their own."""
    # What a layer is made with, napari copies into a text of its own kind.
    text = PlacedText(
        features=layer.features,
        string=ManualStringEncoding(array=np.array([], dtype=str), default=""),
        color=INK,
        size=SIZE_PT,
    )
    text.follow(lambda: float(abs(layer.scale[-1])) / max(layer.scale_factor, 1e-9))
    layer._text = text
    layer.events.scale_factor.connect(lambda _: text.fit())


def place(layer: Points | Shapes, table: pd.DataFrame, labels: NDArray[np.integer] | None) -> None:
    """Find the places of a layer's names.

    Parameters
    ----------
    layer : Points or Shapes
        As `give_names` left it.
    table : pandas.DataFrame
        The session's.
    labels : ndarray, optional
        (H, W): the objects; without them every name hangs under its object.
    """
    if not isinstance(layer.text, PlacedText):
        return
    boxes = table[["bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1"]].to_numpy(np.float64)
    diameter = usual_diameter(table)
    em = _LARGEST * diameter
    shown = np.zeros((0, 0), np.int32) if labels is None else labels
    places = place_names(shown, boxes, _HEIGHT * em, _WIDTH * em, _GAP * diameter)
    layer.text.place(places, diameter)


def usual_diameter(table: pd.DataFrame) -> float:
    """Return the median diameter of a table's objects, px; 1 without any."""
    return float(table["equivalent_diameter_px"].median()) if len(table) else 1.0


def draw_names(viewer: Any, layer: Points | Shapes) -> bool:
    """Have a layer's names drawn with a white rim, and quickly; say whether it was possible.

    What draws a layer is no public part of napari. Should it change, the names have no rim.
    """
    with suppress(AttributeError, KeyError, TypeError, StopIteration):
        node = viewer.window._qt_viewer.canvas.layer_to_visual[layer].node
        text = node.text
        code = next(iter(text.shared_program)).frag.code
        if _BEFORE in code and _DISCARD in code:
            text.__class__ = _quick(text.__class__)
            text.shared_program.frag = code.replace(_DISCARD, "").replace(_BEFORE, _AFTER)
            text.update()
            return True
    return False


@cache
def _quick(kind: Any) -> Any:
    """Return a kind of vispy's text that lays out each different string once.

    Napari sets the text anew whenever it is zoomed, and vispy then lays out every string anew,
    0.1 ms for each: of a thousand names there are a dozen different ones.
    """

    class QuickText(kind):  # type: ignore[misc]
        """Text of a few strings, many times."""

        _vertices: Any

        def _prepare_draw(self, view: Any) -> Any:
            with suppress(AttributeError, ImportError, TypeError):
                self._lay_out()
            return super()._prepare_draw(view)  # lays out what is not laid out yet

        def _lay_out(self) -> None:
            from vispy.gloo import IndexBuffer, VertexBuffer
            from vispy.visuals.text.text import _text_to_vbo

            strings = [self.text] if isinstance(self.text, str) else list(self.text)
            if self._vertices is not None or not any(strings):
                return
            how = self._font, *self._anchors, self._font._lowres_size, self._line_height
            laid_out = {string: _text_to_vbo(string, *how) for string in set(strings)}
            kind_of_corner = laid_out[strings[0]].dtype
            # As plain numbers, records being slow to put together.
            plain = {string: found.view(np.float32) for string, found in laid_out.items()}
            data = np.concatenate([plain[string] for string in strings]).view(kind_of_corner)
            corners = np.arange(0, len(data), 4, dtype=np.uint32)[:, None]
            # Two triangles for each letter.
            self._index_buffer = IndexBuffer(
                (np.array([0, 1, 2, 0, 2, 3], np.uint32) + corners).ravel()
            )
            self._vertices_data, vertices = data, VertexBuffer(data)
            self.shared_program.bind(vertices)
            self._vertices = vertices
            self._configure_gl_state()  # laying out has left another

    return QuickText
