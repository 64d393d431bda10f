"""Experiments are TOML files: this reads one into frozen dataclasses."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from napari_leukocyte.errors import ParameterError

T = TypeVar("T")


def read_config(path: Path, kind: type[T]) -> T:
    """Read a TOML file into a dataclass.

    Parameters
    ----------
    path : Path
        The TOML file; nested tables fill nested dataclasses.
    kind : type
        A frozen dataclass, every field of which has a default or is in the file.

    Returns
    -------
    object of type `kind`

    Raises
    ------
    ParameterError
        If the file is no TOML or has a key that the dataclass does not know.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ParameterError(f"{path} is not a TOML file: {error}.") from error
    return _fill(kind, values, path.name)


def _fill(kind: type[T], values: dict[str, Any], where: str) -> T:
    known = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ParameterError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(known)}.")
    filled: dict[str, Any] = {}
    for name, value in values.items():
        default = known[name].default_factory
        if isinstance(value, dict) and isinstance(default, type):
            value = _fill(default, value, f"{where} [{name}]")
        filled[name] = tuple(value) if isinstance(value, list) else value
    return kind(**filled)
