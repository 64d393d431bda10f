"""Samples for napari's File > Open Sample; it knows no napari, only its tuples of layer data.

An `ImageError` from here reaches the user as napari's notification, with its sentence, and no
layer is added.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from napari_leukocyte.samples.public import BCCD, ZHENG, PublicSample, read_sample

LayerData = tuple[NDArray[Any], dict[str, Any], str]


def synthetic_sample() -> list[LayerData]:
    """Return the synthetic smear as one image layer.

    Returns
    -------
    list of (ndarray, dict, str)
        The layer's metadata say that it is synthetic, and hold the truth.
    """
    from napari_leukocyte.samples.synthetic import SAMPLE_SEED, sample_smear

    smear = sample_smear()
    metadata = {
        "synthetic": True,
        "source": "napari-leukocyte, synthetic smear",
        "seed": SAMPLE_SEED,
        "diameter": smear.diameter,
        "truth_labels": smear.labels,
        "truth_nucleus": smear.nucleus,
        "truth_classes": smear.classes,
    }
    return [(smear.image, {"name": "Synthetic smear", "rgb": True, "metadata": metadata}, "image")]


def _layers(sample: PublicSample) -> list[LayerData]:
    layers: list[LayerData] = []
    for image, pixels in read_sample(sample):
        metadata = {
            "synthetic": False,
            "source": sample.source,
            "licence": sample.licence,
            "url": image.urls[0],
        }
        # They lie on top of each other, so one is shown at first.
        keywords = {
            "name": image.title,
            "rgb": True,
            "visible": not layers,
            "metadata": metadata,
        }
        layers.append((pixels, keywords, "image"))
    return layers


def bccd_sample() -> list[LayerData]:
    """Return whole fields of BCCD, an image layer each.

    Returns
    -------
    list of (ndarray, dict, str)
        The first one visible.

    Raises
    ------
    ImageError
        If they can't be fetched.
    """
    return _layers(BCCD)


def zheng_sample() -> list[LayerData]:
    """Return single cells of Zheng's second set; otherwise like `bccd_sample`."""
    return _layers(ZHENG)
