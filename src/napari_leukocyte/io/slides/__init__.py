"""Slides: images too large for the memory, read part by part."""

from __future__ import annotations

#: Ending of the files that name a field of a slide (:mod:`napari_leukocyte.io.slides.field`).
FIELD_SUFFIX = ".slidefield"
