"""A run over many images: which tasks follow which, and what has come of them.

Tasks are made as there is room for them, image by image and block by block: neither this program
nor a scheduler ever holds more than a few for each worker, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from napari_leukocyte.analysis.batch.kept import sweep
from napari_leukocyte.analysis.batch.settings import RunSettings, VersionError
from napari_leukocyte.analysis.batch.tasks import (
    ImageJob,
    analyse_photograph,
    analyse_slide_block,
    finish_slide,
    let_go,
    plan_of_slide,
    result_file,
)
from napari_leukocyte.analysis.batch.workers import ClusterError, Workers
from napari_leukocyte.analysis.slide.cells import read_table
from napari_leukocyte.errors import LeukocyteError, OutputError
from napari_leukocyte.reporting.record import ImageRecord


@dataclass(frozen=True)
class RunEvent:
    """Something that happened in a run.

    Attributes
    ----------
    kind : {"planned", "block", "done", "failed"}
        What: of an image that its blocks are known, that one of them is done, that it is, or why it
        can't be.
    image : str
        The image's path as given.
    blocks : int
        Of an image, how many blocks it has; 1 of a photograph.
    notes : tuple of str
        What a user should know; of a failure the one sentence.
    """

    kind: str
    image: str
    blocks: int = 1
    notes: tuple[str, ...] = ()


@dataclass(eq=False)
class RunResult:
    """Results of a run so far.

    Attributes
    ----------
    done : set of str
        Images that are analysed.
    errors : dict of str to str
        Images that can't be, and why.
    lost : str
        Why the run ended early; empty if it did not.
    """

    done: set[str] = field(default_factory=set)
    errors: dict[str, str] = field(default_factory=dict)
    lost: str = ""


@dataclass(frozen=True)
class _Step:
    """A task in the workers' hands: of which image, and which of its tasks."""

    job: ImageJob
    kind: str
    number: int = 0


