"""Arrays of Zarr stores from others: only whole numbers, only packings that can be bounded.

Zarr itself would run whatever a store names, unpickling included, and allocate whatever it says.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.label_images import as_labels, check_unpacked
from napari_leukocyte.annotations.formats.limits import (
    MOST_PIXELS,
    MOST_SMALL_BYTES,
    check_shape,
    whole,
)
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io import json_text
from napari_leukocyte.io.refusing import as_unreadable

V2_GROUP, V2_ARRAY, V2_ATTRIBUTES, V3 = ".zgroup", ".zarray", ".zattrs", "zarr.json"
_KINDS_V3 = frozenset(
    {"bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}
)
_PACKINGS = frozenset({"zlib", "gzip", "blosc", "zstd"})
_GZIP_WINDOW = zlib.MAX_WBITS | 16
#: Bytes that a packing may add to what does not shrink.
_OVERHEAD = 4096
#: Pieces in one shard, and what stands in its index for one that is not there.
_MOST_IN_SHARD, _ABSENT = 10**5, 2**64 - 1


def read_json(path: Path, root: Path) -> dict[str, Any]:
    """Read one of a store's JSON files, from inside of `root`; empty if it is not there."""
    if not files.is_file(path):
        return {}
    files.within(root, path)
    data = json_text.parse(files.read_text(path, MOST_SMALL_BYTES), str(path))
    if not isinstance(data, dict):
        raise FormatError(f"{path} is not a JSON object.")
    return data


def attributes_of(group: Path, root: Path) -> dict[str, Any]:
    """Return what a group says of itself, of either version; OME's part of version 3 as well."""
    found = read_json(group / V3, root).get("attributes") or read_json(group / V2_ATTRIBUTES, root)
    if not isinstance(found, dict):
        raise FormatError(f"{group} has attributes that are not a JSON object.")
    ome = found.get("ome")
    return found | ome if isinstance(ome, dict) else found


def read_plane(folder: Path, root: Path) -> NDArray[np.int32]:
    """Read an array of labels.

    Parameters
    ----------
    folder : Path
        The array's; further axes before rows and columns must have length 1.
    root : Path
        Folder that no link in it may leave.

    Returns
    -------
    ndarray
        (H, W) int32.

    Raises
    ------
    FormatError
        If it is damaged, no label image or stored in an unusual way.
    """
    import zarr

    _check(folder, root)
    try:
        array = zarr.open_array(str(folder), mode="r")
        pixels = np.asarray(array[...])
    except Exception as error:
        # Zarr and its codecs raise many types on damaged stores; each means the same to the user.
        raise FormatError(
            f"{folder} is not a complete Zarr array: it is damaged or cut off."
        ) from error
    return as_labels(pixels.reshape(pixels.shape[-2:]), str(folder))


