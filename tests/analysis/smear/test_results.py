from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import tifffile

from napari_leukocyte.analysis.smear.analysis import AnalysisOptions, analyse_fields
from napari_leukocyte.analysis.smear.reading import hold_session
from napari_leukocyte.analysis.smear.results import save_smear, write_smear_report
from napari_leukocyte.analysis.smear.smear import Smear, open_smear
from napari_leukocyte.counting.agreement import BlindRead
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import OutputError, ParameterError
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.session.blinding import BlindReadError
from napari_leukocyte.vocabulary import DISCLAIMER
from tests.analysis.smear.fields import approve_all

pytestmark = pytest.mark.usefixtures("networks")


@pytest.fixture
def smear(folder: Path) -> Smear:
    smear = open_smear([folder])
    analyse_fields(smear, AnalysisOptions())
    return smear


def test_results_are_those_of_the_command_line(smear: Smear, tmp_path: Path) -> None:
    with hold_session(read_image(smear.paths[0]), "f") as session:
        session.set_class([int(session.table()["label"][0])], "unidentified")
    out = tmp_path / "out"
    files = save_smear(out, smear, DifferentialSettings(counted=("neutrophil", "unidentified")))
    assert {f.name for f in files} == {
        "objects.csv",
        "leukogram.csv",
        "run.json",
        "field 1",
        "field 2",
        "field 3",
    }
    objects = pd.read_csv(out / "objects.csv")
    assert list(objects.columns[:4]) == ["image", "label", "class", "confidence"]
    assert len(objects) == 10
    assert objects["score"].between(0, 1).all()
    leukogram = pd.read_csv(out / "leukogram.csv")
    everything = leukogram[leukogram["image"] == "ALL"].set_index("class")
    assert everything["count"]["unidentified"] == 1
    assert everything["total"]["neutrophil"] == 3
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["disclaimer"] == DISCLAIMER
    assert [i["folder"] for i in record["images"]] == ["field 1", "field 2", "field 3"]
    assert record["segmentation"]["model"]
    assert record["errors"][0]["image"].endswith("field 4.png")
    assert list(record["fields"][0]["classified_by_hand"].values()) == ["unidentified"]
    assert tifffile.imread(out / "field 2" / "labels.tif").max() == 5
    with pytest.raises(OutputError, match="already holds"):
        save_smear(out, smear)
    save_smear(out, smear, overwrite=True)


def test_report_counts_all_fields_and_names_who_signed(smear: Smear, tmp_path: Path) -> None:
    for path in smear.paths[:3]:
        approve_all(read_image(path), path.name)
    smear.sign_off("Ada Field")
    steps: list[tuple[int, int]] = []
    path = write_smear_report(
        tmp_path / "report.html", smear, progress=lambda d, t, _: steps.append((d, t))
    )
    text = path.read_text(encoding="utf-8")
    assert "smear 7, 3 fields" in text
    assert "Ada Field" in text
    assert DISCLAIMER in text
    # A picture of each cell and of each field.
    assert text.count("data:image/jpeg") >= 13
    assert steps[-1] == (6, 6)
    assert steps == sorted(steps)


def test_what_is_read_blindly_is_counted_and_written_later(smear: Smear, tmp_path: Path) -> None:
    smear.inspect_all()
    before = smear.leukogram()["count"].sum()
    with hold_session(read_image(smear.paths[1]), "f") as session:
        labels = session.table()["label"].tolist()
        session.begin_blind(BlindRead(1, 0, frozenset(labels[:2])))
    # Only the file of the read is another one.
    state = smear.inspect(1)
    assert (state.blind, sum(state.counts.values())) == (2, len(labels) - 2)
    assert smear.leukogram()["count"].sum() == before - 2
    for path in smear.paths[:3]:
        approve_all(read_image(path), path.name)
    with pytest.raises(ParameterError, match=r"field 2\.png \(2 cells being read blindly\)\.$"):
        smear.sign_off("Ada Field")
    for write in (write_smear_report, save_smear):
        with pytest.raises(
            BlindReadError, match=r"before the blind reads of field 2\.png are finished"
        ):
            write(tmp_path / "out", smear)
    assert not (tmp_path / "out").exists()
    # The next opening knows it at once.
    smear.remember()
    assert Smear([smear.paths[0].parent]).inspect(1).blind == 2
    with hold_session(read_image(smear.paths[1]), "f") as session:
        session.end_blind()
    smear.sign_off("Ada Field")
    assert smear.leukogram()["count"].sum() == before
    assert save_smear(tmp_path / "out", smear)


def test_without_an_analysed_field_there_is_nothing_to_write(folder: Path, tmp_path: Path) -> None:
    smear = open_smear([folder])
    for write in (write_smear_report, save_smear):
        with pytest.raises(OutputError, match="No field"):
            write(tmp_path / "out", smear)
    assert not (tmp_path / "out").exists()
