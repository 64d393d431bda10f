"""Parameters of the post-processing in a JSON file."""

from __future__ import annotations

import json
from pathlib import Path

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.io.json_text import read_json
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
        As written by :func:`save_preset`, a ``run.json``, or an object of the parameters alone.

    Returns
    -------
    PostprocessParams
        What the file does not name has its default.

    Raises
    ------
    ParameterError
        If the file can't be read, is no such JSON, is of another version, or a value is out of its
        range.
    """
    data = read_json(path, ParameterError)
    if data is None:
        raise ParameterError(f"{path} can't be read: there is no such file.")
    values = data
    if isinstance(data, dict) and "parameters" in data:
        values = data["parameters"]
        version = data.get("schema", SCHEMA_VERSION)
        if version != SCHEMA_VERSION:
            raise ParameterError(
                f"{path} has layout version {version!r}; this plugin reads {SCHEMA_VERSION}."
            )
    try:
        return PostprocessParams.from_dict(values)
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from error
