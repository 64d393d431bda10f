"""Fetching over real HTTP from this machine: right files arrive, wrong ones never do."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

import pytest
from typer.testing import CliRunner

from training.__main__ import app
from training.data import checksums, fetch, sources
from training.data.photographs import DataError, load


class _Handler(SimpleHTTPRequestHandler):
    status = 200
    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        self.asked.append(unquote(self.path))
        if self.status != 200:
            self.send_error(self.status)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server:
    """A server of one folder that stands for GitHub."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

        class Handler(_Handler):
            """One of its own for every server, since it keeps what was asked for."""

            asked: ClassVar[list[str]] = []

        self.handler: type[_Handler] = Handler
        self._http = ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(self.handler, directory=str(folder))
        )
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def asked(self) -> list[str]:
        return self.handler.asked

    def offer(self, dataset: str, name: str, content: bytes, choice: int = 0) -> None:
        """Put a file where the set's source has it."""
        addresses = sources.SOURCES[dataset].addresses
        assert addresses is not None
        path = self.folder / unquote(urlsplit(addresses(name)[choice]).path).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    made = _Server(tmp_path / "server")
    made.folder.mkdir()
    monkeypatch.setattr(sources, "GITHUB", made.address)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield made
    made.close()


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Put a short list of checksums in place of the committed one of BCCD."""
    files = {
        "bccd/images/BloodImage_00000.jpg": b"first",
        "bccd/images/BloodImage_00096.jpg": b"second",
        "bccd/masks/BloodImage_Mask_00000.png": b"mask",
        "bccd/Annotations/BloodImage_00000.xml": b"<boxes/>",
        "bccd/labels.csv": b",Image,Category\n,0,NEUTROPHIL\n",
    }
    original = tmp_path / "original"
    for name, content in files.items():
        (original / name).parent.mkdir(parents=True, exist_ok=True)
        (original / name).write_bytes(content)
    monkeypatch.setattr(checksums, "FOLDER", tmp_path)
    checksums.write_checksums("bccd", original, files)
    return files


def test_a_list_of_checksums_comes_back_as_it_was_written(listed: dict[str, bytes]) -> None:
    assert checksums.read_checksums("bccd") == {
        name: hashlib.sha256(content).hexdigest() for name, content in listed.items()
    }


def test_files_arrive_where_the_loader_expects_them(
    server: _Server, listed: dict[str, bytes], tmp_path: Path
) -> None:
    for name, content in listed.items():
        # As in truth, the first choice lacks some photographs.
        server.offer("bccd", name, content, choice=int("00096" in name))
    root = tmp_path / "new" / "root"
    steps: list[tuple[int, int, str]] = []
    got = fetch.fetch("bccd", root, lambda *step: steps.append(step))
    assert (got.files, got.downloaded) == (5, 5)
    assert steps == [(i, 5, "bccd") for i in range(1, 6)]
    assert {n: (root / n).read_bytes() for n in listed} == listed
    assert [p.label for p in load("bccd", root)] == ["neutrophil", None]
    assert not [p for p in root.rglob("*") if p.name.startswith(".") or p.suffix == ".part"]

    server.asked.clear()
    assert fetch.fetch("bccd", root).downloaded == 0
    assert server.asked == []
    (root / "bccd/images/BloodImage_00000.jpg").write_bytes(b"damaged")
    assert fetch.fetch("bccd", root).downloaded == 1
    assert (root / "bccd/images/BloodImage_00000.jpg").read_bytes() == b"first"


def test_a_wrong_file_is_not_kept_and_the_others_are(
    server: _Server, listed: dict[str, bytes], tmp_path: Path
) -> None:
    for name, content in listed.items():
        server.offer("bccd", name, b"not this" if "Mask" in name else content, int("00096" in name))
    with pytest.raises(DataError, match=r"1 of the 5 files of bccd .* such as bccd/masks/Blood"):
        fetch.fetch("bccd", tmp_path / "root")
    there = {p.name for p in (tmp_path / "root").rglob("*") if p.is_file()}
    assert there == {Path(n).name for n in listed if "Mask" not in n}


@pytest.mark.usefixtures("listed")
def test_no_network_and_a_refusing_server_are_one_sentence(
    server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handler.status = 429
    with pytest.raises(fetch.NetworkError, match=r"127\.0\.0\.1 answers with status 429"):
        fetch.fetch("bccd", tmp_path / "root")
    # Nothing listens on the port of a server that is gone.
    monkeypatch.setattr(sources, "GITHUB", "http://127.0.0.1:9")
    result = CliRunner().invoke(app, ["fetch", "bccd", "--data-root", str(tmp_path / "root")])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "bccd could not be downloaded, because 127.0.0.1 can't be reached" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.usefixtures("server", "listed")
def test_a_data_root_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = CliRunner().invoke(app, ["fetch", "bccd", "--data-root", str(tmp_path / "file")])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "can't be made" in result.stderr


def test_sets_that_need_a_user_say_how_and_are_looked_at(tmp_path: Path, data_root: Path) -> None:
    result = CliRunner().invoke(app, ["fetch", "lisc", "kaggle", "--data-root", str(tmp_path)])
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["lisc", "kaggle"]
    assert all("by hand" in line and str(tmp_path) in line for line in lines)
    pbc = Path("pbc/PBC_dataset_normal_DIB/basophil/BA_100102.jpg")
    (tmp_path / pbc).parent.mkdir(parents=True)
    (tmp_path / pbc).write_bytes((data_root / pbc).read_bytes()[:-1])
    with pytest.raises(DataError, match=r"BA_100102\.jpg is damaged or another version"):
        fetch.fetch("pbc", tmp_path)
    (tmp_path / pbc).write_bytes((data_root / pbc).read_bytes())
    with pytest.raises(DataError, match=r"BA_101381\.jpg is missing"):
        fetch.fetch("pbc", tmp_path)
    result = CliRunner().invoke(app, ["fetch", "nope"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no set 'nope'" in result.stderr


def test_a_public_set_over_http_is_byte_for_byte_the_one_at_hand(
    server: _Server, data_root: Path, tmp_path: Path
) -> None:
    for name in checksums.read_checksums("zheng2"):
        server.offer("zheng2", name, (data_root / name).read_bytes())
    assert fetch.fetch("zheng2", tmp_path / "root").downloaded == 201
    here, there = load("zheng2", tmp_path / "root"), load("zheng2", data_root)
    assert [(p.name, p.label) for p in here] == [(p.name, p.label) for p in there]


def test_tables_of_attributes_are_known_by_their_rows(
    server: _Server, data_root: Path, tmp_path: Path
) -> None:
    tables = {n: (data_root / n).read_text(encoding="utf-8") for n in fetch_names()}
    for name, text in tables.items():
        # The original has other line ends, another order and further rows.
        head, *rows = text.splitlines()
        server.offer("wbcatt", name, "\n".join([head, "XX_1.jpg,..", *rows[::-1]]).encode())
    assert fetch.fetch("wbcatt", tmp_path / "a").downloaded == 2
    name, text = next(iter(tables.items()))
    server.offer("wbcatt", name, text.replace(",small,", ",big,", 1).encode())
    with pytest.raises(DataError, match=f"such as {name}"):
        fetch.fetch("wbcatt", tmp_path / "b")
    assert not (tmp_path / "b" / name).exists()


def fetch_names() -> list[str]:
    return list(checksums.read_checksums("wbcatt"))


@pytest.mark.parametrize("dataset", ["zheng1", "zheng2", "bccd", "raabin", "wbcatt"])
def test_the_committed_checksums_are_those_of_the_data(dataset: str, data_root: Path) -> None:
    got = fetch.fetch(dataset, data_root)
    assert (got.downloaded, got.files) == (0, len(checksums.read_checksums(dataset)))
