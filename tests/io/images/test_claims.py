from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import pytest
import tifffile
from PIL import Image

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.claims import Claim, claim_of, require_credible
from napari_leukocyte.io.images.reading import read_image, reads_alike
from tests.io.images.drawn import CONTAINERS, save, scene

RGB = scene()
HEIGHT, WIDTH = RGB.shape[:2]


def pillow(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RGB).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(**options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, RGB, photometric="rgb", metadata=None, **options)
    return buffer.getvalue()


def at(data: bytes, mark: bytes, step: int, layout: str, *values: int) -> bytes:
    """Overwrite numbers that stand `step` bytes behind the first of a mark."""
    place = data.index(mark) + step
    changed = bytearray(data)
    struct.pack_into(layout, changed, place, *values)
    return bytes(changed)


def jpeg_2000(codec: str) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(RGB, level=0, codecformat=codec))


JPEG, CMYK = pillow("JPEG"), pillow("JPEG", "CMYK")
SOF = b"\xff\xc0\x00"
#: Small files that claim to be 60,000 px wide and high, or as much as the format can say.
CLAIMS: dict[str, Callable[[], bytes]] = {
    "png": lambda: at(pillow("PNG"), b"IHDR", 4, ">II", 60_000, 60_000),
    "bmp": lambda: at(pillow("BMP"), b"BM", 18, "<ii", 60_000, -60_000),
    "jpeg": lambda: at(JPEG, SOF, 5, ">HH", 60_000, 60_000),
    "jpeg with garbage": lambda: at(
        JPEG.replace(b"\xff\xdb", b"garbage\xff\x00\xff\xff\xdb", 1), SOF, 5, ">HH", 60_000, 60_000
    ),
    "jpeg of inks": lambda: at(CMYK, SOF, 5, ">HH", 60_000, 60_000),
    "webp": lambda: at(pillow("WEBP"), b"VP8 ", 14, "<HH", 16_383, 16_383),
    "lossless webp": lambda: at(
        pillow("WEBP", lossless=True), b"VP8L", 9, "<I", 16_382 | 16_382 << 14
    ),
    "animated webp": lambda: at(
        pillow("WEBP", save_all=True, append_images=[Image.new("RGB", (WIDTH, HEIGHT))]),
        b"VP8X",
        12,
        "<HBHB",
        16_000,
        0,
        16_000,
        0,
    ),
    "jpeg 2000": lambda: at(jpeg_2000("jp2"), b"\xff\x4f\xff\x51", 8, ">II", 60_000, 60_000),
    "bare jpeg 2000": lambda: at(jpeg_2000("j2k"), b"\xff\x51", 6, ">II", 60_000, 60_000),
    "gif": lambda: at(pillow("GIF", "P"), b"GIF8", 6, "<HH", 60_000, 60_000),
    "avif": lambda: at(pillow("AVIF"), b"ispe", 8, ">II", 16_000, 16_000),
    "tiff": lambda: at(tiff(compression="lzw"), b"\x00\x01\x04\x00", 8, "<I", 10**7),
    "tile of a tiff": lambda: at(tiff(tile=(48, 64)), b"\x42\x01\x04\x00", 8, "<I", 60_000_000),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_small_files_do_not_unpack_to_gigabytes(tmp_path: Path, name: str) -> None:
    path = tmp_path / "claims.png"
    path.write_bytes(CLAIMS[name]())
    with pytest.raises(ImageError, match=r"claims to have .* px, which its \d+ bytes") as caught:
        read_image(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_nor_do_they_for_a_dataset(tmp_path: Path) -> None:
    path = tmp_path / "claims.png"
    path.write_bytes(CLAIMS["png"]())
    with pytest.raises(ImageError, match="claims to have"):
        reads_alike(path)


@pytest.mark.parametrize(
    ("whole", "claims"),
    [
        (tiff(compression="jpeg"), (SOF, 5, ">HH", 60_000, 60_000)),
        (save("heic", RGB, "rgb", 8, 1), (b"ispe", 8, ">II", 16_000, 16_000)),
    ],
    ids=["jpeg in a tiff", "heic"],
)
def test_what_is_packed_within_can_claim_no_more_than_its_place(
    tmp_path: Path, whole: bytes, claims: tuple[bytes, int, str, int, int]
) -> None:
    path = tmp_path / "claims.img"
    path.write_bytes(whole)
    assert read_image(path).shape == RGB.shape
    path.write_bytes(at(whole, *claims))
    with pytest.raises(ImageError, match="damaged"):
        read_image(path)


@pytest.mark.parametrize("name", sorted(set(CONTAINERS) - {"gif", "heic"}))
def test_what_whole_files_claim_is_true(name: str) -> None:
    container = CONTAINERS[name]
    for mode in container.modes:
        for depth in container.depths:
            data = save(name, RGB, mode, depth, 1)
            claim = claim_of(data)
            assert (claim is None) == ("tiff" in name)
            assert claim is None or claim[:2] == (WIDTH, HEIGHT)
            for end in range(0, min(len(data), 200), 7):
                claim_of(data[:end])


def test_blank_fields_are_credible_as_well_as_they_can_be_packed() -> None:
    path = Path("blank.png")
    for side in (1_000, 5_000, 40_000):
        require_credible(path, Claim(side, side, 3), side * side * 3 // 1032)
    with pytest.raises(ImageError, match="40000 × 40000 px, which its 100000 bytes"):
        require_credible(path, Claim(40_000, 40_000, 3), 100_000)
