"""The name of the reader, remembered from one day to the next."""

from __future__ import annotations

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.user_files import config_folder, read_user_file, write_user_file

FILE_NAME = "reader.json"
#: Longer ones would not fit a report.
LONGEST_NAME = 80


def recall_reader() -> str:
    """Return the reader's name that was last remembered; empty if none was.

    Raises
    ------
    ParameterError
        If the file is damaged.
    """
    path = config_folder() / FILE_NAME
    name = read_user_file(path, "reader")
    if name is None:
        return ""
    if not isinstance(name, str):
        raise ParameterError(f"{path} must hold a name.")
    return tidy(name)


def remember_reader(name: str) -> None:
    """Remember the reader's name.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    write_user_file(config_folder() / FILE_NAME, "reader", tidy(name))


def tidy(name: str) -> str:
    """Return a name on one line, without white space around it, at most 80 characters."""
    return " ".join(name.split())[:LONGEST_NAME]
