from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from napari_leukocyte.version import __version__
from napari_leukocyte.vocabulary import DISCLAIMER

PROGRAM = [sys.executable, "-m", "napari_leukocyte"]


def test_help_loads_nothing_that_computes() -> None:
    code = """
import sys
sys.argv = ["napari-leukocyte", "run", "--help"]
from napari_leukocyte.cli.main import main
try:
    main()
except SystemExit as end:
    assert end.code == 0
print(sorted({"numpy", "pandas", "cv2", "onnxruntime", "skimage", "napari"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--overwrite" in done.stdout


def test_without_a_command_it_shows_help(cli: Any) -> None:
    done = cli()
    assert done.exit_code == 0
    assert DISCLAIMER.split(".")[0] in " ".join(done.stdout.split())
    assert all(name in done.stdout for name in ("run", "open", "demo", "models"))


def test_version(cli: Any) -> None:
    assert cli("--version").stdout == f"napari-leukocyte {__version__}\n"


def test_bad_input_as_a_user_sees_it(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no image")
    command = [*PROGRAM, "run", "bad.png", "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("bad.png is not an image")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert [p.name for p in tmp_path.iterdir()] == ["bad.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_interrupting_a_run_keeps_what_was_finished(tmp_path: Path) -> None:
    from napari_leukocyte.reporting.drawing import write_png
    from napari_leukocyte.samples.synthetic import synthetic_smear

    smear = synthetic_smear((320, 320), n_per_class={"neutrophil": 2}, touching_pairs=0)
    (tmp_path / "in").mkdir()
    for i in range(30):
        write_png(tmp_path / "in" / f"{i:02}.png", smear.image)
    command = [*PROGRAM, "run", "in", "--out", "out"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 120
        # What is being moved into place when the signal comes is taken back: two are done for sure
        # once the third shows.
        while not (tmp_path / "out" / "02" / "overlay.png").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.startswith("Interrupted: ")
    assert stderr.count("\n") == 1
    assert DISCLAIMER in stdout
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    done = [image["folder"] for image in record["images"]]
    assert 2 <= len(done) < 30
    assert "stopped before" in record["notes"][0]
    # Each folder that is there is whole, and nothing else is left behind.
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == sorted([*done, "objects.csv", "leukogram.csv", "run.json"])
    for folder in done:
        inside = sorted(p.name for p in (tmp_path / "out" / folder).iterdir())
        assert inside == ["labels.tif", "overlay.png"]
