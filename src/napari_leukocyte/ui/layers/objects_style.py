"""The style of classified objects as a layer: rings about centroids (Points) or boxes (Shapes).

Rings and boxes leave the cell itself in sight. Where outlines show the objects already, only the
selected ones have a ring. Rings are the default, since only they stay smooth.
Median times, ms, on two busy cores with software OpenGL, measured with benchmarks/objects_layer.py:

==============================  ==========  ==========  ==========  ==========
operation                       1000 rings  1000 boxes  5000 rings  5000 boxes
==============================  ==========  ==========  ==========  ==========
one of them gets another class           7         950          12      22 000
two others are selected                 10         170          14       6 300
all are replaced                        44       1 100          63      43 000
a frame, without names                  35          38          58          46
a frame, with names                    150         400         580       1 500
==============================  ==========  ==========  ==========  ==========
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
from napari.layers import Points, Shapes
from napari.layers.utils.string_encoding import ManualStringEncoding
from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import NDArray

from napari_leukocyte import vocabulary
from napari_leukocyte.language import tr
from napari_leukocyte.reporting import drawing
from napari_leukocyte.reporting.drawing import class_colors
from napari_leukocyte.schema import BOX, REVIEW
from napari_leukocyte.session.objects import READER
from napari_leukocyte.ui.layers.placed_names import give_names, place

LayerKind: TypeAlias = Literal["points", "boxes"]
ObjectsLayer: TypeAlias = Points | Shapes
#: The default first.
LAYER_KINDS: tuple[LayerKind, ...] = get_args(LayerKind)
#: What the layer shows as the class of an object that has none.
UNCLASSIFIED = "unclassified"
# A ring is wider than the disc of the object's area, since few cells are discs.
_RING = 1.25
# Thickness of a line, px, is this times the root of the median diameter: fine enough on a single
# cell that fills the window, thick enough on a field of hundreds; and the least, px.
_LINE, _THINNEST_PX = 0.35, 1.5
# The rings of selected objects are so much thicker.
_SELECTED = 2.0


def abbreviate(name: str) -> str:
    """Return the usual three letters of a class ("NEU"), or "?" for none."""
    return "?" if name == UNCLASSIFIED else vocabulary.abbreviate(name)


def palette(names: Iterable[str]) -> dict[str, str]:
    """Return the ``#rrggbb`` of classes as the layer names them; those of the saved overlay."""
    given = set(names) - {UNCLASSIFIED}
    colors = {n: "#{:02X}{:02X}{:02X}".format(*rgb) for n, rgb in class_colors(given).items()}
    return colors | {UNCLASSIFIED: drawing.UNCLASSIFIED}


#: What stands in a layer's features where a session's table has nothing.
_FILLED = {"class": UNCLASSIFIED, "source": ""}


def describe(row: pd.Series, um_per_px: float | None = None) -> str:
    """Return what is known of an object in a few words, for the status bar and tooltips.

    Its size is in µm, if the side of a pixel is given, else in px.
    """
    name = str(row["class"])
    text = tr("Not classified") if name == UNCLASSIFIED else vocabulary.written(name)
    if row["source"] == READER:
        text += tr(", by hand")
    elif pd.notna(row["confidence"]):
        text += tr(", {confidence:.0f} % sure", confidence=100 * row["confidence"])
    diameter = row["equivalent_diameter_px"]
    if um_per_px is not None:
        return tr("{text}; diameter {diameter:.1f} µm", text=text, diameter=diameter * um_per_px)
    return tr("{text}; diameter {diameter:.0f} px", text=text, diameter=diameter)


def speak_plainly(
    layer: ObjectsLayer, um_per_px: Callable[[], float | None] = lambda: None
) -> None:
    """Let napari say of the object under the mouse what a person would.

    By itself it lists every column of the features: ``p_neutrophil: 5.67e-05``.
    """

    def found(position: Any, **options: Any) -> list[str]:
        index = layer.get_value(position, **options)
        if isinstance(index, tuple):  # of shapes: the shape and its corner
            index = index[0]
        if index is None or not 0 <= index < len(layer.features):
            return []
        return [cell_text(layer.features.iloc[index], um_per_px())]

    # Where a future napari does not ask for it, it says what it always said.
    layer._get_properties = found


