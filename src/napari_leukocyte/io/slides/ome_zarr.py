"""Slides as OME-Zarr, versions 0.4 and 0.5 (https://ngff.openmicroscopy.org).

Zarr would run whatever codec a store names: only those that merely pack bytes are let through.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io import json_text
from napari_leukocyte.io.slides.chunked import ChunkedImage
from napari_leukocyte.io.slides.remote import Address, Place, lost_on_the_way
from napari_leukocyte.io.slides.tiff import no_scale_text

_PACKINGS = {"blosc", "crc32c", "gzip", "lz4", "zlib", "zstd"}
_CODECS_V3 = _PACKINGS | {"bytes", "sharding_indexed", "transpose"}
_TYPES_V2 = {"|u1", "<u1", ">u1", "<u2", ">u2"}
_TYPES_V3 = {"uint8", "uint16"}
#: Most bytes of a JSON file, and most values of a chunk.
_MOST_JSON, _MOST_CHUNK = 16 * 2**20, 2**28
_UNITS_UM = {"nanometer": 1e-3, "micrometer": 1.0, "millimeter": 1e3, "meter": 1e6}


class OmeZarrImage(ChunkedImage):
    """A slide in an OME-Zarr store on a disk or at an address.

    Parameters
    ----------
    path : Path or Address
        The store's folder, or that of an image in it.

    Raises
    ------
    ImageError
        If it holds no image of version 0.4 or 0.5, or is stored in an unusual way.
    """

    def __init__(self, path: Place) -> None:
        import zarr

        group, about = _image_group(path)
        scales = about["multiscales"][0]
        try:
            axes = "".join(str(a["name"] if isinstance(a, dict) else a) for a in scales["axes"])
            names = [str(d["path"]) for d in scales["datasets"]]
        except (KeyError, TypeError, IndexError) as error:
            raise ImageError(f"{path} does not describe its levels as OME-Zarr does.") from error
        folders = [group / name for name in names]
        if any(".." in name.split("/") or name.startswith("/") for name in names):
            raise ImageError(f"{path} names levels that lie elsewhere.")
        notes: tuple[str, ...] = ()
        arrays = []
        for number, folder in enumerate(folders):
            try:
                _check_array(folder)
                arrays.append(zarr.open_array(str(folder), mode="r"))
            except Exception as error:
                if isinstance(path, Address) and lost_on_the_way(error):
                    raise ImageError(f"{path} can't be reached any more.") from error
                # Zarr raises many types on what is no array.
                if number == 0:
                    raise ImageError(
                        f"The finest level of {path} is missing, damaged or stored in an unusual "
                        "way."
                    ) from error
                notes += (f"Level {number} of {path} is missing or damaged and is not used.",)
        um_per_px = _scale_of(scales, axes)
        if um_per_px is None:
            notes += (no_scale_text(path.name),)
        if len(axes) != arrays[0].ndim:
            raise ImageError(f"{path} says that it has the axes {axes}, but has others.")
        super().__init__(
            str(path), arrays, axes, um_per_px, notes, remote=isinstance(path, Address)
        )


def describes_image(path: Place) -> bool:
    """Say whether a folder is an OME-Zarr store of an image, not of labels alone."""
    try:
        _image_group(path)
    except ImageError:
        return False
    return True


def description(address: Address) -> bytes:
    """Return what a store at an address says of itself: of its image and of its arrays.

    Raises
    ------
    ImageError
        If it can't be reached, or holds no image.
    """
    group, about = _image_group(address)
    found = [repr(about)]
    scales = about["multiscales"][0]
    levels = scales.get("datasets") if isinstance(scales, dict) else None
    for level in levels if isinstance(levels, list) else []:
        folder = group / str(level.get("path")) if isinstance(level, dict) else group
        found += [repr(_json(folder / name)) for name in ("zarr.json", ".zarray")]
    return "\0".join(found).encode("utf-8", "surrogateescape")


def _image_group(path: Place) -> tuple[Place, Mapping[str, Any]]:
    about = _attributes(path)
    if "bioformats2raw.layout" in about:
        path = path / "0"
        about = _attributes(path)
    scales = about.get("multiscales")
    if not isinstance(scales, list) or not scales or not isinstance(scales[0], dict):
        raise ImageError(f"{path} is not an OME-Zarr image.")
    if "image-label" in about:
        raise ImageError(f"{path} is a label image, not a slide.")
    return path, about


def _attributes(group: Place) -> Mapping[str, Any]:
    new = _json(group / "zarr.json").get("attributes")
    found = new if isinstance(new, dict) else _json(group / ".zattrs")
    ome = found.get("ome")
    return ome if isinstance(ome, dict) else found


def _json(path: Place) -> dict[str, Any]:
    if isinstance(path, Address):
        data = path.read(_MOST_JSON) or b""
    else:
        try:
            if not path.is_file() or path.stat().st_size > _MOST_JSON:
                return {}
            data = path.read_bytes()
        except OSError:
            return {}
    try:
        found = json_text.parse(data.decode("utf-8"), str(path))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _check_array(folder: Place) -> None:
    """Raise ImageError unless an array holds whole numbers that are merely packed."""
    new, old = _json(folder / "zarr.json"), _json(folder / ".zarray")
    if new:
        fits = new.get("data_type") in _TYPES_V3 and not new.get("storage_transformers")
        grid = new.get("chunk_grid") or {}
        chunks = (grid.get("configuration") or {}).get("chunk_shape")
        fits = fits and _known(new.get("codecs"))
    else:
        compressor = old.get("compressor")
        chunks = old.get("chunks")
        fits = old.get("dtype") in _TYPES_V2 and not old.get("filters")
        fits = fits and (
            compressor is None
            or (isinstance(compressor, dict) and compressor.get("id") in _PACKINGS)
        )
    whole = isinstance(chunks, list) and all(isinstance(c, int) and c > 0 for c in chunks)
    if not fits or not whole or math.prod(chunks or ()) > _MOST_CHUNK:
        raise ImageError(f"{folder} holds no pixels, or is stored in an unusual way.")


def _known(codecs: object) -> bool:
    """Say whether all codecs of version 3, also those within shards, only pack."""
    if not isinstance(codecs, list):
        return False
    for codec in codecs:
        name = codec.get("name") if isinstance(codec, dict) else codec
        if name not in _CODECS_V3:
            return False
        if name == "sharding_indexed":
            inside = codec.get("configuration") or {}
            if not (_known(inside.get("codecs")) and _known(inside.get("index_codecs"))):
                return False
    return True


def _scale_of(scales: Mapping[str, Any], axes: str) -> float | None:
    try:
        index = axes.index("x")
        unit = scales["axes"][index].get("unit")
        transforms = scales["datasets"][0]["coordinateTransformations"]
        factor = next(t["scale"][index] for t in transforms if t["type"] == "scale")
        return float(factor) * _UNITS_UM[unit]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, StopIteration):
        return None
