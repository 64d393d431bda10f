from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models import registry, runtime
from napari_leukocyte.models.manifest import Kind
from napari_leukocyte.models.registry import (
    default_name,
    discover_models,
    find_model,
    list_models,
)
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

WriteModel = Callable[..., Path]
CLASSIFIER = {"kind": "classification", "classes": ["a", "b"], "side_px": 64}


@pytest.mark.parametrize("kind", get_args(Kind))
def test_shipped_models_are_whole(kind: Kind) -> None:
    models = list_models(kind)
    assert models[0].name == default_name(kind) == find_model(kind).name
    assert models[0].folder.parent == registry.SHIPPED
    for model in models:
        assert model.licence
        assert model.training_data
        for member in model.members:
            assert hashlib.sha256(member.file.read_bytes()).hexdigest() == member.sha256
            runtime.load(member)
    if kind == "classification":
        assert models[0].classes[: len(LEUKOCYTE_NAMES)] == LEUKOCYTE_NAMES


def test_no_shipped_folder_is_damaged() -> None:
    folders = {p for p in registry.SHIPPED.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert {m.folder for kind in get_args(Kind) for m in list_models(kind)} == folders


def test_own_models_follow_the_shipped_ones(own_models: Path, write_model: WriteModel) -> None:
    write_model("mine")
    write_model("damaged", schema=99)
    write_model("a-classifier", kind="classification", classes=["a", "b"], side_px=64)
    names = [m.name for m in list_models("segmentation")]
    assert names[0] == default_name("segmentation")
    assert names[-1] == "mine"
    assert not {"damaged", "a-classifier"} & set(names)
    assert find_model("segmentation", "mine").folder == own_models / "mine"
    assert find_model("classification", "a-classifier").side_px == 64


def test_own_model_does_not_take_a_shipped_name(own_models: Path, write_model: WriteModel) -> None:
    folder = write_model(default_name("segmentation"))
    assert find_model("segmentation").folder.parent == registry.SHIPPED
    assert find_model("segmentation", folder).folder == folder


def test_model_is_found_by_its_folder(write_model: WriteModel) -> None:
    folder = write_model("elsewhere")
    assert find_model("segmentation", str(folder)).name == "elsewhere"
    with pytest.raises(ModelError, match="is a segmentation model, not a classification model"):
        find_model("classification", folder)


@pytest.mark.parametrize("name", ["", "no such model", "..", "/", "a" * 5000, "a\0b"])
def test_what_is_no_model_gets_one_sentence(own_models: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"^[^\n]+\.$"):
        find_model("segmentation", name)


def test_damaged_model_is_refused_by_name(own_models: Path, write_model: WriteModel) -> None:
    write_model("damaged", schema=99)
    with pytest.raises(ModelError, match="layout version 99"):
        find_model("segmentation", "damaged")


@pytest.mark.parametrize("content", [None, "", "[]", "{}", "null"])
def test_damaged_installation_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    monkeypatch.setattr(registry, "SHIPPED", tmp_path)
    if content is not None:
        (tmp_path / "defaults.json").write_text(content)
    with pytest.raises(ModelError, match="install"):
        find_model("segmentation")


def test_folder_of_own_models_can_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(registry.FOLDER_VARIABLE, str(tmp_path))
    assert registry.user_folder() == tmp_path
    monkeypatch.delenv(registry.FOLDER_VARIABLE)
    assert registry.user_folder().name == "models"
    assert json.loads((registry.SHIPPED / "defaults.json").read_text())


def test_damaged_models_are_listed_with_their_reasons(
    own_models: Path, write_model: WriteModel
) -> None:
    write_model("sound")
    write_model("of-the-future", schema=99)
    (write_model("torn") / "net.onnx").write_bytes(b"half")
    (write_model("gone") / "net.onnx").unlink()
    (write_model("half") / "manifest.json").write_text("{", encoding="utf-8")
    (write_model("bare") / "manifest.json").unlink()
    write_model("a-shipped-name", name=default_name("segmentation"))
    write_model("damaged-classifier", **CLASSIFIER, temperature=-1)
    (own_models / "notes").mkdir()
    (own_models / "readme.txt").write_text("no model", encoding="utf-8")

    found = discover_models("segmentation")
    shipped = [m.name for m in list_models("segmentation") if m.folder.parent != own_models]
    assert [m.name for m in found.models] == [*shipped, "sound"]
    reasons = {each.name: each.reason for each in found.unusable}
    for name, word in {
        "of-the-future": "layout version 99",
        "torn": "checksum",
        "gone": "missing",
        "half": "JSON",
        "bare": "no manifest.json",
        "a-shipped-name": "has the name of another one",
    }.items():
        assert word in reasons.pop(name)
    assert reasons == {}
    for each in found.unusable:
        assert each.reason.endswith(".")
        assert "\n" not in each.reason
    # What can't be told apart stands in both lists, what can in its own.
    names = {each.name for each in discover_models("classification").unusable}
    assert names == {"damaged-classifier", "half", "bare"}


def test_file_that_was_mended_is_looked_at_again(own_models: Path, write_model: WriteModel) -> None:
    file = write_model("mine") / "net.onnx"
    data = file.read_bytes()
    file.write_bytes(data[:-1] + b"x")
    assert [each.name for each in discover_models("segmentation").unusable] == ["mine"]
    file.write_bytes(data)
    os.utime(file, ns=(1, 1))
    assert discover_models("segmentation").unusable == ()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_folder_that_may_not_be_read_hides_no_other(
    own_models: Path, write_model: WriteModel
) -> None:
    write_model("sound")
    folder = write_model("closed")
    folder.chmod(0)
    try:
        assert "sound" in [m.name for m in discover_models("segmentation").models]
    finally:
        folder.chmod(0o700)
