from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_leukocyte.counting.readers import compare_readers, read_objects
from napari_leukocyte.errors import ImageError, ParameterError
from napari_leukocyte.reporting.save import write_csv, write_labels

Rows = list[tuple[str, int, str | None]]


def write(folder: Path, rows: Rows) -> Path:
    folder.mkdir(exist_ok=True)
    table = pd.DataFrame(rows, columns=["image", "label", "class"])
    write_csv(folder / "objects.csv", table.assign(confidence=0.5))
    return folder / "objects.csv"


def squares(places: dict[int, tuple[int, int]], side: int = 10) -> np.ndarray[tuple[int, int]]:
    labels = np.zeros((60, 60), np.int32)
    for label, (y, x) in places.items():
        labels[y : y + side, x : x + side] = label
    return labels


def test_cells_are_matched_by_image_and_number(tmp_path: Path) -> None:
    # The same photographs, read on two machines.
    first = write(
        tmp_path / "a",
        [
            ("C:\\smear\\1.png", 1, "monocyte"),
            ("C:\\smear\\1.png", 2, "basophil"),
            ("C:\\smear\\2.png", 1, "basophil"),
            ("C:\\smear\\2.png", 2, None),
            ("C:\\smear\\only.png", 1, "basophil"),
        ],
    )
    second = write(
        tmp_path / "b",
        [
            ("/home/b/2.png", 1, "monocyte"),
            ("/home/b/2.png", 2, "monocyte"),
            ("/home/b/1.png", 1, "monocyte"),
            ("/home/b/1.png", 7, "monocyte"),
        ],
    )
    found = compare_readers(first, second)
    assert found.pairs[["image", "label_first", "label_second"]].to_numpy().tolist() == [
        ["1.png", 1, 1],
        ["2.png", 1, 1],
        ["2.png", 2, 2],
    ]
    assert (found.agreement.cells, found.agreement.agreed) == (2, 1)
    assert found.agreement.confusion.loc["basophil", "monocyte"] == 1
    assert (found.only_first, found.only_second) == (1, 1)
    assert found.by_overlap == ()


def test_names_that_are_not_unique_are_compared_whole(tmp_path: Path) -> None:
    rows: Rows = [("x/1.png", 1, "monocyte"), ("y/1.png", 1, "basophil")]
    found = compare_readers(write(tmp_path / "a", rows), write(tmp_path / "b", rows[::-1]))
    assert (found.agreement.cells, found.agreement.agreed) == (2, 2)


def test_cells_are_matched_by_outline_where_both_have_one(tmp_path: Path) -> None:
    first = write(tmp_path / "a", [("1.png", 1, "monocyte"), ("1.png", 2, "basophil")])
    second = write(
        tmp_path / "b", [("1.png", n, name) for n, name in ((5, "monocyte"), (1, "x"), (2, "y"))]
    )
    write_labels(tmp_path / "a" / "labels.tif", squares({1: (5, 5), 2: (30, 30)}))
    # 5 is cell 1, a little aside; 1 overlaps cell 2 by less than half; 2 is another cell.
    write_labels(tmp_path / "b" / "labels.tif", squares({5: (6, 6), 1: (34, 34), 2: (5, 40)}))
    found = compare_readers(first, second)
    assert found.by_overlap == ("1.png",)
    assert found.pairs.to_numpy().tolist() == [["1.png", 1, 5, "monocyte", "monocyte"]]
    assert (found.only_first, found.only_second) == (1, 2)


def test_the_record_says_where_label_images_lie(tmp_path: Path) -> None:
    paths = []
    for who, label in (("a", 3), ("b", 4)):
        rows: Rows = [("p/1.png", label, "monocyte"), ("p/2.png", 1, "basophil")]
        paths.append(write(tmp_path / who, rows))
        (tmp_path / who / "one").mkdir()
        write_labels(tmp_path / who / "one" / "labels.tif", squares({label: (5, 5)}))
        images = [{"image": "p/1.png", "folder": "one"}, {"image": "p/2.png", "folder": None}]
        (tmp_path / who / "run.json").write_text(json.dumps({"images": images}), "utf-8")
    found = compare_readers(*paths)
    assert found.by_overlap == ("1.png",)
    assert (found.agreement.cells, found.agreement.agreed) == (2, 2)


def test_refuses_in_one_sentence(tmp_path: Path) -> None:
    good = write(tmp_path / "a", [("1.png", 1, "monocyte")])
    with pytest.raises(ParameterError, match="no image in common"):
        compare_readers(good, write(tmp_path / "b", [("2.png", 1, "monocyte")]))
    with pytest.raises(ParameterError, match="twice"):
        read_objects(write(tmp_path / "c", [("1.png", 1, "monocyte"), ("1.png", 1, "x")]))
    with pytest.raises(ParameterError, match="can't be read"):
        read_objects(tmp_path / "nowhere.csv")
    for text in ("", "a,b\n1,2\n", "image,label,class\nx,one,y\n", "image,label,class\nx,,y\n"):
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises(ParameterError, match="needs the columns image, label and class"):
            read_objects(tmp_path / "bad.csv")
    (tmp_path / "bytes.csv").write_bytes(b"image,label,class\n\xff\xfe\xfa,1,x\n")
    with pytest.raises(ParameterError):
        read_objects(tmp_path / "bytes.csv")


def test_label_images_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    paths = [write(tmp_path / who, [("1.png", 1, "monocyte")]) for who in "ab"]
    write_labels(tmp_path / "a" / "labels.tif", squares({1: (5, 5)}))
    tifffile.imwrite(tmp_path / "b" / "labels.tif", np.ones((9, 9), np.uint8))
    with pytest.raises(ParameterError, match="differ in size"):
        compare_readers(*paths)
    (tmp_path / "b" / "labels.tif").write_bytes(b"no image")
    with pytest.raises(ImageError, match="can't be read as a label image"):
        compare_readers(*paths)


def test_names_that_look_like_nothing_are_names(tmp_path: Path) -> None:
    table = read_objects(write(tmp_path / "a", [("NA", 1, "nan"), ("NA", 2, None)]))
    assert table["image"].tolist() == ["NA", "NA"]
    assert table["class"].notna().tolist() == [True, False]


def test_a_table_that_a_spreadsheet_saved_again(tmp_path: Path) -> None:
    rows: Rows = [("1.png", 1, "monocyte"), ("1.png", 2, "basophil"), ("1.png", 3, None)]
    first = write(tmp_path / "a", rows)
    text = first.read_text(encoding="utf-8").replace(",", ";").replace("0.5", "0,5")
    for encoding, between in (("utf-8-sig", ";"), ("utf-16", "\t"), ("ascii", ";")):
        second = tmp_path / f"{encoding}.csv"
        saved = text.replace(";", between) + between * 3 + "\r\n"
        second.write_bytes(saved.encode(encoding))
        pd.testing.assert_frame_equal(read_objects(second), read_objects(first))
    second.write_bytes(text.replace("monocyte", "Größe").encode("cp1252"))
    with pytest.raises(ParameterError, match="not text in UTF-8"):
        read_objects(second)
