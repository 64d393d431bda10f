"""Functions of the core at work in threads of their own."""

from __future__ import annotations

import inspect
import threading
import time
from typing import Any

import napari
import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from napari.utils.progress import progress as bars
from pytestqt.qtbot import QtBot

from napari_leukocyte.errors import Cancelled, ImageError
from napari_leukocyte.progress import Progress
from napari_leukocyte.ui.jobs import Job, start_job


class Heard:
    """Collects what a job calls back, and that it does so on the main thread."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.result: Any = None

    def done(self, result: Any) -> None:
        self.result = result
        self.note("done")

    def failed(self, error: Exception) -> None:
        self.note(type(error).__name__)

    def end(self) -> None:
        self.note("end")

    def note(self, what: str) -> None:
        assert threading.current_thread() is threading.main_thread()
        self.events.append(what)

    def start(self, function: Any, title: str | None = "Working") -> Job:
        return start_job(
            function, title=title, on_done=self.done, on_error=self.failed, on_end=self.end
        )


def wait(job: Job, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not job.running, timeout=10_000)


def endless(report: Progress) -> None:
    while True:
        time.sleep(0.002)
        report(1, 2, "Going on")


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.mark.parametrize("title", ["Working", None])
def test_the_result_comes_on_the_main_thread(
    viewer: napari.Viewer, heard: Heard, qtbot: QtBot, title: str | None
) -> None:
    def work(report: Progress) -> np.ndarray:
        assert threading.current_thread() is not threading.main_thread()
        report(1, 1, "Adding")
        return np.arange(3)

    job = heard.start(work, title)
    wait(job, qtbot)
    assert heard.events == ["done", "end"]
    assert heard.result.tolist() == [0, 1, 2]
    assert not bars._all_instances


def test_progress_shows_in_the_activity_dock(
    viewer: napari.Viewer, heard: Heard, qtbot: QtBot
) -> None:
    steps: list[tuple[int, int, str]] = []
    listening, go_on = threading.Event(), threading.Event()

    def work(report: Progress) -> None:
        listening.wait(10)
        report(3, 7, "Third step")
        go_on.wait(10)

    job = heard.start(work)
    job.progressed.connect(lambda *step: steps.append(step))
    listening.set()
    qtbot.waitUntil(lambda: bool(steps))
    (bar,) = bars._all_instances
    assert (bar.n, bar.total) == (3, 7)
    assert bar.desc.startswith("Third step")
    go_on.set()
    wait(job, qtbot)
    assert steps == [(3, 7, "Third step")]


@pytest.mark.parametrize("by", ["job", "activity dock"])
def test_a_cancelled_job_tells_nobody_its_result(
    viewer: napari.Viewer, heard: Heard, told: list[str], qtbot: QtBot, by: str
) -> None:
    job = heard.start(endless)
    qtbot.wait(20)
    if by == "job":
        job.cancel()
    else:
        (bar,) = bars._all_instances
        bar.cancel()
    assert job.cancelled
    wait(job, qtbot)
    assert heard.events == ["end"]
    assert told == []


def test_a_result_that_comes_after_cancelling_is_dropped(heard: Heard, qtbot: QtBot) -> None:
    go_on = threading.Event()
    job = heard.start(lambda report: go_on.wait(10), None)
    job.cancel()
    go_on.set()
    wait(job, qtbot)
    assert heard.events == ["end"]


def test_an_abandoned_job_calls_nobody(viewer: napari.Viewer, heard: Heard, qtbot: QtBot) -> None:
    job = heard.start(endless)
    job.abandon()
    wait(job, qtbot)
    assert heard.events == []
    assert not bars._all_instances


def test_what_a_user_can_mend_is_one_sentence(heard: Heard, told: list[str], qtbot: QtBot) -> None:
    def work(report: Progress) -> None:
        raise ImageError("The image is empty.")

    wait(heard.start(work, None), qtbot)
    assert told == ["The image is empty."]
    assert heard.events == ["ImageError", "end"]


def test_other_errors_go_to_napari_with_their_traceback(
    heard: Heard, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[tuple[Any, ...]] = []
    monkeypatch.setattr(notification_manager, "receive_error", lambda *a: received.append(a))

    def work(report: Progress) -> None:
        raise ZeroDivisionError

    wait(heard.start(work, None), qtbot)
    ((kind, _, traceback),) = received
    assert kind is ZeroDivisionError
    assert traceback is not None
    assert heard.events == ["ZeroDivisionError", "end"]


def test_cancelled_from_within_is_no_error(heard: Heard, told: list[str], qtbot: QtBot) -> None:
    def work(report: Progress) -> None:
        raise Cancelled

    wait(heard.start(work, None), qtbot)
    assert heard.events == ["end"]
    assert told == []


def test_closing_the_window_with_a_bar_in_it(
    viewer: napari.Viewer, heard: Heard, qtbot: QtBot
) -> None:
    job = heard.start(endless)
    qtbot.wait(30)
    viewer.close()
    qtbot.wait(30)
    job.cancel()
    wait(job, qtbot)
    assert heard.events == ["end"]


def test_steps_that_come_faster_than_they_are_painted_do_not_pile_up(
    viewer: napari.Viewer, qtbot: QtBot
) -> None:
    listening, depths = threading.Event(), [0]

    def work(progress: Progress) -> None:
        listening.wait(5)
        for step in range(2000):
            progress(step, 2000, f"Step {step}")

    def note(*_: object) -> None:
        depths.append(len(inspect.stack(0)))

    job = start_job(work, title="Many steps", on_done=lambda _: None)
    job.progressed.connect(note)
    listening.set()
    job._thread.join()  # all of them are waiting now
    qtbot.waitUntil(lambda: not job.running, timeout=30_000)
    assert job.reached == (1999, 2000, "Step 1999")
    assert max(depths) < min(d for d in depths if d) + 60
