"""The process that may import Keras: that of a training, and none with windows."""

from __future__ import annotations

import subprocess
import sys

PLANNING = (
    "from napari_leukocyte.learning.finetune import job, outcome, plan\n"
    "from napari_leukocyte.learning.head import apply, base, cells, curve, onnx_head, retrain\n"
    "from napari_leukocyte.models import keras_file\n"
)


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_planning_needs_no_keras() -> None:
    # None in `sys.modules` makes every import of a module fail.
    names = ("keras", "tensorflow", "tf2onnx")
    blocked = f"import sys\nfor name in {names}: sys.modules[name] = None\n"
    known = "print([m for m in sys.modules if 'keras_process' in m])"
    found = _run(blocked + PLANNING + known)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == "[]"


def test_a_process_with_windows_refuses_keras() -> None:
    window = "from qtpy.QtCore import QCoreApplication\napplication = QCoreApplication([])\n"
    wanted = "import napari_leukocyte.learning.keras_process.networks\n"
    refused = _run(window + wanted)
    assert refused.returncode != 0
    last = refused.stderr.strip().splitlines()[-1]
    assert "ViewerProcessError" in last
    assert "process of its own" in last
    # Qt alone, without an application, has no window.
    assert (
        _run("import qtpy.QtCore\nimport napari_leukocyte.learning.keras_process").returncode == 0
    )