def _check(folder: Path, root: Path) -> None:
    for path in _below(folder):
        files.within(root, path)
    new = read_json(folder / V3, root)
    old = {} if new else read_json(folder / V2_ARRAY, root)
    shape, chunks, itemsize, packing = (
        _described_v3(new, folder) if new else _described_v2(old, folder)
    )
    shards = _shards_of(new, itemsize, chunks, folder)
    if len(shape) < 2 or len(shape) != len(chunks) or any(side != 1 for side in shape[:-2]):
        raise FormatError(f"{folder} is not a label image of a single plane.")
    check_shape(shape[-2], shape[-1], str(folder))
    if math.prod(chunks) > MOST_PIXELS // 4:
        raise FormatError(f"{folder} has pieces too large to be read.")
    if math.prod(-(-side // chunk) for side, chunk in zip(shape, chunks, strict=True)) > 10**6:
        raise FormatError(f"{folder} is cut into too many pieces.")
    most = math.prod(chunks) * itemsize
    for path in _below(folder):
        if path.name not in (V2_ARRAY, V2_ATTRIBUTES, V2_GROUP, V3):
            if shards is None:
                data = files.read_bytes(path, 2 * most + _OVERHEAD)
                _check_chunk(data, packing, most, str(path))
            else:
                room = shards.number * (_OVERHEAD + 16)
                _check_shard(files.read_bytes(path, 2 * most + room), shards, str(path))


def _below(folder: Path) -> list[Path]:
    """Return the files of an array, hidden ones included."""
    with as_unreadable(folder, FormatError):
        return [p for p in sorted(folder.rglob("*")) if not p.is_dir() or p.is_symlink()]


def _sides(values: object, folder: Path) -> list[int]:
    if not isinstance(values, list) or not 1 <= len(values) <= 8:
        raise FormatError(f"{folder} is not a Zarr array that can be read.")
    sides = [whole(v) for v in values]
    found = [s for s in sides if s is not None and 0 < s < 2**40]
    if len(found) < len(sides):
        raise FormatError(f"{folder} is not a Zarr array that can be read.")
    return found


def _described_v2(
    data: Mapping[str, Any], folder: Path
) -> tuple[list[int], list[int], int, str | None]:
    try:
        dtype = np.dtype(str(data.get("dtype")))
    except TypeError as error:
        raise FormatError(f"{folder} is not a Zarr array that can be read.") from error
    compressor = data.get("compressor")
    packing = compressor.get("id") if isinstance(compressor, dict) else None
    if dtype.kind not in "iub" or data.get("filters") or not _known(packing, compressor):
        raise FormatError(f"{folder} holds no whole numbers, or is stored in an unusual way.")
    return (
        _sides(data.get("shape"), folder),
        _sides(data.get("chunks"), folder),
        dtype.itemsize,
        (packing),
    )


def _known(packing: object, compressor: object) -> bool:
    return compressor is None if packing is None else packing in _PACKINGS


def _described_v3(
    data: Mapping[str, Any], folder: Path
) -> tuple[list[int], list[int], int, str | None]:
    kind, grid = data.get("data_type"), data.get("chunk_grid")
    codecs = data.get("codecs")
    sharding = _sharding_of(data)
    if sharding is not None:
        codecs = sharding.get("codecs")
    names = (
        [c.get("name") if isinstance(c, dict) else c for c in codecs or ()]
        if isinstance(codecs, list)
        else [None]
    )
    further = [n for n in names if n not in ("bytes", "crc32c")]
    plain = (
        kind in _KINDS_V3
        and isinstance(grid, dict)
        and grid.get("name") == "regular"
        and isinstance(grid.get("configuration"), dict)
        and not data.get("storage_transformers")
    )
    if not plain or len(further) > 1 or not set(further) <= _PACKINGS:
        raise FormatError(f"{folder} holds no whole numbers, or is stored in an unusual way.")
    chunks = grid["configuration"].get("chunk_shape") if isinstance(grid, dict) else None
    size = 1 if kind == "bool" else np.dtype(str(kind)).itemsize
    packing = further[0] if further else None
    return _sides(data.get("shape"), folder), _sides(chunks, folder), size, packing


@dataclass(frozen=True)
class _Shards:
    """Pieces in the files of an array: how many, their most bytes, packing, where the index is."""

    number: int
    most: int
    packing: str | None
    at_start: bool


def _sharding_of(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the configuration of the sharding codec; None if an array has none."""
    codecs = data.get("codecs")
    only = codecs[0] if isinstance(codecs, list) and len(codecs) == 1 else None
    if not isinstance(only, dict) or only.get("name") != "sharding_indexed":
        return None
    found = only.get("configuration")
    return found if isinstance(found, dict) else None


def _shards_of(
    data: Mapping[str, Any], itemsize: int, chunks: list[int], folder: Path
) -> _Shards | None:
    """Return what is in an array's shards; None if it has none (Zarr 3's sharding codec)."""
    sharding = _sharding_of(data)
    if sharding is None:
        return None
    inner = _sides(sharding.get("chunk_shape"), folder)
    index = sharding.get("index_codecs")
    names = [c.get("name") if isinstance(c, dict) else c for c in index or ()]
    fits = len(inner) == len(chunks) and all(c % i == 0 for c, i in zip(chunks, inner, strict=True))
    if not isinstance(index, list) or names != ["bytes", "crc32c"] or not fits:
        raise FormatError(f"{folder} holds no whole numbers, or is stored in an unusual way.")
    number = math.prod(c // i for c, i in zip(chunks, inner, strict=True))
    if number > _MOST_IN_SHARD:
        raise FormatError(f"{folder} is cut into too many pieces.")
    packing = _described_v3(data, folder)[3]
    at_start = sharding.get("index_location", "end") == "start"
    return _Shards(number, math.prod(inner) * itemsize, packing, at_start)


def _check_shard(data: bytes, shards: _Shards, where: str) -> None:
    """Raise unless each piece of a shard lies in it and unpacks to what it should at most."""
    size = shards.number * 16 + 4  # offset and length of each piece, and a checksum
    if len(data) < size:
        raise FormatError(f"{where} is damaged or cut off.")
    index = data[:size] if shards.at_start else data[-size:]
    table = np.frombuffer(index[:-4], "<u8").reshape(-1, 2)
    total = 0
    for offset, length in table.tolist():
        if (offset, length) == (_ABSENT, _ABSENT):
            continue
        total += length
        if offset + length > len(data) or total > len(data):
            raise FormatError(f"{where} is damaged or cut off.")
        _check_chunk(data[offset : offset + length], shards.packing, shards.most, where)


def _check_chunk(data: bytes, packing: str | None, most: int, where: str) -> None:
    """Raise unless a chunk unpacks to what it should at most."""
    if packing == "zlib":
        check_unpacked(data, zlib.MAX_WBITS, most, where)
    elif packing == "gzip":
        check_unpacked(data, _GZIP_WINDOW, most, where)
    elif packing is not None:
        size = _blosc_size(data) if packing == "blosc" else _zstd_size(data)
        if size is None:
            raise FormatError(f"{where} does not say what it unpacks to, or is damaged.")
        if size > most:
            raise FormatError(f"{where} unpacks to more than it says, as a ZIP bomb does.")


def _blosc_size(data: bytes) -> int | None:
    """Return the size in Blosc's header (its README_CHUNK_FORMAT)."""
    return int.from_bytes(data[4:8], "little") if len(data) >= 16 else None


def _zstd_size(data: bytes) -> int | None:
    """Return the size in a Zstandard frame's header (RFC 8878, section 3.1.1.1)."""
    if data[:4] != b"\x28\xb5\x2f\xfd" or len(data) < 6:
        return None
    flags = data[4]
    single = flags >> 5 & 1
    length = (single, 2, 4, 8)[flags >> 6]
    start = 5 + (1 - single) + (0, 1, 2, 4)[flags & 3]
    if not length or len(data) < start + length:
        return None
    size = int.from_bytes(data[start : start + length], "little")
    return size + 256 if length == 2 else size
