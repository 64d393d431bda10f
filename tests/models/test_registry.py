from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models import registry, runtime
from napari_leukocyte.models.manifest import Kind
from napari_leukocyte.models.registry import default_name, find_model, list_models
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

WriteModel = Callable[..., Path]


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
