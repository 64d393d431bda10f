"""Classes that the user adds to those of the vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.user_files import config_folder, read_user_file, write_user_file
from napari_leukocyte.vocabulary import CLASSES, CellClass

FILE_NAME = "classes.json"
#: Longer names would not fit a legend.
LONGEST_NAME = 40

# A letter first: in a spreadsheet a name such as "=1+1" would be a formula.
_NAME = re.compile(r"[^\W\d_][\w '()/.+-]*")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_KEY = re.compile(r"[a-z]?")
#: Names that mean something else in tables and layers.
_RESERVED = frozenset({"unclassified", "all", "none", "nan"})


def own_class(
    name: str, color: str, key: str = "", counted: bool = True, others: Iterable[CellClass] = ()
) -> CellClass:
    """Make a class of the user's.

    Parameters
    ----------
    name : str
        Begins with a letter, at most 40 characters; white space is tidied, capitals are made small.
    color : str
        ``#rrggbb``.
    key : str
        One letter from a to z, or nothing.
    counted : bool
        Whether it counts in the differential by default.
    others : iterable of CellClass
        The user's other classes; neither name nor key may be one of theirs or of the vocabulary's.

    Returns
    -------
    CellClass

    Raises
    ------
    ParameterError
        If something is not as it must be.
    """
    for value in (name, color, key):
        if not isinstance(value, str):
            raise ParameterError("Name, colour and key of a class must be texts.")
    if not isinstance(counted, bool):
        raise ParameterError("Whether a class counts must be true or false.")
    name = " ".join(name.split()).lower()
    if not name:
        raise ParameterError("A class needs a name.")
    if len(name) > LONGEST_NAME:
        raise ParameterError(
            "The name of a class may have at most {most} characters.", most=LONGEST_NAME
        )
    if not _NAME.fullmatch(name):
        raise ParameterError(
            "The name of a class begins with a letter and has letters, digits, spaces and ' "
            "( ) / . + - alone; {name!r} does not.",
            name=name,
        )
    if not _COLOR.fullmatch(color):
        raise ParameterError("A colour is written like #56B4E9, not {color!r}.", color=color[:20])
    key = key.lower()
    if not _KEY.fullmatch(key):
        raise ParameterError(
            "The key of a class is one letter from a to z, not {key!r}.", key=key[:20]
        )
    for other in (*CLASSES, *others):
        if name == other.name:
            raise ParameterError("There is a class {name!r} already.", name=name)
        if key and key == other.key:
            raise ParameterError(
                "The key {key!r} is that of the class {name!r}.", key=key, name=other.name
            )
    if name in _RESERVED:
        raise ParameterError(
            "{name!r} can't be the name of a class: the name is reserved.", name=name
        )
    return CellClass(name, color.upper(), key, counted)


def load_own_classes() -> tuple[CellClass, ...]:
    """Return the user's classes in their order.

    Raises
    ------
    ParameterError
        If the file is damaged, or a class in it is not as it must be.
    """
    path = config_folder() / FILE_NAME
    entries = read_user_file(path, "classes")
    if entries is None:
        return ()
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise ParameterError("{path} must hold a list of classes.", path=path)
    try:
        return _checked(entries)
    except ParameterError as error:
        raise ParameterError("{path}: {reason}", path=path, reason=str(error)) from error


def save_own_classes(classes: Iterable[CellClass]) -> tuple[CellClass, ...]:
    """Save the user's classes in place of those before.

    Parameters
    ----------
    classes : iterable of CellClass
        All of them, in their order.

    Returns
    -------
    tuple of CellClass
        As saved.

    Raises
    ------
    ParameterError
        If one is not as it must be; nothing is saved then.
    OutputError
        If the file can't be written.
    """
    checked = _checked([asdict(c) for c in classes])
    write_user_file(config_folder() / FILE_NAME, "classes", [asdict(c) for c in checked])
    return checked


def own_colors() -> dict[str, str]:
    """Return the colours, ``#RRGGBB``, of the user's classes by name; none of a damaged file.

    Whoever lists or changes the classes tells of the damage; a picture is drawn nonetheless.
    """
    try:
        return {c.name: c.color for c in load_own_classes()}
    except ParameterError:
        return {}


def _checked(entries: Iterable[Mapping[str, Any]]) -> tuple[CellClass, ...]:
    known = {"name", "color", "key", "counted"}
    made: list[CellClass] = []
    for entry in entries:
        if not {"name", "color"} <= set(entry) <= known:
            raise ParameterError("A class needs a name and a colour, and may have a key.")
        made.append(own_class(**entry, others=made))
    return tuple(made)
