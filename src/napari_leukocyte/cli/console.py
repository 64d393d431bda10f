"""Output of the command line: sentences, errors in one line, exit statuses and progress bars."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import typer
from typer.core import TyperGroup

from napari_leukocyte.errors import LeukocyteError

#: Exit statuses. `BAD_INPUT` is also what shells and Click use for a wrong command line.
DONE, SOME_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class OneSentenceGroup(TyperGroup):
    """Commands whose errors, those of the command line included, are one line on stderr."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command and leave with its exit status; Typer documents the parameters."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            # What a file's name may hold need not be printable, here or anywhere.
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            status = super().main(
                args, prog_name, complete_var, False, windows_expand_args, **extra
            )
        except typer.Abort:
            status = INTERRUPTED
        except LeukocyteError as error:
            complain(str(error))
            status = BAD_INPUT
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            complain(f"{where}{error.strerror or error}.")
            status = BAD_INPUT
        except Exception as error:
            # Errors of the command line; their class is public neither in Click's nor Typer's
            # releases alike, their method is.
            message = getattr(error, "format_message", None)
            if message is None:
                raise
            complain(message())
            status = BAD_INPUT
        if not standalone_mode:
            return status
        sys.exit(status or DONE)


def one_line(message: str) -> str:
    """Return a message as one line that ends like a sentence."""
    line = " ".join(message.split())
    return line if line.endswith((".", "!", "?")) else line + "."


def complain(message: str) -> None:
    """Print one sentence on stderr."""
    typer.echo(one_line(message), err=True)


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Keep what image libraries write to stderr on damaged files from a user.

    libpng and libjpeg write to the process's stderr itself, past Python, and tifffile to a log;
    that the file is damaged is said in our own sentence anyway.
    """
    import logging

    log = logging.getLogger("tifffile")
    was_disabled, log.disabled = log.disabled, True
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr, as in a windowed program
        kept = -1
    try:
        if kept >= 0:
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - os.devnull is no path to join
                os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        log.disabled = was_disabled
        if kept >= 0:
            os.dup2(kept, 2)
            os.close(kept)


class Reporter:
    """Progress and sentences on stderr; where that is no terminal, sentences only.

    Parameters
    ----------
    images : int
        Number of images.
    """

    def __init__(self, images: int) -> None:
        # When there is something to show: the list of commands needs no progress bars.
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
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._all = self._bars.add_task("Images", total=images)
        self._step = self._bars.add_task("", total=None)

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