class BatchRun:
    """A run over images.

    Parameters
    ----------
    settings : RunSettings
        All that the images have in common.
    identity : mapping
        Versions of the package and the models, which workers must have too.
    workers : Workers
        Who does it.
    tell : callable
        Called with each `RunEvent`.
    """

    def __init__(
        self,
        settings: RunSettings,
        identity: Mapping[str, Any],
        workers: Workers,
        tell: Callable[[RunEvent], None] = lambda event: None,
    ) -> None:
        self.settings, self.identity = settings, identity
        self.workers, self.tell = workers, tell
        self.result = RunResult()
        self._blocks: dict[ImageJob, int] = {}
        # Leukocytes of the blocks that are done, by block; and slides whose end is near.
        self._counts: dict[ImageJob, dict[int, int]] = {}
        self._ending: set[ImageJob] = set()
        self._under_way = 0

    def run(self, jobs: Sequence[ImageJob]) -> RunResult:
        """Do all tasks.

        Parameters
        ----------
        jobs : sequence of ImageJob
            The images; what is kept of them from an earlier run is not done again.

        Returns
        -------
        RunResult
            An image that fails does not stop the others.

        Raises
        ------
        OutputError
            If results can't be written: the others could not, either.
        """
        try:
            return self._run(jobs)
        finally:
            let_go()

    def _run(self, jobs: Sequence[ImageJob]) -> RunResult:
        first = self._firsts(jobs)
        # What finishes something comes first, then blocks of what has begun, then new images.
        finishing: list[_Step] = []
        begun: list[Iterator[_Step]] = []
        while True:
            while self._under_way < self.workers.room:
                step = self._next(finishing, begun, first)
                if step is None:
                    break
                self._submit(step)
            if not self._under_way:
                return self.result
            try:
                finished = self.workers.fetch()
            except ClusterError as error:
                self.result.lost = str(error)
                return self.result
            self._under_way -= 1
            self._take(finished.token, finished.value, finished.error, finishing, begun)

    def _firsts(self, jobs: Sequence[ImageJob]) -> Iterator[_Step]:
        for job in jobs:
            sweep(self.settings.out / job.folder)
            yield _Step(job, "plan" if job.slide else "photograph")

    def _next(
        self, finishing: list[_Step], begun: list[Iterator[_Step]], first: Iterator[_Step]
    ) -> _Step | None:
        if finishing:
            return finishing.pop()
        while begun:
            for step in begun[0]:
                if step.job.image in self.result.errors or step.job in self._ending:
                    break
                return step
            begun.pop(0)
        return next(first, None)

    def _submit(self, step: _Step) -> None:
        common = (self.settings, step.job, self.identity)
        if step.kind == "photograph":
            self.workers.submit(step, analyse_photograph, *common)
        elif step.kind == "plan":
            self.workers.submit(step, plan_of_slide, *common)
        elif step.kind == "block":
            self.workers.submit(step, analyse_slide_block, *common, step.number)
        else:
            self.workers.submit(step, finish_slide, *common, self._blocks[step.job])
        self._under_way += 1

    def _take(
        self,
        step: _Step,
        value: Any,
        error: Exception | None,
        finishing: list[_Step],
        begun: list[Iterator[_Step]],
    ) -> None:
        job = step.job
        if isinstance(error, OutputError | VersionError):
            raise error
        if job.image in self.result.errors:  # another of its tasks has failed
            return
        if error is not None:
            self.result.errors[job.image] = sentence_of(job, error)
            self.tell(RunEvent("failed", job.image, notes=(self.result.errors[job.image],)))
        elif step.kind == "plan":
            self._blocks[job], self._counts[job] = int(value), {}
            begun.append(_Step(job, "block", n) for n in range(int(value)))
            self.tell(RunEvent("planned", job.image, int(value)))
        elif step.kind == "block":
            if job in self._ending:  # enough was found without it
                return
            self.tell(RunEvent("block", job.image, self._blocks[job]))
            self._counts[job][step.number] = int(value)
            enough = self._enough(job)
            if enough:
                self._blocks[job] = enough
                self._ending.add(job)
                finishing.append(_Step(job, "finish"))
        else:
            self.result.done.add(job.image)
            self.tell(RunEvent("done", job.image, self._blocks.get(job, 1), tuple(value)))

    def _enough(self, job: ImageJob) -> int:
        """Return how many blocks make up the result of a slide; 0 while they are not done.

        Blocks that end early do not count before those in front of them: the result must not
        depend on who is fast.
        """
        counts, until = self._counts[job], self.settings.until
        if not until:
            return len(counts) if len(counts) == self._blocks[job] else 0
        total = 0
        for number in range(self._blocks[job]):
            if number not in counts:
                return 0
            total += counts[number]
            if total >= until:
                return number + 1
        return self._blocks[job]


def sentence_of(job: ImageJob, error: Exception) -> str:
    """Say what is wrong with an image in one sentence, naming it once."""
    if isinstance(error, LeukocyteError):
        message = str(error).replace(str(job.path), job.image)
        return message if message.startswith(job.image) else f"{job.image}: {message}"
    if isinstance(error, MemoryError):
        return f"{job.image}: there is not enough memory for an image of this size."
    return f"{job.image}: the analysis failed ({type(error).__name__}: {error})."


def results_of(
    settings: RunSettings, jobs: Sequence[ImageJob], done: set[str]
) -> tuple[list[tuple[str, pd.DataFrame]], list[ImageRecord], list[dict[str, Any]]]:
    """Return the tables, the records and what is known of slides, of the images that are done.

    Raises
    ------
    FormatError
        If a kept result is damaged.
    """
    tables, records, slides = [], [], []
    for job in jobs:
        if job.image not in done:
            continue
        table, about = read_table(result_file(settings, job))
        tables.append((job.image, table))
        said = dict(about["record"])
        said["shape"] = (said["shape"][0], said["shape"][1])
        said["notes"] = tuple(said["notes"])
        records.append(ImageRecord(**said))
        with suppress(KeyError):
            slides.append(about["slide"])
    return tables, records, slides
