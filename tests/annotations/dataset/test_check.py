from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_leukocyte.annotations.dataset.check import check, find_suspects
from napari_leukocyte.annotations.dataset.export import export
from napari_leukocyte.annotations.dataset.export_state import ExportSettings
from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.dataset.provenance import Event, chained
from napari_leukocyte.annotations.dataset.sources import field_of_annotated
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.errors import Cancelled
from tests.annotations.dataset.worked import export_all, reclassify


def _kinds(place: Path) -> set[str]:
    return {f.kind for f in check(place).problems}


def _version(place: Path) -> Path:
    return open_dataset(place).folder


def _alter(place: Path, name: str, change: Callable[[Path], None]) -> None:
    """Change a file, and have manifest and pointer agree with it: the work of an enemy."""
    folder = _version(place)
    path = folder / name
    change(path)
    data = path.read_bytes()
    manifest = folder / "manifest.json"
    values = json.loads(manifest.read_text())
    values["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    _write(place, values)


def _write(place: Path, values: Any) -> None:
    manifest = _version(place) / "manifest.json"
    manifest.write_text(json.dumps(values))
    pointer = json.loads((place / "dataset.json").read_text())
    pointer["manifest"] = hashlib.sha256(manifest.read_bytes()).hexdigest()
    (place / "dataset.json").write_text(json.dumps(pointer))


def test_what_was_exported_is_sound(folder: Path, place: Path) -> None:
    export_all(place, folder)
    reclassify(folder / "field 1.png", "basophil")
    export_all(place, folder)
    for version in (None, 1, 2):
        report = check(place, version)
        assert report.sound, report.problems
        assert report.lines()[0].startswith(f"Version {version or 2}: sound (")
    kinds = {f.kind for f in report.remarks}
    assert {"few cells", "few photographs"} <= kinds


def test_missing_damaged_and_strange_files_are_named(folder: Path, place: Path) -> None:
    export_all(place, folder)
    version = _version(place)
    (version / "labels" / "field_1.tif").unlink()
    crop = next((version / "crops").rglob("*.png"))
    data = bytearray(crop.read_bytes())
    data[50] ^= 1
    crop.write_bytes(bytes(data))
    (version / "notes.txt").write_text("mine")
    report = check(place)
    sentences = " ".join(f.sentence for f in report.problems)
    assert "labels/field_1.tif is missing." in sentences
    assert f"{crop.relative_to(version).as_posix()} is damaged: its checksum" in sentences
    assert any("notes.txt" in f.sentence for f in report.remarks)


@pytest.mark.parametrize(
    "name", ["objects.parquet", "provenance/field_2.jsonl", "images/field_1.png"]
)
def test_any_damaged_file_is_a_problem(folder: Path, place: Path, name: str) -> None:
    export_all(place, folder)
    path = _version(place) / name
    path.write_bytes(path.read_bytes()[:-7])
    assert "damaged file" in _kinds(place)


def test_a_manifest_that_was_changed_is_noticed(folder: Path, place: Path) -> None:
    export_all(place, folder)
    reclassify(folder / "field 1.png", "basophil")
    export_all(place, folder)
    first = place / "versions" / "0001" / "manifest.json"
    first.write_text(first.read_text().replace('"licence": ""', '"licence": "CC0-1.0"'))
    assert "broken chain of versions" in _kinds(place)
    assert not check(place, 1).sound


def test_a_history_that_was_forged_is_noticed(folder: Path, place: Path) -> None:
    export_all(place, folder)
    name = "provenance/field_1.jsonl"

    def another_reader(path: Path) -> None:
        path.write_text(path.read_text().replace('"Ada"', '"Eve"', 1))

    _alter(place, name, another_reader)
    report = check(place)
    assert [f.kind for f in report.problems] == ["broken provenance"]
    assert "was changed after it was written" in report.problems[0].sentence


def test_a_history_that_was_cut_is_noticed(folder: Path, place: Path) -> None:
    export_all(place, folder)

    def cut(path: Path) -> None:
        path.write_bytes(b"".join(line + b"\n" for line in path.read_bytes().split(b"\n")[:-2]))

    _alter(place, "provenance/field_1.jsonl", cut)
    assert any("cut off" in f.sentence for f in check(place).problems)


def test_a_history_that_was_written_anew_is_noticed(folder: Path, place: Path) -> None:
    export_all(place, folder)
    reclassify(folder / "field 1.png", "basophil")
    export_all(place, folder)
    dataset = open_dataset(place)
    image = dataset.images[0]
    events = [
        Event(row["label"], "classified", None, row["class"], "Eve")
        for row in dataset.read(image).table.to_dict("records")
    ]
    data, head = chained(events, image.sha256)

    def write(path: Path) -> None:
        path.write_bytes(data)

    _alter(place, image.entry.provenance, write)
    values = json.loads((dataset.folder / "manifest.json").read_text())
    values["images"][0] |= {"head": head, "entries": len(events)}
    _write(place, values)
    report = check(place)
    assert "its log is not a continuation of that of version 1" in " ".join(
        f.sentence for f in report.problems
    )


def test_a_class_that_nobody_gave_is_noticed(folder: Path, place: Path) -> None:
    export_all(place, folder)

    def change(path: Path) -> None:
        table = pd.read_parquet(path)
        table.loc[0, "class"] = "basophil"
        table.to_parquet(path, index=False)

    _alter(place, "objects.parquet", change)
    assert "broken provenance" in _kinds(place)


def test_masks_that_are_not_those_of_the_table_are_noticed(folder: Path, place: Path) -> None:
    export_all(place, folder)

    def change(path: Path) -> None:
        labels = tifffile.imread(path)
        labels[100:110, 100:110] = 9
        labels[labels == 1] = 0
        tifffile.imwrite(path, labels)

    _alter(place, "labels/field_2.tif", change)
    sentences = " ".join(f.sentence for f in check(place).problems)
    assert "lacks cell 9" in sentences
    assert "cell 1 has no mask" in sentences


def _drawn(tmp_path: Path, labels: np.ndarray[Any, Any], name: str = "drawn.png") -> AnnotatedImage:
    path = tmp_path / name
    rng = np.random.default_rng(5)
    cv2.imwrite(str(path), rng.integers(0, 255, (*labels.shape, 3), np.uint8))
    table = pd.DataFrame({"label": [n for n in np.unique(labels) if n]})
    table["class"] = pd.Series(["neutrophil"] * len(table), dtype="str")
    return AnnotatedImage(name, labels.shape, labels, table, path)


def test_overlapping_masks_parts_and_borders_are_told(tmp_path: Path, place: Path) -> None:
    labels = np.zeros((100, 120), np.int32)
    cv2.circle(labels, (50, 50), 25, 1, -1)
    cv2.circle(labels, (50, 50), 8, 2, -1)  # in the first
    labels[0:10, 80:95] = 3  # at the border
    labels[60:70, 90:95] = labels[60:70, 100:105] = 4  # in two parts
    export(place, [field_of_annotated(_drawn(tmp_path, labels))])
    report = check(place)
    assert [(f.kind, f.sentence) for f in report.problems] == [
        ("overlapping masks", "drawn: cell 2 lies in the mask of cell 1.")
    ]
    told = {f.kind: f.sentence for f in report.remarks}
    assert told["mask in parts"] == "drawn: the mask of cell 4 has 2 parts."
    assert told["cells that the border cuts"] == "drawn: cell 3."


def test_leaks_between_sides_are_noticed(folder: Path, place: Path) -> None:
    export_all(place, folder)
    values = json.loads((_version(place) / "manifest.json").read_text())
    values["images"][0]["side"] = "test"
    values["images"][1]["views"] = values["images"][0]["views"]
    values["images"][1]["group"] = values["images"][0]["group"]
    _write(place, values)
    assert {"near-duplicates on two sides", "group on two sides"} <= _kinds(place)


def test_a_photograph_that_was_not_copied_is_looked_for(folder: Path, place: Path) -> None:
    export_all(place, folder, ExportSettings(copy_images=False))
    assert check(place).sound
    path = folder / "field 1.png"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))
    (folder / "field 2.png").unlink()
    kinds = [f.kind for f in check(place).problems]
    assert sorted(kinds) == ["damaged file", "missing file"]


