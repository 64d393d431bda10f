"""Learning curves and confusion matrices, as pictures for the documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from training.fitting import RESULTS
from training.papers import CLASSIFIERS, SMALL_UNET, UNETS

mpl.use("Agg")  # no display is needed, and none is looked for

from matplotlib import pyplot as plt

FOLDER = Path(__file__).parents[1] / "docs" / "images" / "training"
#: What each picture of the comparison shows, by its file in `FOLDER`.
CAPTIONS = {
    "curves-unets.png": "Learning curves of the U-Nets.",
    "curves-classifiers.png": "Learning curves of the classifiers on one equal budget.",
    "curves-binary.png": "Learning curves of the binary network of 2019.",
    "confusion-classifiers.png": "Confusion matrices over all test cells; rows are the truth.",
    "confusion-binary.png": "Confusion matrices of the binary network, by set.",
}
#: Small enough for a page, sharp enough to read.
_DPI = 110


def curves_of(name: str) -> dict[str, list[float]]:
    """Return the learning curves of an experiment; empty if it has none."""
    path = RESULTS / name / "training.json"
    if not path.is_file():
        return {}
    curves: dict[str, list[float]] = json.loads(path.read_text(encoding="utf-8"))["curves"]
    return curves


def draw_curves(names: Sequence[str], metric: str, label: str, file: Path) -> Path | None:
    """Draw loss and a metric for training and validation against the epoch.

    Parameters
    ----------
    names : sequence of str
        Experiments; those without curves are left out.
    metric, label : str
        Name of the metric in the log, and on the axis.
    file : Path
        The picture.

    Returns
    -------
    Path or None
        The picture; None if there is nothing to draw.
    """
    known = {name: curves for name in names if (curves := curves_of(name))}
    if not known:
        return None
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for i, (name, curves) in enumerate(known.items()):
        epochs = np.asarray(curves["epoch"]) + 1
        for axis, key in zip(axes, ("loss", metric), strict=True):
            axis.plot(epochs, curves[key], color=f"C{i % 10}", linestyle=":", linewidth=1)
            axis.plot(epochs, curves[f"val_{key}"], color=f"C{i % 10}", label=name)
    for axis, text in zip(axes, ("loss", label), strict=True):
        axis.set(xlabel="epoch", ylabel=text)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize="small", title="held out; dotted: training")
    return _save(figure, file)


def draw_confusions(matrices: Mapping[str, Mapping[str, Mapping[str, int]]], file: Path) -> Path:
    """Draw confusion matrices side by side: rows are the truth, shares of it as grey.

    Parameters
    ----------
    matrices : mapping
        By title: counts by true class and class said.
    file : Path
        The picture.

    Returns
    -------
    Path
    """
    columns = min(3, len(matrices))
    rows = -(-len(matrices) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(4.2 * columns, 3.9 * rows), layout="constrained", squeeze=False
    )
    for axis in axes.ravel()[len(matrices) :]:
        axis.axis("off")
    for axis, (title, matrix) in zip(axes.ravel(), matrices.items(), strict=False):
        _draw_confusion(axis, title, matrix)
    return _save(figure, file)


def _draw_confusion(axis: Any, title: str, matrix: Mapping[str, Mapping[str, int]]) -> None:
    said = list(next(iter(matrix.values())))
    counts = np.array([[row[s] for s in said] for row in matrix.values()], np.float64)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(share, cmap="Greys", vmin=0, vmax=1)
    for (y, x), number in np.ndenumerate(counts):
        color = "white" if share[y, x] > 0.5 else "black"
        axis.text(x, y, f"{number:.0f}", ha="center", va="center", color=color, fontsize=8)
    axis.set_xticks(range(len(said)), said, rotation=60, ha="right", fontsize=7)
    axis.set_yticks(range(len(matrix)), list(matrix), fontsize=7)
    axis.set_title(title, fontsize=8)


def _save(figure: Any, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Without a date, so that the same figures make the same file.
    figure.savefig(file, dpi=_DPI, metadata={"Software": None})
    plt.close(figure)
    return file


def draw_all(result: dict[str, Any]) -> list[tuple[str, Path]]:
    """Draw every picture of the comparison.

    Parameters
    ----------
    result : dict
        As from :func:`training.compare.compare`.

    Returns
    -------
    list of (str, Path)
        What each shows, and its file.
    """
    unets = [e.read().name for e in (*UNETS, SMALL_UNET)]
    unets += [m[0] for m in result["segmentation"]["default"]["members"]]
    classifiers = [e.read().name for e in CLASSIFIERS]
    accuracy = "categorical_accuracy"
    wanted: list[Path | None] = [
        draw_curves(unets, "cell_iou", "foreground IoU", FOLDER / "curves-unets.png"),
        draw_curves(classifiers, accuracy, "accuracy", FOLDER / "curves-classifiers.png"),
        draw_curves(["binary-2019"], accuracy, "accuracy", FOLDER / "curves-binary.png"),
    ]
    confusions = {row: s["all"]["confusion"] for row, s in result["classification"].items()}
    if confusions:
        wanted.append(draw_confusions(confusions, FOLDER / "confusion-classifiers.png"))
    binary = {d: s["confusion"] for d, s in result["binary"].get("sets", {}).items()}
    if binary:
        wanted.append(draw_confusions(binary, FOLDER / "confusion-binary.png"))
    return [(CAPTIONS[file.name], file) for file in wanted if file is not None]


def drawn() -> list[tuple[str, Path]]:
    """Return the pictures of the comparison that were drawn before, as `draw_all` does."""
    return [(text, FOLDER / name) for name, text in CAPTIONS.items() if (FOLDER / name).is_file()]
