from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.reading import find_images, passed_over, read_image

NOISE = np.random.default_rng(5).random((40, 56, 3)).astype(np.float32)
RGB = np.round(cv2.GaussianBlur(NOISE, (0, 0), 4) * 255).astype(np.uint8)
GREY = RGB[..., 0].copy()
RGBA = np.dstack([RGB, GREY])


def tiff(image: NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image, **options)
    return buffer.getvalue()


def libtiff(image: NDArray[Any], compression: int) -> bytes:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".tif", bgr, [cv2.IMWRITE_TIFF_COMPRESSION, compression])[1])


def encoded(extension: str, image: NDArray[Any], **options: Any) -> bytes:
    return bytes(iio.imwrite("<bytes>", image, extension=extension, **options) or b"")


def sideways(extension: str, image: NDArray[Any]) -> bytes:
    """Encode as a camera held upright does: lying, with a note of how to turn it."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    return encoded(extension, np.ascontiguousarray(np.rot90(image)), exif=exif)


PALETTE = np.zeros((3, 256), np.uint16)
PALETTE[0], PALETTE[2] = np.arange(256) * 257, np.arange(255, -1, -1) * 257

FILES: dict[str, tuple[Callable[[], bytes], NDArray[Any]]] = {
    "a.png": (lambda: encoded(".png", RGB), RGB),
    "A.PNG": (lambda: encoded(".png", RGB), RGB),
    "grey.png": (lambda: encoded(".png", GREY), GREY),
    "rgba.png": (lambda: encoded(".png", RGBA), RGBA),
    "deep.png": (
        lambda: encoded(".png", GREY.astype(np.uint16) * 257),
        GREY.astype(np.uint16) * 257,
    ),
    "a.bmp": (lambda: encoded(".bmp", RGB), RGB),
    "a.webp": (lambda: encoded(".webp", RGB, lossless=True), RGB),
    "a.tif": (lambda: tiff(RGB, photometric="rgb"), RGB),
    "big-endian.tif": (lambda: tiff(RGB, photometric="rgb", byteorder=">"), RGB),
    "bigtiff.tif": (lambda: tiff(RGB, photometric="rgb", bigtiff=True), RGB),
    "float.tif": (lambda: tiff(NOISE, photometric="rgb"), NOISE),
    "planes.tif": (
        lambda: tiff(np.moveaxis(RGB, 2, 0), photometric="rgb", planarconfig="separate"),
        RGB,
    ),
    "stack.tif": (
        lambda: tiff(np.stack([GREY] * 5), photometric="minisblack"),
        np.stack([GREY] * 5),
    ),
    "deflate.tif": (lambda: tiff(RGB, photometric="rgb", compression="zlib"), RGB),
    "lzw.tif": (lambda: libtiff(RGB, 5), RGB),
    "palette.tif": (
        lambda: tiff(GREY, photometric="palette", colormap=PALETTE),
        np.dstack([GREY, np.zeros_like(GREY), 255 - GREY]),
    ),
    "turned.jpg": (lambda: sideways(".jpg", RGB), RGB),
    "turned grey.jpg": (lambda: sideways(".jpg", GREY), GREY),
    "named wrong.png": (lambda: tiff(RGB, photometric="rgb"), RGB),
}


@pytest.mark.parametrize("name", FILES)
def test_files_are_read_as_they_are(tmp_path: Path, name: str) -> None:
    write, expected = FILES[name]
    path = tmp_path / name
    path.write_bytes(write())
    image = read_image(path)
    assert image.dtype == expected.dtype
    np.testing.assert_allclose(image, expected, atol=12 if name.endswith("jpg") else 0)


WHOLE: dict[str, Callable[[], bytes]] = {
    ".jpg": lambda: encoded(".jpg", RGB),
    ".png": lambda: encoded(".png", RGB),
    ".bmp": lambda: encoded(".bmp", RGB),
    ".webp": lambda: encoded(".webp", RGB),
    ".tif": lambda: tiff(RGB, photometric="rgb"),
    "_deflate.tif": lambda: tiff(RGB, photometric="rgb", compression="zlib"),
    "_lzw.tif": lambda: libtiff(RGB, 5),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.9])
def test_cut_files_are_damaged(
    tmp_path: Path, name: str, part: float, capfd: pytest.CaptureFixture[str]
) -> None:
    data = WHOLE[name]()
    path = tmp_path / f"cut{name}"
    path.write_bytes(data[: round(part * len(data))])
    with pytest.raises(ImageError, match="damaged"):
        read_image(path)
    # libpng itself can't be kept from its one line.
    said = [line for line in capfd.readouterr().err.splitlines() if "libpng" not in line]
    assert said == []


def test_a_page_that_is_cut_off_leads_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "cut.tif"
    # The first page leads to the second, whose entries end with the file, in the first's place.
    first = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x11\x01\x03\0\x01\0\0\0\x06\0\0\0"
    path.write_bytes(first + b"\x1a\0\0\0" + b"\x05\0" + bytes(20) + b"\x1a\0\0\0")
    with pytest.raises(ImageError, match="damaged"):
        read_image(path)


def test_pages_that_lead_round_in_a_circle_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "circle.tif"
    tifffile.imwrite(path, np.stack([RGB[..., 0]] * 3), photometric="minisblack", metadata=None)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        places = [page.offset for page in file.pages]
    last = places[-1] + 2 + 12 * int.from_bytes(data[places[-1] : places[-1] + 2], "little")
    data[last : last + 4] = places[0].to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ImageError, match="damaged"):
        read_image(path)


@pytest.mark.parametrize("claimed", [b"\xff\xff\xff\xe7IDAT", b"\x00\x00\x00\x00IEND"])
def test_a_png_takes_no_memory_for_what_it_only_claims(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claimed: bytes
) -> None:
    data = bytearray(WHOLE[".png"]())
    at = data.find(b"IDAT") - 4
    data[at : at + 8] = claimed  # longer than the file, or at its end before any pixels
    path = tmp_path / "claims.png"
    path.write_bytes(data)
    monkeypatch.setattr(cv2, "imdecodeWithMetadata", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(ImageError, match="damaged"):
        read_image(path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.png", b""),
        ("text.png", b"This is no photograph.\n" * 20),
        ("text.tif", b"II*\x00This is no photograph.\n" * 20),
        ("zeros.jpg", bytes(5000)),
        ("model.png", b"\x08\x08\x12\x04" * 100),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("loop.tif", b"II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00"),
    ],
)
def test_what_is_no_image_gets_one_sentence_with_its_name(
    tmp_path: Path, name: str, data: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ImageError) as caught:
        read_image(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.endswith(".")
    assert "\n" not in message


def test_folders_and_missing_files_are_no_images(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.png", tmp_path / ("a" * 5000)):
        with pytest.raises(ImageError, match="can't be read"):
            read_image(path)


def test_images_are_found_in_order_and_once(tmp_path: Path) -> None:
    folder, deeper = tmp_path / "fields", tmp_path / "fields" / "more.tif"
    deeper.mkdir(parents=True)
    names = ["b.PNG", "a.jpg", "10.tiff", "notes.txt", "._a.jpg", ".hidden.png", "c.webp"]
    for name in names:
        (folder / name).touch()
    single = tmp_path / "odd name.dat"
    single.touch()
    found = find_images([single, folder, folder / "b.PNG", single])
    assert [p.name for p in found] == ["odd name.dat", "10.tiff", "a.jpg", "b.PNG", "c.webp"]
    assert find_images([folder / "b.PNG", folder])[0].name == "b.PNG"
    assert find_images([]) == []


def test_paths_without_an_image_are_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ImageError, match="holds no image"):
        find_images([tmp_path])
    with pytest.raises(ImageError, match="does not exist"):
        find_images([tmp_path / "missing"])
    with pytest.raises(ImageError, match="does not exist"):
        find_images([tmp_path / ("a" * 5000)])


def test_photographs_that_are_not_read_are_named(tmp_path: Path) -> None:
    assert passed_over([tmp_path, tmp_path / "missing"]) is None
    (tmp_path / "DSC_1.NEF").touch()
    with pytest.raises(ImageError, match=r"1 photograph is passed over.*DSC_1\.NEF"):
        find_images([tmp_path])
    for name in ("a.jpg", "b.psd", "c.cr3", "d.dng", "notes.txt", ".e.dng"):
        (tmp_path / name).touch()
    assert [p.name for p in find_images([tmp_path])] == ["a.jpg"]
    assert passed_over([tmp_path, tmp_path / "a.jpg"]) == (
        "4 photographs are passed over, since their formats are not read "
        "(DSC_1.NEF, b.psd, c.cr3 …): save as TIFF or PNG."
    )


def test_locked_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "iterdir", refuse)  # the tests may run as root, who may read all
    with pytest.raises(ImageError, match="can't be read: Permission denied"):
        find_images([tmp_path])
