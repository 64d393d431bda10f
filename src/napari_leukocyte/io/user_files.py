"""The user's own settings as JSON files in one folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.atomic import as_output_error, atomic_write
from napari_leukocyte.io.json_text import read_json

#: Environment variable that names another folder.
FOLDER_VARIABLE = "NAPARI_LEUKOCYTE_CONFIG"
#: Version of the files' layout that is written and read.
SCHEMA_VERSION = 1


def config_folder() -> Path:
    """Return the folder of the user's own settings; it may not exist yet."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_config_path

    return user_config_path("napari-leukocyte", appauthor=False)


def read_user_file(path: Path, key: str) -> Any:
    """Read what stands under a key of a JSON file.

    Parameters
    ----------
    path : Path
        As written by :func:`write_user_file`.
    key : str
        What is wanted.

    Returns
    -------
    object
        None if there is no such file.

    Raises
    ------
    ParameterError
        If the file can't be read, is no such JSON or is of another version.
    """
    data = read_json(path, ParameterError)
    if data is None:
        return None
    if not isinstance(data, dict) or key not in data:
        raise ParameterError(
            "{path} must hold a JSON object with the entry {key!r}.", path=path, key=key
        )
    if data.get("schema") != SCHEMA_VERSION:
        raise ParameterError(
            "{path} has layout version {version!r}; this plugin reads {known}.",
            path=path,
            version=data.get("schema"),
            known=SCHEMA_VERSION,
        )
    return data[key]


def write_user_file(path: Path, key: str, value: object) -> None:
    """Write a value under a key as JSON; the file is replaced whole, its folder made if need be.

    Parameters
    ----------
    path : Path
        Where to.
    key : str
        What it is.
    value : object
        Anything that JSON can hold.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    text = json.dumps({"schema": SCHEMA_VERSION, key: value}, indent=2, ensure_ascii=False)
    with as_output_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
