"""The papers' tables beside ours: same photographs, same split, same metric for every row.

Keras networks are exported to a folder of user models under ``runs/models`` and measured through
the plugin's own path, with the diameter that the plugin estimates, exactly as the shipped models
are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd

from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training.binary import GROUP_OF
from training.data.photographs import SEGMENTED, DatasetName, load
from training.data.splits import Side, select
from training.evaluate import held_out, segmentation_of
from training.fitting import RESULTS, RUNS
from training.metrics import classification_summary
from training.papers import CLASSIFIERS, SMALL_UNET, UNETS, Experiment
from training.predictions import predict_cells, probability_columns, segmenter_key, verdicts
from training.ship import ship_once
from training.ship_config import ShipConfig
from training.stacking import MetaKind, MetaModel

RESULT = RESULTS / "compare.json"
#: Name of the paper's ensemble as a model.
PAPER_ENSEMBLE = "papers-unets"
#: The network of 2019 as a model.
BINARY = "binary-2019"
#: The sets that the papers' networks were trained on, and all rows are compared on.
COMPARED: tuple[DatasetName, ...] = ("zheng1", "zheng2", "bccd", "pbc")


def compare(data_root: Path, *, again: bool = False) -> dict[str, Any]:
    """Measure whatever is trained, and write ``results/compare.json``.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    again : bool
        Measure segmentation anew even where the same networks were measured before.

    Returns
    -------
    dict
        ``segmentation``: figures by model, see :func:`training.evaluate.segmentation_of`.
        ``classification``: figures by row, see :func:`compare_classifiers`. ``binary``: what
        :func:`training.binary.ship_binary` measured, and ``plugin``: the same network on the test
        side, masks by the plugin. Experiments without a run keep the figures that they had.
    """
    former = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    measured = {} if again else former.get("segmentation", {})
    result = {
        "segmentation": former.get("segmentation", {})
        | {
            name: _segmentation(model, measured.get(name, {}), data_root)
            for name, model in _segmentation_models(data_root).items()
        },
        "classification": compare_classifiers(data_root, former.get("classification", {})),
        "binary": _binary(data_root),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def _segmentation_models(data_root: Path) -> dict[str, Manifest]:
    """Return the shipped model, and what is trained of the paper's ensemble and the small U-Net."""
    models = {"default": find_model("segmentation")}
    trained = [e for e in UNETS if e.trained]
    if trained:
        models[PAPER_ENSEMBLE] = as_user_model(PAPER_ENSEMBLE, "segmentation", trained, data_root)
    if SMALL_UNET.trained:
        name = SMALL_UNET.read().name
        models[name] = as_user_model(name, "segmentation", [SMALL_UNET], data_root)
    return models


def as_user_model(
    name: str, kind: str, experiments: Sequence[Experiment], data_root: Path
) -> Manifest:
    """Export runs as one model into ``runs/models``, unless that was done since they ended.

    Parameters
    ----------
    name, kind : str
        Of the model.
    experiments : sequence of Experiment
        Its members, all trained; the weights of their vote are fitted on validation photographs.
    data_root : Path
        Folder of the data sets.

    Returns
    -------
    Manifest
    """
    title = " + ".join(e.title for e in experiments)
    config = ShipConfig(name, title, kind, members=tuple(e.config for e in experiments))
    return ship_once(config, data_root, RUNS / "models")


def _segmentation(manifest: Manifest, former: dict[str, Any], data_root: Path) -> dict[str, Any]:
    identity = [[m.name, m.sha256, m.weight] for m in manifest.members]
    if former.get("members") == identity:
        return former
    sets = {d: segmentation_of(held_out(d, data_root), str(manifest.folder)) for d in SEGMENTED}
    return {"members": identity, "sets": sets}


