"""The comparison: equal budgets, tables, what is missing, and pictures."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_leukocyte.models.registry import find_model
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training import compare, papers, plots
from training import ship as shipping
from training.metrics import classification_summary
from training.networks.encoders import ENCODERS
from training.pages import compare as page
from training.papers import CLASSIFIERS, SMALL_UNET, UNETS

SETS = ("zheng1", "bccd")


def _method(iou: float) -> dict[str, Any]:
    return {
        "foreground_iou": iou,
        "foreground_iou_95": [iou - 0.01, iou + 0.01],
        "foreground_iou_5th_percentile": iou - 0.1,
        "mean_iou_both_classes": iou + 0.02,
        "object_f1_at_0.5": 0.9,
    }


def _model(*members: str) -> dict[str, Any]:
    names = ("centred disc", "threshold and watershed", *members)
    methods = {n: _method(0.5 + 0.05 * i) for i, n in enumerate(names)}
    methods |= {"ensemble, equal weights": _method(0.91), "ensemble": _method(0.92)}
    return {
        "members": [[m, "0" * 64, 0.5] for m in members],
        "sets": {d: {"photographs": 7, "methods": methods} for d in SETS},
    }


@pytest.fixture
def result() -> dict[str, Any]:
    truth = ["neutrophil"] * 3 + ["basophil"]
    said = ["neutrophil", "neutrophil", "not found", "basophil"]
    summary = classification_summary(truth, said, LEUKOCYTE_NAMES)
    rows = {"all": summary, **dict.fromkeys(SETS, summary)}
    groups = ("mononuclear", "polymorphonuclear")
    two = {"photographs": 2, **classification_summary(list(groups), list(groups), groups)}
    return {
        "segmentation": {
            "default": _model("ours-0", "ours-1"),
            compare.PAPER_ENSEMBLE: _model("papers-unet-b2", "papers-unet-irv2"),
        },
        "classification": {CLASSIFIERS[1].title: rows, "shipped: lite-eight": rows},
        "binary": {"sets": {"bccd": two}, "plugin": {"all": two, "bccd": two}},
    }


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (papers, compare, shipping):
        monkeypatch.setattr(module, "RUNS", tmp_path)
    return tmp_path


def test_every_row_has_a_configuration_and_another_budget_is_named() -> None:
    for table in ((*UNETS, SMALL_UNET), CLASSIFIERS):
        configs = [e.read() for e in table]
        assert {c.encoder for c in configs} <= set(ENCODERS)
        assert len({c.name for c in configs}) == len(configs)
        budgets: dict[bool, set[tuple[float, ...]]] = {}
        for e, c in zip(table, configs, strict=True):
            s = c.schedule
            images = s.epochs * s.steps * s.batch_size
            kind = (c.side, c.diameter, images, s.patience >= s.epochs)
            budgets.setdefault("larger budget" in e.title, set()).add(kind)
        assert all(len(found) == 1 for found in budgets.values())
        for e, config in zip(table, configs, strict=True):
            assert ("from scratch" in e.title) == (config.encoder_weights == "none")


def test_the_page_has_every_row_and_says_what_is_missing(
    result: dict[str, Any], runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for trained in (UNETS[0], UNETS[2], CLASSIFIERS[1]):
        folder = runs / trained.read().name
        folder.mkdir()
        (folder / "model.keras").touch()
    images = tmp_path / "docs" / "images"
    pictures = [("Curves.", images / "curves-unets.png"), ("Truth.", images / "confusion.png")]
    written = page.write(result, pictures, tmp_path / "docs" / "measured")
    masks, classes = (file.read_text("utf-8") for file in written)
    text, lines = classes, [*masks.splitlines(), *classes.splitlines()]
    b2 = next(x for x in lines if x.startswith("| U-Net on EfficientNetB2"))
    assert b2.split(" | ")[1:] == ["0.6000 [0.590, 0.610]", "0.500", "0.6200", "0.900", "0.9921 |"]
    assert f"- {UNETS[1].title}: not yet trained: `{UNETS[1].command}`" in lines
    assert not any(x.startswith(f"- {UNETS[0].title}") for x in lines)
    assert any(
        x.startswith("| ensemble of papers-unet-b2 and papers-unet-irv2, fit") for x in lines
    )
    assert "0.9949" not in masks  # B7 is missing: it is not the paper's ensemble
    assert any(x.startswith("| shipped: ensemble |") for x in lines)
    vgg = next(x for x in lines if x.startswith("| VGG16"))
    assert "0.7500" in vgg
    assert vgg.endswith("0.9279 |")
    assert next(x for x in lines if x.startswith("| majority class")).count("0.7500") == 1
    assert f"`{CLASSIFIERS[0].command}`" in text
    assert "reports an accuracy of 0.97 on" in text
    assert "![Curves.](../images/curves-unets.png)" in masks
    assert "![Truth.](../images/confusion.png)" in classes
    assert "Curves." not in classes
    widths = {len(x.split(" | ")) for x in lines if x.startswith(("| U-Net", "| shipped: ours"))}
    assert widths == {6}


def test_commands_of_missing_runs_name_files_that_exist() -> None:
    for e in (*UNETS, SMALL_UNET, *CLASSIFIERS):
        verb, file = e.command.split()[-2:]
        assert verb == ("segment" if "unet" in file else "classify")
        assert (Path(papers.__file__).parents[1] / file).is_file()


def test_a_run_is_exported_again_only_when_it_is_newer(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = CLASSIFIERS[0]
    name = experiment.read().name
    run = runs / name / "model.keras"
    run.parent.mkdir()
    run.touch()
    calls = []

    def ship(config: Any, data_root: Path, models: Path) -> Path:
        calls.append(config.members)
        folder: Path = models / config.name
        folder.mkdir(parents=True, exist_ok=True)
        manifest = json.loads(
            (find_model("classification", "binary-2019").folder / "manifest.json").read_text(
                "utf-8"
            )
        )
        manifest["members"][0]["name"] = name
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        return folder

    monkeypatch.setattr(shipping, "ship", ship)
    for _ in range(2):
        made = compare.as_user_model(name, "classification", [experiment], Path())
        assert made.folder == runs / "models" / name
    assert calls == [(experiment.config,)]
    later = (made.folder / "manifest.json").stat().st_mtime + 10
    os.utime(run, (later, later))
    compare.as_user_model(name, "classification", [experiment], Path())
    assert len(calls) == 2


def test_pictures_are_drawn_from_what_there_is(
    result: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(plots, "FOLDER", tmp_path / "images")
    name = UNETS[0].read().name
    (tmp_path / "results" / name).mkdir(parents=True)
    keys = ("epoch", "loss", "val_loss", "cell_iou", "val_cell_iou")
    curves = {k: list(np.linspace(0, 1, 5)) for k in keys}
    (tmp_path / "results" / name / "training.json").write_text(
        json.dumps({"curves": curves}), encoding="utf-8"
    )
    drawn = dict(plots.draw_all(result))
    assert dict(plots.drawn()) == drawn
    assert {f.name for f in drawn.values()} == {
        "curves-unets.png",
        "confusion-classifiers.png",
        "confusion-binary.png",
    }
    assert all(f.read_bytes().startswith(b"\x89PNG") for f in drawn.values())
