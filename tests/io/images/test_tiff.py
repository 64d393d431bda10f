from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.io.images.tiff import ImageStackError
from tests.io.images.drawn import scene

RGB = scene()
GREY = RGB[..., 0].copy()
PLANES = np.ascontiguousarray(np.moveaxis(RGB, 2, 0))


def seen(path: Path) -> NDArray[np.uint8]:
    return normalise_image(read_image(path)).rgb


def off(pixels: NDArray[Any], wanted: NDArray[Any] = RGB) -> int:
    assert pixels.shape == wanted.shape
    return int(np.abs(pixels.astype(int) - wanted).max())


def test_inks_are_converted_and_not_taken_for_an_alpha_channel(tmp_path: Path) -> None:
    path = tmp_path / "cmyk.tif"
    inks = Image.fromarray(RGB).convert("CMYK")
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate"):
        inks.save(path, compression=compression)
        assert off(seen(path)) <= 1
        assert normalise_image(read_image(path)).notes == ()
    array = np.asarray(inks)
    tifffile.imwrite(path, array.astype(np.uint16) * 257, photometric="separated")
    assert off(seen(path)) <= 1
    planes = np.ascontiguousarray(np.moveaxis(array, 2, 0))
    tifffile.imwrite(path, planes, photometric="separated", planarconfig="separate")
    assert off(seen(path)) <= 1


def test_a_profile_of_another_colour_space_changes_no_inks(tmp_path: Path) -> None:
    path = tmp_path / "cmyk.tif"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(RGB).convert("CMYK").save(path, icc_profile=profile)
    assert off(seen(path)) <= 1


