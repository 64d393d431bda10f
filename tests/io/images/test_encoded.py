from __future__ import annotations

import io
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from tests.io.images.drawn import save, scene

RGB = scene()


def test_alpha_channels_are_turned_with_their_photograph(tmp_path: Path) -> None:
    for name in ("png", "webp"):
        path = tmp_path / f"a.{name}"
        clear = RGB.copy()
        path.write_bytes(save(name, clear, "rgba", 8, 6))
        np.testing.assert_array_equal(read_image(path)[..., :3], RGB)


def test_inks_of_a_jpeg_are_those_of_a_tiff(tmp_path: Path) -> None:
    smooth = np.full((40, 56, 3), (180, 120, 200), np.uint8)
    smooth[:16, :16] = (70, 30, 110)
    inks = Image.fromarray(smooth).convert("CMYK")
    jpeg, tiff = tmp_path / "a.jpg", tmp_path / "a.tif"
    inks.save(jpeg, quality=100, subsampling=0)
    inks.save(tiff)
    difference = np.abs(read_image(jpeg).astype(int) - read_image(tiff))
    assert difference.max() <= 4


def test_an_animation_is_no_photograph(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    first, second = (Image.fromarray(a) for a in (RGB, RGB[::-1].copy()))
    first.save(path, save_all=True, append_images=[second])
    with pytest.raises(ImageError, match="animation of 2 pictures"):
        read_image(path)
    first.save(path)
    assert read_image(path).shape == RGB.shape


def test_heic_without_its_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(save("heic", RGB, "rgb", 8, 1))
    assert read_image(path).shape == RGB.shape
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(ImageError, match="pi-heif") as caught:
        read_image(path)
    assert str(caught.value).startswith(str(path))


def test_sixteen_bits_survive_jpeg_2000(tmp_path: Path) -> None:
    deep = RGB.astype(np.uint16) * 257 + 3
    for codec in ("jp2", "j2k"):
        path = tmp_path / f"a.{codec}"
        path.write_bytes(bytes(imagecodecs.jpeg2k_encode(deep, level=0, codecformat=codec)))
        np.testing.assert_array_equal(read_image(path), deep)


def test_avif_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    Image.fromarray(RGB).save(path, quality=100, subsampling="4:4:4")
    assert np.abs(normalise_image(read_image(path)).rgb.astype(int) - RGB).max() <= 6


def test_a_damaged_exif_turns_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    for exif in (b"Exif\0\0nonsense", b"Exif\0\0II*\x00\x08\x00\x00\x00\xff\xff", b"Exif\0\0"):
        buffer = io.BytesIO()
        Image.fromarray(RGB).save(buffer, "JPEG", exif=exif)
        path.write_bytes(buffer.getvalue())
        assert read_image(path).shape == RGB.shape


def test_a_profile_of_inks_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def convert(image: Image.Image, *profiles: object, outputMode: str) -> Image.Image:  # noqa: N803
        asked.append(image.mode)
        return Image.new(outputMode, image.size, (1, 2, 3))

    class Inks:
        class profile:  # noqa: N801
            xcolor_space = "CMYK"

        def __init__(self, file: object) -> None:
            pass

    monkeypatch.setattr(ImageCms, "ImageCmsProfile", Inks)
    monkeypatch.setattr(ImageCms, "profileToProfile", convert)
    for suffix in ("jpg", "tif"):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(RGB).convert("CMYK").save(path, icc_profile=b"a profile of inks")
        assert read_image(path)[0, 0].tolist() == [1, 2, 3]
    assert asked == ["CMYK", "CMYK"]
