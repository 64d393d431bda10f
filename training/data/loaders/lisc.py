"""LISC: whole fields with one to a few leukocytes and, for 250 of them, masks.

S. H. Rezatofighi, H. Soltanian-Zadeh: Automatic recognition of five types of white blood cells in
peripheral blood. Computerized Medical Imaging and Graphics 35 (2011). Its terms allow research, but
no copies, so that every user gets it from its authors. The layout that is expected is that of their
archive, under ``lisc/`` or ``lisc/LISC Database/``::

    Main Dataset/Baso/1.bmp
    Ground Truth Segmentation/Baso/areaforexpert1/1_expert.bmp

with the folders Baso, eosi, lymp, mono, neut, and mixt for fields that show several classes. Images
have 720 x 576 px, masks 712 x 568: they lack 4 px on each side.
"""

from __future__ import annotations

from pathlib import Path

from training.data.photograph import Photograph

#: The class of each folder, in lower case; a mixed field has none.
CLASSES = {
    "baso": "basophil",
    "eosi": "eosinophil",
    "lymp": "lymphocyte",
    "mono": "monocyte",
    "neut": "neutrophil",
    "mixt": None,
}
_IMAGES, _MASKS, _EXPERT = "Main Dataset", "Ground Truth Segmentation", "areaforexpert1"


def photographs(root: Path) -> list[Photograph]:
    """List the fields of ``Main Dataset``; those without a mask have none."""
    folders = (root / "lisc", root / "lisc" / "LISC Database")
    folder = next((f for f in folders if (f / _IMAGES).is_dir()), None)
    if folder is None:
        return []
    found = []
    for image in folder.glob(f"{_IMAGES}/*/*.bmp"):
        kind = image.parent.name
        if kind.lower() not in CLASSES:
            continue
        drawn = sorted((folder / _MASKS / kind / _EXPERT).glob(f"{image.stem}_expert*.bmp"))
        name = f"lisc/{image.relative_to(folder).as_posix()}"
        mask = drawn[0] if drawn else None
        found.append(Photograph("lisc", name, image, mask, CLASSES[kind.lower()]))
    return sorted(found, key=lambda p: p.name)
