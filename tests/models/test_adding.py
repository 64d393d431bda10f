from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_leukocyte as nl
from napari_leukocyte.errors import LeukocyteError, ModelError
from napari_leukocyte.models.adding import NewModel, add_model, own_model, remove_model
from napari_leukocyte.models.registry import SHIPPED, discover_models, find_model, list_models

Network = Callable[..., bytes]
WriteModel = Callable[..., Path]
#: The greener, the less of a cell: stays between 0 and 1 for any image.
CELL_ONLY = [[0.0], [1 / 256], [0.0]]
MINE = NewModel("mine", "segmentation")


@pytest.fixture
def onnx(tmp_path: Path, network: Network) -> Callable[[Any], Path]:
    def write(weights: Any) -> Path:
        path = tmp_path / "files" / "given.onnx"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(network(weights))
        return path

    return write


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the user's models, which does not exist yet."""
    folder = tmp_path / "deep" / "models"
    monkeypatch.setenv("NAPARI_LEUKOCYTE_MODELS", str(folder))
    return folder


def test_network_without_nuclei_segments(own: Path, onnx: Callable[[Any], Path]) -> None:
    manifest, notes = add_model(onnx(CELL_ONLY), replace(MINE, diameter_px=40, licence="CC0"))
    assert notes == ()
    assert manifest == find_model("segmentation", "mine")
    assert (manifest.outputs, manifest.licence, manifest.folder) == (("cell",), "CC0", own / "mine")
    assert manifest.members[0].diameter_px == 40
    assert sorted(p.name for p in manifest.folder.iterdir()) == ["manifest.json", "mine.onnx"]
    assert discover_models("segmentation").unusable == ()

    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:, 1] = 255
    maps = nl.segment_members(image, model="mine", diameter=40)
    assert maps.cell.shape == maps.nucleus.shape == (1, 64, 64)
    assert maps.cell[0, :, :24].max() < 0.05
    assert maps.cell[0, :, 40:].min() > 0.95
    assert not maps.nucleus.any()
    assert "maps no nuclei" in " ".join(maps.notes)
    labels = nl.postprocess(maps.combine(), nl.PostprocessParams(few_objects="keep"), diameter=40)
    table = nl.classify(image, labels, nucleus=maps.combine_nucleus())
    assert table["nucleus_cell_ratio"].isna().all()


def test_capitals_make_no_other_name(own: Path, onnx: Callable[[Any], Path]) -> None:
    add_model(onnx(CELL_ONLY), MINE)
    with pytest.raises(ModelError, match="already is a model"):
        add_model(onnx(CELL_ONLY), replace(MINE, name="Mine"))


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../x", "a/b", "a\\b", "/x", "C:x", ".x", "x.", "x ", "a b", "a\0", "a\n"),
        *("nul", "COM1.x", "default", "é", "-x", "x" * 65),
    ],
)
def test_names_lead_nowhere_else(own: Path, onnx: Callable[[Any], Path], name: str) -> None:
    with pytest.raises(ModelError, match=r"^[^\n]*can't be a model's name[^\n]*\.$"):
        add_model(onnx(CELL_ONLY), replace(MINE, name=name))
    assert not own.parent.exists()


