"""Random work on a small field: commands that depend on nothing but a number and the state."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.parameters import Watershed
from napari_leukocyte.session.maps import at_half_precision
from napari_leukocyte.session.reviews import FLAGS
from napari_leukocyte.session.session import Session
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

SHAPE = (72, 96)
IMAGE = np.random.default_rng(1).integers(0, 255, (*SHAPE, 3), dtype=np.uint8)
_CENTRES = ((14, 14), (16, 50), (40, 30), (40, 47), (58, 80))


def _maps(radius: int, name: str) -> MemberMaps:
    truth = np.zeros(SHAPE, np.float32)
    for y, x in _CENTRES:
        cv2.circle(truth, (x, y), radius, 1.0, -1)
    cells = np.stack([cv2.GaussianBlur(truth, (0, 0), s) for s in (3, 5)]).astype(np.float32)
    return at_half_precision(
        MemberMaps(
            cell=cells,
            nucleus=cells**3,
            names=("sharp", "soft"),
            weights=(1.0, 0.5),
            diameter=18.0,
            model=name,
            sha256=("a", "b"),
            notes=("A note – with a dash.",),
        )
    )


#: Two runs.
MAPS = (_maps(9, "one"), _maps(7, "two"))


def predictions(
    labels: list[int], rng: np.random.Generator
) -> tuple[pd.DataFrame, str, dict[str, object]]:
    """Make up what a classifier could say of objects."""
    table = pd.DataFrame({"label": np.array(labels, np.int64)})
    shares = rng.dirichlet(np.ones(len(LEUKOCYTE_NAMES)), len(labels))
    best = shares.argmax(axis=1) if len(labels) else np.zeros(0, int)
    table["class"] = pd.Series([LEUKOCYTE_NAMES[i] for i in best], dtype="str")
    table["confidence"] = shares.max(axis=1) if len(labels) else np.zeros(0)
    for name, column in zip(LEUKOCYTE_NAMES, shares.T, strict=True):
        table[f"p_{name}"] = column
    model = ("first", "second")[int(rng.integers(2))]
    return table, model, {"model": model, "members": [{"sha256": "00", "weight": 1.0}]}


def _some(session: Session, rng: np.random.Generator) -> list[int]:
    numbers = np.unique(session.labels)
    numbers = numbers[numbers > 0]
    if not numbers.size:
        return []
    return [int(n) for n in rng.choice(numbers, min(3, numbers.size), replace=False)]


def _paint(session: Session, rng: np.random.Generator) -> None:
    some = _some(session, rng)
    number = some[0] if some and rng.random() < 0.5 else session.next_label
    labels: NDArray[np.int32] = session.labels.copy()
    centre = (int(rng.integers(SHAPE[1])), int(rng.integers(SHAPE[0])))
    cv2.circle(labels, centre, int(rng.integers(1, 9)), int(number), -1)
    session.accept_edit(labels)


def _erase(session: Session, rng: np.random.Generator) -> None:
    some = _some(session, rng)[:1]
    session.edit_labels(lambda a: np.where(np.isin(a, some), 0, a).astype(np.int32), "Delete")


def _segment(session: Session, rng: np.random.Generator) -> None:
    maps = MAPS[int(rng.integers(2))]
    session.set_maps(maps, maps.weights)


def _weights(session: Session, rng: np.random.Generator) -> None:
    session.set_weights([float(rng.uniform(0.1, 1)), float(rng.uniform(0.1, 1))])


def _params(session: Session, rng: np.random.Generator) -> None:
    session.set_params(replace(session.params, threshold=float(rng.uniform(0.2, 0.8))))


def _markers(session: Session, rng: np.random.Generator) -> None:
    session.set_markers(rng.uniform(0, 60, (int(rng.integers(0, 4)), 2)))
    parting: Watershed = "points" if session.params.watershed == "distance" else "distance"
    session.set_params(replace(session.params, watershed=parting))


def _classify(session: Session, rng: np.random.Generator) -> None:
    numbers = sorted(set(np.unique(session.labels).tolist()) - {0})
    session.set_predictions(*predictions(numbers, rng))


def _classify_some(session: Session, rng: np.random.Generator) -> None:
    table, model, description = predictions(sorted(_some(session, rng)), rng)
    session.set_predictions(table, model, description, all_objects=False)


def _set_class(session: Session, rng: np.random.Generator) -> None:
    session.set_class(_some(session, rng), LEUKOCYTE_NAMES[int(rng.integers(5))])


def _approve(session: Session, rng: np.random.Generator) -> None:
    classes = session.table().set_index("label")["class"].dropna()
    session.approve([n for n in _some(session, rng) if n in classes.index])


def _flag(session: Session, rng: np.random.Generator) -> None:
    flag = FLAGS[int(rng.integers(len(FLAGS)))]
    session.set_flag(_some(session, rng), flag, bool(rng.random() < 0.7))


def _note(session: Session, rng: np.random.Generator) -> None:
    for number in _some(session, rng)[:1]:
        session.set_note(number, str(rng.choice(["", "doubtful", "größer, “λ”"])))


def _sign(session: Session, rng: np.random.Generator) -> None:
    numbers = sorted(set(np.unique(session.labels).tolist()) - {0})
    if numbers:
        with session.group("Decide on all"):
            session.set_class(numbers, "monocyte")
            session.sign_off()


def _many(session: Session, rng: np.random.Generator) -> None:
    with session.group("Several things"):
        for act in (_set_class, _paint, _classify_some, _flag):
            act(session, rng)


COMMANDS: tuple[Callable[[Session, np.random.Generator], None], ...] = (
    _segment,
    _paint,
    _paint,
    _erase,
    _weights,
    _params,
    _markers,
    _classify,
    _classify_some,
    _set_class,
    lambda s, rng: s.clear_class(_some(s, rng)),
    _approve,
    _flag,
    _note,
    _sign,
    lambda s, rng: s.withdraw_sign_off(),
    lambda s, rng: s.forget_edits(),
    lambda s, rng: s.start_afresh(np.flip(s.labels, 1)),
    _many,
)


def work(session: Session, seed: int, *, undo: bool = True) -> None:
    """Do one thing: a command, or with `undo` one time in four undo or redo."""
    rng = np.random.default_rng(seed)
    chance = rng.random()
    if undo and chance < 0.17:
        session.undo()
    elif undo and chance < 0.25:
        session.redo()
    else:
        COMMANDS[int(rng.integers(len(COMMANDS)))](session, rng)


def fingerprint(session: Session, *, times: bool = True) -> str:
    """Return a checksum of everything that a session holds; `times` are when it was said."""
    digest = hashlib.sha256()
    markers, maps, predicted = session.markers, session.maps, session.predictions
    arrays: list[NDArray[Any]] = [session.labels, session.edits.erased]
    arrays += [a for a in (markers, session.probability, session.nucleus) if a is not None]
    for array in arrays:
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    signed = session.signed_off
    said = {
        "edited": sorted(session.edits.labels),
        "weights": session.weights,
        "params": session.params.to_dict(),
        "maps": None if maps is None else [maps.model, maps.names, maps.notes, maps.diameter],
        "reviews": {
            str(n): [r.class_name, r.reviewed, r.reader, times and r.when, sorted(r.flags), r.note]
            for n, r in sorted(session.reviews.items())
        },
        "signed": None if signed is None else [signed.reader, times and signed.when],
        "predicted": None
        if predicted is None
        else [predicted.model, predicted.description, predicted.table.to_json(double_precision=15)],
    }
    digest.update(json.dumps(said).encode())
    return digest.hexdigest()
