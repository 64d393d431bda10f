"""Tasks done here: what is kept, what is not done again, and what can go wrong."""

from __future__ import annotations

import errno
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_leukocyte.analysis.batch import tasks
from napari_leukocyte.analysis.batch.kept import FOLDER, alone_in, kept_json, kept_table
from napari_leukocyte.analysis.batch.running import BatchRun, RunEvent, RunResult, results_of
from napari_leukocyte.analysis.batch.settings import (
    RunSettings,
    VersionError,
    check_identity,
    identify,
)
from napari_leukocyte.analysis.batch.tasks import ImageJob
from napari_leukocyte.analysis.batch.workers import (
    Cluster,
    ClusterError,
    Finished,
    ThisProcess,
    join_workers,
    start_workers,
)
from napari_leukocyte.analysis.slide import segmenting
from napari_leukocyte.analysis.slide.segmenting import analyse_block
from napari_leukocyte.analysis.slide.zone import CountingZone
from napari_leukocyte.errors import OutputError
from napari_leukocyte.io.slides.opening import fingerprint
from napari_leukocyte.io.slides.remote import Address
from tests.analysis.slide.conftest import drawn, stain_model, stain_networks

__all__ = ["stain_model", "stain_networks"]  # fixtures, borrowed
IDENTITY = {"napari-leukocyte": "1"}
CELLS = [(30.0, 40.0, 13.0), (90.0, 110.0, 13.0), (95.0, 134.0, 13.0), (160.0, 200.0, 13.0)]


@pytest.fixture
def settings(
    tmp_path: Path, stain_model: str, stain_networks: list[str], monkeypatch: pytest.MonkeyPatch
) -> RunSettings:
    # Files of these networks are not there.
    monkeypatch.setattr(tasks, "check_here", lambda *_: None)
    return RunSettings(tmp_path / "out", stain_model, None, 26.0, block_px=100)


def job(path: Path, *, slide: bool) -> ImageJob:
    return ImageJob(path.name, path, path.stem, slide)


@pytest.fixture
def jobs(tmp_path: Path) -> list[ImageJob]:
    photograph, slide = tmp_path / "a.tif", tmp_path / "b.tif"
    tifffile.imwrite(photograph, drawn((120, 160), CELLS[:3]), photometric="rgb")
    tifffile.imwrite(slide, drawn((200, 260), CELLS), photometric="rgb", tile=(64, 64))
    return [job(photograph, slide=False), job(slide, slide=True)]


def run(settings: RunSettings, jobs: list[ImageJob]) -> tuple[RunResult, list[RunEvent]]:
    events: list[RunEvent] = []
    result = BatchRun(settings, IDENTITY, ThisProcess(), events.append).run(jobs)
    return result, events


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_photographs_and_slides(settings: RunSettings, jobs: list[ImageJob]) -> None:
    result, events = run(settings, jobs)
    assert result.done == {"a.tif", "b.tif"}
    kinds = [e.kind for e in events if e.image == "b.tif"]
    assert kinds == ["planned", *["block"] * 6, "done"]
    tables, records, slides = results_of(settings, jobs, result.done)
    assert [(name, len(table)) for name, table in tables] == [("a.tif", 3), ("b.tif", 4)]
    assert [r.shape for r in records] == [(120, 160), (200, 260)]
    assert slides[0].pop("fingerprint") == fingerprint(jobs[1].path)
    assert slides == [{"image": "b.tif", "um_per_px": None, "block_px": 100, "blocks": 6}]
    assert (settings.out / "a" / "overlay.png").is_file()
    assert (settings.out / "b" / "labels.zarr" / "labels" / "leukocytes" / "0").is_dir()


def test_what_is_kept_is_not_done_again(
    settings: RunSettings, jobs: list[ImageJob], stain_networks: list[str]
) -> None:
    run(settings, jobs)
    before = bytes_of(settings.out)
    stain_networks.clear()
    result, _ = run(settings, jobs)
    assert stain_networks == []
    # All but the time of change, which may be another.
    assert bytes_of(settings.out) == before
    # What a killed run leaves: half a file, a staging place, no end.
    kept = settings.out / FOLDER
    (kept / "b" / "block-000003.parquet").write_bytes(b"PAR1 half")
    (kept / "b.parquet").unlink()
    (kept / "a.parquet").write_bytes(b"")
    (settings.out / "a" / ".napari-leukocyte-0a1b2c3d").mkdir()
    (settings.out / "b" / ".labels.zarr-0a1b2c3d" / "labels").mkdir(parents=True)
    result, _ = run(settings, jobs)
    assert result.done == {"a.tif", "b.tif"}
    assert stain_networks
    assert bytes_of(settings.out) == before
    assert not list((settings.out / "b").glob(".labels*"))
    # Another model, other parameters, another image: other keys.
    stain_networks.clear()
    BatchRun(settings, {"napari-leukocyte": "2"}, ThisProcess()).run(jobs[:1])
    assert stain_networks


