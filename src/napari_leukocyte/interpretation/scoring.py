"""What a classifier says of a cell of which parts are hidden."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.classify import softmax, turned
from napari_leukocyte.interpretation.cropping import CellCrops
from napari_leukocyte.interpretation.settings import Fill
from napari_leukocyte.io.images.background import WHITE
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.progress import Progress, silent

#: Images in one run of a network: few enough that a user who cancels does not wait.
BATCH = 16
#: Width of the blur that leaves no structure of a cell, in its diameters.
BLUR = 0.15
#: Probabilities are kept this far from 0 and 1 before their log-odds are taken.
_LEAST = 1e-6


def filling(crop: NDArray[np.uint8], diameter: float, fill: Fill) -> NDArray[np.float32]:
    """Return what stands where a part of a crop is hidden.

    Parameters
    ----------
    crop : ndarray
        (S, S, 3) uint8.
    diameter : float
        Of the cell in it, px.
    fill : {"blurred", "background"}
        What is wanted.

    Returns
    -------
    ndarray
        (S, S, 3) float32.
    """
    if fill == "background":
        return np.full(crop.shape, WHITE, np.float32)
    blurred = cv2.GaussianBlur(crop.astype(np.float32), (0, 0), BLUR * diameter)
    return np.asarray(blurred, np.float32)


def log_odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the natural logarithm of the odds; those of 0 and 1 are kept finite."""
    p = np.clip(probability, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(p / (1 - p)))


class Scorer:
    """Asks a classifier about one cell, again and again, with parts of it hidden.

    Parameters
    ----------
    crops : CellCrops
        The cell.
    manifest : Manifest
        The classifier: all its members and views take part, as in classification.
    fill : {"blurred", "background"}
        What stands where a part is hidden.
    progress : callable
        Called after each run of a network.

    Attributes
    ----------
    runs : int
        Images that networks have seen so far.
    """

    def __init__(
        self,
        crops: CellCrops,
        manifest: Manifest,
        fill: Fill = "blurred",
        progress: Progress = silent,
    ) -> None:
        self.crops = crops
        self.manifest = manifest
        self.fill: Fill = fill
        self.runs = 0
        self._progress = progress
        self._expected = 0
        zoomed = zip(crops.members, crops.magnifications, strict=True)
        self._fillings = [filling(c, crops.diameter * z, fill) for c, z in zoomed]

    @property
    def runs_each(self) -> int:
        """Images that networks see for one answer."""
        return self.manifest.views * len(self.manifest.members)

    def expect(self, answers: int) -> None:
        """Say how many answers will be asked for, so that progress has an end."""
        self._expected = self.runs + answers * self.runs_each

    def probabilities(self, keep: NDArray[np.float32] | None = None) -> NDArray[np.float64]:
        """Return the probability of every class.

        Parameters
        ----------
        keep : ndarray, optional
            (N, S, S) float32 in the frame of `CellCrops`, 1 where the cell is shown and 0 where
            it is hidden. By default nothing is hidden, once.

        Returns
        -------
        ndarray
            (N, C) float64; rows add up to 1.

        Raises
        ------
        ModelError, Cancelled
            If a network can't be run; if the progress callback wants to stop.
        """
        number = 1 if keep is None else len(keep)
        manifest = self.manifest
        result = np.zeros((number, len(manifest.classes)))
        share = 1 / (manifest.views * sum(m.weight for m in manifest.members))
        for index, member in enumerate(manifest.members):
            for start in range(0, number, BATCH):
                part = None if keep is None else keep[start : start + BATCH]
                batch = self._shown(index, part)
                shape = (len(batch), len(manifest.classes))
                for view in range(manifest.views):
                    logits = runtime.run(member, turned(batch, view), shape)[0]
                    probability = softmax(logits / manifest.temperature)
                    result[start : start + BATCH] += share * member.weight * probability
                    self.count(len(batch))
        return result

    def scores(self, target: int, keep: NDArray[np.float32] | None = None) -> NDArray[np.float64]:
        """Return the log-odds of one class, (N,), for `keep` as in `probabilities`."""
        return log_odds(self.probabilities(keep)[:, target])

    def count(self, images: int) -> None:
        """Note that a network has seen images, and tell of it."""
        self.runs += images
        self._progress(min(self.runs, self._expected), max(self.runs, self._expected), "Explaining")

    def _shown(self, index: int, keep: NDArray[np.float32] | None) -> NDArray[np.float32]:
        crop = self.crops.members[index].astype(np.float32)
        if keep is None:
            return crop[np.newaxis]
        parts = np.stack([self.crops.to_member(k, index) for k in keep])[..., np.newaxis]
        mixed = parts * crop + (1 - parts) * self._fillings[index]
        # Photographs hold whole numbers.
        return np.asarray(np.round(mixed), np.float32)
