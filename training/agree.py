"""Self-training: masks and classes of unlabelled photographs on which the members agree.

What several networks, trained apart, say alike is right more often than what one says, and it
brings the looks of sources that nobody has annotated. Nothing of it is ever used for testing.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.inference import predict
from napari_leukocyte.classification.measurements import Region, iterate_regions
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.segmentation.ensemble import MemberMaps, segment_members
from napari_leukocyte.segmentation.postprocess import postprocess
from training.cells import PBC_DIAMETER
from training.data.loaders import bionet, raabin
from training.data.photographs import ABROAD, DatasetName, Photograph, load
from training.data.splits import Side, select
from training.fitting import RUNS
from training.metrics import foreground_iou

#: Agreed masks and classes, in a folder for each model that agreed on the masks; they are made anew
#: in minutes and not committed.
AGREED = RUNS / "agreed"
#: Every member's mask must overlap the vote's with at least this IoU.
MEMBERS_IOU = 0.93
#: A leukocyte's box in the mask and the one that came with the photograph, at least.
BOX_IOU = 0.75
#: The least probability that every classifier must give to the class that all of them say.
CONFIDENCE = 0.85
#: Grey values of the masks, as in Zheng's.
CYTOPLASM, NUCLEUS = 128, 255
#: The same where boxes were drawn by hand around the whole cell, with some room: Bio-Net's.
LOOSE_BOX_IOU = 0.6
#: Sets whose photographs show the labelled leukocyte in their middle, with its usual diameter
#: there, px. Marrow is crowded: more than that one may be found.
CENTRED: dict[str, float] = {"pbc": PBC_DIAMETER, "raabin_labelled": 150.0, "choi_marrow": 80.0}
#: PBC's photographs that are asked; more of one microscope would crowd out the others.
PBC_PHOTOGRAPHS = 500


def candidates(dataset: DatasetName, data_root: Path) -> list[Photograph]:
    """Return the photographs of a set's training side that may be used without their labels."""
    photographs = select(load(dataset, data_root), dataset, "train")
    if dataset != "pbc":
        return photographs
    chosen = np.random.default_rng(0).permutation(len(photographs))[:PBC_PHOTOGRAPHS]
    return [photographs[int(i)] for i in sorted(chosen)]


def turned_maps(rgb: NDArray[np.uint8], model: str, upright: MemberMaps) -> MemberMaps:
    """Return a single member's maps of a photograph and its turned copies, as of four members.

    A network that has not understood a photograph says something else when it is turned. `upright`
    are the maps of the photograph as it is.
    """
    turned = (np.rot90(rgb, k).copy() for k in range(1, 4))
    found = [upright, *(segment_members(t, model, diameter=upright.diameter) for t in turned)]
    return dataclasses.replace(
        upright,
        cell=np.concatenate([np.rot90(m.cell, -k, (1, 2)) for k, m in enumerate(found)]),
        nucleus=np.concatenate([np.rot90(m.nucleus, -k, (1, 2)) for k, m in enumerate(found)]),
        names=tuple(f"{upright.names[0]}, turned {k}" for k in range(4)),
        weights=(0.25,) * 4,
        sha256=upright.sha256 * 4,
    )


def agreed_mask(photograph: Photograph, maps: MemberMaps) -> NDArray[np.uint8] | None:
    """Return the mask that the members agree on.

    Parameters
    ----------
    photograph : Photograph
        Raabin's and Bio-Net's are also compared with their boxes; of those that show a leukocyte
        in their middle, such as PBC's, those are taken where that one is found.
    maps : MemberMaps
        Of the photograph.

    Returns
    -------
    ndarray or None
        (H, W) uint8: 0, `CYTOPLASM` or `NUCLEUS`. None where the members differ, where nothing is
        found, or where other leukocytes are found than are known to be there.
    """
    nucleus = maps.combine_nucleus()
    labels = postprocess(maps.combine(), diameter=maps.diameter, nucleus=nucleus)
    if not labels.any():
        return None
    for one in maps.cell:
        alone = postprocess(one, diameter=maps.diameter, nucleus=nucleus)
        if foreground_iou(labels > 0, alone > 0) < MEMBERS_IOU:
            return None
    boxes, least = _boxes(photograph)
    if boxes is not None and not _fit_boxes(list(iterate_regions(labels)), boxes, least):
        return None
    height, width = labels.shape
    if photograph.dataset in CENTRED and labels[height // 2, width // 2] == 0:
        return None
    if photograph.dataset == "pbc" and labels.max() > 1:
        return None
    mask = np.where(labels > 0, CYTOPLASM, 0)
    return np.where((labels > 0) & (nucleus >= 0.5), NUCLEUS, mask).astype(np.uint8)


def _boxes(photograph: Photograph) -> tuple[NDArray[np.float64] | None, float]:
    """Return the boxes of a photograph's leukocytes, if known, and the least overlap with them."""
    if photograph.dataset == "raabin":
        return raabin.read_boxes(photograph), BOX_IOU
    if photograph.dataset == "bionet":
        return bionet.read_boxes(photograph), LOOSE_BOX_IOU
    return None, 0.0


def _assumed(photograph: Photograph) -> float | Literal["auto"]:
    """Return what diameter a photograph is looked at with."""
    boxes = bionet.read_boxes(photograph) if photograph.dataset == "bionet" else np.zeros((0, 4))
    if len(boxes):
        # The larger side: boxes at the border are cut on one.
        return float(np.median(np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])))
    return CENTRED.get(photograph.dataset, "auto")


