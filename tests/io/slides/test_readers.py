"""Every reader of slides on small slides, whole and damaged."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

from benchmarks import make_slide
from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.slides import chunked, opening
from napari_leukocyte.io.slides.image import ArrayImage, PartBox
from napari_leukocyte.io.slides.opening import fingerprint, is_slide, open_slide
from tests.io.slides.dicom import write_dicom

SIZE = (1300, 1700)
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def parts() -> list[Pixels]:
    return make_slide.fields({"neutrophil": 2, "lymphocyte": 2})


@pytest.fixture(scope="module")
def whole(parts: list[Pixels]) -> Pixels:
    return make_slide.mosaic(SIZE, parts)


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory, parts: list[Pixels]) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("slides")
    found = {name: folder / name for name in ("a.tif", "a.svs")}
    for path in found.values():
        make_slide.write_slide(path, SIZE, parts)
    return found


def ome_zarr(folder: Path, pixels: Pixels, version: str, axes: str = "yxc") -> Path:
    """Write two levels as OME-Zarr."""
    root = zarr.open_group(str(folder), mode="w", zarr_format=2 if version == "0.4" else 3)
    order = ["yxc".index(a) for a in axes if a in "yxc"]
    for level in range(2):
        data = pixels[:: 2**level, :: 2**level].transpose(order)
        data = data.reshape(
            [data.shape[axes.replace("t", "").index(a)] if a != "t" else 1 for a in axes]
        )
        chunks = tuple(256 if a in "yx" else s for a, s in zip(axes, data.shape, strict=True))
        root.create_array(str(level), data=data, chunks=chunks)
    kinds = {"y": "space", "x": "space", "c": "channel", "t": "time"}
    described = {
        "version": version,
        "axes": [
            {"name": a, "type": kinds[a]} | ({"unit": "micrometer"} if a in "yx" else {})
            for a in axes
        ],
        "datasets": [
            {
                "path": str(level),
                "coordinateTransformations": [
                    {
                        "type": "scale",
                        "scale": [0.25 * 2**level if a in "yx" else 1.0 for a in axes],
                    }
                ],
            }
            for level in range(2)
        ],
    }
    about: dict[str, Any] = {"multiscales": [described]}
    root.attrs.update(about if version == "0.4" else {"ome": about | {"version": version}})
    return folder


@pytest.mark.parametrize("name", ["a.tif", "a.svs"])
def test_tiff_pyramids(name: str, slides: dict[str, Path], whole: Pixels) -> None:
    path = slides[name]
    assert is_slide(path)
    with open_slide(path) as slide:
        assert slide.shape == SIZE
        assert [level.downsample for level in slide.levels] == [1, 2]
        assert slide.um_per_px == pytest.approx(make_slide.UM_PER_PX)
        assert slide.notes == ()
        part = slide.read((500, 600, 900, 1650))
        assert np.abs(part.astype(int) - whole[500:900, 600:1650]).mean() < 3
        fine = slide.read((250, 300, 450, 800), 1)
        assert np.abs(fine.astype(int) - part[::2, :1000:2]).mean() < 8
        coarse = slide.coarse(400)
        assert coarse.shape[1] == 400
        # Neither the label nor the thumbnail is anywhere in it.
        assert not ((coarse[..., 0] > 240) & (coarse[..., 1] < 20)).any()
        assert slide.damaged == set()
        with pytest.raises(ImageError, match="no part"):
            slide.read((0, 0, 5000, 10))


@pytest.mark.parametrize("damage", ["zeros", "noise", "cut off"])
def test_a_damaged_tile_is_left_blank(damage: str, slides: dict[str, Path], tmp_path: Path) -> None:
    data = bytearray(slides["a.tif"].read_bytes())
    with tifffile.TiffFile(slides["a.tif"]) as file:
        page = file.series[0].keyframe
        start, size = page.dataoffsets[9], page.databytecounts[9]
    if damage == "zeros":
        data[start : start + size] = bytes(size)
    elif damage == "noise":
        noise = np.random.default_rng(0).integers(0, 256, size - 40, np.uint8)
        data[start + 20 : start + size - 20] = noise.tobytes()
    else:
        data[start + size // 2 : start + size] = bytes(size - size // 2)
    path = tmp_path / "damaged.tif"
    path.write_bytes(data)
    tile = (256, 512, 512, 768)
    with open_slide(path) as slide, open_slide(slides["a.tif"]) as sound:
        slide.blank = (1, 2, 3)
        for part in ((0, 0, *SIZE), (300, 600, 301, 800)):
            slide.damaged.clear()
            pixels, expected = slide.read(part), sound.read(part)
            inside = np.zeros(SIZE, bool)
            inside[tile[0] : tile[2], tile[1] : tile[3]] = True
            inside = inside[part[0] : part[2], part[1] : part[3]]
            assert (pixels[inside] == slide.blank).all()
            np.testing.assert_array_equal(pixels[~inside], expected[~inside])
            assert slide.damaged == {tile}


@pytest.mark.parametrize("options", [{"tile": (256, 256)}, {"rowsperstrip": 64}])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_damaged_lzw_is_not_unpacked(
    options: dict[str, Any], planar: str, whole: Pixels, tmp_path: Path
) -> None:
    path = tmp_path / "lzw.tif"
    part = np.ascontiguousarray(whole[:600, :700])
    if planar == "separate":
        part = np.ascontiguousarray(np.moveaxis(part, 2, 0))
    tifffile.imwrite(
        path, part, photometric="rgb", planarconfig=planar, compression="lzw", **options
    )
    with open_slide(path) as slide:
        np.testing.assert_array_equal(slide.read((0, 0, 600, 700)), whole[:600, :700])
        assert not slide.damaged
    with tifffile.TiffFile(path) as file:
        start = file.pages.first.dataoffsets[-1]
    data = bytearray(path.read_bytes())
    data[start : start + 4] = b"\x80\x4b\x08\x20"  # a code that is in no table yet
    path.write_bytes(data)
    with open_slide(path) as slide:
        pixels = slide.read((0, 0, 600, 700))
        assert slide.damaged
        np.testing.assert_array_equal(pixels[:500, :500], whole[:500, :500])


@pytest.mark.parametrize(("kept", "most"), [(2**22, 1), (0, 3)])
def test_a_tile_is_decoded_once_while_it_is_kept(
    kept: int, most: int, slides: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunked, "KEPT_BYTES", kept)
    with open_slide(slides["a.tif"]) as slide:
        assert isinstance(slide, chunked.ChunkedImage)
        decoded: list[PartBox] = []
        real = slide._pixels

        def pixels(part: PartBox, level: int) -> NDArray[Any]:
            decoded.append(part)
            return real(part, level)

        monkeypatch.setattr(slide, "_pixels", pixels)
        whole = slide.read((100, 100, 600, 600))
        inside = slide.read((256, 300, 520, 560))
        np.testing.assert_array_equal(inside, whole[156:420, 200:460])
        slide.read((0, 0, 100, 100))
        assert len(decoded) == most
        # What was not kept is read at once with its neighbours.
        slide.read((100, 100, 600, 900))
        assert decoded[-1] == ((0, 768, 768, 1024) if kept else (0, 0, 768, 1024))
        assert sum(v.nbytes for v in slide._kept.values()) <= kept


def test_a_file_that_is_cut_off(slides: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "half.tif"
    path.write_bytes(slides["a.svs"].read_bytes()[:200_000])
    with pytest.raises(ImageError, match=r"half\.tif .*cut off"):
        open_slide(path)
    path.write_bytes(b"no TIFF")
    with pytest.raises(ImageError, match="not a TIFF"):
        open_slide(path)
    # Of a coarse level alone: the others do without it.
    path.write_bytes(slides["a.tif"].read_bytes()[:-200])
    with open_slide(path) as slide:
        assert [level.downsample for level in slide.levels] == [1]
        assert slide.notes == (f"Level 1 of {path} is cut off and is not used.",)


def test_levels_whose_sizes_lie(whole: Pixels, tmp_path: Path) -> None:
    path = tmp_path / "lies.tif"
    with tifffile.TiffWriter(path) as file:
        for number, level in enumerate((whole, whole[::2, ::4], whole[::4, ::4])):
            kind: dict[str, Any] = {"subfiletype": 1} if number else {"subifds": 2}
            pixels = np.ascontiguousarray(level)
            file.write(pixels, photometric="rgb", tile=(256, 256), metadata=None, **kind)
    with open_slide(path) as slide:
        assert [level.downsample for level in slide.levels] == [1, 4]
        assert slide.um_per_px is None
        (note,) = slide.notes
        assert "how many µm" in note
    store = ome_zarr(tmp_path / "lies.zarr", whole, "0.4")
    about = json.loads((store / "1" / ".zarray").read_text())
    about["shape"][0] += 400
    (store / "1" / ".zarray").write_text(json.dumps(about))
    with open_slide(store) as slide:
        assert len(slide.levels) == 1
        (note,) = slide.notes
        assert "does not fit the finest" in note


@pytest.mark.parametrize("options", [{"tile": (256, 256)}, {}, {"compression": "zlib"}])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_sixteen_bits(
    options: dict[str, Any], byteorder: Any, whole: Pixels, tmp_path: Path
) -> None:
    path = tmp_path / "deep.tif"
    deep = (whole.astype(np.uint16) * 16)[:600, :600]
    tifffile.imwrite(path, deep, photometric="rgb", byteorder=byteorder, **options)
    with open_slide(path) as slide:
        assert "Intensities from 0 to 4095 were scaled to 8 bits." in slide.notes
        pixels = slide.read((10, 10, 300, 400))
    np.testing.assert_allclose(pixels, whole[10:300, 10:400], atol=1)


@pytest.mark.parametrize(("version", "axes"), [("0.4", "yxc"), ("0.4", "tcyx"), ("0.5", "cyx")])
def test_ome_zarr(version: str, axes: str, whole: Pixels, tmp_path: Path) -> None:
    path = ome_zarr(tmp_path / "a.zarr", whole, version, axes)
    assert is_slide(path)
    with open_slide(path) as slide:
        assert slide.shape == SIZE
        assert len(slide.levels) == 2
        assert slide.um_per_px == 0.25
        np.testing.assert_array_equal(slide.read((3, 4, 999, 600)), whole[3:999, 4:600])
        np.testing.assert_array_equal(slide.read((3, 4, 9, 60), 1), whole[6:18:2, 8:120:2])


def test_one_strip_is_not_read_whole(whole: Pixels, tmp_path: Path) -> None:
    path = tmp_path / "strip.tif"
    tifffile.imwrite(path, whole, photometric="rgb", rowsperstrip=SIZE[0])
    tracemalloc.start()
    with open_slide(path) as slide:
        np.testing.assert_array_equal(slide.read((100, 7, 120, 900)), whole[100:120, 7:900])
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert highest < whole.nbytes / 2


def test_an_ome_zarr_with_wrong_chunks(whole: Pixels, tmp_path: Path) -> None:
    path = ome_zarr(tmp_path / "a.zarr", whole, "0.4")
    chunk = next(p for p in (path / "0").rglob("1*") if p.name.startswith("1.1"))
    chunk.write_bytes(b"\x02\x01\x33\x01" + bytes(60))
    with open_slide(path) as slide:
        pixels = slide.read((200, 200, 600, 600))
        assert slide.damaged == {(256, 256, 512, 512)}
        assert (pixels[56:312, 56:312] == slide.blank).all()
        np.testing.assert_array_equal(pixels[:56], whole[200:256, 200:600])
    (path / "0" / ".zarray").write_text("{")
    with pytest.raises(ImageError, match="finest level"):
        open_slide(path)


@pytest.mark.parametrize("codec", ["pickle", "python_code"])
def test_a_store_may_not_name_what_runs_code(codec: str, whole: Pixels, tmp_path: Path) -> None:
    path = ome_zarr(tmp_path / "a.zarr", whole, "0.4")
    about = (path / "0" / ".zarray").read_text()
    (path / "0" / ".zarray").write_text(
        about.replace('"filters": null', f'"filters": [{{"id": "{codec}"}}]')
    )
    with pytest.raises(ImageError, match="unusual"):
        open_slide(path)


def test_openslide_reads_what_it_can(
    slides: dict[str, Path], whole: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_OPENSLIDE", frozenset({".svs"}))
    with open_slide(slides["a.svs"]) as slide, monkeypatch.context() as plain:
        plain.undo()
        assert type(slide).__name__ == "OpenSlideImage"
        assert slide.um_per_px == pytest.approx(make_slide.UM_PER_PX)
        assert [round(level.downsample, 2) for level in slide.levels] == [1, 2]
        pixels = slide.read((500, 600, 900, 1650))
        assert np.abs(pixels.astype(int) - whole[500:900, 600:1650]).mean() < 3


def test_dicom(whole: Pixels, tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", whole[:600, :800], 0.25)
    for path in (tmp_path, tmp_path / "a.dcm"):
        assert is_slide(path)
        with open_slide(path) as slide:
            assert slide.shape == (600, 800)
            assert slide.um_per_px == pytest.approx(0.25)
            pixels = slide.read((100, 200, 400, 700))
            assert np.abs(pixels.astype(int) - whole[100:400, 200:700]).mean() < 3
            assert slide.damaged == set()


@pytest.mark.parametrize("name", ["a.mrxs", "a.dcm"])
def test_a_scanners_file_that_is_none(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"nothing")
    assert is_slide(tmp_path / name)
    with pytest.raises(ImageError, match=name):
        open_slide(tmp_path / name)


def test_photographs_are_no_slides(whole: Pixels, tmp_path: Path) -> None:
    writers: dict[str, Callable[[Path], object]] = {
        "a.tif": lambda p: tifffile.imwrite(p, whole, photometric="rgb"),
        "b.tif": lambda p: tifffile.imwrite(p, whole[:300, :300], tile=(64, 64)),
        "c.tif": lambda p: tifffile.imwrite(p, np.zeros((5, 64, 64), np.uint8)),
        "d.png": lambda p: p.write_bytes(b"x"),
        "e.tif": lambda p: p.write_bytes(b"x"),
    }
    for name, write in writers.items():
        write(tmp_path / name)
        assert not is_slide(tmp_path / name)
    assert not is_slide(tmp_path)
    assert not is_slide(tmp_path / "none")
    assert not is_slide(Path("x" * 400))


def test_arrays_as_slides(whole: Pixels) -> None:
    import dask.array as da

    lazy = da.from_array(whole, chunks=(300, 300, 3))
    slide = ArrayImage(lazy, lazy[::2, ::2])
    np.testing.assert_array_equal(slide.read((5, 6, 70, 80)), whole[5:70, 6:80])
    np.testing.assert_array_equal(slide.read((5, 6, 7, 8), 1), whole[10:14:2, 12:16:2])
    with pytest.raises(ImageError, match="not a colour image"):
        ArrayImage(whole.astype(float))


def test_a_fingerprint_tells_states_apart(slides: dict[str, Path], tmp_path: Path) -> None:
    first = fingerprint(slides["a.tif"])
    copy = tmp_path / "b.tif"
    copy.write_bytes(slides["a.tif"].read_bytes())
    assert fingerprint(copy) == first
    with copy.open("r+b") as f:
        f.seek(4000)
        f.write(b"different")
    assert fingerprint(copy) != first
