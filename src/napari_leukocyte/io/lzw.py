"""LZW as TIFF has it, looked through before it is unpacked: imagecodecs follows damaged codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffFrame, TiffPage

#: Number of this way of packing in TIFF.
LZW = 5
#: Bytes with their bits the other way round.
_REVERSED = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))

#: What begins a new table, and what ends the data; below are bytes, above what the table has.
_CLEAR, _END = 256, 257
#: Codes that any table can take, and more.
_MOST = 4500
_NUMBERS = np.arange(_MOST)
#: Size of the table when a code is read: the first after a new one adds nothing.
_SIZES = 258 + np.maximum(_NUMBERS - 1, 0)
#: Bits of each code; TIFF widens them one code before the table is full.
_WIDTHS = 9 + np.searchsorted([511, 1023, 2047], _SIZES, side="right")
#: Bits before each code.
_PLACES = np.cumsum(_WIDTHS) - _WIDTHS
_BYTES = int(_PLACES[-1]) // 8 + 4


def require_whole(data: bytes, order: int = 1) -> None:
    """Refuse codes that are in no table: unpacking would read memory from anywhere.

    Parameters
    ----------
    data : bytes
        A strip or tile.
    order : int
        Which bit of a byte is the first, as TIFF counts: 1 the greatest, 2 the least.

    Raises
    ------
    ValueError
        If there is one, or if the data do not begin with a new table.
    """
    if order == 2:
        data = data.translate(_REVERSED)
    end = 8 * len(data)
    if len(data) < 2 or data[0] != 0x80 or data[1] & 0x80:
        raise ValueError
    at = 9  # bits, behind the code of the first table
    while True:
        # Codes from here on as if no other table began among them.
        first = at // 8
        near = np.zeros(_BYTES, np.int64)
        part = np.frombuffer(data, np.uint8, min(_BYTES, len(data) - first), first)
        near[: len(part)] = part
        words = near[:-2] << 16 | near[1:-1] << 8 | near[2:]
        places = _PLACES + (at - 8 * first)
        whole = int(np.searchsorted(places + _WIDTHS, end - 8 * first, side="right"))
        shifts = 24 - (places & 7) - _WIDTHS
        codes = (words[places >> 3] >> shifts & ((1 << _WIDTHS) - 1))[:whole]
        stops = np.flatnonzero((codes == _CLEAR) | (codes == _END))
        number = int(stops[0]) if stops.size else whole
        if (number and codes[0] > _END) or (codes[:number] > _SIZES[:number]).any():
            raise ValueError
        if not stops.size and whole == _MOST:
            raise ValueError  # no table is so large
        if not stops.size or codes[number] == _END:
            return
        at += int(_PLACES[number] + _WIDTHS[number])


def segments(file: TiffFile, pages: Iterable[TiffPage | TiffFrame | None]) -> Iterator[bytes]:
    """Iterate over the strips or tiles of pages as they are packed.

    Parameters
    ----------
    file : TiffFile
        Open.
    pages : iterable of TiffPage, TiffFrame or None
        Of it.
    """
    for page in pages:
        if page is None:
            continue
        for place, length in zip(page.dataoffsets, page.databytecounts, strict=True):
            if not (place and length):
                continue  # left out where nothing is to be seen
            with file.filehandle.lock:
                file.filehandle.seek(place)
                packed = file.filehandle.read(length)
            yield packed


def require_whole_pages(file: TiffFile) -> None:
    """Refuse a TIFF whose first series is in LZW that is damaged; raises ValueError."""
    series = file.series[0]
    if series.keyframe.compression == LZW:
        for packed in segments(file, series.pages):
            require_whole(packed, series.keyframe.fillorder)