def cell_text(row: pd.Series, um_per_px: float | None = None) -> str:
    """Return which object it is, and what is known of it; see `describe`."""
    return tr("Cell {label}: {said}", label=row["label"], said=describe(row, um_per_px))


def features_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return a session's table as a layer's features: every text column without gaps."""
    return table.reset_index(drop=True).assign(
        **{name: table[name].fillna(nothing).array for name, nothing in _FILLED.items()}
    )


def make_layer(
    kind: LayerKind, table: pd.DataFrame, name: str, labels: NDArray[np.integer] | None = None
) -> ObjectsLayer:
    """Make the layer of a session's table.

    Parameters
    ----------
    kind : {"points", "boxes"}
        Rings about the centroids in a Points layer, or boxes in a Shapes layer.
    table : pandas.DataFrame
        As from :meth:`napari_leukocyte.session.session.Session.table`.
    name : str
        Of the layer.
    labels : ndarray, optional
        (H, W): the objects, so that no name stands inside another cell.

    Returns
    -------
    napari.layers.Points or napari.layers.Shapes
    """
    layer: ObjectsLayer
    if kind == "points":
        # Without depth, so that a ring never hides part of another.
        layer = Points(
            ndim=2,
            name=name,
            face_color="transparent",
            border_width_is_relative=False,
            blending="translucent_no_depth",
        )
    else:
        layer = Shapes(ndim=2, name=name, face_color="transparent", opacity=1)
    give_names(layer)
    speak_plainly(layer)
    show_objects(layer, table, labels)
    return layer


def show_objects(
    layer: ObjectsLayer, table: pd.DataFrame, labels: NDArray[np.integer] | None = None
) -> None:
    """Let a layer show other objects; its selection is lost."""
    colors = _colors(table)
    diameter = table["equivalent_diameter_px"].to_numpy(np.float64)
    line = _line(table)
    layer.selected_data = set()
    if isinstance(layer, Points):
        layer.data = table[["y", "x"]].to_numpy(np.float64, copy=True)
        if len(table):
            layer.size = _RING * diameter + line
            layer.border_width = np.full(len(table), line)
            layer.border_color = colors
    else:
        layer.data = []
        if len(table):
            layer.add_rectangles(
                _boxes(table), edge_width=line, edge_color=colors, face_color="transparent"
            )
    if layer.text.visible:
        place(layer, table, labels)
    show_features(layer, table)


def show_classes(layer: ObjectsLayer, table: pd.DataFrame) -> None:
    """Let a layer show other classes of the same objects; its selection stays."""
    if len(table):
        colors = _colors(table)
        if isinstance(layer, Points):
            layer.border_color = colors
        else:
            layer.edge_color = colors
    show_features(layer, table)


def say_of_few(layer: Points, table: pd.DataFrame, rows: NDArray[np.integer]) -> None:
    """Let a layer of rings know what is said anew of a few of its objects; nothing is drawn yet.

    Napari's own setters check, convert and draw all objects, which takes 20 ms for 5,000. Hence
    this writes into the layer's arrays, as napari does for selected points; `draw` shows it.

    Parameters
    ----------
    layer : napari.layers.Points
        As from `make_layer`.
    table : pandas.DataFrame
        The session's, as it is now; of the same objects.
    rows : ndarray
        (N,) int: the rows that differ in what was said.
    """
    features, changed = layer.features, rows.tolist()
    for name in REVIEW:
        column, values = features[name].array, table[name].array
        nothing = _FILLED.get(name)
        said = [
            (row, nothing if nothing and pd.isna(values[row]) else values[row]) for row in changed
        ]
        said = [(row, value) for row, value in said if column[row] != value]
        if said:
            column = column.copy()
            for row, value in said:
                column[row] = value
            features[name] = column
    names = [features["class"].array[row] for row in changed]
    colors = palette(set(names))
    for row, name in zip(changed, names, strict=True):
        layer.border_color[row] = transform_color(colors[name])[0]
    if layer.text.visible:
        show_names(layer)
    layer.events.features()


def draw(layer: ObjectsLayer) -> None:
    """Draw what `say_of_few` and `show_selection` have changed."""
    layer.refresh(extent=False, thumbnail=False)


def show_selection(layer: ObjectsLayer, table: pd.DataFrame, rings: bool = True) -> None:
    """Mark what is selected by a ring, or a thicker one, when it is drawn next (see `draw`).

    Napari itself marks selected boxes well enough.

    Parameters
    ----------
    layer : napari.layers.Points or napari.layers.Shapes
        As from `make_layer`.
    table : pandas.DataFrame
        Which it shows.
    rings : bool
        Whether objects that are not selected have rings, too.
    """
    if isinstance(layer, Points) and len(table) == len(layer.data) > 0:
        line = _line(table)
        layer.border_width[:] = line if rings else 0
        layer.border_width[list(layer.selected_data)] = _SELECTED * line if rings else line


def show_features(layer: ObjectsLayer, table: pd.DataFrame) -> None:
    """Set the features and the names that stand beside the objects."""
    layer.features = features_of(table)
    show_names(layer)


def show_names(layer: ObjectsLayer) -> None:
    """Set the names that stand beside the objects."""
    names = [abbreviate(name) for name in layer.features["class"].tolist()]
    layer.text.string = ManualStringEncoding(array=np.array(names, dtype=str), default="")


def _line(table: pd.DataFrame) -> float:
    """Return the thickness of rings and boxes, px."""
    return line_width(table["equivalent_diameter_px"].median() if len(table) else 0.0)


def line_width(diameter: float) -> float:
    """Return the thickness, px, of lines about objects of a diameter in px."""
    return max(_THINNEST_PX, _LINE * math.sqrt(diameter))


def _colors(table: pd.DataFrame) -> NDArray[np.float32]:
    names = table["class"].fillna(UNCLASSIFIED)
    colors = {n: transform_color(color)[0] for n, color in palette(names.unique()).items()}
    return np.array([colors[name] for name in names.tolist()], np.float32).reshape(-1, 4)


def _boxes(table: pd.DataFrame) -> NDArray[np.float64]:
    """Return (N, 4, 2) corners; a pixel's square reaches half a pixel beyond its centre."""
    y0, x0, y1, x1 = (table[list(BOX)].to_numpy(np.float64) - 0.5).T
    return np.stack([[y0, x0], [y0, x1], [y1, x1], [y1, x0]]).transpose(2, 0, 1)


# The distance of a pixel from the rim of a disc, as the visual's program wants it.
_DISC = """
float disc(vec2 pointcoord, float size, int symbol) {
    return length((pointcoord - vec2(0.5, 0.5)) * size) - $v_size / 2.;
}
"""


def draw_plainly(viewer: Any, layer: Points) -> bool:
    """Have a layer's discs and rings drawn by a program of their own.

    What draws a layer is no public part of napari. Should it change, the layer is drawn as any
    other.

    Parameters
    ----------
    viewer : napari.Viewer
        Which shows the layer.
    layer : napari.layers.Points
        With no symbols but discs.

    Returns
    -------
    bool
        Whether it was possible.
    """
    with suppress(AttributeError, KeyError, ImportError, TypeError):
        from vispy.visuals.shaders import Function

        # Asked for in this way, napari does not warn of a private attribute.
        node = viewer.window._qt_viewer.canvas.layer_to_visual[layer].node
        found = [(m, m._v_size_var) for m in (node.points_markers, node.selection_markers)]
        for markers, size in found:
            disc = Function(_DISC)
            disc["v_size"] = size
            markers.shared_program.frag["marker"] = disc
            markers.update()
        return True
    return False
