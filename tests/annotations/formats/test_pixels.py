"""Annotations say what pixels they are about, and are not put on others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_leukocyte.annotations.dataset.export import export
from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.annotations.dataset.sources import (
    fields_of_sources,
    take_snapshot,
)
from napari_leukocyte.annotations.formats.annotated import PIXELS, AnnotatedImage, key_in
from napari_leukocyte.annotations.formats.convert import read, write
from napari_leukocyte.annotations.formats.recognise import FORMATS
from napari_leukocyte.cli.main import app
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.session.session import Session
from tests.annotations.formats.cells import annotated, hard
from tests.io.images.drawn import STORED, save, scene

RGB = scene()
KEY = image_key(RGB)
OTHER = "shows other pixels than those that its cells were drawn on"


def on(file: Path) -> AnnotatedImage:
    labels = np.zeros(RGB.shape[:2], np.int32)
    labels[2:12, 2:12] = 1
    image = annotated(labels, {1: "neutrophil"}, name=file.name)
    return replace(image, source=file, key=KEY)


@pytest.mark.parametrize("name", [n for n in FORMATS if n != "dataset"])
def test_the_key_comes_back_from_every_format(name: str, tmp_path: Path) -> None:
    write([replace(hard(), key=KEY), annotated(np.eye(20, dtype=int))], tmp_path / "out", name)
    keys = {image.name: image.key for image in read(tmp_path / "out")}
    assert sorted(keys.values()) == ["", KEY]
    assert keys[hard().name] == KEY


def test_what_is_no_checksum_is_no_key() -> None:
    for value in (None, 5, "", KEY[:-1], KEY.upper(), KEY + "\n"):
        assert key_in({PIXELS: value}) == ""
    assert key_in({PIXELS: KEY}) == KEY


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_is_written_with_other_pixels(name: str, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.png", tmp_path / "wrong.png"
    Image.fromarray(RGB).save(right)
    # The same size, the other way round: nothing else tells.
    Image.fromarray(STORED[3](RGB).copy()).save(wrong)
    with pytest.raises((FormatError, DatasetError), match=OTHER) as caught:
        write([on(wrong)], tmp_path / "out", name)
    assert "\n" not in str(caught.value)
    write([on(right)], tmp_path / "out", name)
    (back,) = read(tmp_path / "out")
    assert back.key == KEY


def test_results_are_not_exported_with_another_photograph(tmp_path: Path) -> None:
    photograph = tmp_path / "a.jpg"
    photograph.write_bytes(save("jpeg", RGB, "rgb", 8, 3))
    results = tmp_path / "results"
    # Drawn on the photograph as it lay, as other viewers show it.
    write([replace(on(photograph), source=None)], results, "labels-csv")
    (results / "a.jpg").write_bytes(photograph.read_bytes())
    run = CliRunner()
    refused = run.invoke(app, ["dataset", "export", str(results), "--to", str(tmp_path / "ds")])
    assert refused.exit_code == 2
    assert OTHER in " ".join(refused.output.split())
    refused = run.invoke(app, ["convert", str(results), str(tmp_path / "a.json"), "--to", "coco"])
    assert refused.exit_code == 2
    assert OTHER in " ".join(refused.output.split())
    assert not (tmp_path / "a.json").exists()
    with pytest.raises(DatasetError, match=OTHER):
        export(tmp_path / "ds", fields_of_sources([results]))


def test_a_session_is_not_exported_with_another_photograph(tmp_path: Path) -> None:
    session = Session(RGB, "a")
    right, turned = tmp_path / "a.png", tmp_path / "turned.png"
    right.write_bytes(save("png", RGB, "rgb", 8, 6))
    turned.write_bytes(save("png", STORED[3](RGB).copy(), "rgb", 8, 1))
    taken = take_snapshot(session)
    field = taken.field(right)
    assert (field.file, field.annotated.key) == (right, KEY)
    with pytest.raises(DatasetError, match=OTHER):
        taken.field(turned)
    # Without a file that can be read, the pixels of the session are written.
    assert taken.field(tmp_path / "gone.png").file is None
