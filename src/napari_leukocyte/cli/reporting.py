"""What a run tells on the way: a progress bar on a terminal, and sentences."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from napari_leukocyte.cli.sentences import one_line


class Reporter:
    """Progress and sentences on stderr; where that is no terminal, sentences only.

    Parameters
    ----------
    images : int
        Number of images.
    """

    def __init__(self, images: int) -> None:
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._all: TaskID = self._bars.add_task("Images", total=images)
        self._step: TaskID = self._bars.add_task("", total=None)

    def __enter__(self) -> Reporter:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def step(self, done: int, total: int, what: str) -> None:
        """Show how far the current image is: a :data:`napari_leukocyte.progress.Progress`."""
        self._bars.update(self._step, completed=done, total=total, description=what)

    def image_done(self) -> None:
        """Count one image more."""
        self._bars.advance(self._all)

    def say(self, message: str) -> None:
        """Print one sentence above the bars."""
        # `out` takes the text as it is: a file's name may look like markup.
        self._console.out(one_line(message), highlight=False)
