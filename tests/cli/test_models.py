from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import napari_leukocyte as nl
from napari_leukocyte.models import keras_file, registry
from napari_leukocyte.models.registry import SHIPPED, find_model
from napari_leukocyte.vocabulary import DISCLAIMER

#: A U-Net of one level that sees what is dark: below mid grey it says cell. Its input has one size.
MAKE_KERAS_FILES = """
import sys
import keras
import numpy as np
from keras import layers

image = keras.Input((64, 64, 3))
grey = layers.Conv2D(1, 1, name="grey")
dark = layers.Conv2D(2, 1, activation="sigmoid", name="dark")
fine = grey(layers.Rescaling(1 / 255)(image))
coarse = layers.UpSampling2D()(layers.AveragePooling2D(2)(fine))
unet = keras.Model(image, dark(layers.Concatenate()([fine, coarse])))
grey.set_weights([np.full((1, 1, 3, 1), 1 / 3), np.zeros(1)])
dark.set_weights([np.full((1, 1, 2, 2), -20.0), np.array([20.0, 10.0])])
unet.save(sys.argv[1])
end = [layers.Lambda(lambda x: x / 255), layers.Conv2D(1, 1, activation="sigmoid")]
keras.Sequential([keras.Input((64, 64, 3)), *end]).save(sys.argv[2])
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the user's models."""
    folder = tmp_path / "own"
    monkeypatch.setenv(registry.FOLDER_VARIABLE, str(folder))
    return folder


def write_model(folder: Path, **changes: Any) -> None:
    folder.mkdir(parents=True)
    (folder / "m.onnx").write_bytes(b"never run")
    sha256 = hashlib.sha256(b"never run").hexdigest()
    member = {"name": "m", "file": "m.onnx", "sha256": sha256, "diameter_px": 64}
    manifest = {
        **{"schema": 1, "kind": "segmentation", "name": folder.name, "title": "My own"},
        **{"members": [member], "figures": {"held_out": {"bccd": {"foreground_iou": 0.91239}}}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes), encoding="utf-8")


def test_models_are_listed(cli: Any, own: Path) -> None:
    write_model(own / "mine")
    write_model(own / "broken", schema=7)
    done = cli("models")
    assert done.exit_code == 0
    for kind in ("segmentation", "classification"):
        default = registry.default_name(kind)
        assert f"  {default} (default): " in done.stdout
        assert str(registry.SHIPPED / default) in done.stdout
    lines = done.stdout.splitlines()
    assert lines[lines.index("  mine: My own") + 1] == "    figures: IoU 0.91"
    # Broken for both kinds, listed once.
    assert sum(line.startswith("  broken: ") for line in lines) == 1
    assert done.stdout.count(DISCLAIMER) == 1


def test_one_model_is_shown(cli: Any, own: Path, tmp_path: Path) -> None:
    write_model(own / "mine")
    write_model(own / "broken", schema=7)
    write_model(tmp_path / "elsewhere")
    for name in ("mine", str(tmp_path / "elsewhere")):
        done = cli("models", "show", name)
        assert done.exit_code == 0
        assert "    bccd, foreground IoU: 0.912" in done.stdout.splitlines()
        assert DISCLAIMER in done.stdout
    for name, word in (("broken", "layout version 7"), ("none", "known are"), (str(own), "known")):
        done = cli("models", "show", name)
        assert done.exit_code == 2
        assert done.stderr.count("\n") == 1
        assert (word in done.stderr) is (name != str(own)) or "not a model" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["missing.keras"],
        ["missing.onnx"],
        ["x.onnx", "--kind", "detection"],
        ["x.onnx", "--name", "../x"],
        ["x.onnx", "--diameter", "many"],
        ["x.onnx", "--classes", "a,,b"],
        ["x.onnx", "--kind", "classification", "--classes", "a"],
        ["x.onnx", "--float16"],
    ],
)
def test_bad_input_is_one_sentence(
    cli: Any, own: Path, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.onnx").write_bytes(b"no network")
    done = cli("models", "add", "--kind", "segmentation", "--name", "mine", *arguments)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert not own.exists()


def test_missing_tensorflow_is_said(
    cli: Any, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras_file, "find_spec", lambda name: None)
    monkeypatch.setattr(keras_file, "check_keras_file", lambda path: None)
    (tmp_path / "net.keras").write_bytes(b"")
    monkeypatch.setattr("napari_leukocyte.cli.models.check_keras_file", lambda path: None)
    done = cli("models", "add", tmp_path / "net.keras", "--kind", "segmentation", "--name", "mine")
    assert done.exit_code == 2
    assert 'pip install "napari-leukocyte[train]"' in done.stderr


def test_ready_onnx_file_is_added_and_removed(cli: Any, own: Path) -> None:
    shipped = find_model("classification")
    arguments = ["models", "add", shipped.members[0].file, "--kind", "classification"]
    arguments += ["--name", "mine", "--classes", ",".join(shipped.classes)]
    assert "the side" in cli(*arguments).stderr
    done = cli(*arguments, "--side", shipped.side_px, "--title", "Again", "--trained-on", "a, b")
    assert done.exit_code == 0, done.stderr
    assert "--classifier mine" in done.stdout
    mine = find_model("classification", "mine")
    assert (mine.classes, mine.side_px) == (shipped.classes, shipped.side_px)
    assert (mine.title, mine.training_data) == ("Again", ("a", "b"))
    assert mine.outputs == ("logits", "embedding")
    assert mine.members[0].sha256 == shipped.members[0].sha256

    # Without an answer nothing goes.
    assert cli("models", "remove", "mine").exit_code != 0
    assert (own / "mine").is_dir()
    assert cli("models", "remove", "mine", "--yes").exit_code == 0
    assert list(own.iterdir()) == []
    done = cli("models", "remove", shipped.name, "--yes")
    assert done.exit_code == 2
    assert "shipped" in done.stderr
    assert (SHIPPED / shipped.name / "manifest.json").is_file()


@pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed")
def test_keras_network_segments_after_one_command(cli: Any, own: Path, tmp_path: Path) -> None:
    unet, evil = tmp_path / "unet.keras", tmp_path / "evil.keras"
    make = [sys.executable, "-c", MAKE_KERAS_FILES, str(unet), str(evil)]
    subprocess.run(make, check=True, capture_output=True)
    # A module that Keras needs, waiting where the user happens to be.
    (tmp_path / "keras.py").write_text("raise SystemExit('not this one')", encoding="utf-8")
    add = ["models", "add", "--kind", "segmentation", "--name", "dark", "--diameter", "36"]

    done = cli(*add, evil)
    assert done.exit_code == 2
    assert "Lambda layer" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not own.exists()

    command = [sys.executable, "-m", "napari_leukocyte", *add, str(unet)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "rebuilt for any size" in done.stdout
    manifest = find_model("segmentation", "dark")
    assert manifest.outputs == ("cell", "nucleus")
    assert manifest.members[0].diameter_px == 36

    image = np.full((150, 210, 3), 230, np.uint8)
    cv2.circle(image, (100, 70), 18, (60, 40, 90), -1)
    probability = nl.segment(image, model="dark", diameter=36)
    assert probability[70, 100] > 0.95
    assert probability[20, 20] < 0.05
    truth = image[..., 0] < 128
    found = probability >= 0.5
    assert (found & truth).sum() / (found | truth).sum() > 0.9
    assert "tensorflow" not in sys.modules
