"""Cellpose's masks: a label image for each photograph, ``NAME_cp_masks.tif`` or ``.png``.

Its other file, ``NAME_seg.npy``, is a pickle, which runs whatever code it holds when it is read: it
is refused.
"""

from __future__ import annotations

import re
from pathlib import Path

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.label_images import read_label_png, read_label_tiff
from napari_leukocyte.annotations.formats.results_folder import image_of_labels
from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.errors import FormatError

# Pictures of outlines and flows have names like those of masks.
_MASKS = re.compile(r"(.+?)(?<!_outlines)(?<!_flows)_cp_masks\.(tiff?|png)", re.IGNORECASE)
_PICKLE = "_seg.npy"


def image_of_masks(path: Path) -> str | None:
    """Return the name, without its ending, of the image that a file has the masks of.

    None if it is no file of masks.
    """
    match = _MASKS.fullmatch(path.name)
    return None if match is None else match[1]


def masks_in(source: Source) -> list[Path]:
    """Return the files of masks in a folder.

    Raises
    ------
    FormatError
        If it has only pickles.
    """
    found = [p for p in source.entries if image_of_masks(p) is not None and files.is_file(p)]
    if not found:
        pickles = [p for p in source.below(".npy") if p.name.endswith(_PICKLE)]
        if pickles:
            refuse_pickle(source.sub(pickles[0]))
    return found


def refuse_pickle(source: Source) -> None:
    """Raise FormatError if a file is cellpose's pickle."""
    if source.path.name.lower().endswith(_PICKLE):
        raise FormatError(
            f"{source.where} is a pickle of cellpose, which could run code when it is read: save "
            "the masks from cellpose as PNG or TIFF (NAME_cp_masks)."
        )


def read_masks(source: Source, path: Path) -> AnnotatedImage:
    """Read a file of masks.

    Raises
    ------
    FormatError
        If it is damaged, or of another size than its photograph.
    """
    files.within(source.folder, path)
    png = path.suffix.lower() == ".png"
    labels = read_label_png(path) if png else read_label_tiff(path)
    stem = image_of_masks(path) or path.stem
    photograph = source.photograph(stem, "images", folder=path.parent)
    name = stem if photograph is None else photograph.name
    return image_of_labels(name, labels, None, photograph, path)
