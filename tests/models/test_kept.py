from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from napari_leukocyte.models import kept, runtime, upsampling
from napari_leukocyte.models.manifest import Member

Make = Callable[..., bytes]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(kept.FOLDER_VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def rewriting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often a network is rewritten."""
    calls: list[int] = []
    rewrite = upsampling.without_doubling

    def counted(data: bytes) -> bytes | None:
        calls.append(len(data))
        return rewrite(data)

    monkeypatch.setattr(kept, "without_doubling", counted)
    return calls


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def runs(data: bytes) -> bool:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    image = np.ones((1, 8, 8, 3), np.float32)
    return bool(np.isfinite(session.run(None, {"x": image})[0]).all())


def test_network_is_rewritten_once(folder: Path, doubling: Make, rewriting: list[int]) -> None:
    data = doubling()
    first = kept.fastest(data, sha256(data))
    second = kept.fastest(data, sha256(data))
    assert first != data
    assert second.startswith(first)
    assert runs(first)
    assert runs(second)
    assert len(rewriting) == 1
    assert [file.suffix for file in folder.iterdir()] == [".onnx"]
    # What can't be rewritten is not tried again either.
    odd = doubling(kernel=5)
    assert kept.fastest(odd, sha256(odd)) == kept.fastest(odd, sha256(odd)) == odd
    assert len(rewriting) == 2


@pytest.mark.parametrize("damage", ["cut off", "a byte", "empty", "another's", "a folder"])
def test_damaged_or_foreign_file_is_made_again(
    folder: Path, doubling: Make, rewriting: list[int], damage: str
) -> None:
    data, other = doubling(), doubling(beside=2)
    made = kept.fastest(data, sha256(data))
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    if damage == "a folder":
        file.unlink()
        file.mkdir()
    elif damage == "another's":
        file.unlink()
        kept.fastest(other, sha256(other))
        (foreign,) = folder.iterdir()
        foreign.replace(file)
    else:
        changed = bytes([whole[99] ^ 1])
        broken = {"cut off": whole[:-1], "a byte": whole[:99] + changed + whole[100:], "empty": b""}
        file.write_bytes(broken[damage])
    calls = len(rewriting)
    assert kept.fastest(data, sha256(data)).startswith(made)
    assert len(rewriting) == calls + 1
    if damage != "a folder":
        assert file.read_bytes() == whole


def test_other_version_of_onnx_runtime_makes_its_own_and_lets_go_of_the_former(
    folder: Path, doubling: Make, rewriting: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, other = doubling(), doubling(beside=2)
    kept.fastest(data, sha256(data))
    kept.fastest(other, sha256(other))
    monkeypatch.setattr(onnxruntime, "__version__", "99.0")
    kept.fastest(data, sha256(data))
    assert len(rewriting) == 3
    assert sorted("99.0" in file.name for file in folder.iterdir()) == [False, True]


def test_nothing_is_kept_where_nothing_can_be_written(
    tmp_path: Path, doubling: Make, rewriting: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv(kept.FOLDER_VARIABLE, str(tmp_path / "file" / "kept"))
    data = doubling()
    assert runs(kept.fastest(data, sha256(data)))
    assert runs(kept.fastest(data, sha256(data)))
    assert len(rewriting) == 2


def test_processes_at_once_keep_one_sound_file(
    folder: Path, tmp_path: Path, doubling: Make, rewriting: list[int]
) -> None:
    data = doubling()
    file = tmp_path / "net.onnx"
    file.write_bytes(data)
    code = (
        "import sys; from pathlib import Path; from napari_leukocyte.models.kept import fastest;"
        "fastest(Path(sys.argv[1]).read_bytes(), sys.argv[2])"
    )
    command = [sys.executable, "-c", code, str(file), sha256(data)]
    processes = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    assert len(list(folder.iterdir())) == 1
    assert runs(kept.fastest(data, sha256(data)))
    assert rewriting == []


def test_runtime_runs_the_faster_network(
    folder: Path, tmp_path: Path, doubling: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = doubling()
    image = np.random.default_rng(0).random((2, 32, 64, 3), np.float32)
    said = []
    for name in ("fast.onnx", "plain.onnx"):
        file = tmp_path / name
        file.write_bytes(data)
        said.append(runtime.run(Member("net", file, sha256(data), 1.0, 64.0), image)[0])
        monkeypatch.setattr(runtime, "fastest", lambda data, sha256: data)
    assert len(list(folder.iterdir())) == 1
    np.testing.assert_allclose(said[0], said[1], rtol=1e-4, atol=1e-5)


def test_networks_are_loaded_ahead_of_their_turn(
    folder: Path, tmp_path: Path, doubling: Make
) -> None:
    data = doubling()
    file = tmp_path / "net.onnx"
    file.write_bytes(data)
    good = Member("net", file, sha256(data), 1.0, 64.0)
    bad = Member("net", tmp_path / "none.onnx", sha256(data), 1.0, 64.0)
    runtime.load_ahead([good, bad]).join(60)
    file.unlink()
    assert runtime.load(good)
