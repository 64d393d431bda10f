"""Slides told from photographs, opened by whoever can read them, and their fingerprints."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.refusing import as_unreadable
from napari_leukocyte.io.slides.remote import Address, Place

if TYPE_CHECKING:
    from napari_leukocyte.io.slides.image import SlideImage

#: Endings of slide scanners' files that tifffile reads, and OpenSlide.
_TIFF_SLIDES = frozenset({".svs", ".ndpi", ".scn", ".qptiff", ".btf"})
_OPENSLIDE = frozenset({".mrxs", ".vms", ".vmu", ".svslide", ".bif"})
_TIFFS = frozenset({".tif", ".tiff"})
_DICOM = ".dcm"
#: Pixels from which a TIFF without a pyramid is read part by part as well.
LARGE = 64_000_000
#: Bytes at a time, and of how many places, that tell one state of a large file from another.
_SAMPLE, _SAMPLES = 2**20, 64


def is_slide(path: Place) -> bool:
    """Say whether a path is a slide, to be read part by part, rather than a photograph.

    Parameters
    ----------
    path : Path or Address
        Scanners' files by their ending; a TIFF if it is a pyramid or has more than 64 megapixels; a
        folder if it is an OME-Zarr image or holds DICOM files; any address.
    """
    if isinstance(path, Address):
        return True
    suffix = path.suffix.lower()
    try:
        if path.is_dir():
            return _is_zarr(path) or _holds_dicom(path)
        if not path.is_file():
            return False
    except OSError:  # longer than any name can be
        return False
    if suffix in _TIFFS:
        from napari_leukocyte.io.slides.tiff import is_slide_tiff

        return is_slide_tiff(path, LARGE)
    return suffix in _TIFF_SLIDES or suffix in _OPENSLIDE or suffix == _DICOM


def slides_in(folder: Path) -> list[Path]:
    """List the slides of a folder that no photograph's ending has: scanners' files and OME-Zarr.

    Raises
    ------
    ImageError
        If it can't be read.
    """
    with as_unreadable(folder, ImageError):
        inside = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    endings = _TIFF_SLIDES | _OPENSLIDE
    return [
        p for p in inside if p.suffix.lower() in endings or (p.suffix == ".zarr" and is_slide(p))
    ]


def open_slide(path: Place) -> SlideImage:
    """Open a slide.

    Parameters
    ----------
    path : Path or Address
        As for `is_slide`; any TIFF. At an address are TIFF, told by the ending, and OME-Zarr.

    Returns
    -------
    SlideImage
        To be closed.

    Raises
    ------
    ImageError
        With one sentence on what is wrong.
    """
    suffix = path.suffix.lower()
    if isinstance(path, Address):
        return _open_address(path)
    if not path.exists():
        raise ImageError(f"{path} does not exist.")
    if path.is_dir() and _is_zarr(path):
        from napari_leukocyte.io.slides.ome_zarr import OmeZarrImage

        return OmeZarrImage(path)
    if suffix == _DICOM or path.is_dir():
        from napari_leukocyte.io.slides.region_readers import DicomImage

        return DicomImage(path)
    if suffix in _OPENSLIDE:
        from napari_leukocyte.io.slides.region_readers import OpenSlideImage

        return OpenSlideImage(path)
    from napari_leukocyte.io.slides.tiff import TiffImage

    return TiffImage(path)


def _open_address(address: Address) -> SlideImage:
    suffix = address.suffix.lower()
    if suffix in _OPENSLIDE or suffix == _DICOM:
        raise ImageError(f"{address} can't be read at an address: copy it to a disk first.")
    if _is_tiff(address):
        from napari_leukocyte.io.slides.tiff import TiffImage

        return TiffImage(address)
    from napari_leukocyte.io.slides.ome_zarr import OmeZarrImage

    return OmeZarrImage(address)


def _is_tiff(address: Address) -> bool:
    return address.suffix.lower() in _TIFFS | _TIFF_SLIDES


def fingerprint(path: Place) -> str:
    """Return what tells one state of a slide from another, hexadecimal.

    The checksum of gigabytes takes minutes: this is that of all files' sizes, and of samples of
    them; of an OME-Zarr at an address, which may not be listed, that of its description.

    Raises
    ------
    ImageError
        If it can't be read.
    """
    digest = hashlib.sha256()
    if isinstance(path, Address):
        digest.update(path.ends() if _is_tiff(path) else _description(path))
        return digest.hexdigest()
    with as_unreadable(path, ImageError):
        for file in _files(path):
            size = file.stat().st_size
            name = file.relative_to(path).as_posix() if path.is_dir() else ""
            digest.update(f"{name}\0{size}\0".encode("utf-8", "surrogateescape"))
            if path.is_dir() and size > _SAMPLE:
                starts = [0]
            else:
                step = max(_SAMPLE, size // _SAMPLES)
                starts = [*range(0, size, step), max(0, size - _SAMPLE)]
            with file.open("rb") as f:
                for start in starts:
                    f.seek(start)
                    digest.update(f.read(_SAMPLE))
    return digest.hexdigest()


def _description(address: Address) -> bytes:
    from napari_leukocyte.io.slides.ome_zarr import description

    return description(address)


def state_of(path: Place) -> tuple[int, int]:
    """Return size and time of change of a slide's file, which differ if it is written to.

    Raises
    ------
    ImageError
        If it is not there any more.
    """
    if isinstance(path, Address):
        if _is_tiff(path):
            return path.state()
        told = _description(path)
        return len(told), int.from_bytes(hashlib.sha256(told).digest()[:6])
    with as_unreadable(path, ImageError):
        found = path.stat()
    return found.st_size, found.st_mtime_ns


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file())
    beside = path.with_suffix("")  # MRXS keeps its pixels there
    inside = sorted(beside.rglob("*")) if beside.is_dir() and beside != path else []
    return [path, *(p for p in inside if p.is_file())] if path.suffix == ".mrxs" else [path]


def _is_zarr(path: Path) -> bool:
    if not any((path / name).is_file() for name in ("zarr.json", ".zattrs", ".zgroup")):
        return False
    from napari_leukocyte.io.slides.ome_zarr import describes_image

    return describes_image(path)


def _holds_dicom(path: Path) -> bool:
    return any(p.suffix.lower() == _DICOM for p in path.iterdir())
