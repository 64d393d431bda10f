"""Fixtures of every test: one home for the data, one source of chance, no settings of the user's.

The tests never run as one process, since TensorFlow and the viewer's OpenGL crash together::

    pytest tests --ignore=tests/training
    pytest tests/training
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte import language

_NUMBERS = itertools.count()
ROOT = Path(__file__).parents[1]
TRAINING = ROOT / "tests" / "training"
DATA_VARIABLE = "NAPARI_LEUKOCYTE_DATA"
#: Fixtures that open windows.
VIEWER_FIXTURES = {"make_napari_viewer", "make_napari_viewer_proxy", "qapp", "qtbot"}

# Before napari is imported: an empty value keeps the user's settings out, and in peace.
os.environ["NAPARI_CONFIG"] = ""
# Sentences are compared in the language that they are written in, whatever the system's is.
os.environ["NAPARI_LEUKOCYTE_LANGUAGE"] = "en"
# Before albumentations is imported: it would ask the network for a newer release of itself.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
# A shell lets its background jobs ignore Ctrl+C, and all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile(
    "default",
    deadline=None,  # the first call of an algorithm pays for imports
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],  # machines differ
)
hypothesis.settings.register_profile(
    "ci", hypothesis.settings.get_profile("default"), derandomize=True, print_blob=True
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


def _data_root() -> Path:
    """Return the folder of the image sets, which may not exist."""
    return Path(os.environ.get(DATA_VARIABLE) or ROOT.parent / "shared" / "data").absolute()


def pytest_report_header() -> str:
    """Say whether the image sets are there."""
    root = _data_root()
    found = root if root.is_dir() else f"none at {root}, tests marked 'data' are skipped"
    return f"image sets: {found}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse what would crash or hang, and mark what needs the image sets."""
    training = [item for item in items if item.path.is_relative_to(TRAINING)]
    if training and len(training) < len(items):
        raise pytest.UsageError(
            "TensorFlow and the viewer's OpenGL crash in one process: run "
            "'pytest tests --ignore=tests/training' and 'pytest tests/training' one by one, or "
            "'python run.py test'."
        )
    for item in items:
        if "data_root" in _fixtures(item):
            item.add_marker("data")
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not screen:
        if any(VIEWER_FIXTURES & _fixtures(item) for item in items):
            raise pytest.UsageError(
                "These tests open windows and there is no display: run 'python run.py test', or "
                "put \"xvfb-run -a -s '-screen 0 1600x1000x24'\" before the command."
            )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test that would open a window beside TensorFlow, instead of crashing."""
    if "tensorflow" in sys.modules and VIEWER_FIXTURES & _fixtures(item):
        pytest.fail("TensorFlow was imported into the viewer's process.", pytrace=False)


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session", autouse=True)
def _no_models_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let only the shipped models be found."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("user-models")
        patch.setenv("NAPARI_LEUKOCYTE_MODELS", str(folder))
        # What is made of the shipped ones is kept for this run alone.
        patch.setenv("NAPARI_LEUKOCYTE_NETWORKS", str(tmp_path_factory.mktemp("networks")))
        yield


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let every test begin without settings, and keep its own ones to itself."""
    monkeypatch.setenv("NAPARI_LEUKOCYTE_CONFIG", str(tmp_path_factory.mktemp("user-settings")))


@pytest.fixture(autouse=True)
def _no_sessions_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep sessions in a folder of each test's own."""
    folder = tmp_path_factory.getbasetemp() / f"sessions-{next(_NUMBERS)}"
    # Not the test's own patch, which it may undo.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_LEUKOCYTE_SESSIONS", str(folder))
        yield


@pytest.fixture
def russian() -> Iterator[None]:
    """Speak Russian in a test."""
    language.use("ru")
    yield
    language.use("en")


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Return the folder of the image sets; skip where there is none."""
    root = _data_root()
    if not root.is_dir():
        if os.environ.get(DATA_VARIABLE):
            pytest.fail(f"{DATA_VARIABLE} names {root}, which is not a folder.", pytrace=False)
        pytest.skip(f"no image sets at {root} ({DATA_VARIABLE} can name another folder)")
    return root


@pytest.fixture
def all_convincing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every region of made-up maps be an object: they are softer than any network's answer."""

    def score(labels: NDArray[np.int32], *_: object) -> dict[int, float]:
        return {int(n): 1.0 for n in np.unique(labels) if n}

    monkeypatch.setattr("napari_leukocyte.segmentation.objects.score_objects", score)


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a random generator that starts the same in every test."""
    return np.random.default_rng(20240607)
