"""Slides at addresses: read in parts through fsspec, and one sentence where that can't be."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import make_slide
from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.slides import remote
from napari_leukocyte.io.slides.opening import fingerprint, is_slide, open_slide, state_of
from napari_leukocyte.io.slides.remote import Address, place_of
from tests.io.slides.test_readers import SIZE, ome_zarr

Pixels = NDArray[np.uint8]


class Parts(SimpleHTTPRequestHandler):
    """Sends parts of files, as servers of slides do."""

    protocol_version = "HTTP/1.1"
    ranges = True

    def do_GET(self) -> None:
        """Send a file, or what is asked for of it."""
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and self.ranges:
            start, stop = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop}/{len(data)}")
            data = data[start : stop + 1]
        else:
            self.send_response(200)
        if self.ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Last-Modified", self.date_time_string(int(path.stat().st_mtime)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Whole(Parts):
    """Sends whole files only."""

    ranges = False


@pytest.fixture(scope="module")
def parts() -> list[Pixels]:
    return make_slide.fields({"neutrophil": 2, "lymphocyte": 2})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, parts: list[Pixels]) -> Path:
    """Return a folder with a slide as TIFF and as OME-Zarr."""
    folder = tmp_path_factory.mktemp("served")
    make_slide.write_slide(folder / "a.tif", SIZE, parts)
    ome_zarr(folder / "a.zarr", make_slide.mosaic(SIZE, parts), "0.5")
    return folder


@pytest.fixture(params=[Parts])
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Serve the folder on this machine; return its address."""
    handler = partial(request.param, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def same(address: str, file: Path) -> None:
    """Compare a slide at an address with the file."""
    place = place_of(address)
    assert is_slide(place)
    with open_slide(place) as slide, open_slide(file) as local:
        assert slide.levels == local.levels
        assert slide.um_per_px == local.um_per_px
        for part, level in (((100, 700, 900, 1200), 0), ((3, 4, 400, 600), 1)):
            np.testing.assert_array_equal(slide.read(part, level), local.read(part, level))
        assert slide.damaged == set()
    assert state_of(place) == state_of(place)
    assert fingerprint(place) == fingerprint(place)


def test_http(server: str, folder: Path) -> None:
    for name in ("a.tif", "a.zarr"):
        same(f"{server}/{name}", folder / name)


def test_any_file_system_of_fsspec(folder: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), "/served", recursive=True)
    try:
        for name in ("a.tif", "a.zarr"):
            same(f"memory://served/{name}", folder / name)
        before = fingerprint(Address("memory://served/a.tif"))
        memory.pipe("/served/a.tif", b"another")
        assert fingerprint(Address("memory://served/a.tif")) != before
    finally:
        memory.rm("/served", recursive=True)


@pytest.mark.parametrize("server", [Whole], indirect=True)
def test_a_server_that_sends_whole_files_only(
    server: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_BLOCK", 4096)
    same(f"{server}/a.zarr", folder / "a.zarr")
    with pytest.raises(ImageError, match=r"a\.tif does not send parts of files"):
        open_slide(Address(f"{server}/a.tif"))


def test_what_can_not_be_reached_is_one_sentence(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address, sentence in (
        (f"{server}/none.tif", r"There is nothing at http://.*none\.tif\."),
        (f"{server}/none.zarr", r"none\.zarr is not an OME-Zarr image\."),
        (f"{server}/a.mrxs", "copy it to a disk first"),
        ("http://127.0.0.1:9/a.tif", r"127\.0\.0\.1:9/a\.tif can't be reached: "),
        ("http://127.0.0.1:9/a.zarr", r"127\.0\.0\.1:9/a\.zarr/zarr\.json can't be reached: "),
        ("nonsense://a.tif", "nonsense://a.tif can't be reached: Protocol not known"),
    ):
        with pytest.raises(ImageError, match=sentence) as raised:
            open_slide(place_of(address))
        assert "\n" not in str(raised.value)
    # As where it is not installed.
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ImageError, match="can't be read without another package: Install s3fs"):
        open_slide(place_of("s3://bucket/a.tif"))


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_what_is_lost_on_the_way_is_not_taken_for_damage(
    name: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_BLOCK", 4096)
    with open_slide(Address(f"{server}/{name}")) as slide:

        def gone(handler: Parts) -> None:
            handler.send_error(500)

        monkeypatch.setattr(Parts, "do_GET", gone)
        with pytest.raises(ImageError, match="can't be reached any more"):
            slide.read((0, 0, *SIZE))
        assert slide.damaged == set()


def test_paths_are_no_addresses(tmp_path: Path) -> None:
    assert place_of(r"C:\a.tif") == Path(r"C:\a.tif").absolute()
    assert place_of(str(tmp_path / "a.tif")) == tmp_path / "a.tif"
    assert (Address("s3://b/c/a.zarr").name, Address("https://h/a.svs?key=1").suffix) == (
        "a.zarr",
        ".svs",
    )