def _binary(data_root: Path) -> dict[str, Any]:
    """Return what was measured at its export, and how it does in the plugin's own path."""
    path = RESULTS / BINARY / "held-out.json"
    if not path.is_file():
        return {}
    measured: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    manifest = find_model("classification", BINARY)
    test = predictions("test", [manifest], data_root)
    test["truth"] = test["truth"].map(GROUP_OF)
    return {**measured, "plugin": _by_set(test, verdicts(test, manifest), manifest.classes)}


def compare_classifiers(data_root: Path, former: Mapping[str, Any]) -> dict[str, Any]:
    """Measure every classifier that is trained, and the meta-models over them.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.
    former : mapping
        Rows as they were; those of networks that are not here stay, and so do the meta-models'
        unless all networks are.

    Returns
    -------
    dict
        For each row ``all`` and every set: the figures of
        :func:`training.metrics.classification_summary` on the test cells.
    """
    own = {
        e.title: as_user_model(e.read().name, "classification", [e], data_root)
        for e in CLASSIFIERS
        if e.trained
    }
    default = find_model("classification")
    everything = [*own.values(), default]
    test = predictions("test", everything, data_root)
    said = {title: verdicts(test, manifest) for title, manifest in own.items()}
    said[f"shipped: {default.name}"] = verdicts(test, default)
    if len(own) == len(CLASSIFIERS):
        said |= stack(predictions("validation", everything, data_root), test, everything)
    return {**former, **{row: _by_set(test, values) for row, values in said.items()}}


def stack(
    validation: pd.DataFrame, test: pd.DataFrame, classifiers: Sequence[Manifest]
) -> dict[str, list[str]]:
    """Fit every meta-model on validation cells and ask it about test cells.

    Returns
    -------
    dict
        The class of every test cell, by the meta-model's title.
    """
    number = f"{len(classifiers)} classifier{'s' if len(classifiers) > 1 else ''} and morphology"
    kinds: dict[str, tuple[MetaKind, Sequence[Manifest]]] = {
        f"stacking, logistic regression over {number}": ("logistic", classifiers),
        f"stacking, gradient boosting over {number}": ("boosting", classifiers),
        "gradient boosting on morphology alone": ("boosting", ()),
    }
    return {
        title: MetaModel(validation, members, kind).verdicts(test)
        for title, (kind, members) in kinds.items()
    }


def predictions(side: Side, classifiers: Sequence[Manifest], data_root: Path) -> pd.DataFrame:
    """Return what classifiers say of one side's cells; kept in ``runs/predictions``.

    Parameters
    ----------
    side : {"train", "validation", "test"}
        Of the split.
    classifiers : sequence of Manifest
        Which.
    data_root : Path
        Folder of the data sets.

    Returns
    -------
    pandas.DataFrame
        As from :func:`training.predictions.predict_cells`.
    """
    photographs = [
        p
        for dataset in COMPARED
        for p in select(load(dataset, data_root), dataset, side)
        if p.label in LEUKOCYTE_NAMES
    ]
    table = predict_cells(photographs, [])
    for manifest in classifiers:
        stamp = "-".join([manifest.name, *(m.sha256[:8] for m in manifest.members)])
        path = RUNS / "predictions" / segmenter_key() / f"{stamp}-{side}.csv"
        kept = pd.read_csv(path) if path.is_file() else None
        if kept is None or list(kept["photograph"]) != list(table["photograph"]):
            print(f"{manifest.name}: {len(photographs)} {side} cells", flush=True)
            kept = predict_cells(photographs, [manifest])
            path.parent.mkdir(parents=True, exist_ok=True)
            kept.to_csv(path, index=False)
        table = table.join(kept[probability_columns(manifest)])
    return table


def _by_set(
    table: pd.DataFrame, said: list[str], classes: tuple[str, ...] = LEUKOCYTE_NAMES
) -> dict[str, Any]:
    rows = table.assign(said=said)
    groups = {"all": rows, **{cast(str, d): r for d, r in rows.groupby("dataset", sort=False)}}
    return {
        name: classification_summary(list(g["truth"]), list(g["said"]), classes)
        for name, g in groups.items()
    }
