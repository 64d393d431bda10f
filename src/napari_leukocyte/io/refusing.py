"""One sentence for what the operating system refuses to read.

What it refuses to write is said by :func:`napari_leukocyte.io.atomic.as_output_error`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_leukocyte.errors import LeukocyteError


@contextmanager
def as_unreadable(path: Path | str, kind: type[LeukocyteError]) -> Iterator[None]:
    """Turn an operating system's error into one sentence.

    Parameters
    ----------
    path : Path or str
        What is being read, a file or a folder.
    kind : type of LeukocyteError
        What is raised.

    Raises
    ------
    LeukocyteError
        Of that type, in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise kind("{path} can't be read: {reason}.", path=path, reason=reason) from error
