"""Inputs of the command line: images and the diameter."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from napari_leukocyte.cli.console import complain
from napari_leukocyte.errors import ImageError, ParameterError
from napari_leukocyte.io.images.reading import find_images, passed_over
from napari_leukocyte.io.slides.opening import is_slide, slides_in


def list_images(paths: Sequence[str]) -> list[str]:
    """List the images that paths stand for, each file once.

    Parameters
    ----------
    paths : sequence of str
        Files and folders, as typed.

    Returns
    -------
    list of str
        In the order given, a folder's files sorted by name. A file that is reached in two ways
        (twice in the list, through its folder, by a link) is listed as it came first: its cells
        must not be counted twice. Photographs in a folder that can't be read are named on stderr.

    Raises
    ------
    ImageError
        If a path does not exist or is neither file nor folder, or a folder can't be read or has
        no image.
    """
    found: dict[str, str] = {}
    for given in paths:
        path = Path(given)
        try:
            inside = _images_of(path)
        except OSError as error:
            raise ImageError(f"{given} can't be read: {error.strerror or error}.") from error
        if path.is_dir() and inside == [path]:
            names = [given]  # a slide that is a folder
        elif path.is_dir():
            # Not Path's "/", which would change what was typed.
            names = [os.path.join(given, p.name) for p in inside]  # noqa: PTH118
        elif path.is_file():
            names = [given]
        else:
            raise ImageError(f"{given} is neither a file nor a folder.")
        for name in names:
            found.setdefault(os.path.realpath(name), name)
    passed = passed_over(map(Path, paths))
    if passed:
        complain(passed)
    return list(found.values())


def _images_of(path: Path) -> list[Path]:
    """Return the images that a path stands for: itself, or of a folder those in it."""
    if not path.is_dir():
        return find_images([path])
    if is_slide(path):
        return [path]
    slides = slides_in(path)
    try:
        return sorted({*find_images([path]), *slides})
    except ImageError:
        if not slides:
            raise
        return slides


def parse_diameter(text: str) -> float | Literal["auto"]:
    """Read a diameter: ``auto``, or pixels.

    Raises
    ------
    ParameterError
        If it is neither; whether it lies in its range is checked where it is used.
    """
    if text.strip().lower() == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError as error:
        raise ParameterError(
            f'--diameter is {text!r}; it must be a number of pixels or "auto".'
        ) from error