def test_labels_that_contradict_the_classifier_are_doubted(
    folder: Path, place: Path, rng: np.random.Generator
) -> None:
    export_all(place, folder)
    names = ["neutrophil", "lymphocyte", "monocyte"]
    number = 240
    truth = rng.integers(0, 3, number)
    sure = rng.dirichlet(np.ones(3), number) * 0.3
    sure[np.arange(number), truth] += 0.7
    given = truth.copy()
    wrong = rng.choice(number, 12, replace=False)
    given[wrong] = (given[wrong] + 1) % 3
    table = pd.DataFrame(
        {
            "image": [f"field {n // 8}" for n in range(number)],
            "group": [f"field {n // 8}" for n in range(number)],
            "label": np.arange(number) % 8 + 1,
            "class": [names[n] for n in given],
            "model_sha256": "ab",
            **{f"p_{name}": sure[:, n] for n, name in enumerate(names)},
            **{c: rng.normal(size=number) for c in ("equivalent_diameter_px", "solidity")},
            "circularity": rng.normal(size=number),
        }
    )
    found = find_suspects(open_dataset(place), table)
    places = {int(s.image.split()[1]) * 8 + s.label - 1 for s in found}
    assert len(places & set(wrong.tolist())) >= 8  # of twelve
    assert len(places - set(wrong.tolist())) <= 2
    assert (
        found[0].suggested == names[truth[int(found[0].image.split()[1]) * 8 + found[0].label - 1]]
    )
    assert found[0].belief <= found[-1].belief < 0.2
    assert not find_suspects(open_dataset(place), table.iloc[:20])