@pytest.mark.parametrize(
    ("changes", "weights", "word"),
    [
        ({"name": list_models("segmentation")[0].name}, CELL_ONLY, "already is a model"),
        ({"title": "two\nlines"}, CELL_ONLY, "one line"),
        ({"licence": "x" * 201}, CELL_ONLY, "one line"),
        ({"diameter_px": 4}, CELL_ONLY, "from 8 to 1024 px"),
        ({"diameter_px": float("nan")}, CELL_ONLY, "from 8 to 1024 px"),
        ({"classes": ("a", "b")}, CELL_ONLY, "a classifier's"),
        ({}, np.eye(3), r"gives \(2, 64, 96, 3\)"),
        ({}, [[1], [0], [0]], "probabilities from 0 to 1"),
        ({}, [[np.nan], [0], [0]], "probabilities from 0 to 1"),
        ({}, np.eye(4), "not a model that ONNX Runtime can run"),
        ({"kind": "classification"}, CELL_ONLY, "two or more different"),
        ({"kind": "classification", "classes": ("a", "a")}, CELL_ONLY, "two or more different"),
        ({"kind": "classification", "classes": ("a", "b")}, CELL_ONLY, "crops of any size"),
        (
            {"kind": "classification", "classes": ("a", "b"), "side_px": 16},
            CELL_ONLY,
            "from 32 to 1024 px",
        ),
        (
            {"kind": "classification", "classes": ("a", "b"), "side_px": 64},
            CELL_ONLY,
            r"where \(2, 2\) was expected",
        ),
    ],
)
def test_what_does_not_fit_gets_one_sentence_and_no_folder(
    own: Path,
    onnx: Callable[[Any], Path],
    changes: dict[str, Any],
    weights: Any,
    word: str,
) -> None:
    with pytest.raises(LeukocyteError, match=rf"^[^\n]*{word}[^\n]*\.$") as caught:
        add_model(onnx(weights), replace(MINE, **changes))
    # A file that is named is the user's, not a copy of it.
    assert "mine.onnx" not in str(caught.value)
    assert not own.parent.exists()


@pytest.mark.parametrize(
    ("file", "content", "word"),
    [
        ("missing.onnx", None, "does not exist"),
        ("cut.onnx", b"\x08\x08", "not a model that ONNX Runtime can run"),
        ("old.h5", b"\x89HDF", "save the network again"),
        ("model.pkl", b"\x80", "neither a .keras nor an .onnx"),
        ("no.keras", b"PK", "damaged or not a .keras file"),
    ],
)
def test_files_that_are_no_network_are_refused(
    own: Path, tmp_path: Path, file: str, content: bytes | None, word: str
) -> None:
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(ModelError, match=rf"^[^\n]*{file}[^\n]*{word}[^\n]*\.$"):
        add_model(tmp_path / file, MINE)
    assert not own.parent.exists()


def test_model_is_removed_and_other_files_stay(own: Path, onnx: Callable[[Any], Path]) -> None:
    add_model(onnx(CELL_ONLY), MINE)
    assert remove_model("mine") == (own / "mine", True)
    assert list(own.iterdir()) == []
    add_model(onnx(CELL_ONLY), MINE)
    (own / "mine" / "notes.txt").write_text("precious", encoding="utf-8")
    assert remove_model("mine") == (own / "mine", False)
    assert [p.name for p in (own / "mine").iterdir()] == ["notes.txt"]
    with pytest.raises(ModelError, match="no model 'mine' of yours"):
        remove_model("mine")


def test_only_own_models_are_removed(own_models: Path, write_model: WriteModel) -> None:
    shipped = list_models("segmentation")[0]
    with pytest.raises(ModelError, match="shipped"):
        remove_model(shipped.name)
    for name in ("", ".", "..", "../deep", str(SHIPPED / shipped.name)):
        with pytest.raises(ModelError, match="no model"):
            remove_model(name)
    assert shipped.members[0].file.is_file()
    # A damaged one goes by its folder's name, another one also by its own.
    folder = write_model("folder", name="name")
    assert own_model("name") == own_model("folder") == folder
    write_model("torn", schema=99)
    assert remove_model("torn") == (own_models / "torn", True)


def test_link_is_removed_and_not_what_it_points_to(
    own: Path, tmp_path: Path, write_model: WriteModel
) -> None:
    elsewhere = write_model("elsewhere")
    own.mkdir(parents=True)
    try:
        (own / "link").symlink_to(elsewhere, target_is_directory=True)
    except OSError:
        pytest.skip("links can't be made here")
    assert remove_model("link") == (own / "link", True)
    assert (elsewhere / "manifest.json").is_file()
    assert list(own.iterdir()) == []
