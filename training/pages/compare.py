"""The pages ``docs/measured/comparison-*.md``: the papers' tables beside ours, as measured."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training import papers
from training.compare import PAPER_ENSEMBLE
from training.pages.render import MEASURED, SETS, interval, render, write_page
from training.papers import CLASSIFIERS, ENSEMBLE_2024, SMALL_UNET, UNETS, Experiment

Part = Literal["segmentation", "classification"]
PARTS: tuple[Part, ...] = get_args(Part)
#: Methods of :func:`training.evaluate.segmentation_of` that need no network.
_BASELINES = ("centred disc", "threshold and watershed")

Row = tuple[str, ...]


def write(
    result: dict[str, Any], pictures: Sequence[tuple[str, Path]], folder: Path = MEASURED
) -> list[Path]:
    """Write the pages, one for each part of a differential count.

    Parameters
    ----------
    result : dict
        As from :func:`training.compare.compare`.
    pictures : sequence of (str, Path)
        The caption of a picture, and its file.
    folder : Path
        Of the pages.

    Returns
    -------
    list of Path
        The pages.
    """
    return [
        write_page(folder / f"comparison-{part}.md", page(result, part, pictures, folder))
        for part in PARTS
    ]


def page(
    result: dict[str, Any],
    part: Part,
    pictures: Sequence[tuple[str, Path]] = (),
    folder: Path = MEASURED,
) -> str:
    """Return the text of one of the pages; parameters as for `write`."""
    segmentation, classification = result["segmentation"], result["classification"]
    everything = next(iter(classification.values()))
    return render(
        "compare",
        part=part,
        other=next(p for p in PARTS if p != part),
        papers=papers,
        segmentation=segmentation["default"]["sets"],
        segmentation_budget=UNETS[0].read(),
        untrained_segmentation=_without_figures((*UNETS, SMALL_UNET), _members(segmentation)),
        weights=_weights(segmentation),
        segmentation_rows={
            name: _segmentation_rows(segmentation, name) for name in segmentation["default"]["sets"]
        },
        classification=everything,
        classification_budget=CLASSIFIERS[0].read(),
        untrained_classifiers=_without_figures(CLASSIFIERS, classification),
        classification_rows=_classification_rows(classification),
        by_set_rows=_by_set_rows(classification),
        binary=result["binary"],
        binary_rows=_binary_rows(result["binary"]),
        pictures=[
            (text, Path(os.path.relpath(file, folder)).as_posix())
            for text, file in pictures
            if ("unets" in file.name) == (part == "segmentation")
        ],
    )


def _without_figures(
    experiments: Iterable[Experiment], measured: Collection[str]
) -> list[Experiment]:
    """Return the experiments that the results have nothing of, by title or by name."""
    return [e for e in experiments if not {e.title, e.read().name} & set(measured)]


def _members(models: dict[str, Any]) -> set[str]:
    """Return the names of all networks that were measured, alone or in a vote."""
    return {*models, *(m[0] for result in models.values() for m in result.get("members", []))}


def _weights(models: dict[str, Any]) -> dict[str, str]:
    """Return the weights of the votes by whose they are."""
    found = {}
    for name, label in (("default", "shipped"), (PAPER_ENSEMBLE, "2024's members")):
        members = models.get(name, {}).get("members", [])
        if members:
            found[label] = ", ".join(f"{m[0]} {m[2]:g}" for m in members)
    return found


def _segmentation_rows(models: dict[str, Any], dataset: str) -> list[Row]:
    own = models["default"]["sets"][dataset]["methods"]
    rows = [_segmentation_row(name, own[name]) for name in _BASELINES]
    ensemble = models.get(PAPER_ENSEMBLE)
    known = {e.read().name: e for e in (*UNETS, SMALL_UNET)}
    if ensemble:
        methods = ensemble["sets"][dataset]["methods"]
        members = [m[0] for m in ensemble["members"]]
        rows += [
            _segmentation_row(known[name].title, methods[name], known[name].paper)
            for name in members
        ]
        if len(members) > 1:
            whole = len(members) == len(UNETS)
            of = "2024's ensemble" if whole else f"ensemble of {' and '.join(members)}"
            equal, fitted = (methods[m] for m in ("ensemble, equal weights", "ensemble"))
            rows.append(_segmentation_row(f"{of}, equal weights", equal))
            paper = ENSEMBLE_2024 if whole else None
            rows.append(_segmentation_row(f"{of}, fitted weights", fitted, paper))
    small = SMALL_UNET.read().name
    if small in models:
        figures = models[small]["sets"][dataset]["methods"][small]
        rows.append(_segmentation_row(SMALL_UNET.title, figures))
    rows += [
        _segmentation_row(f"shipped: {name}", figures)
        for name, figures in own.items()
        if name not in _BASELINES
    ]
    return rows


def _segmentation_row(title: str, s: dict[str, Any], paper: float | None = None) -> Row:
    return (
        title,
        interval(s["foreground_iou"], s["foreground_iou_95"], 4),
        f"{s['foreground_iou_5th_percentile']:.3f}",
        f"{s['mean_iou_both_classes']:.4f}",
        f"{s['object_f1_at_0.5']:.3f}",
        f"{paper:.4f}" if paper else "",
    )


def _classification_rows(rows: dict[str, Any]) -> list[Row]:
    paper = {e.title: e.paper for e in CLASSIFIERS}
    majority = next(iter(rows.values()))["all"]["majority_class_accuracy"]
    # Macro F1, balanced accuracy, a recall each and the paper's figure say nothing here.
    first = ("majority class", f"{majority:.4f}", *[""] * (len(LEUKOCYTE_NAMES) + 3))
    return [first, *(_classification_row(r, s["all"], paper.get(r)) for r, s in rows.items())]


def _classification_row(title: str, s: dict[str, Any], paper: float | None) -> Row:
    return (
        title,
        interval(s["accuracy"], s["accuracy_95"], 4),
        f"{s['macro_f1']:.4f}",
        f"{s['balanced_accuracy']:.4f}",
        *(f"{s[f'recall_{n}']:.3f}" if f"recall_{n}" in s else "" for n in LEUKOCYTE_NAMES),
        f"{paper:.4f}" if paper else "",
    )


def _by_set_rows(rows: dict[str, Any]) -> list[Row]:
    first = next(iter(rows.values()))
    sets = [name for name in first if name != "all"]
    baseline = (f"{first[name]['majority_class_accuracy']:.3f}" for name in sets)
    return [
        ("majority class", *baseline),
        *(
            (row, *(f"{s[name]['accuracy']:.3f}, {s[name]['macro_f1']:.3f}" for name in sets))
            for row, s in rows.items()
        ),
    ]


def _binary_rows(binary: dict[str, Any]) -> list[Row]:
    if not binary:
        return []
    return [
        (
            SETS[name],
            str(s["photographs"]),
            interval(s["accuracy"], s["accuracy_95"], 4),
            f"{s['balanced_accuracy']:.4f}",
            f"{s['macro_f1']:.4f}",
            f"{s['majority_class_accuracy']:.4f}",
            interval(binary["plugin"][name]["accuracy"], binary["plugin"][name]["accuracy_95"], 4),
        )
        for name, s in binary["sets"].items()
    ]
