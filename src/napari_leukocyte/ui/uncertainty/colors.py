"""Standardised colours: classes that are found in them, and the layer that shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_leukocyte.classification import classify as classification
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.progress import Progress
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.ui.layers.geometry import transform_of
from napari_leukocyte.ui.layers.over_image import OverImage
from napari_leukocyte.uncertainty.domain_shift.standardise import (
    METHODS,
    Method,
    standardise,
    targets,
)

#: Under this key a description of predictions says in which colours they were made.
KEY = "colours"


@dataclass(frozen=True)
class Colors:
    """Colours that an image is brought to.

    Attributes
    ----------
    method : {"model", "reinhard", "macenko"}
        See :func:`napari_leukocyte.uncertainty.domain_shift.standardise.standardise`.
    like : str
        The set whose colours are wanted; empty for "model".
    """

    method: Method
    like: str = ""

    def apply(
        self, rgb: NDArray[np.uint8], labels: NDArray[np.int32], classifier: Manifest
    ) -> NDArray[np.uint8]:
        """Return the image, (H, W, 3) uint8, in these colours."""
        target = targets()[self.like] if self.like else None
        return standardise(rgb, self.method, target, labels, classifier.nucleus_density)


def colors_of(description: Mapping[str, Any]) -> Colors | None:
    """Return in which colours predictions were made; None for the image's own."""
    found = description.get(KEY)
    if not isinstance(found, Mapping) or found.get("method") not in METHODS:
        return None
    like = str(found.get("like", ""))
    return Colors(found["method"], like if like in targets() else "")


def classify_in(
    colors: Colors,
    rgb: NDArray[np.uint8],
    labels: NDArray[np.int32],
    nucleus: NDArray[np.float32] | None,
    classifier: Manifest,
    progress: Progress,
) -> Predictions:
    """Classify all objects in standardised colours; the colours go into the description."""
    shown = colors.apply(rgb, labels, classifier)
    name = classifier.name
    table = classification.classify(shown, labels, name, nucleus=nucleus, progress=progress)
    how = {"method": colors.method, "like": colors.like}
    return Predictions(table, name, describe_model(classifier) | {KEY: how})


class Preview(OverImage):
    """At most one preview in a viewer, right above its image."""

    def show(self, image: Image, rgb: NDArray[np.uint8], how: str) -> None:
        """Show an image's standardised colours.

        Parameters
        ----------
        image : napari.layers.Image
            Whose they are.
        rgb : ndarray
            (H, W, 3) uint8.
        how : str
            The method, for the layer's name.
        """
        self.hide()
        layer = Image(rgb, name=f"{image.name} preview ({how})", **transform_of(image))
        selection = self._viewer.layers.selection
        active = selection.active
        self._put(layer, image)
        if active is not None:
            selection.active = active
