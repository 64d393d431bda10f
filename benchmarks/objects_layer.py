"""Points against Shapes as the layer that shows the classified objects.

Times what a reader does all day, on a real window, with the styles that the plugin uses: outlines
in the colours of the classes (Labels) with names and, of selected objects, rings (Points), or a box
about each object (Shapes). It needs a display::

    python benchmarks/objects_layer.py [--objects 100 1000 5000] [--layers points boxes]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import cv2
import napari
import numpy as np
import pandas as pd
from napari.layers import Points
from numpy.typing import NDArray
from qtpy.QtWidgets import QApplication

from napari_leukocyte.ui.layers import objects_style as style
from napari_leukocyte.ui.layers.class_outlines import ClassOutlines
from napari_leukocyte.ui.layers.objects_style import draw_plainly
from napari_leukocyte.ui.layers.placed_names import draw_names
from napari_leukocyte.vocabulary import COLORS, LEUKOCYTE_NAMES

#: Diameter of the objects, px, and the room that each takes in the field.
DIAMETER, PITCH = 40.0, 60.0
#: An operation is repeated at least three times, and no more once this has passed, ms.
PATIENCE_MS = 20_000


def objects(n: int) -> tuple[pd.DataFrame, tuple[int, int]]:
    """Return a table of `n` objects on a grid, as a session's, and the image's shape, px."""
    rng = np.random.default_rng(n)
    columns = int(np.ceil(np.sqrt(n)))
    index = np.arange(n)
    y, x = (index // columns + 0.5) * PITCH, (index % columns + 0.5) * PITCH
    table = pd.DataFrame(
        {
            "label": index + 1,
            "class": pd.Series(rng.choice(LEUKOCYTE_NAMES, n), dtype="str"),
            "confidence": rng.uniform(0.4, 1, n),
            "y": y,
            "x": x,
            "bbox_y0": y - DIAMETER / 2,
            "bbox_x0": x - DIAMETER / 2,
            "bbox_y1": y + DIAMETER / 2,
            "bbox_x1": x + DIAMETER / 2,
            "area_px": np.full(n, np.pi / 4 * DIAMETER**2),
            "equivalent_diameter_px": np.full(n, DIAMETER),
            "source": pd.Series(["model"] * n, dtype="str"),
            "edited": np.zeros(n, bool),
            "reviewed": np.zeros(n, bool),
        }
    )
    for name in ("reader", "when", "flags", "note"):
        table[name] = pd.Series([""] * n, dtype="str")
    side = int(columns * PITCH)
    return table, (side, side)


def outlines(table: pd.DataFrame, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return the label image of a table's objects, (H, W) with a disc for each."""
    labels = np.zeros(shape, np.int32)
    for number, y, x in zip(table["label"], table["y"], table["x"], strict=True):
        cv2.circle(labels, (round(x), round(y)), int(DIAMETER / 2), int(number), cv2.FILLED)
    return labels


def timed(action: Callable[[int], object], repeats: int) -> tuple[float, float]:
    """Return the median and the worst duration of an action, ms; slow ones are repeated less."""
    durations: list[float] = []
    for i in range(repeats):
        if len(durations) >= 3 and sum(durations) > PATIENCE_MS:
            break
        start = time.perf_counter()
        action(i)
        durations.append(1000 * (time.perf_counter() - start))
    return statistics.median(durations), max(durations)


def measure(kind: style.LayerKind, n: int, repeats: int) -> dict[str, tuple[float, float]]:
    """Return median and worst of every operation on a layer of `n` objects, ms."""
    table, shape = objects(n)
    moved = table.assign(y=table["y"] + 1)
    viewer = napari.Viewer()
    viewer.window.resize(1400, 900)
    viewer.add_image(np.full((*shape, 3), 230, np.uint8))
    labels = outlines(table, shape)
    layer = viewer.add_labels(labels.copy())
    layer.contour = 2
    colored = ClassOutlines(layer)
    names = list(COLORS)
    layers: list[Any] = []

    def frame(_: int) -> None:
        # What Qt has queued, then one frame; reading the pixels back waits for OpenGL.
        QApplication.processEvents()
        viewer.screenshot(canvas_only=True, flash=False)

    def create(_: int) -> None:
        if layers:
            viewer.layers.remove(layers.pop())
        layers.append(viewer.add_layer(style.make_layer(kind, table, "Objects", labels)))
        if isinstance(layers[0], Points):
            draw_plainly(viewer, layers[0])
        draw_names(viewer, layers[0])
        style.show_selection(layers[0], table, rings=False)
        colored.show(table)
        frame(0)

    def recolour(i: int) -> None:
        table.loc[i % n, "class"] = names[i % len(names)]
        if isinstance(layers[0], Points):
            style.say_of_few(layers[0], table, np.array([i % n]))
            colored.show(table)
            style.draw(layers[0])
        else:
            style.show_classes(layers[0], table)

    def select(i: int) -> None:
        layers[0].selected_data = {i % n, (7 * i + 3) % n}
        style.show_selection(layers[0], table, rings=False)
        style.draw(layers[0])

    def hover(i: int) -> None:
        layers[0].get_value((table["y"][i % n], table["x"][i % n]), world=True)

    def replace(i: int) -> None:
        style.show_objects(layers[0], (table, moved)[i % 2], labels)

    result = {"create": timed(create, max(3, repeats // 5))}
    frame(0)
    layers[0].mode = "select"

    def zoom(i: int) -> None:
        viewer.scene.camera.zoom *= (1.05, 1 / 1.05)[i % 2]
        frame(0)

    for name, action in (
        ("recolour one", recolour),
        ("select two", select),
        ("value under the mouse", hover),
        ("replace all", replace),
        ("redraw", frame),
        ("zoom", zoom),
    ):
        result[name] = timed(action, repeats)
        frame(0)
    layers[0].text.visible = False
    frame(0)
    result["redraw without names"] = timed(frame, repeats)
    viewer.close()
    QApplication.processEvents()
    return result


def main() -> None:
    """Print median and worst of every operation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument(
        "--layers", choices=style.LAYER_KINDS, nargs="+", default=list(style.LAYER_KINDS)
    )
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    print(f"{'layer':8} {'objects':>7}  {'operation':22} {'median ms':>10} {'worst ms':>10}")
    for n in arguments.objects:
        for kind in arguments.layers:
            for name, (median, worst) in measure(kind, n, arguments.repeats).items():
                print(f"{kind:8} {n:7}  {name:22} {median:10.1f} {worst:10.1f}", flush=True)


if __name__ == "__main__":
    main()
