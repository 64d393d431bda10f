from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_leukocyte.analysis.smear.analysis import AnalysisOptions, Finding, analyse_fields, take
from napari_leukocyte.analysis.smear.smear import open_smear
from napari_leukocyte.errors import Cancelled, ModelError, ParameterError
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.segmentation import ensemble
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.store import open_here, open_session
from tests.analysis.smear.fields import find_dark

pytestmark = pytest.mark.usefixtures("networks")


def test_all_new_fields_are_analysed_and_can_be_opened_at_once(folder: Path) -> None:
    smear = open_smear([folder])
    told: list[tuple[int, int, str]] = []
    seen: list[int] = []
    failed = analyse_fields(
        smear,
        AnalysisOptions(),
        order=[1, 2, 3, 0],
        on_field=seen.append,
        progress=lambda *step: told.append(step),
    )
    assert list(failed) == [3]
    assert "field 4.png" in failed[3]
    assert list(dict.fromkeys(seen)) == [1, 2, 3, 0]
    steps = [done for done, _, _ in told]
    assert steps == sorted(steps)
    assert told[-1][:2] == (400, 400)
    # Nobody holds the sessions any more, and everything is in them.
    for path, cells in zip(smear.paths, (3, 5, 2), strict=False):
        session = open_session(read_image(path), path.name)
        assert session.maps is not None
        assert session.classifier is not None
        assert session.table()["class"].notna().sum() == cells
        session.close()


def test_what_was_done_before_is_left_alone(folder: Path) -> None:
    smear = open_smear([folder])
    mine = np.zeros((180, 240), np.int32)
    mine[5:30, 5:30] = 4
    session = open_session(read_image(smear.paths[0]), "field 1")
    session.accept_edit(mine)
    session.close()
    calls: list[str] = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append("run")
        return find_dark(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensemble, "segment_members", counted)
        analyse_fields(smear, AnalysisOptions())
        assert len(calls) == 2
        # Drawn cells got a class, but no network has drawn over them.
        session = open_session(read_image(smear.paths[0]), "field 1")
        np.testing.assert_array_equal(session.labels, mine)
        assert list(session.table()["class"]) == ["neutrophil"]
        session.close()
        analyse_fields(smear, AnalysisOptions())
        assert len(calls) == 2


def test_cancelling_keeps_the_fields_that_are_done(folder: Path) -> None:
    smear = open_smear([folder])

    def stop(done: int, total: int, what: str) -> None:
        if what.startswith("field 2.png") and "Classifying" in what:
            raise Cancelled

    with pytest.raises(Cancelled):
        analyse_fields(smear, AnalysisOptions(), progress=stop)
    assert [smear.inspect(i).stage for i in range(3)] == ["segmented", "new", "new"]


def test_wrong_options_are_told_before_any_field(folder: Path) -> None:
    smear = open_smear([folder])
    with pytest.raises(ParameterError, match="points"):
        analyse_fields(smear, AnalysisOptions(params=PostprocessParams(watershed="points")))
    with pytest.raises(ModelError):
        analyse_fields(smear, AnalysisOptions(model="no such model"))
    assert smear.inspect(0).stage == "new"


def test_failure_of_one_field_is_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smear = open_smear([folder])

    def fail_once(image: Any, *args: Any, **kwargs: Any) -> Any:
        if image is not None and (image.mean(axis=2) < 160).sum() > 4000:
            raise RuntimeError("the network is unwell")
        return find_dark(image, *args, **kwargs)

    monkeypatch.setattr(ensemble, "segment_members", fail_once)
    failed = analyse_fields(smear, AnalysisOptions())
    assert set(failed) == {1, 3}
    assert failed[1] == ("field 2.png: the analysis failed (RuntimeError: the network is unwell).")
    assert [smear.state(i).stage for i in range(3)] == ["segmented", "new", "segmented"]


def test_field_in_a_window_takes_the_result_over_with_what_was_drawn(folder: Path) -> None:
    smear = open_smear([folder])
    session = open_session(read_image(smear.paths[0]), "field 1")
    drawn = np.zeros((180, 240), np.int32)
    drawn[150:175, 5:30] = 1
    answers: list[bool] = []

    def hand_over(rgb: Any, finding: Finding) -> Any:
        shown = open_here(rgb)
        assert shown is session
        if not answers:
            # While the networks were at work, the reader drew a cell.
            session.accept_edit(drawn)
        answers.append(take(session, finding))
        return "done" if answers[-1] else "again"

    failed = analyse_fields(smear, AnalysisOptions(), order=[0], hand_over=hand_over)
    assert failed == {}
    assert answers == [False, True]
    table = session.table()
    assert len(table) == 4
    assert table["class"].notna().all()
    assert (session.labels[150:175, 5:30] == 1).all()
    session.close()


def test_field_that_someone_else_has_open_is_told(folder: Path) -> None:
    smear = open_smear([folder])
    session = open_session(read_image(smear.paths[0]), "field 1")
    failed = analyse_fields(smear, AnalysisOptions())
    assert "open in another window" in failed[0]
    session.close()
    assert set(analyse_fields(smear, AnalysisOptions())) == {3}


def test_a_session_opened_during_the_analysis_is_nobody_elses(folder: Path) -> None:
    smear = open_smear([folder])
    seen: list[object] = []

    def look(done: int, total: int, what: str) -> None:
        if "Classifying" in what:
            session = open_session(read_image(smear.paths[2]), "mine")
            seen.append(session.labels.any())
            session.close()

    thread = threading.Thread(
        target=analyse_fields,
        args=(smear, AnalysisOptions()),
        kwargs={"order": [2], "progress": look},
    )
    thread.start()
    thread.join()
    assert seen
    assert not any(seen)
    assert smear.inspect(2).stage == "segmented"
