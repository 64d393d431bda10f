"""Bad input: one sentence on stderr, exit status 2, nothing written, no network run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

PARAMETERS = {
    "text.json": "threshold = 0.5",
    "list.json": "[0.5]",
    "nan.json": '{"threshold": NaN}',
    "huge.json": '{"threshold": 1' + "0" * 400 + "}",
    "unknown.json": '{"treshold": 0.5}',
    "range.json": '{"parameters": {"threshold": 2}}',
    "type.json": '{"threshold": "high"}',
    "choice.json": '{"border": ["keep"]}',
    "points.json": '{"watershed": "points"}',
    "deep.json": "[" * 100_000,
}


@pytest.fixture
def inputs(tmp_path: Path, draw: Any) -> Path:
    """Return a folder with one good image and much else."""
    folder = tmp_path / "in"
    draw("in/good.png")
    (folder / "text.png").write_text("no image")
    (folder / "empty.png").write_bytes(b"")
    good = (folder / "good.png").read_bytes()
    (folder / "half.png").write_bytes(good[: len(good) // 2])
    (folder / "junk.tif").write_bytes(b"II*\x00" + b"junk" * 10)
    encoded = cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1]
    (folder / "pixel.png").write_bytes(encoded.tobytes())
    nan = np.full((40, 40, 3), np.nan, np.float32)
    tifffile.imwrite(folder / "nan.tif", nan, photometric="rgb")
    stack = np.zeros((5, 40, 40), np.uint8)
    tifffile.imwrite(folder / "stack.tif", stack, photometric="minisblack")
    (folder / "none").mkdir()
    (folder / "full").mkdir()
    (folder / "full" / "file").write_text("x")
    (folder / "latin.json").write_bytes('{"größe": 1}'.encode("latin-1"))
    for name, text in PARAMETERS.items():
        (folder / name).write_text(text)
    return folder


IMAGES = {
    "text.png": "is not an image",
    "empty.png": "is empty",
    "half.png": "is not an image",
    "junk.tif": "is not an image",
    "pixel.png": "1 x 1 px",
    "nan.tif": "NaN",
    "stack.tif": "choose one plane",
}
OPTIONS = [
    ("IN/missing.png --out OUT", "does not exist"),
    ("IN/good.png IN/missing --out OUT", "does not exist"),
    ("IN/none --out OUT", "holds no image"),
    ("/dev/null --out OUT", "neither a file nor a folder"),
    ("IN/good.png", "'--out'"),
    ("--out OUT", "'PATH'"),
    ("IN/good.png --out OUT --no-such-option", "--no-such-option"),
    ("IN/good.png --out IN/full", "exists and is not empty"),
    ("IN/good.png --out IN/text.png", "can't be written"),
    ("IN/good.png --out IN/text.png/below --overwrite", "can't be written"),
    ("IN/good.png --out OUT --diameter 0", "from 8 to 2000 px"),
    ("IN/good.png --out OUT --diameter -3", "from 8 to 2000 px"),
    ("IN/good.png --out OUT --diameter nan", "from 8 to 2000 px"),
    ("IN/good.png --out OUT --diameter inf", "from 8 to 2000 px"),
    ("IN/good.png --out OUT --diameter wide", 'a number of pixels or "auto"'),
    ("IN/good.png --out OUT --model nonsense", "no segmentation model 'nonsense'"),
    ("IN/good.png --out OUT --model IN/none", "is not a model"),
    ("IN/good.png --out OUT --classifier nonsense", "no classification model 'nonsense'"),
    ("IN/good.png --out OUT --params IN/missing.json", "can't be read"),
    ("IN/good.png --out OUT --params IN", "can't be read"),
    ("IN/good.png --out OUT --params IN/text.json", "is not whole JSON"),
    ("IN/good.png --out OUT --params IN/latin.json", "is not whole JSON"),
    ("IN/good.png --out OUT --params IN/deep.json", "is nested too deep"),
    ("IN/good.png --out OUT --params IN/list.json", "must be names with values"),
    ("IN/good.png --out OUT --params IN/nan.json", "holds NaN"),
    ("IN/good.png --out OUT --params IN/huge.json", "threshold must be a finite number"),
    (
        "IN/good.png --out OUT --params IN/unknown.json",
        "there is no 'treshold': known are vote, threshold,",
    ),
    ("IN/good.png --out OUT --params IN/range.json", "threshold must be from 0.01 to 0.99, not 2"),
    ("IN/good.png --out OUT --params IN/type.json", "threshold must be a number"),
    ("IN/good.png --out OUT --params IN/choice.json", "border must be keep or drop, not ['keep']"),
    ("IN/good.png --out OUT --params IN/points.json", "which a user has to place"),
]
CASES = [*OPTIONS, *((f"IN/{name} --out OUT", message) for name, message in IMAGES.items())]


@pytest.mark.parametrize(("line", "message"), CASES, ids=[line for line, _ in CASES])
def test_one_sentence(
    cli: Any,
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    line: str,
    message: str,
) -> None:
    if line in (options for options, _ in OPTIONS):

        def analyse(*_: Any, **__: Any) -> None:
            pytest.fail("the command line is wrong, and yet an image is analysed")

        monkeypatch.setattr("napari_leukocyte.cli.run.analyse", analyse)
    before = sorted(tmp_path.rglob("*"))
    line = line.replace("IN", str(inputs)).replace("OUT", str(tmp_path / "out"))
    done = cli("run", *line.split())
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(".\n")
    assert done.stdout == ""
    # Nor does a library speak up past Python.
    assert capfd.readouterr() == ("", "")
    assert sorted(tmp_path.rglob("*")) == before


def test_damaged_model(cli: Any, inputs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "m.onnx").write_bytes(b"damaged")
    member = {"name": "m", "file": "m.onnx", "sha256": "0" * 64, "diameter_px": 64}
    manifest = {"schema": 1, "kind": "segmentation", "name": "m", "title": "m", "members": [member]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    done = cli("run", inputs / "good.png", "--out", tmp_path / "out", "--model", folder)
    assert done.exit_code == 2
    assert "wrong checksum" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_file_where_an_image_needs_a_folder(cli: Any, inputs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "good").write_text("mine")
    done = cli("run", inputs / "good.png", "--out", out, "--overwrite")
    assert done.exit_code == 2
    assert done.stderr == f"{out / 'good'} is a file where a folder is needed.\n"
    assert (out / "good").read_text() == "mine"


@pytest.mark.parametrize(
    "arguments", [["walk"], ["run", "--no-such"], ["demo", "--out"], ["models", "extra"]]
)
def test_wrong_command_lines(cli: Any, arguments: list[str]) -> None:
    done = cli(*arguments)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(".\n")
