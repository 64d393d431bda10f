from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_leukocyte.analysis.smear import inspection
from napari_leukocyte.analysis.smear.analysis import AnalysisOptions, analyse_fields
from napari_leukocyte.analysis.smear.inspection import list_fields
from napari_leukocyte.analysis.smear.reading import hold_session, read_field
from napari_leukocyte.analysis.smear.smear import Smear, open_smear
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import ImageError, ParameterError
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.session.store import open_session, sessions_folder
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from tests.analysis.smear.fields import approve_all, draw, make_folder

pytestmark = pytest.mark.usefixtures("networks")


def analysed(folder: Path) -> Smear:
    smear = open_smear([folder])
    analyse_fields(smear, AnalysisOptions())
    return smear


def review(smear: Smear, *indices: int) -> None:
    for index in indices:
        path = smear.paths[index]
        approve_all(read_image(path), path.name)
        smear.inspect(index)


def test_fields_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("b 10.png", "b 9.png", "B 1.png", "a.png", "notes.txt"):
        write_png(tmp_path / name, draw(1)) if name.endswith("png") else (
            tmp_path / name
        ).write_text("", encoding="utf-8")
    assert [p.name for p in list_fields([tmp_path])] == ["a.png", "B 1.png", "b 9.png", "b 10.png"]
    chosen = [tmp_path / "b 9.png", tmp_path / "a.png", tmp_path / "b 9.png"]
    assert [p.name for p in list_fields(chosen)] == ["b 9.png", "a.png"]
    with pytest.raises(ImageError, match="holds no image"):
        Smear([tmp_path / "a.png", *[make_folder(tmp_path / "empty", ())]])


def test_every_state_of_a_field_is_told(folder: Path) -> None:
    smear = open_smear([folder])
    assert [smear.state(i).stage for i in range(4)] == ["new", "new", "new", "damaged"]
    assert "field 4.png" in smear.state(3).problem
    assert str(folder) not in smear.state(3).problem
    assert len(smear.cells()) == 0
    analyse_fields(smear, AnalysisOptions())
    assert [smear.state(i).stage for i in range(3)] == ["segmented"] * 3
    assert [smear.state(i).objects for i in range(3)] == [3, 5, 2]
    with hold_session(read_image(smear.paths[0]), "field") as session:
        first, *others = session.table()["label"]
        session.set_class([first], "monocyte")
        assert smear.inspect(0).stage == "in review"
        assert smear.state(0).reviewed == 1
        session.approve(others)
        session.reader = "Ada"
        session.sign_off()
    assert smear.inspect(0).stage == "signed off"
    assert smear.state(0).reader == "Ada"


def test_sum_takes_the_readers_word_before_the_models(folder: Path) -> None:
    smear = analysed(folder)
    counts = smear.leukogram().set_index("class")["count"].to_dict()
    assert [counts[n] for n in LEUKOCYTE_NAMES] == [3, 3, 2, 1, 1]
    with hold_session(read_image(smear.paths[1]), "field") as session:
        session.set_class(session.table()["label"], "basophil")
    smear.inspect(1)
    counts = smear.leukogram().set_index("class")["count"].to_dict()
    assert [counts[n] for n in LEUKOCYTE_NAMES] == [2, 2, 6, 0, 0]
    cells = smear.cells()
    reviewed = cells[cells["reviewed"]]
    assert reviewed["class"].tolist() == ["basophil"] * 5
    assert set(reviewed["image"]) == {"field 2.png"}
    assert smear.sure() == {"basophil": 5}
    assert cells["image"].value_counts().to_dict() == {
        "field 1.png": 3,
        "field 2.png": 5,
        "field 3.png": 2,
    }
    # The same photograph twice is counted once.
    write_png(folder / "field 5.png", read_image(folder / "field 2.png"))
    again = open_smear([folder])
    assert again.double_of(4) == 1
    assert len(again.cells()) == 10


