"""Progress of a run by image and block: bars on a terminal, or a line of JSON for each event."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

import typer

from napari_leukocyte.analysis.batch.running import RunEvent
from napari_leukocyte.cli.console import one_line

#: How progress is shown.
Log = Literal["text", "json"]


class BatchProgress(ABC):
    """A count of what is done, and when the rest will be.

    Parameters
    ----------
    images : int
        Number of images.
    """

    def __init__(self, images: int) -> None:
        self.images, self.images_done, self.failed = images, 0, 0
        # Of a slide that is not planned, one block is known.
        self.blocks, self.blocks_done = images, 0
        self._left: dict[str, int] = {}
        self._start = time.monotonic()

    def count(self, event: RunEvent) -> None:
        """Count an event, and show it."""
        image = event.image
        if event.kind == "planned":
            self.blocks += event.blocks - 1
            self._left[image] = event.blocks
        elif event.kind == "block":
            self._left[image] -= 1
            self.blocks_done += 1
        elif event.kind == "done":
            self.images_done += 1
            self.blocks_done += self._left.pop(image, 1)
        else:
            self.failed += 1
            self.blocks -= self._left.pop(image, 1)
        self.show(event)

    @property
    def rate(self) -> float:
        """Blocks a second; 0 before the first."""
        passed = time.monotonic() - self._start
        return self.blocks_done / passed if passed > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest will take at this rate; None before the first block."""
        return (self.blocks - self.blocks_done) / self.rate if self.rate else None

    @abstractmethod
    def show(self, event: RunEvent) -> None:
        """Show an event."""

    @abstractmethod
    def say(self, message: str) -> None:
        """Say one sentence."""

    def close(self) -> None:  # noqa: B027 - lines need no end
        """End the display."""

    def __enter__(self) -> BatchProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class JsonProgress(BatchProgress):
    """A line of JSON on stderr for each event and sentence."""

    def show(self, event: RunEvent) -> None:
        """Print an event with all counts."""
        left = self.left_s
        self._print(
            event=event.kind,
            image=event.image,
            notes=list(event.notes),
            images=self.images,
            images_done=self.images_done,
            images_failed=self.failed,
            blocks=self.blocks,
            blocks_done=self.blocks_done,
            blocks_per_s=round(self.rate, 3),
            left_s=None if left is None else round(left, 1),
        )

    def say(self, message: str) -> None:
        """Print a sentence as an event."""
        self._print(event="message", message=one_line(message))

    def _print(self, **values: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        typer.echo(json.dumps({"time": now} | values), err=True)


class BarProgress(BatchProgress):
    """Two bars on a terminal, images and blocks; elsewhere sentences alone."""

    def __init__(self, images: int) -> None:
        super().__init__(images)
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._image_bar = self._bars.add_task("Images", total=images, rate="")
        self._block_bar = self._bars.add_task("Blocks", total=images, rate="")
        self._bars.start()

    def show(self, event: RunEvent) -> None:
        """Move the bars; print notes above them."""
        self._bars.update(self._image_bar, completed=self.images_done + self.failed)
        rate = f"{self.rate:.2f} a second"
        self._bars.update(self._block_bar, completed=self.blocks_done, total=self.blocks, rate=rate)
        for note in event.notes:
            self.say(note if event.kind == "failed" else f"{event.image}: {note}")

    def say(self, message: str) -> None:
        """Print one sentence above the bars."""
        # `out` takes the text as it is: a file's name may look like markup.
        self._console.out(one_line(message), highlight=False)

    def close(self) -> None:
        """Take the bars away."""
        self._bars.stop()


def make_progress(images: int, log: Log) -> BatchProgress:
    """Return the display that is asked for."""
    return JsonProgress(images) if log == "json" else BarProgress(images)
