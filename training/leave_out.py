"""Leave-one-dataset-out: the recipe trained without a set, and tried on it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from training.cell_batches import ClassifierConfig
from training.cells import plugin_labels, segmented_labels
from training.config import read_config
from training.data.photographs import CLASSIFIED, SEGMENTED, DatasetName, Photograph, load
from training.evaluate import Segment, classification_of, segmentation_of
from training.fitting import RUNS
from training.ship import ship_once
from training.ship_config import CONFIGS, ShipConfig

#: Figures of photographs.
Measure = Callable[[list[Photograph]], dict[str, Any]]
#: Exported networks that do not ship.
MODELS = RUNS / "models"
#: Views averaged over by the classifiers, as by the shipped one.
VIEWS = 4
#: How common the classes beyond the five are taken for, as by the shipped one.
RARE_PRIOR, ARTEFACT_PRIOR = 0.3, 0.3


def segmenter_without(dataset: DatasetName) -> str:
    """Name the segmentation experiment that left a set out; after self-training, if it had some."""
    agreed = f"unet-agreed-without-{dataset}"
    return agreed if _trained(agreed) else f"unet-without-{dataset}"


def classifier_without(dataset: DatasetName) -> str:
    """Name the classification experiment that left a set out."""
    return f"classifier-without-{dataset}"


def evaluate_left_out(
    data_root: Path, *, former: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Measure every experiment that left a set out, on the whole of that set.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    former : mapping, optional
        What was measured before; figures of networks that are still the same are kept.

    Returns
    -------
    dict
        ``segmentation`` and ``classification``, by the set that was left out; see
        :func:`training.evaluate.segmentation_of` and
        :func:`training.evaluate.classification_of`, and ``networks``: the SHA-256 of the trained
        networks that took part. The classifier's masks are those of the segmentation that has not
        seen the set either; PBC has no masks, so that no segmentation was trained on its
        annotations, and those are taken that were made for training. Experiments that are not
        here keep the figures that they had. ``trained_on`` are a classifier's sets. Where a set's
        segmentation is not here, the masks are the shipped one's, which ``masks`` then says.
    """
    result: dict[str, Any] = {"segmentation": {}, "classification": {}}
    known = former or result

    def measured(kind: str, dataset: DatasetName, networks: list[str], measure: Measure) -> None:
        kept = known[kind].get(dataset, {})
        if kept.get("networks") != networks:
            kept = {"networks": networks, **measure(load(dataset, data_root))}
        result[kind][dataset] = kept

    for dataset in CLASSIFIED:
        segment: Segment = segmented_labels
        masks_by: list[str] = []
        name = segmenter_without(dataset)
        if dataset in SEGMENTED and _trained(name):
            segmenter = export_left_out(name, "segmentation", data_root)
            masks_by = [_checksum(name)]
            measured("segmentation", dataset, masks_by, partial(segmentation_of, model=segmenter))
            segment = _segmented_by(segmenter)
        else:
            _keep(known, result, "segmentation", dataset)
        name = classifier_without(dataset)
        if _trained(name):
            model = export_left_out(name, "classification", data_root)
            measure = partial(classification_of, model=model, segment=segment)
            measured("classification", dataset, [_checksum(name), *masks_by], measure)
            row = result["classification"][dataset]
            row["masks"] = "left out" if masks_by else "shipped"
            recipe = read_config(CONFIGS / "lodo" / f"{name}.toml", ClassifierConfig)
            row["trained_on"] = list(recipe.datasets)
        else:
            _keep(known, result, "classification", dataset)
    return result


def _keep(known: Mapping[str, Any], result: dict[str, Any], kind: str, dataset: str) -> None:
    if dataset in known[kind]:
        result[kind][dataset] = known[kind][dataset]


def _segmented_by(model: str) -> Segment:
    return lambda photograph, rgb: plugin_labels(rgb, model=model)


def _trained(name: str) -> bool:
    return (RUNS / name / "model.keras").is_file()


def _checksum(name: str) -> str:
    return hashlib.sha256((RUNS / name / "model.keras").read_bytes()).hexdigest()


def export_left_out(name: str, kind: str, data_root: Path) -> str:
    """Export an experiment of ``configs/lodo/`` as the shipped one is; return its folder."""
    config = ShipConfig(
        name=name,
        title=name,
        kind=kind,
        licence="not shipped",
        members=(f"lodo/{name}",),
        views=VIEWS,
        rare_prior=RARE_PRIOR,
        artefact_prior=ARTEFACT_PRIOR,
    )
    return str(ship_once(config, data_root, MODELS).folder)