def test_looking_again_reads_only_what_has_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysed(folder).remember()
    read: list[str] = []
    real = read_image

    def note(path: Path) -> Any:
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(inspection, "read_image", note)
    with monkeypatch.context() as patch:
        patch.setattr(inspection, "restore", lambda *_: pytest.fail("A journal was read."))
        smear = open_smear([folder])
    assert read == ["field 4.png"]
    assert [smear.state(i).objects for i in range(3)] == [3, 5, 2]
    # An image that was replaced is another one, with work of its own.
    file = folder / "field 1.png"
    write_png(file, draw(4, 77))
    later = time.time() + 10
    os.utime(file, (later, later))
    read.clear()
    assert open_smear([folder]).state(0).stage == "new"
    assert read == ["field 1.png", "field 4.png"]


def test_nothing_is_written_into_the_folder_of_the_images(folder: Path) -> None:
    before = {p: p.read_bytes() for p in folder.iterdir()}
    smear = analysed(folder)
    smear.set_settings(DifferentialSettings(target=200))
    review(smear, 0, 1, 2)
    smear.sign_off("Ada")
    assert {p: p.read_bytes() for p in folder.iterdir()} == before
    assert (sessions_folder() / "smears").is_dir()


def test_sign_off_waits_for_every_field(folder: Path) -> None:
    smear = open_smear([folder])
    with pytest.raises(ParameterError, match=r"3 of 3 fields .*field 1.png \(not analysed\)"):
        smear.sign_off("Ada")
    analyse_fields(smear, AnalysisOptions())
    review(smear, 0)
    with pytest.raises(ParameterError) as refused:
        smear.sign_off("Ada")
    assert str(refused.value) == (
        "2 of 3 fields have to be finished before the sign-off: field 2.png (5 cells not "
        "reviewed), field 3.png (2 cells not reviewed)."
    )
    assert smear.signed_off is None
    assert smear.next_to_review(0) == 1
    review(smear, 1, 2)
    assert smear.next_to_review(0) is None
    signed = smear.sign_off(" Ada ")
    assert signed.reader == "Ada"
    assert signed.left_out == ("field 4.png",)
    assert open_smear([folder]).signed_off == signed


@pytest.mark.parametrize("change", ["class", "mask", "added", "removed"])
def test_sign_off_is_withdrawn_when_a_field_changes(folder: Path, change: str) -> None:
    smear = analysed(folder)
    review(smear, 0, 1, 2)
    smear.sign_off("Ada")
    assert smear.check_sign_off() is None
    image = read_image(smear.paths[1])
    if change == "added":
        write_png(folder / "field 9.png", draw(1, 99))
    elif change == "removed":
        (folder / "field 3.png").unlink()
    else:
        with hold_session(image, "field") as session:
            if change == "class":
                session.set_class([int(session.table()["label"][0])], "unidentified")
            else:
                session.edit_labels(lambda a: np.roll(a, 1, axis=0), "Move")
    again = Smear([folder])
    assert again.signed_off is not None
    again.inspect_all()
    told = again.check_sign_off()
    assert told is not None
    assert {"class": "field 2.png", "mask": "field 2.png", "added": "field 9.png"}.get(
        change, "removed"
    ) in told
    assert open_smear([folder]).signed_off is None


def test_settings_come_back_and_a_damaged_file_is_set_aside(folder: Path) -> None:
    smear = open_smear([folder])
    assert smear.settings is None
    wanted = DifferentialSettings(target=400, leukocytes=7.2)
    smear.set_settings(wanted)
    assert Smear([folder]).settings == wanted
    (file,) = (p for p in (sessions_folder() / "smears").glob("*.json") if "-" not in p.name)
    file.write_text('{"schema": 1, "smear": {"settings": [3]}}', encoding="utf-8")
    again = Smear([folder])
    assert again.settings is None
    (told,) = again.notes
    assert "damaged" in told
    again.set_settings(wanted)
    assert Smear([folder]).settings == wanted


def test_reading_a_field_disturbs_nobody_who_has_it_open(folder: Path) -> None:
    smear = analysed(folder)
    session = open_session(read_image(smear.paths[0]), "field")
    session.set_note(int(session.table()["label"][0]), "doubtful")
    copy = read_field(smear.paths[0])
    assert copy.table()["note"].iloc[0] == "doubtful"
    np.testing.assert_array_equal(copy.labels, session.labels)
    assert copy.maps is not None
    copy.set_class(copy.table()["label"], "monocyte")
    session.close()
    assert read_field(smear.paths[0]).assigned == {}