def test_a_kept_result_of_another_key_is_none(settings: RunSettings, jobs: list[ImageJob]) -> None:
    run(settings, jobs)
    assert kept_table(settings.out / FOLDER / "a.parquet", "other") is None
    assert kept_json(settings.out / FOLDER / "b" / "plan.json", "other") is None
    assert kept_json(settings.out / FOLDER / "none.json", "other") is None


def test_one_that_fails_does_not_stop_the_others(
    settings: RunSettings, jobs: list[ImageJob], tmp_path: Path
) -> None:
    (tmp_path / "c.svs").write_bytes(b"nothing")
    bad = job(tmp_path / "c.svs", slide=True)
    result, events = run(settings, [bad, *jobs])
    assert result.done == {"a.tif", "b.tif"}
    assert result.errors == {"c.svs": "c.svs is not a TIFF, or is cut off."}
    assert events[0] == RunEvent("failed", "c.svs", notes=("c.svs is not a TIFF, or is cut off.",))


def test_a_slide_that_changes_while_it_is_read(
    settings: RunSettings, jobs: list[ImageJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = analyse_block
    calls: list[int] = []

    def changing(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            os.utime(str(jobs[1].path), ns=(1, 1))
        return real(*arguments)

    monkeypatch.setattr(tasks, "analyse_block", changing)
    result, _ = run(settings, jobs)
    assert result.done == {"a.tif"}
    assert "b.tif has changed while it was read" in result.errors["b.tif"]


def test_a_full_disk_ends_the_run(
    settings: RunSettings, jobs: list[ImageJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep_table(path: Path, *_: Any) -> None:
        raise OutputError(f"{path} can't be written: the disk is full.")

    monkeypatch.setattr(tasks, "keep_table", keep_table)
    with pytest.raises(OutputError, match="full"):
        run(settings, jobs)


def test_a_disk_that_is_full_at_the_end_of_a_slide(
    settings: RunSettings, jobs: list[ImageJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(folder: Path, *_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(segmenting, "write_label_pyramid", write)
        with pytest.raises(OutputError, match=r"labels\.zarr .*the disk is full"):
            run(settings, jobs)
    assert not list((settings.out / "b").iterdir())
    # What was done is kept.
    assert len(list((settings.out / FOLDER / "b").glob("block-*"))) == 6
    result, _ = run(settings, jobs)
    assert result.done == {"a.tif", "b.tif"}


def test_a_damaged_tile_is_named_once(settings: RunSettings, jobs: list[ImageJob]) -> None:
    slide = jobs[1].path
    assert isinstance(slide, Path)
    pixels = drawn((200, 260), CELLS)
    tifffile.imwrite(slide, pixels, photometric="rgb", tile=(64, 64), compression="jpeg")
    with tifffile.TiffFile(slide) as file:
        start, size = file.pages.first.dataoffsets[6], file.pages.first.databytecounts[6]
    data = bytearray(slide.read_bytes())
    data[start : start + size] = bytes(size)
    slide.write_bytes(data)
    # Its four blocks all look at it.
    result, events = run(settings, jobs[1:])
    assert result.done == {"b.tif"}
    notes = [n for e in events if e.kind == "done" for n in e.notes if "blank" in n]
    assert notes == [
        "A part of the file at y 64 to 128, x 64 to 128 is damaged and was left blank."
    ]


def test_a_slide_at_an_address(settings: RunSettings, jobs: list[ImageJob]) -> None:
    pixels = drawn((200, 260), CELLS)
    options: dict[str, Any] = {"photometric": "rgb", "compression": "jpeg", "tile": (64, 64)}
    tifffile.imwrite(str(jobs[1].path), pixels, **options)
    fsspec.filesystem("memory").put(str(jobs[1].path), "/b.tif")
    there = ImageJob("memory://b.tif", Address("memory://b.tif"), "there", True)
    result, _ = run(settings, [jobs[1], there])
    (_, mine), (_, theirs) = results_of(settings, [jobs[1], there], result.done)[0]
    pd.testing.assert_frame_equal(theirs, mine)
    photograph = ImageJob("memory://b.tif", Address("memory://b.tif"), "photograph", False)
    result, _ = run(settings, [photograph])
    assert "photographs are not read at addresses" in result.errors["memory://b.tif"]


def test_a_scheduler_that_vanishes() -> None:
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    client = Client(cluster.scheduler_address, set_as_default=False)
    with Cluster(client, client.close) as workers:
        workers.submit("token", time.sleep, 600)
        cluster.close()
        with pytest.raises(ClusterError, match="The scheduler has gone"):
            workers.fetch()


def test_workers_that_go(settings: RunSettings, jobs: list[ImageJob]) -> None:
    class Leaving(ThisProcess):
        def fetch(self) -> Finished:
            if self.room == 0:
                raise ClusterError("The scheduler has gone.")
            self.room = 0
            return super().fetch()

    run_ = BatchRun(settings, IDENTITY, Leaving())
    run_.workers.room = 2
    result = run_.run(jobs)
    assert result.lost == "The scheduler has gone."
    assert result.done == {"a.tif"}


@pytest.mark.parametrize("order", [1, -1])
def test_fields_of_the_monolayer_until_there_are_enough(
    settings: RunSettings, jobs: list[ImageJob], monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    # Drawn cells are no erythrocytes: every field is taken for one of the monolayer.
    zone = CountingZone(np.ones((2, 3), bool), 90, (200, 260))
    monkeypatch.setattr(tasks, "find_zone", lambda *_: zone)

    class Hasty(ThisProcess):
        room = 3

        def fetch(self) -> Finished:
            # Whoever ends first: the result is the same.
            self._waiting = self._waiting[::order]
            return super().fetch()

    counted = replace(settings, until=2)
    result = BatchRun(counted, IDENTITY, Hasty()).run(jobs[1:])
    ((_, table),), (record,), (slide,) = results_of(counted, jobs, result.done)
    assert slide["fields"] == [list(zone.field(*place)) for place in ((0, 0), (1, 0), (1, 1))]
    assert len(table) == record.objects
    assert 2 <= len(table) < 4
    assert not any("asked for" in note for note in record.notes)
    everything = replace(settings, until=50)
    result = BatchRun(everything, IDENTITY, Hasty()).run(jobs[1:])
    _, (record,), (slide,) = results_of(everything, jobs, result.done)
    assert len(slide["fields"]) == 6
    assert record.notes[-1] == (
        "The 6 fields of the monolayer show 4 leukocytes; 50 were asked for."
    )


def test_two_runs_may_not_share_a_folder(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(OutputError, match="Another run"), alone_in(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_other_versions_are_refused_and_named() -> None:
    mine = identify("default", "default")
    check_identity(mine, json.loads(json.dumps(mine)))
    other = mine | {"napari-leukocyte": "9.9"}
    with pytest.raises(VersionError, match=r"napari-leukocyte 9\.9, but this run "):
        check_identity(mine, other, "The worker tcp://x")
    member = dict(mine["classifier"], model="mine")
    with pytest.raises(VersionError, match=r"classifier mine \(\w+\), but this run "):
        check_identity(mine, mine | {"classifier": member})


def test_nobody_there() -> None:
    with pytest.raises(ClusterError, match="too many"):
        start_workers(100_000)
    with pytest.raises(ClusterError, match="no scheduler at nonsense"):
        join_workers("nonsense://x", RunSettings(Path()), {})


def test_a_million_tasks_are_never_whole_anywhere(settings: RunSettings) -> None:
    """Stub tasks on paper: what waits is bounded by the room that workers have."""

    class Counting(ThisProcess):
        room = 6
        most = 0

        def submit(self, token: Any, task: Any, *arguments: Any) -> None:
            super().submit(token, _stub, token)
            self.most = max(self.most, len(self._waiting))

    workers = Counting()
    jobs = [ImageJob(f"{n}", Path(f"{n}"), f"{n}", True) for n in range(10)]
    result = BatchRun(settings, IDENTITY, workers).run(jobs)
    assert len(result.done) == 10
    assert workers.most == 6


def _stub(token: Any) -> Any:
    return {"plan": 10_000, "block": 0, "finish": []}[token.kind]
