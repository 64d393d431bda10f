from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pooch
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.notifications import Notification
from npe2 import DynamicPlugin

from napari_leukocyte.errors import ImageError
from napari_leukocyte.samples import contributions
from napari_leukocyte.samples.public import DATA_VARIABLE, PublicImage, PublicSample
from napari_leukocyte.samples.synthetic import sample_smear

PLUGIN = "leukocyte-sample-test"


@pytest.fixture
def viewer() -> Iterator[ViewerModel]:
    """Return a viewer that knows the samples."""
    with DynamicPlugin(PLUGIN) as plugin:
        plugin.contribute.sample_data(key="synthetic")(contributions.synthetic_sample)
        plugin.contribute.sample_data(key="bccd")(contributions.bccd_sample)
        plugin.contribute.sample_data(key="zheng")(contributions.zheng_sample)
        yield ViewerModel()


def test_the_synthetic_smear_opens_with_its_truth(viewer: ViewerModel) -> None:
    [layer] = viewer.open_sample(PLUGIN, "synthetic")
    assert isinstance(layer, Image)
    assert layer.rgb
    expected = sample_smear()
    np.testing.assert_array_equal(layer.data, expected.image)
    assert layer.metadata["synthetic"] is True
    assert layer.metadata["truth_classes"] == expected.classes
    np.testing.assert_array_equal(layer.metadata["truth_labels"], expected.labels)


@pytest.mark.parametrize("key", ["bccd", "zheng"])
def test_fields_open_one_of_them_visible(
    viewer: ViewerModel, key: str, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(data_root))
    layers = viewer.open_sample(PLUGIN, key)
    assert len(layers) == 4
    assert all(isinstance(layer, Image) and layer.rgb for layer in layers)
    assert [layer.visible for layer in layers] == [True, False, False, False]
    assert all(layer.metadata["licence"] and layer.metadata["source"] for layer in layers)


def test_without_a_network_no_layer_opens_and_napari_shows_the_sentence(
    viewer: ViewerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda _project: tmp_path)
    nowhere = PublicImage("BCCD 1", "bccd/1.jpg", ("http://127.0.0.1:1/1.jpg",), "0" * 64)
    monkeypatch.setattr(contributions, "BCCD", PublicSample("BCCD", "MIT", (nowhere,)))
    with pytest.raises(ImageError, match="check the network") as error:
        viewer.open_sample(PLUGIN, "bccd")
    assert not viewer.layers
    # What napari's handler of uncaught exceptions puts into the notification.
    assert Notification.from_exception(error.value).message == str(error.value)


def test_listing_the_samples_loads_neither_qt_nor_opencv() -> None:
    code = (
        "import sys, napari_leukocyte.samples.contributions\n"
        "heavy = {'napari', 'qtpy', 'cv2', 'skimage', 'scipy', 'pooch', 'onnxruntime'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
