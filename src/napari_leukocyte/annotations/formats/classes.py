"""The classes of a set of images, in the order in which formats number them."""

from __future__ import annotations

from collections.abc import Iterable

from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.attributes import UNCLASSIFIED, class_name
from napari_leukocyte.reporting.drawing import class_colors
from napari_leukocyte.vocabulary import CLASSES

#: Grey of an object without a class.
_NO_CLASS = (128, 128, 128)


def classes_of(images: Iterable[AnnotatedImage]) -> list[str]:
    """Return the names of the classes that occur.

    Those of the vocabulary come first, in its order, then the user's own by name, and last
    `UNCLASSIFIED` if an object has no class.
    """
    found = {
        class_name(value, image.name) or UNCLASSIFIED
        for image in images
        for value in image.table["class"].unique()
    }
    known = [c.name for c in CLASSES if c.name in found]
    own = sorted(found - set(known) - {UNCLASSIFIED})
    return [*known, *own, *([UNCLASSIFIED] if UNCLASSIFIED in found else [])]


def colors_of(classes: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """Return the colour of each class, RGB from 0 to 255, as the plugin draws it."""
    names = list(classes)
    return class_colors(n for n in names if n != UNCLASSIFIED) | {UNCLASSIFIED: _NO_CLASS}
