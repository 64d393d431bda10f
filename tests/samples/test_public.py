from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pooch
import pytest

from napari_leukocyte.errors import ImageError
from napari_leukocyte.samples import public
from napari_leukocyte.samples.public import (
    BCCD,
    DATA_VARIABLE,
    ZHENG,
    PublicImage,
    PublicSample,
    fetch,
    read_sample,
)

ROOT = Path(__file__).parents[2]
PIXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
PATH = "set/some images/a.bmp"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder over HTTP; return it and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(_Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the cache into a folder of the test's own, and forget any data folder."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(pooch, "os_cache", lambda _project: folder)
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    return folder


def _write(path: Path) -> str:
    """Write an image; return its checksum."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), PIXELS[..., ::-1])
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_photograph_is_downloaded_once(served: tuple[Path, str], cache: Path) -> None:
    folder, address = served
    image = PublicImage("A", PATH, (f"{address}/a.bmp",), _write(folder / "a.bmp"))
    sample = PublicSample("somebody", "MIT", (image,))
    [(_, pixels)] = read_sample(sample)
    np.testing.assert_array_equal(pixels, PIXELS)
    (folder / "a.bmp").unlink()
    assert fetch(image) == cache / PATH


def test_a_second_address_is_tried(served: tuple[Path, str], cache: Path) -> None:
    folder, address = served
    sha256 = _write(folder / "a.bmp")
    (folder / "changed.bmp").write_bytes(b"something else")
    urls = (f"{address}/missing.bmp", f"{address}/changed.bmp", f"{address}/a.bmp")
    assert fetch(PublicImage("A", PATH, urls, sha256)).is_relative_to(cache)


@pytest.mark.usefixtures("cache")
def test_without_a_network_one_sentence_says_what_to_do(served: tuple[Path, str]) -> None:
    _, address = served
    for url in (
        "http://127.0.0.1:1/a.bmp",  # a port on which nobody listens
        "file://nonexistent/a.bmp",
        f"{address}/missing.bmp",
    ):
        with pytest.raises(ImageError) as error:
            fetch(PublicImage("A", PATH, (url,), "0" * 64))
        text = str(error.value)
        assert "could not be downloaded" in text
        assert DATA_VARIABLE in text
        assert PATH in text
        assert "\n" not in text
        assert text.count(". ") == 0


def test_a_wrong_checksum_is_refused_and_leaves_nothing(
    served: tuple[Path, str], cache: Path
) -> None:
    folder, address = served
    _write(folder / "a.bmp")
    with pytest.raises(ImageError, match="wrong checksum"):
        fetch(PublicImage("A", PATH, (f"{address}/a.bmp",), "0" * 64))
    assert not [p for p in cache.rglob("*") if p.is_file()]


def test_a_cache_that_cannot_be_written_is_named(
    served: tuple[Path, str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    image = PublicImage("A", PATH, (f"{address}/a.bmp",), _write(folder / "a.bmp"))

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(pooch, "retrieve", refuse)
    with pytest.raises(ImageError, match="can't be written") as error:
        fetch(image)
    assert str(cache) in str(error.value)


def test_a_data_folder_is_used_without_a_network(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = PublicImage("A", PATH, ("file://nonexistent",), _write(tmp_path / PATH))
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert fetch(image) == tmp_path / PATH
    assert not cache.exists()
    with pytest.raises(ImageError, match="wrong checksum"):
        fetch(replace(image, sha256="0" * 64))
    with pytest.raises(ImageError, match="can't be read"):
        fetch(replace(image, path="set/b.bmp"))


def test_the_registered_photographs_are_those_of_the_sets(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(data_root))
    assert {pixels.shape for _, pixels in read_sample(BCCD)} == {(480, 640, 3)}
    assert {pixels.shape for _, pixels in read_sample(ZHENG)} == {(300, 300, 3)}


@pytest.mark.parametrize(("sample", "name"), [(BCCD, "bccd"), (ZHENG, "zheng2")])
def test_no_model_was_trained_on_them(sample: PublicSample, name: str) -> None:
    split = json.loads((ROOT / "training" / "splits" / f"{name}.json").read_text("utf-8"))
    paths = {image.path for image in sample.images}
    assert not paths & set(split["train"])
    assert paths <= {path for side in split.values() for path in side}


def test_addresses_are_encrypted_and_quoted() -> None:
    urls = [url for sample in (BCCD, ZHENG) for image in sample.images for url in image.urls]
    assert all(url.startswith("https://") and " " not in url for url in urls)
    assert public._TIMEOUT <= 30
