"""Batches of segmentation crops: decoded once, augmented on the fly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from training.augment import (
    Appearance,
    AppearanceParams,
    GeometryParams,
    crop_with_geometry,
    paste_neighbour,
)
from training.data.photographs import Photograph
from training.size_batches import ASSUMED
from training.stains import SPACES, StainStatistics, collect, stain_like

#: Share of crops of a field that are not centred on a cell, so that the network sees
#: erythrocytes, platelets and nothing as well.
EMPTY_SHARE = 0.15


class CachedCell:
    """A photograph with its mask, decoded, and where its leukocytes are.

    Attributes
    ----------
    image, mask : ndarray
        (H, W, 3) and (H, W, 2) uint8.
    centres : list of (float, float)
        y and x of every leukocyte, px.
    diameter : float
        Median equivalent diameter of the leukocytes, px.
    """

    def __init__(self, photograph: Photograph) -> None:
        self.dataset = photograph.dataset
        self.image = photograph.read()
        self.mask = photograph.read_mask()
        _, _, stats, centroids = cv2.connectedComponentsWithStats(self.mask[..., 0])
        areas = stats[1:, cv2.CC_STAT_AREA]
        keep = areas > 0.25 * areas.max(initial=1)
        self.centres = [(float(y), float(x)) for x, y in centroids[1:][keep]]
        self.diameter = float(np.sqrt(4 * np.median(areas[keep]) / np.pi)) if keep.any() else 0.0


@dataclass(frozen=True)
class NegativeParams:
    """Crops in which there is certainly no leukocyte, or where one would not be centred on.

    Attributes
    ----------
    share : float
        Share of crops cut from fields without leukocytes; none by default.
    wide_share : float
        Share of the other crops that are cut anywhere on a field, at scales as wide as these.
    scales : tuple of float
        Factors on the nominal scale: erythrocytes as large as leukocytes, platelets as large as
        erythrocytes, whole fields shrunk.
    """

    share: float = 0.0
    wide_share: float = 0.0
    scales: tuple[float, float] = (0.25, 4.0)


class SegmentationBatches(keras.utils.PyDataset):
    """Random crops, drawn evenly from every set.

    Parameters
    ----------
    photographs : list of Photograph
        With masks.
    side : int
        Side of a crop, px, a multiple of 32.
    diameter : float
        Diameter that a leukocyte is brought to, px.
    batch_size, steps : int
        Crops a batch and batches an epoch.
    seed : int
        Everything random follows from it and from the epoch.
    paste_share : float
        Share of crops with a second, touching cell pasted in.
    empty : sequence of Photograph
        Fields without leukocytes.
    negatives : NegativeParams
        How often and at which scales such places are shown.
    restained : float
        Share of crops whose colours are moved to statistics of the sources.
    """

    def __init__(
        self,
        photographs: list[Photograph],
        side: int,
        diameter: float,
        batch_size: int,
        steps: int,
        seed: int,
        geometry: GeometryParams,
        appearance: AppearanceParams,
        paste_share: float = 0.2,
        empty: Sequence[Photograph] = (),
        negatives: NegativeParams = NegativeParams(),
        restained: float = 0.0,
    ) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        cells = [CachedCell(p) for p in photographs]
        self._cells = [c for c in cells if c.centres]
        sets = np.array([c.dataset for c in self._cells])
        # The square root lies between drawing every photograph alike and every set alike:
        # a set of 80 photographs is seen more often, but not learned by heart.
        weight = np.array([1 / np.sqrt(np.sum(sets == s)) for s in sets])
        self._weight = weight / weight.sum()
        self._side, self._diameter = side, diameter
        self._batch_size, self._steps = batch_size, steps
        self._seed, self._epoch = seed, 0
        self._geometry, self._appearance = geometry, appearance
        self._paste_share = paste_share
        self._negatives, self._restained = negatives, restained
        self._empty = [(p.read(), ASSUMED.get(p.dataset, diameter)) for p in empty]
        self._stains: list[StainStatistics] = []
        if restained > 0:
            images = [c.image for c in self._cells] + [image for image, _ in self._empty]
            groups = [c.dataset for c in self._cells] + [p.dataset for p in empty]
            self._stains = [collect(images, groups, space) for space in SPACES]

    def __len__(self) -> int:
        """Return the number of batches an epoch."""
        return self._steps

    def on_epoch_end(self) -> None:
        """Count epochs, so that each draws other crops."""
        self._epoch += 1

    def _crop(
        self, rng: np.random.Generator, centred: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        cell = self._cells[rng.choice(len(self._cells), p=self._weight)]
        centre = cell.centres[rng.integers(len(cell.centres))]
        h, w = cell.image.shape[:2]
        if not centred and min(h, w) > 3 * cell.diameter:
            centre = (rng.uniform(0, h), rng.uniform(0, w))
        scale = self._diameter / cell.diameter
        wide = self._negatives.wide_share
        if wide and min(h, w) > 3 * cell.diameter and rng.random() < wide:
            centre = (rng.uniform(0, h), rng.uniform(0, w))
            scale *= self._wide_scale(rng)
        return crop_with_geometry(
            cell.image, cell.mask, centre, scale, self._side, rng, self._geometry
        )

    def _wide_scale(self, rng: np.random.Generator) -> float:
        low, high = self._negatives.scales
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    def _empty_crop(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        image, diameter = self._empty[int(rng.integers(len(self._empty)))]
        h, w = image.shape[:2]
        centre = (rng.uniform(0, h), rng.uniform(0, w))
        scale = self._diameter / diameter * self._wide_scale(rng)
        nothing = np.zeros((h, w, 2), np.uint8)
        return crop_with_geometry(image, nothing, centre, scale, self._side, rng, self._geometry)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a batch: (N, side, side, 3) RGB 0 to 255 and (N, side, side, 2) truth."""
        seed = [self._seed, self._epoch, index]
        rng = np.random.default_rng(seed)
        appearance = Appearance(self._appearance, int(rng.integers(2**31)))
        images, masks = [], []
        for _ in range(self._batch_size):
            # Chance is asked only where it matters, so that older experiments repeat as they were.
            if self._empty and rng.random() < self._negatives.share:
                image, mask = self._empty_crop(rng)
            else:
                image, mask = self._crop(rng, rng.random() > EMPTY_SHARE)
            if rng.random() < self._paste_share:
                image, mask = paste_neighbour(image, mask, *self._crop(rng, True), rng)
            if self._stains and rng.random() < self._restained:
                stains = self._stains[int(rng.integers(len(self._stains)))]
                image = stain_like(image, stains.draw(rng), stains.space)
            images.append(appearance(image))
            masks.append(mask)
        return np.stack(images).astype(np.float32), np.stack(masks).astype(np.float32)
