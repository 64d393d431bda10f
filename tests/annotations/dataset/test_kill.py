"""Killed at any moment, an export leaves the old version or the new one, each whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from napari_leukocyte.annotations.dataset.check import check
from napari_leukocyte.annotations.dataset.opening import open_dataset
from tests.annotations.dataset.worked import export_all, files_of, reclassify

KILLS = 16

# A process that has imported everything makes workers that export; each is killed from outside.
_WORKERS = """
import os, sys
from pathlib import Path
import cv2, pyarrow.parquet, imagehash
from tests.annotations.dataset.worked import export_all

cv2.setNumThreads(0)  # its threads would not be there after a fork
for line in sys.stdin:
    worker = os.fork()
    if worker == 0:
        os.write(1, b"%d\\n" % os.getpid())
        export_all(Path(sys.argv[1]), Path(sys.argv[2]))
        os._exit(0)
    os.waitpid(worker, 0)
    os.write(1, b"ended\\n")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked here")
def test_a_kill_leaves_a_whole_version(folder: Path, place: Path) -> None:
    export_all(place, folder)
    known = {1: files_of(place / "versions" / "0001")}
    chance = np.random.default_rng(7)
    root = Path(__file__).parents[3]
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-c", _WORKERS, str(place), str(folder)]
    late, interrupted = 0.0, 0
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as workers:
        assert workers.stdin is not None
        assert workers.stdout is not None
        for number in range(KILLS + 1):
            reclassify(folder / "field 1.png", ("basophil", "monocyte")[number % 2])
            workers.stdin.write("go\n")
            workers.stdin.flush()
            began = time.monotonic()
            worker = int(workers.stdout.readline())
            if number:
                time.sleep(chance.uniform(0, late))
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            assert workers.stdout.readline() == "ended\n"
            if not number:
                # The first one runs to its end, to know how long one takes.
                late = time.monotonic() - began
            dataset = open_dataset(place)
            for version, files in known.items():
                assert files_of(place / "versions" / f"{version:04d}") == files
            stopped = dataset.version in known
            interrupted += stopped
            if number:
                # Other programs on the machine make one slower than the next.
                late *= 1.1 if stopped else 0.75
            known.setdefault(dataset.version, files_of(dataset.folder))
            report = check(place, suspects=False)
            assert report.sound, report.problems
        workers.stdin.close()
    assert interrupted >= KILLS // 4
    assert export_all(place, folder).version >= max(known)
    left = [p.name for p in (place / "versions").iterdir() if p.name.startswith(".")]
    assert not left
