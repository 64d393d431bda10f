"""Times of a session with many objects: a class change, and the undo of every kind of command.

A class change counts until every listener of the session has run, with two that do what views do:
take the whole table. The session is kept on disk, in a temporary folder::

    python benchmarks/session.py [--objects 5000] [--side 3000] [--repeats 15]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import open_session
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES


def field(objects: int, side: int) -> tuple[NDArray[np.uint8], MemberMaps]:
    """Return an image and the maps of two members with so many cells on a grid."""
    columns = int(np.ceil(np.sqrt(objects)))
    pitch = side / columns
    truth = np.zeros((side, side), np.float32)
    for i in range(objects):
        y, x = int((i // columns + 0.5) * pitch), int((i % columns + 0.5) * pitch)
        cv2.circle(truth, (x, y), int(0.33 * pitch), 1.0, -1)
    cell = np.stack([cv2.GaussianBlur(truth, (0, 0), s) for s in (2, 3)]).astype(np.float32)
    maps = MemberMaps(
        cell=cell,
        nucleus=cell**3,
        names=("a", "b"),
        weights=(1.0, 1.0),
        diameter=0.66 * pitch,
        model="drawn",
        sha256=("", ""),
    )
    return np.full((side, side, 3), 220, np.uint8), maps


def predictions(session: Session) -> pd.DataFrame:
    """Return what a classifier could say of all objects."""
    table = session.table()
    shares = np.random.default_rng(0).dirichlet(np.ones(len(LEUKOCYTE_NAMES)), len(table))
    said = table[["label", "y", "x", "area_px"]].assign(confidence=shares.max(axis=1))
    said["class"] = pd.Series([LEUKOCYTE_NAMES[i] for i in shares.argmax(axis=1)], dtype="str")
    for name, column in zip(LEUKOCYTE_NAMES, shares.T, strict=True):
        said[f"p_{name}"] = column
    return said


def timed(action: Callable[[], object]) -> float:
    """Return how long an action takes, ms."""
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start)


def commands(session: Session, maps: MemberMaps) -> dict[str, Callable[[int], object]]:
    """Return every kind of command, so that each call of one changes something."""
    said = predictions(session)
    numbers = said["label"].tolist()

    def stroke(i: int) -> None:
        labels = session.labels.copy()
        y = 10 + 37 * i % (labels.shape[0] - 20)
        labels[y : y + 6, 3 : labels.shape[1] // 2] = session.next_label
        session.accept_edit(labels)

    def merge(i: int) -> None:
        pair = numbers[i], numbers[i + 1]
        session.edit_labels(lambda a: np.where(a == pair[1], pair[0], a), "Merge 2 cells")

    def delete(i: int) -> None:
        gone = numbers[10 * i : 10 * i + 10]
        session.edit_labels(lambda a: np.where(np.isin(a, gone), 0, a), "Delete 10 cells")

    def forget(i: int) -> None:
        with session.group("Draw, then forget it"):
            stroke(i)
            session.forget_edits()

    return {
        "class of one": lambda i: session.set_class([numbers[i]], LEUKOCYTE_NAMES[i % 5 - 1]),
        "class of all": lambda i: session.set_class(numbers, LEUKOCYTE_NAMES[i % 5]),
        "confirm all": lambda i: session.approve(numbers),
        "flag": lambda i: session.set_flag(numbers[i : i + 3], "to discuss"),
        "predictions of all": lambda i: session.set_predictions(
            said.assign(confidence=0.5 + 0.001 * i), "m"
        ),
        "stroke": stroke,
        "merge": merge,
        "delete": delete,
        "parameters": lambda i: session.set_params(
            replace(session.params, threshold=0.4 + 0.01 * (i % 9))
        ),
        "weights": lambda i: session.set_weights([1.0, 0.1 + 0.05 * i]),
        "forget edits": forget,
        "another run": lambda i: session.set_maps(replace(maps, model=f"run {i % 3}")),
    }


def main() -> None:
    """Print median and worst of everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=5000)
    parser.add_argument("--side", type=int, default=3000, help="of the image, px")
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    image, maps = field(arguments.objects, arguments.side)
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(image, "field", Path(folder) / "session")
        session.set_maps(maps)
        session.set_predictions(predictions(session), "m")
        session.table_changed.connect(lambda: session.table())
        session.table_changed.connect(lambda: session.table()["class"].value_counts())
        print(f"{len(session.table())} objects, {arguments.side} x {arguments.side} px")
        print(f"{'':20} {'command':>18} {'undo':>18} {'redo':>18}")
        print(f"{'':20}" + 3 * f" {'median ms':>10} {'worst':>7}")
        for name, command in commands(session, maps).items():
            done: list[float] = []
            undone: list[float] = []
            again: list[float] = []
            for i in range(max(3, arguments.repeats // 3) if "run" in name else arguments.repeats):
                done.append(timed(partial(command, i)))
                undone.append(timed(session.undo))
                again.append(timed(session.redo))
                session.undo()
            times = (done, undone, again)
            cells = (f" {statistics.median(t):10.1f} {max(t):7.1f}" for t in times)
            print(f"{name:20}" + "".join(cells), flush=True)
        start = time.perf_counter()
        session.review_order()
        print(f"order of review      {1000 * (time.perf_counter() - start):10.1f} ms")
        session.close()
        start = time.perf_counter()
        open_session(image, "field", Path(folder) / "session").close()
        print(f"open again           {1000 * (time.perf_counter() - start):10.1f} ms")


if __name__ == "__main__":
    main()
