"""Self-training: masks and classes of unlabelled photographs on which the members agree.

What several networks, trained apart, say alike is right more often than what one says, and it
brings the looks of sources that nobody has annotated. Nothing of it is ever used for testing.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.classify import predict
from napari_leukocyte.classification.regions import Region, iterate_regions
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.segmentation.ensemble import MemberMaps, segment_members
from napari_leukocyte.segmentation.postprocess import postprocess
from training.cells import PBC_DIAMETER
from training.data.loaders.raabin import read_boxes
from training.data.photographs import DatasetName, Photograph, load
from training.data.splits import select
from training.fitting import RUNS
from training.metrics import foreground_iou

#: Agreed masks and classes; they are made anew in minutes and not committed.
AGREED = RUNS / "agreed"
#: Every member's mask must overlap the vote's with at least this IoU.
MEMBERS_IOU = 0.93
#: A leukocyte's box in the mask and the one that came with the photograph, at least.
BOX_IOU = 0.75
#: The least probability that every classifier must give to the class that all of them say.
CONFIDENCE = 0.85
#: Grey values of the masks, as in Zheng's.
CYTOPLASM, NUCLEUS = 128, 255
#: PBC's photographs that are asked; more of one microscope would crowd out the others.
PBC_PHOTOGRAPHS = 500


def candidates(dataset: DatasetName, data_root: Path) -> list[Photograph]:
    """Return the photographs of a set's training side that may be used without their labels."""
    photographs = select(load(dataset, data_root), dataset, "train")
    if dataset != "pbc":
        return photographs
    chosen = np.random.default_rng(0).permutation(len(photographs))[:PBC_PHOTOGRAPHS]
    return [photographs[int(i)] for i in sorted(chosen)]


def agreed_mask(photograph: Photograph, maps: MemberMaps) -> NDArray[np.uint8] | None:
    """Return the mask that the members agree on.

    Parameters
    ----------
    photograph : Photograph
        Raabin's are also compared with their boxes.
    maps : MemberMaps
        Of the photograph.

    Returns
    -------
    ndarray or None
        (H, W) uint8: 0, `CYTOPLASM` or `NUCLEUS`. None where the members differ, where nothing is
        found, or where the boxes show other leukocytes.
    """
    nucleus = maps.combine_nucleus()
    labels = postprocess(maps.combine(), diameter=maps.diameter, nucleus=nucleus)
    if not labels.any():
        return None
    for one in maps.cell:
        alone = postprocess(one, diameter=maps.diameter, nucleus=nucleus)
        if foreground_iou(labels > 0, alone > 0) < MEMBERS_IOU:
            return None
    if photograph.dataset == "raabin" and not _fit_boxes(
        list(iterate_regions(labels)), read_boxes(photograph)
    ):
        return None
    mask = np.where(labels > 0, CYTOPLASM, 0)
    return np.where((labels > 0) & (nucleus >= 0.5), NUCLEUS, mask).astype(np.uint8)


def _fit_boxes(regions: list[Region], boxes: NDArray[np.float64]) -> bool:
    """Whether regions and boxes are as many, and each box has its region."""
    if len(regions) != len(boxes):
        return False
    for y0, x0, y1, x1 in boxes:
        best = 0.0
        for r in regions:
            height = max(0.0, min(y1, r.y1) - max(y0, r.y0))
            width = max(0.0, min(x1, r.x1) - max(x0, r.x0))
            union = (y1 - y0) * (x1 - x0) + (r.y1 - r.y0) * (r.x1 - r.x0) - height * width
            best = max(best, height * width / union)
        if best < BOX_IOU:
            return False
    return True


def write_masks(datasets: tuple[DatasetName, ...], data_root: Path, model: str) -> dict[str, str]:
    """Write the masks that a model's members agree on.

    Parameters
    ----------
    datasets : tuple of str
        Sets without masks.
    data_root : Path
        Folder of the data sets.
    model : str
        A segmentation model of several members.

    Returns
    -------
    dict
        By set, how many photographs of how many.
    """
    result: dict[str, str] = {}
    for dataset in datasets:
        asked = candidates(dataset, data_root)
        written = 0
        for photograph in asked:
            path = _mask_path(photograph)
            rgb = photograph.read()
            known = PBC_DIAMETER if dataset == "pbc" else None
            maps = segment_members(rgb, model, diameter=known or "auto")
            mask = agreed_mask(photograph, maps)
            if mask is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), mask)
                written += 1
        result[dataset] = f"{written} of {len(asked)}"
    return result


def _mask_path(photograph: Photograph) -> Path:
    return AGREED / "masks" / Path(photograph.name).with_suffix(".png")


def photographs_with_agreed_masks(dataset: DatasetName, data_root: Path) -> list[Photograph]:
    """Return the training photographs of a set that have an agreed mask, with it."""
    asked = candidates(dataset, data_root)
    return [dataclasses.replace(p, mask=_mask_path(p)) for p in asked if _mask_path(p).is_file()]


def write_classes(data_root: Path, models: tuple[str, ...]) -> dict[str, int]:
    """Write the classes of Raabin's cells that several classifiers agree on.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    models : tuple of str
        Classifiers trained apart.

    Returns
    -------
    dict
        Cells by class. Only photographs with an agreed mask of one cell are asked.
    """
    manifests = [find_model("classification", m) for m in models]
    said: dict[str, str] = {}
    for photograph in photographs_with_agreed_masks("raabin", data_root):
        labels = photograph.read_labels()
        if labels.max() != 1:
            continue
        rgb = photograph.read()
        votes = set()
        for manifest in manifests:
            probability = predict(rgb, labels, manifest)[0]
            sure = probability.max() >= CONFIDENCE
            votes.add(manifest.classes[int(probability.argmax())] if sure else "")
        if len(votes) == 1 and "" not in votes:
            said[photograph.name] = votes.pop()
    path = AGREED / "classes.json"
    path.write_text(json.dumps(said, indent=0) + "\n", encoding="utf-8")
    names = list(said.values())
    return {name: names.count(name) for name in sorted(set(names))}


def photographs_with_agreed_classes(data_root: Path) -> list[Photograph]:
    """Return Raabin's photographs with an agreed class, with it and their mask."""
    path = AGREED / "classes.json"
    said = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    found = photographs_with_agreed_masks("raabin", data_root)
    return [dataclasses.replace(p, label=said[p.name]) for p in found if p.name in said]
