from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Member

Network = Callable[..., bytes]
WEIGHTS = np.array([[0.5, 0, 1], [0, 0.25, 1], [0, 0, 1]], np.float32)


def member(path: Path, data: bytes) -> Member:
    path.write_bytes(data)
    return Member("net", path, hashlib.sha256(data).hexdigest(), 1.0, 64.0)


def test_network_runs_on_any_size(tmp_path: Path, network: Network) -> None:
    net = member(tmp_path / "net.onnx", network(WEIGHTS))
    for shape in ((1, 32, 64, 3), (5, 96, 32, 3)):
        batch = np.random.default_rng(0).random(shape, np.float32)
        (output,) = runtime.run(net, batch, (*shape[:3], 3))
        assert output.dtype == np.float32
        np.testing.assert_allclose(output, batch @ WEIGHTS, rtol=1e-5)


def test_file_is_read_and_checked_once(tmp_path: Path, network: Network) -> None:
    net = member(tmp_path / "net.onnx", network(WEIGHTS))
    sessions: list[object] = []
    threads = [
        threading.Thread(target=lambda: sessions.append(runtime.load(net))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    net.file.unlink()
    assert len({id(s) for s in [*sessions, runtime.load(net)]}) == 1
    assert len(sessions) == 4


def test_networks_share_memory_and_cores(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(number: int, of: str) -> str:
        net = member(tmp_path / f"{number}.onnx", network(number * WEIGHTS))
        return str(runtime.load(net).get_session_options().get_session_config_entry(of))

    assert said(3, "session.use_env_allocators") == said(4, "session.use_env_allocators") == "1"
    monkeypatch.setenv(runtime.THREADS_VARIABLE, "1")
    assert said(5, "session.intra_op.allow_spinning") == "0"


def test_file_that_is_missing_or_another_is_refused(tmp_path: Path, network: Network) -> None:
    net = member(tmp_path / "net.onnx", network(WEIGHTS))
    net.file.write_bytes(network(2 * WEIGHTS))
    with pytest.raises(ModelError, match="checksum"):
        runtime.load(net)
    net.file.unlink()
    with pytest.raises(ModelError, match="missing"):
        runtime.load(net)
    net.file.mkdir()
    with pytest.raises(ModelError, match="missing or can't be read"):
        runtime.load(net)
    # A refusal is not remembered.
    net.file.rmdir()
    net.file.write_bytes(network(WEIGHTS))
    runtime.load(net)


@pytest.mark.parametrize("cut", [0, 1, 20, 60])
def test_what_is_no_network_is_refused_in_silence(
    tmp_path: Path, network: Network, cut: int, capfd: pytest.CaptureFixture[str]
) -> None:
    for data in (network(WEIGHTS)[:cut], b"This is no network.\n" * cut, bytes(100 * cut)):
        with pytest.raises(ModelError, match=r"^[^\n]*net.onnx is not a model [^\n]*\.$"):
            runtime.load(member(tmp_path / "net.onnx", data))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("where", ["here", "above", "beside the network", "absolute"])
def test_network_reads_no_other_file(
    tmp_path: Path, network: Network, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    secret = {"here": here, "above": tmp_path}.get(where, tmp_path / "model")
    (tmp_path / "model").mkdir()
    (secret / "secret.bin").write_bytes(WEIGHTS.tobytes())
    monkeypatch.chdir(here)
    name = {"above": "../secret.bin", "absolute": str(secret / "secret.bin")}.get(
        where, "secret.bin"
    )
    net = member(tmp_path / "model" / "net.onnx", network(WEIGHTS, external=name))
    with pytest.raises(ModelError, match="not a model"):
        runtime.load(net)


def test_network_of_another_kind_is_refused(tmp_path: Path, network: Network) -> None:
    net = member(tmp_path / "net.onnx", network(WEIGHTS))
    image = np.zeros((1, 32, 32, 3), np.float32)
    with pytest.raises(ModelError, match=r"gives \(1, 32, 32, 3\) where \(1, 32, 32, 2\)"):
        runtime.run(net, image, (1, 32, 32, 2))
    with pytest.raises(ModelError, match="can't be run"):
        runtime.run(net, image[..., :2])
    with pytest.raises(ModelError, match="can't be run"):
        runtime.run(net, image.astype(np.float64))


def test_networks_run_on_the_processor_where_nothing_faster_works(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    monkeypatch.setattr(runtime, "_failed", set())
    there = ["CPUExecutionProvider", "AzureExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    assert runtime.offered_providers() == ["cpu"]
    assert runtime.provider_notes() == ()
    # A build for graphics cards on a machine that has none.
    there.insert(0, "CUDAExecutionProvider")
    assert runtime.chosen_provider() == "cuda"
    net = member(tmp_path / "net.onnx", network(WEIGHTS * 3))
    (output,) = runtime.run(net, np.ones((1, 32, 32, 3), np.float32))
    np.testing.assert_allclose(output[0, 0, 0], WEIGHTS.sum(axis=0) * 3)
    assert runtime.provider_notes() == (
        "cuda can't be used here: networks run on the processor instead.",
    )
    assert runtime.chosen_provider() == "cpu"


def test_a_user_chooses_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    monkeypatch.setattr(runtime, "_failed", set())
    there = ["CPUExecutionProvider", "DmlExecutionProvider", "CoreMLExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    assert runtime.offered_providers() == ["directml", "coreml", "cpu"]
    assert runtime.chosen_provider() == "directml"
    for wanted, chosen, notes in (("coreml", "coreml", 0), ("CPU", "cpu", 0), ("cuda", "cpu", 1)):
        monkeypatch.setenv(runtime.PROVIDER_VARIABLE, wanted)
        assert runtime.chosen_provider() == chosen
        assert len(runtime.provider_notes()) == notes
