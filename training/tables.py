"""``docs/compare.md``: the papers' tables beside ours, as :mod:`training.compare` measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from napari_leukocyte.vocabulary import DISCLAIMER, LEUKOCYTE_NAMES
from training.compare import PAPER_ENSEMBLE
from training.papers import (
    BINARY_2019,
    CLASSIFIERS,
    ENSEMBLE_2024,
    SMALL_UNET,
    SOURCE_2019,
    SOURCE_2024,
    UNETS,
    Experiment,
)

PAGE = Path(__file__).parents[1] / "docs" / "compare.md"
SETS = {
    "zheng1": "Zheng 1 (Jiangxi Tecom, single cells)",
    "zheng2": "Zheng 2 (CellaVision, single cells)",
    "bccd": "BCCD (whole fields)",
    "pbc": "PBC (CellaVision DM96, single cells)",
}
#: Methods of :func:`training.evaluate.segmentation_of` that need no network.
_BASELINES = ("centred disc", "threshold and watershed")


def write_page(result: dict[str, Any], pictures: Sequence[tuple[str, Path]]) -> Path:
    """Write the page.

    Parameters
    ----------
    result : dict
        As from :func:`training.compare.compare`.
    pictures : sequence of (str, Path)
        What a picture shows, and its file.

    Returns
    -------
    Path
        The page.
    """
    parts = [
        *_head(),
        *segmentation_tables(result["segmentation"]),
        *classification_tables(result["classification"]),
        *binary_table(result["binary"]),
    ]
    if pictures:
        parts += ["## Curves and confusion matrices", ""]
        for text, file in pictures:
            parts += [text, "", f"![{text}]({file.relative_to(PAGE.parent).as_posix()})", ""]
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    return PAGE


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table, and an empty one."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _head() -> list[str]:
    return [
        "# The papers' networks beside ours",
        "",
        DISCLAIMER,
        "",
        "Written by `python -m training compare`. All rows but the papers' own figures are "
        "measured on the same test photographs (10 % of each set, split by source photograph "
        "before any augmentation), through the plugin's own path, with the diameter that it "
        "estimates. Square brackets hold 95 % bootstrap intervals over photographs.",
        "",
        "The papers' figures come from other photographs, other splits and, for the IoU, a "
        "definition that they leave open: they are quoted, not compared digit by digit. *From "
        "scratch* means without ImageNet weights, where the papers had them: those rows say what "
        "the architecture learns from these photographs alone on the budget stated, not what it "
        "could do.",
        "",
        f"Sources: 2024: {SOURCE_2024}. 2019: {SOURCE_2019}.",
        "",
    ]


def _missing(experiments: Iterable[Experiment]) -> list[str]:
    missing = [e for e in experiments if not e.trained]
    lines = [f"- {e.title}: not yet trained: `{e.command}`" for e in missing]
    return [*lines, ""] if lines else []


def segmentation_tables(models: dict[str, Any]) -> list[str]:
    """Return table A: one table for each set."""
    lines = ["## A. Segmentation", "", _segmentation_budget(), ""]
    lines += _missing((*UNETS, SMALL_UNET))
    for name, label in (("default", "shipped"), (PAPER_ENSEMBLE, "2024's members")):
        weights = [f"{m[0]} {m[2]:g}" for m in models.get(name, {}).get("members", [])]
        if weights:
            lines += [f"Weights of the vote, {label}: {', '.join(weights)}.", ""]
    head = (
        "method",
        "foreground IoU",
        "5th percentile",
        "mean IoU, both classes",
        "object F1",
        "IoU in the paper",
    )
    for dataset in models["default"]["sets"]:
        count = models["default"]["sets"][dataset]["photographs"]
        lines += [f"### {SETS[dataset]}, {count} photographs", ""]
        lines += markdown_table(head, _segmentation_rows(models, dataset))
    return lines


def _segmentation_budget() -> str:
    config = UNETS[0].read()
    s = config.schedule
    return (
        "2024's members and EfficientNet-Lite0 from scratch have one budget: crops of "
        f"{config.side} px, {s.epochs * s.steps * s.batch_size} of them. The shipped members had "
        "ImageNet weights, larger crops and a budget of their own (see their configurations)."
    )


def _segmentation_rows(models: dict[str, Any], dataset: str) -> list[tuple[str, ...]]:
    rows = []
    own = models["default"]["sets"][dataset]["methods"]
    rows += [_segmentation_row(name, own[name], None) for name in _BASELINES]
    papers = models.get(PAPER_ENSEMBLE)
    known = {e.read().name: e for e in (*UNETS, SMALL_UNET)}
    if papers:
        methods = papers["sets"][dataset]["methods"]
        members = [m[0] for m in papers["members"]]
        for name in members:
            rows.append(_segmentation_row(known[name].title, methods[name], known[name].paper))
        if len(members) > 1:
            whole = len(members) == len(UNETS)
            of = "2024's ensemble" if whole else f"ensemble of {' and '.join(members)}"
            equal, fitted = (methods[m] for m in ("ensemble, equal weights", "ensemble"))
            rows.append(_segmentation_row(f"{of}, equal weights", equal, None))
            rows.append(
                _segmentation_row(f"{of}, fitted weights", fitted, ENSEMBLE_2024 if whole else None)
            )
    small = SMALL_UNET.read().name
    if small in models:
        figures = models[small]["sets"][dataset]["methods"][small]
        rows.append(_segmentation_row(SMALL_UNET.title, figures, None))
    rows += [
        _segmentation_row(f"shipped: {name}", figures, None)
        for name, figures in own.items()
        if name not in _BASELINES
    ]
    return rows


def _segmentation_row(title: str, s: dict[str, Any], paper: float | None) -> tuple[str, ...]:
    low, high = s["foreground_iou_95"]
    return (
        title,
        f"{s['foreground_iou']:.4f} [{low:.3f}, {high:.3f}]",
        f"{s['foreground_iou_5th_percentile']:.3f}",
        f"{s['mean_iou_both_classes']:.4f}",
        f"{s['object_f1_at_0.5']:.3f}",
        f"{paper:.4f}" if paper else "",
    )


def classification_tables(rows: dict[str, Any]) -> list[str]:
    """Return table B: all test cells together, then by set."""
    paper = {e.title: e.paper for e in CLASSIFIERS}
    everything = next(iter(rows.values()))["all"]
    counts = ", ".join(f"{n} {c}" for c, n in everything["cells"].items())
    lines = ["## B. Classification", "", _classification_budget(), ""]
    lines += _missing(CLASSIFIERS)
    lines += [f"Test cells, all sets together: {counts}.", ""]
    recalls = (f"recall {name}" for name in LEUKOCYTE_NAMES)
    head = ("classifier", "accuracy", "macro F1", "balanced accuracy", *recalls)
    table = [_classification_row(r, s["all"], paper.get(r)) for r, s in rows.items()]
    majority = everything["majority_class_accuracy"]
    table.insert(0, ("majority class", f"{majority:.4f}", *[""] * 7, ""))
    lines += markdown_table((*head, "accuracy in the paper"), table)
    lines += ["Accuracy and macro F1 by set:", ""]
    sets = [d for d in next(iter(rows.values())) if d != "all"]
    by_set = [
        (row, *(f"{s[d]['accuracy']:.3f}, {s[d]['macro_f1']:.3f}" for d in sets))
        for row, s in rows.items()
    ]
    first = next(iter(rows.values()))
    baseline = (f"{first[d]['majority_class_accuracy']:.3f}" for d in sets)
    return lines + markdown_table(
        ("classifier", *(f"{SETS[d]}, {sum(first[d]['cells'].values())} cells" for d in sets)),
        [("majority class", *baseline), *by_set],
    )


def _classification_budget() -> str:
    config = CLASSIFIERS[0].read()
    s = config.schedule
    return (
        f"Table 1 of the paper on one equal budget: crops of {config.side} px, "
        f"{s.epochs * s.steps * s.batch_size} of them, the same augmentation and balance for all. "
        "The shipped classifier had a larger budget and larger crops. The meta-models are fitted "
        "on the cells of the validation side, on which the classifiers' best epochs were chosen, "
        "and see the classifiers' probabilities and the measured morphology (size, circularity, "
        "solidity, nucleus-to-cell ratio, shape and parts of the nucleus). Masks come from the "
        "plugin's own segmentation; a cell that it does not find counts as wrong."
    )


def _classification_row(title: str, s: dict[str, Any], paper: float | None) -> tuple[str, ...]:
    return (
        title,
        _accuracy(s),
        f"{s['macro_f1']:.4f}",
        f"{s['balanced_accuracy']:.4f}",
        *(f"{s[f'recall_{n}']:.3f}" if f"recall_{n}" in s else "" for n in LEUKOCYTE_NAMES),
        f"{paper:.4f}" if paper else "",
    )


def _accuracy(s: dict[str, Any]) -> str:
    low, high = s["accuracy_95"]
    return f"{s['accuracy']:.4f} [{low:.3f}, {high:.3f}]"


def binary_table(binary: dict[str, Any]) -> list[str]:
    """Return table C: the network of 2019."""
    lines = [
        "## C. The binary network of 2019",
        "",
        "Nine layers (three times convolution and pooling, two dense layers, a binary output), 20 "
        "epochs, mononuclear against polymorphonuclear leukocytes; 80 % of the photographs train, "
        "20 % are held out; the last epoch is kept. The first accuracy is over these 20 %, cells "
        "cut by the sets' own masks (PBC's by the plugin's); the second over the test side alone, "
        "everything by the plugin's own segmentation.",
        "",
        f"The paper reports an accuracy of {BINARY_2019:.2f} on two classes of the Kaggle set, "
        "whose copies of one photograph may stand on both sides of its split.",
        "",
    ]
    if not binary:
        return [*lines, "Not yet trained: `python -m training binary`", ""]
    head = (
        "set",
        "photographs",
        "accuracy",
        "balanced accuracy",
        "macro F1",
        "majority class",
        "accuracy, plugin's masks",
    )
    rows = []
    for dataset, s in binary["sets"].items():
        rows.append(
            (
                SETS[dataset],
                str(s["photographs"]),
                _accuracy(s),
                f"{s['balanced_accuracy']:.4f}",
                f"{s['macro_f1']:.4f}",
                f"{s['majority_class_accuracy']:.4f}",
                _accuracy(binary["plugin"][dataset]),
            )
        )
    return lines + markdown_table(head, rows)
