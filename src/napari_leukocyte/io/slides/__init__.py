"""Slides: images too large for the memory, read part by part."""

from __future__ import annotations

from pathlib import Path

#: Ending of the files that name a field of a slide (:mod:`napari_leukocyte.io.slides.field`).
FIELD_SUFFIX = ".slidefield"


def is_slide_field(path: Path) -> bool:
    """Say whether a path is called as a field of a slide is."""
    return path.suffix.lower() == FIELD_SUFFIX