def lab_of(bits: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return CIE L*a*b*, a and b with an offset, and what little CMS shows of it."""
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    given = ImageCms.profileToProfile(Image.fromarray(RGB), srgb, lab, outputMode="LAB")
    assert given is not None
    shown = ImageCms.profileToProfile(given, lab, srgb, outputMode="RGB")
    values = np.array(given)
    values[..., 1:] ^= 128  # Pillow's are signed
    return values if bits == 8 else values.astype(np.uint16) * 256, np.asarray(shown)


@pytest.mark.parametrize("bits", [8, 16])
def test_lab_is_converted(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "lab.tif"
    values, shown = lab_of(bits)
    tifffile.imwrite(path, values, photometric="icclab")
    assert off(seen(path), shown) <= 8  # saturated and dark colours, where steps are large
    assert np.abs(seen(path).astype(int) - shown).mean() < 0.6
    # Without an offset, a and b are signed.
    signed = values.copy()
    signed[..., 1:] ^= values.dtype.type(1 << (bits - 1))
    if bits == 16:
        signed[..., 0] = np.round(values[..., 0] * (65535 / 65280))
    tifffile.imwrite(path, signed, photometric="cielab")
    assert off(seen(path), shown) <= 8


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg"])
def test_luminance_and_chrominance_are_converted(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "ycc.tif"
    smooth = np.asarray(Image.fromarray(RGB).resize((64, 64), Image.Resampling.BICUBIC))
    smooth = np.asarray(Image.fromarray(smooth[20:]).resize((64, 48), Image.Resampling.BICUBIC))
    image = Image.fromarray(smooth).convert("YCbCr")
    image.save(path, compression=compression)
    assert off(seen(path), smooth) <= 24
    assert np.abs(seen(path).astype(int) - smooth).mean() < 3
    if compression != "jpeg":
        image.save(path, compression=compression, tiffinfo={274: 6})
        assert off(seen(path), np.rot90(smooth, -1)) <= 4


@pytest.mark.parametrize("full", [255, 1023, 4095, 65535])
def test_white_is_zero_is_turned_over(tmp_path: Path, full: int) -> None:
    path = tmp_path / "white.tif"
    kind = np.uint8 if full == 255 else np.uint16
    values = np.round((255 - GREY) * (full / 255)).astype(kind)
    values[0, 0] = full  # black somewhere, by which the camera's depth is known
    tifffile.imwrite(path, values, photometric="miniswhite")
    wanted = np.repeat(GREY[..., np.newaxis], 3, axis=2)
    wanted[0, 0] = 0
    assert off(seen(path), wanted) <= 1


def test_depths_that_no_type_has_are_scaled_by_their_depth(tmp_path: Path) -> None:
    path = tmp_path / "deep.tif"
    # Dark, so that its greatest value does not tell the depth.
    dark = RGB // 8
    values = dark.astype(np.uint16) * 16
    tifffile.imwrite(path, values, photometric="rgb", bitspersample=12)
    assert off(seen(path), dark) <= 1


def test_reduced_images_and_masks_are_not_the_photograph(tmp_path: Path) -> None:
    path = tmp_path / "preview.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(RGB[::2, ::2], photometric="rgb", subfiletype=1)
        file.write(GREY > 100, photometric="mask", subfiletype=4)
        file.write(RGB, photometric="rgb")
    assert off(seen(path)) == 0
    tifffile.imwrite(path, RGB, photometric="rgb", subfiletype=1)
    with pytest.raises(ImageError, match="only a reduced image"):
        read_image(path)


STACKS: dict[str, Callable[[Path], object]] = {
    "focus planes": lambda path: tifffile.imwrite(
        path, PLANES, imagej=True, photometric="minisblack", metadata={"axes": "ZYX"}
    ),
    "points in time": lambda path: tifffile.imwrite(
        path, PLANES, imagej=True, photometric="minisblack", metadata={"axes": "TYX"}
    ),
    "channels": lambda path: tifffile.imwrite(
        path,
        PLANES,
        imagej=True,
        photometric="minisblack",
        metadata={"axes": "CYX", "mode": "grayscale"},
    ),
    "3 grey channels": lambda path: tifffile.imwrite(
        path,
        PLANES,
        ome=True,
        photometric="minisblack",
        metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "FITC", "TRITC"]}},
    ),
    "3 grey planes": lambda path: tifffile.imwrite(path, PLANES, photometric="minisblack"),
    "4 grey planes": lambda path: tifffile.imwrite(
        path, np.stack([GREY] * 4), photometric="minisblack"
    ),
    "3 grey values a pixel": lambda path: tifffile.imwrite(
        path, RGB, photometric="minisblack", planarconfig="contig", metadata=None
    ),
}


@pytest.mark.parametrize("what", STACKS)
def test_grey_planes_do_not_pass_for_colours(tmp_path: Path, what: str) -> None:
    path = tmp_path / "stack.tif"
    STACKS[what](path)
    with pytest.raises(ImageStackError, match=what) as caught:
        read_image(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"imagej": True, "metadata": {"axes": "CYX", "mode": "composite"}},
        {
            "imagej": True,
            "metadata": {
                "axes": "CYX",
                "mode": "composite",
                "LUTs": [
                    np.stack([np.arange(256, dtype=np.uint8) * (i == c) for i in range(3)])
                    for c in range(3)
                ],
            },
        },
        {"ome": True, "metadata": {"axes": "CYX", "Channel": {"Name": ["Red", "Green", "Blue"]}}},
    ],
    ids=["imagej", "tables of colours", "ome"],
)
def test_planes_that_are_tagged_as_colours_are_colours(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    path = tmp_path / "composite.tif"
    tifffile.imwrite(path, PLANES, photometric="minisblack", **options)
    assert off(seen(path)) == 0


def test_composites_in_other_colours_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "composite.tif"
    magenta = np.stack([np.arange(256, dtype=np.uint8) * (i != 1) for i in range(3)])
    about = {"axes": "CYX", "mode": "composite", "LUTs": [magenta] * 3}
    tifffile.imwrite(path, PLANES, imagej=True, photometric="minisblack", metadata=about)
    with pytest.raises(ImageStackError):
        read_image(path)


@pytest.mark.parametrize("kind", ["logluv", "cfa", "depth_map"])
def test_other_colour_spaces_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "other.tif"
    code = tifffile.PHOTOMETRIC[kind.upper()]
    tifffile.imwrite(path, GREY, photometric="minisblack", metadata=None)
    data = bytearray(path.read_bytes())
    at = data.index(b"\x06\x01\x03\x00\x01\x00\x00\x00")  # the tag PhotometricInterpretation
    data[at + 8 : at + 10] = int(code).to_bytes(2, "little")
    path.write_bytes(bytes(data))
    with pytest.raises(ImageError, match=kind.upper()):
        read_image(path)


def test_what_a_header_claims_and_the_file_lacks_is_damaged_at_once(tmp_path: Path) -> None:
    path = tmp_path / "claims.tif"
    tifffile.imwrite(path, RGB, photometric="rgb", rowsperstrip=8, metadata=None)
    data = bytearray(path.read_bytes())
    at = (
        data.index(b"\x01\x01\x03\x00")
        if b"\x01\x01\x03\x00" in data
        else data.index(b"\x01\x01\x04\x00")
    )  # the tag ImageLength
    for height, message in ((400_000, "damaged"), (2_000_000_000, "too many for a photograph")):
        data[at + 2 : at + 4] = b"\x04\x00"
        data[at + 8 : at + 12] = height.to_bytes(4, "little")
        path.write_bytes(bytes(data))
        with pytest.raises(ImageError, match=message):
            read_image(path)
