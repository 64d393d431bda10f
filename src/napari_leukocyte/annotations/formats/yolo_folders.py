"""The folders of a YOLO dataset: its labels, its photographs and the names of its classes.

Besides ``labels`` and ``images`` beside ``data.yaml``, as Ultralytics has them: a folder with these
for each of training, validation and test (Roboflow), ``obj_train_data`` with ``obj.names`` (CVAT's
YOLO 1.1), and text files beside the photographs, with ``classes.txt`` among them (labelImg) or
``_darknet.labels`` (Roboflow's Darknet).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.limits import MOST_SMALL_BYTES
from napari_leukocyte.annotations.formats.source import Listings, Source

DATA, LABELS, IMAGES = "data.yaml", "labels", "images"
SUFFIX = ".txt"
#: Other names of the list of classes: one name a line.
_LISTS = ("classes.txt", "obj.names", "_darknet.labels", "predefined_classes.txt")
_CVAT = re.compile(r"obj_\w+_data", re.IGNORECASE)
#: Text files that stand beside labels, and are none.
_NO_LABELS = re.compile(
    r"(classes|predefined_classes|labels|train|val|valid|test|notes|readme.*)\.txt", re.IGNORECASE
)
_LABEL_LINE = re.compile(r"\s*\d+(\.0)?(\s+[-+.\deE]+){4,}\s*", re.ASCII)


@dataclass(frozen=True)
class LabelFolder:
    """A folder of labels.

    Attributes
    ----------
    path : Path
        The folder.
    base : Path
        That in which it and its photographs are.
    files : tuple of Path
        Its text files, sorted.
    """

    path: Path
    base: Path
    files: tuple[Path, ...]

    def places(self, file: Path) -> list[str]:
        """Return where in `base` the photograph of a text file may be."""
        beside = file.parent.relative_to(self.path)
        own = file.parent.relative_to(self.base)
        return [(Path(IMAGES) / beside).as_posix(), IMAGES, own.as_posix()]


def list_of_classes(source: Source) -> Path | None:
    """Return the file that names the classes; None if there is none."""
    folder, listings = source.folder, source.listings
    yamls = [p for suffix in (".yaml", ".yml") for p in source.below(suffix)]
    named = [p for p in yamls if b"names" in files.head(p, MOST_SMALL_BYTES)]
    places = [folder, listings.inside(folder, LABELS)]
    places += [p for p in source.entries if files.is_folder(p)]
    candidates = [listings.inside(folder, DATA), *named]
    candidates += [listings.inside(place, name) for place in places for name in _LISTS]
    for path in candidates:
        if files.is_file(path) and not (path.suffix == SUFFIX and _is_label(path)):
            return files.within(folder, path)
    return None


def _is_label(path: Path) -> bool:
    """Whether a text file holds objects: a photograph may well be called classes.png."""
    lines = files.read_text(path, MOST_SMALL_BYTES).splitlines()
    return bool(lines) and all(_LABEL_LINE.fullmatch(line) for line in lines if line.strip())


def label_folders(source: Source) -> list[LabelFolder]:
    """Return the folders of labels in that of a source, or below it."""
    folder, listings = source.folder, source.listings
    own = listings.inside(folder, LABELS)
    found = [(own, folder)] if files.is_folder(own) else []
    inside = [p for p in files.entries(folder) if files.is_folder(p) and not p.is_symlink()]
    for path in inside:
        below = listings.inside(path, LABELS)
        if path != own and files.is_folder(below):
            found.append((below, path))
        elif _CVAT.fullmatch(path.name):
            found.append((path, path))
    if found:
        return [_folder(path, base, list(files.walk(path, SUFFIX))) for path, base in found]
    flat = [_flat(place, listings) for place in (folder, *inside)]
    return [one for one in flat if one.files]


def _folder(path: Path, base: Path, texts: list[Path]) -> LabelFolder:
    files.within(base, path)
    kept = [t for t in texts if not _NO_LABELS.fullmatch(t.name) or _is_label(t)]
    return LabelFolder(path, base, tuple(kept))


def _flat(folder: Path, listings: Listings) -> LabelFolder:
    """Return the text files of a folder that has photographs of their names."""
    texts = [p for p in files.entries(folder) if p.suffix.lower() == SUFFIX and files.is_file(p)]
    if not any(listings.photographs(folder, t.stem) for t in texts):
        return LabelFolder(folder, folder, ())
    return _folder(folder, folder, texts)