def test_without_probabilities_the_network_looks_at_the_cells(
    tmp_path: Path, place: Path, rng: np.random.Generator
) -> None:
    # Small dark and large pale cells, which any network tells apart; two have the other's name.
    fields = []
    for number in range(10):
        image = np.full((200, 260, 3), (235, 228, 225), np.uint8)
        image += rng.integers(0, 8, image.shape, np.uint8)
        labels = np.zeros(image.shape[:2], np.int32)
        for n in range(4):
            centre = (40 + 60 * n, 60 + 20 * int(rng.integers(0, 5)))
            small = n % 2 == 0
            cv2.circle(
                image, centre, 14 if small else 26, (90, 40, 120) if small else (190, 170, 210), -1
            )
            cv2.circle(labels, centre, 14 if small else 26, n + 1, -1)
        path = tmp_path / f"photograph {number}.png"
        cv2.imwrite(str(path), image[..., ::-1])
        classes = ["lymphocyte", "monocyte", "lymphocyte", "monocyte"]
        if number < 2:
            classes[0] = "monocyte"
        table = pd.DataFrame({"label": [1, 2, 3, 4], "class": classes})
        fields.append(
            field_of_annotated(AnnotatedImage(path.name, labels.shape, labels, table, path))
        )
    export(place, fields)
    suspects = check(place).suspects
    assert {(s.image, s.label) for s in suspects} == {("photograph_0", 1), ("photograph_1", 1)}
    assert all(s.suggested == "lymphocyte" for s in suspects)


def test_a_check_can_be_stopped(folder: Path, place: Path) -> None:
    export_all(place, folder)

    def stop(done: int, total: int, what: str) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        check(place, progress=stop)


def test_many_findings_of_a_kind_are_summed_up(folder: Path, place: Path) -> None:
    export_all(place, folder)
    shutil.rmtree(_version(place) / "crops")
    lines = check(place).lines(named=2)
    assert "  missing file: and 5 more." in lines
    assert lines[1] == "Problems:"


def test_what_is_no_dataset_can_not_be_checked(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no dataset"):
        check(folder)
    with pytest.raises(DatasetError, match="not a folder"):
        check(tmp_path / "nowhere")
