from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_leukocyte.models.registry import default_name, discover_models, list_models

WriteModel = Callable[..., Path]
CLASSIFIER = {"kind": "classification", "classes": ["a", "b"], "side_px": 64}


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