def _fit_boxes(regions: list[Region], boxes: NDArray[np.float64], least: float) -> bool:
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
        if best < least:
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
        A segmentation model. If it has one member, that must say the same of the turned photograph.

    Returns
    -------
    dict
        By set, how many photographs of how many.
    """
    manifest = find_model("segmentation", model)
    result: dict[str, str] = {}
    for dataset in datasets:
        # The further laboratories' are asked on all sides: what leaves one out pastes its cells.
        everything = dataset in ABROAD
        asked = load(dataset, data_root) if everything else candidates(dataset, data_root)
        written = 0
        for photograph in asked:
            path = _mask_path(photograph, manifest.name)
            rgb = photograph.read()
            maps = segment_members(rgb, model, diameter=_assumed(photograph))
            if len(manifest.members) == 1:
                maps = turned_maps(rgb, model, maps)
            mask = agreed_mask(photograph, maps)
            if mask is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), mask)
                written += 1
        result[dataset] = f"{written} of {len(asked)}"
    return result


def _mask_path(photograph: Photograph, model: str) -> Path:
    return AGREED / model / "masks" / Path(photograph.name).with_suffix(".png")


def photographs_with_agreed_masks(
    dataset: DatasetName, data_root: Path, model: str, side: Side = "train"
) -> list[Photograph]:
    """Return the photographs of a side of a set that have a mask a model agrees on, with it."""
    if side == "train":
        chosen = candidates(dataset, data_root)
    else:
        chosen = select(load(dataset, data_root), dataset, side)
    asked = [(p, _mask_path(p, model)) for p in chosen]
    return [dataclasses.replace(p, mask=path) for p, path in asked if path.is_file()]


def write_classes(
    data_root: Path, name: str, segmenter: str, models: tuple[str, ...]
) -> dict[str, int]:
    """Write the classes of Raabin's cells that several classifiers agree on.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    name : str
        Names the agreement, for the key ``agreed`` of an experiment.
    segmenter : str
        The model whose agreed masks are taken. Only photographs with such a mask of one cell are
        asked.
    models : tuple of str
        Classifiers trained apart; a single one must be sure of itself.

    Returns
    -------
    dict
        Cells by class.
    """
    manifests = [find_model("classification", m) for m in models]
    masks = find_model("segmentation", segmenter).name
    said: dict[str, str] = {}
    for photograph in photographs_with_agreed_masks("raabin", data_root, masks):
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
    path = _classes_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"masks": masks, "classifiers": [m.name for m in manifests], "classes": said}
    path.write_text(json.dumps(record, indent=0) + "\n", encoding="utf-8")
    names = list(said.values())
    return {name: names.count(name) for name in sorted(set(names))}


def _classes_path(name: str) -> Path:
    return AGREED / f"classes-{name}.json"


def photographs_with_agreed_classes(data_root: Path, name: str) -> list[Photograph]:
    """Return Raabin's photographs whose class an agreement tells, with it and their mask."""
    record = json.loads(_classes_path(name).read_text(encoding="utf-8"))
    said = record["classes"]
    found = photographs_with_agreed_masks("raabin", data_root, record["masks"])
    return [dataclasses.replace(p, label=said[p.name]) for p in found if p.name in said]
