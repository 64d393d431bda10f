from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from napari_leukocyte.analysis.pipeline import Analysis
from napari_leukocyte.counting.agreement import compare
from napari_leukocyte.counting.reference import DACIE_AND_LEWIS, Range, ReferenceRanges
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import Cancelled, OutputError, ParameterError
from napari_leukocyte.reporting.drawing import to_rgb
from napari_leukocyte.reporting.pictures import cell_pictures
from napari_leukocyte.reporting.record import ImageRecord, describe_maps, make_record
from napari_leukocyte.reporting.report import ReportField, write_report
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.version import __version__
from napari_leukocyte.vocabulary import COLORS, DISCLAIMER


@dataclass(frozen=True)
class Signed:
    reader: str
    when: str


class Page(HTMLParser):
    """The text, the tags and the pictures of a page; refuses one that is not well formed."""

    VOID = frozenset({"meta", "img", "line", "path", "rect"})

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.parts: list[str] = []
        self.pictures: dict[str, str] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self.source = path.read_text("utf-8")
        self.feed(self.source)
        self.close()
        assert not self.open
        self.text = re.sub(r"\s+", " ", " ".join(self.parts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if tag == "img":
            self.pictures[given["alt"]] = given["src"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.parts.append(data)


def decode(uri: str) -> NDArray[np.uint8]:
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    image = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def record_of(result: Analysis, **change: Any) -> Mapping[str, Any]:
    image = ImageRecord("x", (120, 200), 34.0, 3, notes=("It is blurred.",))
    record = make_record(
        images=[image],
        segmentation=describe_maps(result.maps),
        classification=None,
        params=PostprocessParams(),
    )
    return record | change


@pytest.fixture
def one(result: Analysis) -> ReportField:
    return ReportField("Field 1", result.rgb, result.labels, result.table, record_of(result))


def report(path: Path, *args: Any, **kwargs: Any) -> Page:
    return Page(write_report(path / "report.html", *args, **kwargs))


def test_says_everything_of_one_image(one: ReportField, tmp_path: Path) -> None:
    table = one.table.assign(
        reviewed=[True, True, False],
        predicted=["neutrophil", "eosinophil", "monocyte"],
        flags=["", "uncertain class", ""],
        note=["", "", "look again"],
    )
    settings = DifferentialSettings(target=200, leukocytes=6.0, reference=DACIE_AND_LEWIS.name)
    when = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    page = report(tmp_path, [replace(one, table=table)], settings, created=when)
    for text in (
        "Differential of Field 1",
        f"Written 2026-03-04 05:06 UTC by napari-leukocyte {__version__}",
        "NOT SIGNED OFF",
        "2 of 3 cells reviewed; 1 has another class than the model gave.",
        "3 of 200 cells of the target",
        "Neutrophil 2 66.7 9.4 – 99.2 40 – 80",
        "Neutrophil 4.00 0.57 – 5.95 2 – 7",
        "From a total of 6.0 × 10⁹",
        DACIE_AND_LEWIS.source,
        "Erythroblasts: none beside 3 leukocytes.",
        "7 model: Eosinophil – uncertain class",
        "12* – look again",
        "It is blurred.",
        "ab" * 32,
        "threshold: 0.5",
        "In the count: neutrophil",
    ):
        assert text in page.text
    assert page.text.count(DISCLAIMER) == 2
    assert page.text.strip().startswith("Differential of Field 1 For research use only.")
    assert page.text.strip().endswith(DISCLAIMER)
    # Three cells, 2 of 3 and 1 of 3: no interval lies outside.
    assert "▲" not in page.text
    assert "▼" not in page.text


def test_is_written_in_russian(one: ReportField, tmp_path: Path, russian: None) -> None:
    table = one.table.assign(
        reviewed=[True, True, False],
        predicted=["neutrophil", "eosinophil", "monocyte"],
        flags=["", "uncertain class", ""],
    )
    settings = DifferentialSettings(target=200, leukocytes=6.5, reference=DACIE_AND_LEWIS.name)
    first = replace(one, table=table, record={})
    second = replace(first, name="Field 2", sign_off=Signed("Анна", "2026-03-04T05:06:00+00:00"))
    when = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    readings = [("Согласие", compare(table["class"].tolist(), table["predicted"].tolist()))]
    page = report(tmp_path, [first, second], settings, created=when, agreements=readings)
    for text in (
        "Лейкоцитарная формула мазка, полей: 2",
        f"Составлено 04.03.2026 05:06 UTC, napari-leukocyte {__version__}",
        "НЕ ПОДПИСАНО (подписано полей: 1 из 2)",
        "Проверено 4 из 6 клеток; 2 имеют не тот класс, что дала модель.",
        "Нейтрофил 4 66,7 22,3 – 95,7 40 – 80",
        "По общему числу 6,5 × 10⁹",
        "Эритробласты: нет, на 6 лейкоцитов.",
        "модель: Эозинофил – неясный класс",
        "В подсчёте: нейтрофил, эозинофил",
    ):
        assert text in page.text
    assert page.text.count("Только для исследовательских целей. Не предназначено для") == 2
    assert ("html", "lang", "ru") in page.attributes
    # A version that is being made names a commit, in letters and digits.
    words = set(re.findall(r"[A-Za-z]{3,}", page.text.replace(__version__, "")))
    source = "".join((DACIE_AND_LEWIS.name, DACIE_AND_LEWIS.source))
    assert words <= {
        *re.findall(r"[A-Za-z]+", source),
        *("Field", "UTC", "napari", "leukocyte", "Fleiss", "Cohen", "and", "Everitt"),
    }


def test_needs_nothing_but_itself(one: ReportField, tmp_path: Path) -> None:
    page = report(tmp_path, [one])
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]
    links = [v for _, name, v in page.attributes if name in ("src", "href", "action", "data")]
    assert links
    assert all(v.startswith("data:image/jpeg;base64,") for v in links)
    assert "url(" not in page.source
    assert not {"script", "link", "iframe"} & {tag for tag, *_ in page.attributes}


def test_flags_only_beyond_doubt(one: ReportField, tmp_path: Path) -> None:
    ranges = ReferenceRanges(
        "Test", "A test.", {"neutrophil": Range(0, 9), "monocyte": Range(91, 100)}
    )
    page = report(tmp_path, [one], ranges=ranges)
    # Limits are 9.4 to 99.2 % and 0.8 to 90.6 %.
    assert "≤ 9 ▲ high" in page.text
    assert "91 – 100 ▼ low" in page.text
    ranges = replace(ranges, percent={"neutrophil": Range(0, 10), "monocyte": Range(90, 100)})
    page = report(tmp_path, [one], ranges=ranges)
    assert not {"▲", "▼"} & set(page.text)


def test_pictures_are_of_the_cells(one: ReportField, tmp_path: Path) -> None:
    page = report(tmp_path, [one])
    assert set(page.pictures) == {
        *("neutrophil 3", "neutrophil 7", "monocyte 12"),
        "Field 1 with the outlines of its objects",
    }
    for alt, uri in page.pictures.items():
        picture = decode(uri).astype(int)
        cell = np.abs(picture - (120, 60, 140)).max(axis=2) < 12
        if alt.startswith("Field"):
            assert picture.shape[1] == 400  # the strip with the legend is wider
            assert cell.sum() > 3 * 22 * 22
        else:
            assert picture.shape == (120, 120, 3)
            # A square of 30 px in a window of two diameters of 33.9 px, less its outline.
            side = 120 * 30 / 67.7
            assert (side - 10) ** 2 < cell.sum() <= side**2


def test_cells_keep_their_sizes_and_have_outlines(one: ReportField) -> None:
    labels = one.labels.copy()
    labels[labels == 7] = 0
    labels[25:35, 125:135] = 7  # a small one beside large ones
    pictures = cell_pictures(one.rgb, labels, {3: "neutrophil", 12: "monocyte"}, {3, 7})
    assert set(pictures) == {3, 7}

    def extent(uri: str, color: str) -> int:
        near = np.abs(decode(uri).astype(int) - to_rgb(color)).max(axis=2) < 60
        return int(near.any(axis=0).sum())

    large, small = extent(pictures[3], COLORS["neutrophil"]), extent(pictures[7], "#00FFFF")
    assert 0 < 2.5 * small < large
    assert cell_pictures(one.rgb, np.zeros_like(labels), {}) == {}


def test_a_smear_is_counted_as_one(one: ReportField, result: Analysis, tmp_path: Path) -> None:
    table = one.table.copy()
    table["class"] = pd.Series(["erythroblast", "neutrophil", None], dtype="str")
    fields = [
        replace(one, sign_off=Signed("A. Reader", "2026-02-03T04:05:06+00:00")),
        replace(one, name="Field 2", table=table),
    ]
    compared = compare(["monocyte", "basophil"], ["monocyte", "monocyte"])
    page = report(tmp_path, fields, agreements=[("Two readers", compared)])
    for text in (
        "Differential of a smear, 2 fields",
        "NOT SIGNED OFF (1 of 2 fields signed off)",
        "The cells' classes were not reviewed.",
        "4 of 100 cells of the target were counted ; 1 object has no class",
        "Neutrophil 3 75.0",
        "Erythroblasts: 25.0 per 100 leukocytes",
        "1 beside 4",
        "Not in the count: 1 erythroblast .",
        "1 Field 1 3 – A. Reader, 2026-02-03 04:05 UTC",
        "2 Field 2 3 – NOT SIGNED OFF",
        "Without a class : 1",
        "Two readers 2 cells compared, 1 of the same class: 50.0 %",
        "kappa 0.00",
    ):
        assert re.sub(" (?=[;.:])", "", text) in re.sub(" (?=[;.:])", "", page.text)
    assert sum(tag == "img" and name == "src" for tag, name, _ in page.attributes) == 3 + 3 + 2
    # What both have in common is said once.
    assert page.text.count("Parameters of the post-processing") == 1
    fields[1] = replace(fields[1], record=record_of(result, parameters={"threshold": 0.7}))
    page = report(tmp_path, fields)
    assert page.text.count("Parameters of the post-processing") == 2
    assert "threshold: 0.7" in page.text


def test_sign_off_names_reader_and_time(one: ReportField, tmp_path: Path) -> None:
    early, late = (Signed("A", f"2026-02-0{day}T10:00:00+02:00") for day in (1, 2))
    page = report(tmp_path, [replace(one, sign_off=early)])
    assert "NOT SIGNED OFF" not in page.text
    assert "Signed off by A , 2026-02-01 08:00 UTC" in page.text
    both = [replace(one, sign_off=late), replace(one, sign_off=early)]
    page = report(tmp_path, both)
    assert page.text.count("Signed off by") == 1
    assert "Signed off by A , 2026-02-02 08:00 UTC" in page.text
    page = report(tmp_path, [*both, replace(one, sign_off=Signed("", "some day"))])
    assert "Signed off by A , 2026-02-02 08:00 UTC (field 1, 2)" in page.text
    assert "Signed off by an unnamed reader , some day (field 3)" in page.text


def test_names_can_not_break_out(one: ReportField, tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>\"'><img src=x>&amp;"
    table = one.table.assign(
        **{"class": [bad, "neutrophil", "monocyte"]},
        note=bad,
        flags=bad,
        predicted=bad,
        reviewed=True,
    )
    record = dict(one.record)
    record["segmentation"] = {"model": bad, "members": [{"name": bad, "sha256": bad}]}
    record["parameters"] = {bad: bad}
    record["images"] = [{"notes": [bad]}]
    field = replace(one, name=bad, table=table, record=record, sign_off=Signed(bad, bad))
    ranges = ReferenceRanges(bad, bad, {bad: Range(1, 2)})
    compared = compare([bad], [bad])
    settings = DifferentialSettings(counted=("neutrophil", bad))
    page = report(
        tmp_path, [field, field], settings, title=bad, ranges=ranges, agreements=[(bad, compared)]
    )
    assert "<script" not in page.source
    assert "<img src=x" not in page.source
    assert page.text.count(bad) > 15
    assert all(v.startswith("data:") for _, name, v in page.attributes if name == "src")
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_of_many_cells_some_are_shown(one: ReportField, tmp_path: Path) -> None:
    labels = np.zeros((120, 200), np.int32)
    numbers = range(1, 41)
    for n in numbers:
        y, x = divmod(n - 1, 10)
        labels[20 * y + 2 : 20 * y + 14, 20 * x + 2 : 20 * x + 14] = n
    table = pd.DataFrame({"label": list(numbers), "class": "monocyte"})
    field = replace(one, labels=labels, table=table)
    page = report(tmp_path, [field], most_cells=8)
    shown = sorted(int(alt.split()[1]) for alt in page.pictures if alt.startswith("monocyte"))
    assert shown == [1, 6, 11, 16, 21, 26, 31, 36]
    assert "Monocyte: 40 (8 shown, evenly chosen)" in page.text
    assert "shown, evenly" not in report(tmp_path, [field]).text


def test_an_image_without_objects_has_a_report(one: ReportField, tmp_path: Path) -> None:
    empty = replace(one, labels=np.zeros_like(one.labels), table=one.table.iloc[:0], record={})
    page = report(tmp_path, [empty], DifferentialSettings(leukocytes=5.0))
    assert "There are no objects." in page.text
    assert "Neutrophil 0 – 0.0 – 100.0" in page.text
    assert "No model was used." in page.text
    assert "Neutrophil 3" not in page.text


def test_a_failure_leaves_the_former_report(one: ReportField, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("former")

    def stop(done: int, total: int, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        write_report(file, [one], progress=stop)
    with pytest.raises(ParameterError, match="no reference ranges 'x'"):
        write_report(file, [one], DifferentialSettings(reference="x"))
    with pytest.raises(OutputError, match="no image"):
        write_report(file, [])
    assert file.read_text() == "former"
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(OutputError, match="can't be written"):
        write_report(tmp_path / "nowhere" / "r.html", [one])


def test_names_that_are_no_text_are_escaped(one: ReportField, tmp_path: Path) -> None:
    page = report(tmp_path, [replace(one, name="f\udcff.png")])
    assert "f\\udcff.png" in page.text


def test_divided_classes_are_summed(one: ReportField, tmp_path: Path) -> None:
    names = ["segmented neutrophil", "band neutrophil", "monocyte"]
    settings = DifferentialSettings(reference=DACIE_AND_LEWIS.name)
    settings = replace(settings, counted=(*settings.counted, *names[:2]))
    field = replace(one, table=one.table.assign(**{"class": names}))
    page = report(tmp_path, [field], settings)
    assert "Neutrophil 0 0.0 0.0 – 70.8 All" not in page.text
    assert "Segmented neutrophil 1 33.3" in page.text
    assert "All neutrophils 2 66.7 9.4 – 99.2 40 – 80" in page.text
