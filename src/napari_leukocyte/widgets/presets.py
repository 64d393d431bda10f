"""Parameters of the post-processing in a JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.results.atomic import atomic_write
from napari_leukocyte.segmentation.parameters import PostprocessParams

#: Version of the layout that is written and read.
SCHEMA_VERSION = 1


def save_preset(path: Path, params: PostprocessParams) -> None:
    """Write parameters to a file, which is replaced if it exists.

    Parameters
    ----------
    path : Path
        Where to.
    params : PostprocessParams
        What.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    data = {"schema": SCHEMA_VERSION, "parameters": params.to_dict()}
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def load_preset(path: Path) -> PostprocessParams:
    """Read parameters from a file.

    Parameters
    ----------
    path : Path
        As written by :func:`save_preset`. Parameters that it does not name have their defaults.

    Returns
    -------
    PostprocessParams

    Raises
    ------
    ParameterError
        If it can't be read, is no preset, is of another version or holds a value out of its range.
    """
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParameterError(f"{path} can't be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise ParameterError(f"{path} is no preset: it is not JSON.") from error
    values = data.get("parameters") if isinstance(data, dict) else None
    if not isinstance(values, dict):
        raise ParameterError(f"{path} is no preset: it holds no “parameters”.")
    if data.get("schema") != SCHEMA_VERSION:
        raise ParameterError(
            f"{path} has layout version {data.get('schema')}; this plugin reads {SCHEMA_VERSION}."
        )
    try:
        return PostprocessParams.from_dict(values)
    except (ParameterError, OverflowError) as error:
        raise ParameterError(f"{path}: {error}") from error
