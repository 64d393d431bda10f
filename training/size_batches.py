"""Views for the network that finds cells at any size: whole fields shrunk, single cells blown up.

Leukocytes of any source are shown at any size between the smallest and the largest that the network
is asked for, on their own photographs or pasted onto those of another laboratory, beside fields
without any, with the black corners, bars and frames that eyepieces and screens leave.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from training.augment import Appearance, AppearanceParams
from training.data.photographs import Photograph
from training.networks.finder import LARGEST, SMALLEST, STRIDE
from training.stains import SPACES, StainStatistics, collect, stain_like

Image = NDArray[np.uint8]
#: Spread of the heat at a leukocyte's centre, in parts of its diameter.
HEAT = 0.22
#: Regions below this part of the photograph's largest leukocyte are scraps of a mask.
_SCRAP = 0.2
#: Fields without leukocytes are few, and are shown this many times as often as others.
_EMPTY_WEIGHT = 3.0
#: Photographs per source that colours are learnt from.
_COLOURS = 150
#: Diameter of a leukocyte where a field shows none, in px of its photograph, by source.
ASSUMED = {"chula_rbc": 75.0}
_BORDERS = (cv2.BORDER_REFLECT_101, cv2.BORDER_CONSTANT)


@dataclass(frozen=True)
class ViewParams:
    """Shares of what is shown.

    Attributes
    ----------
    centred : float
        Views about a leukocyte; others are about any place of a photograph.
    pasted : float
        Views with leukocytes of another source pasted in.
    framed : float
        Views with black or white corners, bars or a frame.
    restained : float
        Views whose colours are moved to statistics of the sources.
    laid : float
        Of the views that photographs would not fill: those laid from several photographs of one
        source, side by side, as a large field; the others are mirrored on.
    stretch : float
        Largest logarithm of the ratio between the two axes.
    """

    centred: float = 0.6
    pasted: float = 0.35
    framed: float = 0.15
    restained: float = 0.4
    laid: float = 0.75
    stretch: float = 0.12


@dataclass(eq=False)
class Scene:
    """A photograph with its leukocytes numbered.

    Attributes
    ----------
    source : str
        Its set.
    image : ndarray
        (H, W, 3) uint8.
    numbers : ndarray
        (H, W) uint8: 0, or the number of a leukocyte.
    heat : ndarray
        (H, W) uint8: nearness to a leukocyte's centre, 255 there.
    diameters : ndarray
        (256,) float: of each number, px.
    centres : list of (float, float)
        x and y of each leukocyte.
    typical : float
        Median diameter, or what is assumed, px.
    """

    source: str
    image: Image
    numbers: NDArray[np.uint8]
    heat: NDArray[np.uint8]
    diameters: NDArray[np.float32]
    centres: list[tuple[float, float]]
    typical: float
    smaller: dict[int, tuple[Image, NDArray[np.uint8], NDArray[np.uint8]]] = field(
        default_factory=dict
    )

    def level(self, scale: float) -> tuple[Image, NDArray[np.uint8], NDArray[np.uint8], float]:
        """Return image, numbers and heat, shrunk by a power of two above `scale`, and by what."""
        power = max(0, int(np.floor(-np.log2(scale) - 1e-6)))
        power = min(power, int(np.log2(max(1, min(self.image.shape[:2]) / 12))))
        if power not in self.smaller:
            shape = [max(1, s // 2**power) for s in self.numbers.shape[::-1]]
            area, nearest = cv2.INTER_AREA, cv2.INTER_NEAREST
            self.smaller[power] = (
                np.asarray(cv2.resize(self.image, shape, interpolation=area), np.uint8),
                np.asarray(cv2.resize(self.numbers, shape, interpolation=nearest), np.uint8),
                np.asarray(cv2.resize(self.heat, shape, interpolation=area), np.uint8),
            )
        image, numbers, heat = self.smaller[power]
        return image, numbers, heat, numbers.shape[1] / self.numbers.shape[1]


def read_scene(photograph: Photograph) -> Scene | None:
    """Read a photograph; one without a mask is taken to show no leukocyte.

    Returns
    -------
    Scene or None
        None if it has a mask and nothing on it.
    """
    image = photograph.read()
    numbers = np.zeros(image.shape[:2], np.uint8)
    heat = np.zeros(image.shape[:2], np.float32)
    diameters = np.zeros(256, np.float32)
    centres: list[tuple[float, float]] = []
    if photograph.mask is not None:
        cell = photograph.read_mask()[..., 0]
        _, labels, stats, middles = cv2.connectedComponentsWithStats(cell)
        areas = stats[:, cv2.CC_STAT_AREA]
        least = _SCRAP * areas[1:].max(initial=0)
        for label in range(1, min(len(areas), 255)):
            if areas[label] < max(least, 30):
                continue
            number = len(centres) + 1
            diameter = _whole_diameter(stats[label], cell.shape)
            cx, cy = (float(v) for v in middles[label])
            centres.append((cx, cy))
            diameters[number] = diameter
            left, top, width, height = (int(v) for v in stats[label][:4])
            box = np.s_[top : top + height, left : left + width]
            inside = labels[box] == label
            numbers[box][inside] = number
            y, x = np.mgrid[top : top + height, left : left + width]
            squared = ((x - cx) ** 2 + (y - cy) ** 2) / (HEAT * diameter) ** 2
            heat[box][inside] = np.exp(-squared / 2)[inside]
        if not centres:
            return None
    typical = (
        float(np.median(diameters[1 : len(centres) + 1]))
        if centres
        else ASSUMED.get(photograph.dataset, min(image.shape[:2]) / 5)
    )
    return Scene(
        photograph.dataset,
        image,
        numbers,
        (heat * 255).astype(np.uint8),
        diameters,
        centres,
        typical,
    )


def _whole_diameter(stats: NDArray[np.int32], shape: tuple[int, ...]) -> float:
    """Return a region's diameter; of one that the border cuts, what its longer side suggests."""
    x, y, width, height, area = (int(v) for v in stats[:5])
    equal = float(np.sqrt(4 * area / np.pi))
    cut = x == 0 or y == 0 or x + width == shape[1] or y + height == shape[0]
    return max(equal, 0.95 * max(width, height)) if cut else equal


class SizeBatches(keras.utils.PyDataset):
    """Random views, drawn evenly from every source.

    Parameters
    ----------
    photographs : list of Photograph
        With masks, or from sets without leukocytes.
    side, batch_size, steps, seed : int
        Side of a view, px, a multiple of 32; views a batch; batches an epoch; everything random
        follows from the seed and the epoch.
    views, appearance : ViewParams, AppearanceParams
        What is shown, and how it looks.
    """

    def __init__(
        self,
        photographs: list[Photograph],
        side: int,
        batch_size: int,
        steps: int,
        seed: int,
        views: ViewParams,
        appearance: AppearanceParams,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=4)
        scenes = [read_scene(p) for p in photographs]
        self._scenes = [s for s in scenes if s is not None]
        sets = np.array([s.source for s in self._scenes])
        weight = np.array([1 / np.sqrt(np.sum(sets == s)) for s in sets])
        with_cells = np.array([bool(s.centres) for s in self._scenes])
        self._cell_weight = weight * with_cells / max(1e-9, (weight * with_cells).sum())
        weight = np.where(with_cells, weight, _EMPTY_WEIGHT * weight)
        self._weight = weight / weight.sum()
        self._of_source = {str(s): np.flatnonzero(sets == s) for s in sorted(set(sets))}
        self._side, self._batch_size, self._steps = side, batch_size, steps
        self._seed, self._epoch = seed, 0
        self._views, self._appearance = views, appearance
        rng = np.random.default_rng(0)
        chosen = [
            int(i)
            for name in sorted(set(sets))
            for i in rng.permutation(np.flatnonzero(sets == name))[:_COLOURS]
        ]
        images = [self._scenes[i].image for i in chosen]
        groups = [self._scenes[i].source for i in chosen]
        self._stains: list[StainStatistics] = [collect(images, groups, s) for s in SPACES]

    def __len__(self) -> int:
        """Return the number of batches an epoch."""
        return self._steps

    def on_epoch_end(self) -> None:
        """Count epochs, so that each draws other views."""
        self._epoch += 1

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a batch: (N, side, side, 3) RGB 0 to 255, and the truth of the finder."""
        seed = [self._seed, self._epoch, index]
        rng = np.random.default_rng(seed)
        look = Appearance(self._appearance, int(rng.integers(2**31)))
        made = [self.view(rng, look) for _ in range(self._batch_size)]
        return (
            np.stack([image for image, _ in made]).astype(np.float32),
            np.stack([truth for _, truth in made]),
        )

    def view(self, rng: np.random.Generator, look: Appearance) -> tuple[Image, NDArray[np.float32]]:
        """Draw one view: (side, side, 3) uint8 and the truth (side/4, side/4, 3) float32."""
        scene = self._scenes[rng.choice(len(self._scenes), p=self._weight)]
        diameter = float(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))))
        if diameter / scene.typical * min(scene.numbers.shape) < self._side / 2 and (
            rng.random() < self._views.laid
        ):
            image, cell, heat, size = self._laid(scene, diameter, rng)
        else:
            image, cell, heat, size = self._warped(
                scene, diameter, rng, centred=rng.random() < self._views.centred
            )
        if rng.random() < self._views.pasted and self._cell_weight.any():
            for _ in range(int(rng.integers(1, 5))):
                self._paste(image, cell, heat, size, diameter, rng)
        if rng.random() < self._views.restained:
            stains = self._stains[int(rng.integers(len(self._stains)))]
            image = stain_like(image, stains.draw(rng), stains.space)
        image = look(image)
        if rng.random() < self._views.framed:
            image = image.copy()
            hidden = frame(image, rng)
            cell[hidden] = 0
            heat[hidden] = 0
        return image, _truth(cell, heat, size)

    def _warped(
        self, scene: Scene, diameter: float, rng: np.random.Generator, *, centred: bool
    ) -> tuple[Image, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Cut a view in which the scene's leukocytes have about the diameter."""
        scale = diameter / scene.typical
        source, numbers, heat, shrunk = scene.level(scale)
        height, width = numbers.shape
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        if centred and scene.centres:
            x, y = (v * shrunk for v in scene.centres[int(rng.integers(len(scene.centres)))])
        stretch = float(np.exp(rng.uniform(-self._views.stretch, self._views.stretch)))
        turn = rng.uniform(0, 2 * np.pi) if rng.random() < 0.5 else rng.integers(4) * np.pi / 2
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        mirror = rng.choice([-1.0, 1.0])
        linear = rotation * (scale / shrunk * np.array([stretch * mirror, 1 / stretch]))
        target = self._side * rng.uniform(0.1, 0.9, 2)
        affine = np.column_stack([linear, target - linear @ np.array([x, y])])
        shape = (self._side, self._side)
        # Mostly mirrored on; sometimes the photograph ends, on something dark, light or grey.
        mode = _BORDERS[int(rng.random() < 0.15)]
        grey = float(rng.choice([0.0, 255.0, rng.uniform(0, 255)]))
        image = cv2.warpAffine(
            source, affine, shape, flags=cv2.INTER_LINEAR, borderMode=mode, borderValue=(grey,) * 3
        )
        nearest = cv2.INTER_NEAREST
        warped = cv2.warpAffine(numbers, affine, shape, flags=nearest, borderMode=mode)
        near = cv2.warpAffine(heat, affine, shape, flags=cv2.INTER_LINEAR, borderMode=mode)
        size = scene.diameters[warped] * np.float32(scale)
        return (
            np.asarray(image, np.uint8),
            (np.asarray(warped) > 0).astype(np.float32),
            np.asarray(near, np.float32) / np.float32(255),
            np.asarray(size, np.float32),
        )

    def _laid(
        self, first: Scene, diameter: float, rng: np.random.Generator
    ) -> tuple[Image, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Lay photographs of one source side by side."""
        side = self._side
        image = np.zeros((side, side, 3), np.uint8)
        cell, heat, size = (np.zeros((side, side), np.float32) for _ in range(3))
        of_source = self._of_source[first.source]
        # The tiles of the later columns and rows cover what the earlier ones have too much.
        top = -int(rng.integers(0, 6))
        while top < side:
            left, lowest = -int(rng.integers(0, 6)), side
            while left < side:
                scene = self._scenes[of_source[int(rng.integers(len(of_source)))]]
                scale = diameter / scene.typical * float(np.exp(rng.normal(0, 0.08)))
                source, numbers, near, _ = scene.level(scale)
                shape = [max(6, round(s * scale)) for s in scene.numbers.shape[::-1]]
                nearest, area = cv2.INTER_NEAREST, cv2.INTER_AREA
                tile = [
                    np.asarray(cv2.resize(source, shape, interpolation=area)),
                    np.asarray(cv2.resize(numbers, shape, interpolation=nearest)),
                    np.asarray(cv2.resize(near, shape, interpolation=area)),
                ]
                if rng.random() < 0.5:
                    tile = [t[::-1] for t in tile]
                if rng.random() < 0.5:
                    tile = [t[:, ::-1] for t in tile]
                y0, x0 = max(0, top), max(0, left)
                y1, x1 = min(side, top + shape[1]), min(side, left + shape[0])
                to, part = np.s_[y0:y1, x0:x1], np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
                image[to], heat[to] = tile[0][part], tile[2][part] / np.float32(255)
                cell[to] = tile[1][part] > 0
                size[to] = scene.diameters[tile[1][part]] * np.float32(scale)
                left += shape[0]
                lowest = min(lowest, top + shape[1])
            top = lowest
        return image, cell, heat, size

    def _paste(
        self,
        image: Image,
        cell: NDArray[np.float32],
        heat: NDArray[np.float32],
        size: NDArray[np.float32],
        diameter: float,
        rng: np.random.Generator,
    ) -> None:
        """Paste a leukocyte of any source where there is none, in place."""
        scene = self._scenes[rng.choice(len(self._scenes), p=self._cell_weight)]
        wanted = diameter * float(np.exp(rng.normal(0, 0.2)))
        other, inside, near, sizes = self._warped(scene, wanted, rng, centred=True)
        # Of what the view shows, the leukocyte nearest to the middle alone.
        _, labels, _, middles = cv2.connectedComponentsWithStats((inside > 0).astype(np.uint8))
        if len(middles) < 2:
            return
        away = np.hypot(*(middles[1:] - self._side / 2).T)
        chosen = labels == 1 + int(np.argmin(away))
        if (cell * chosen).any():
            return
        tint = (_light(image) + 1) / (_light(other) + 1)
        tinted = np.clip(other * tint, 0, 255)
        alpha = cv2.GaussianBlur(chosen.astype(np.float32), (0, 0), 0.7)[..., None]
        image[:] = (image * (1 - alpha) + tinted * alpha).astype(np.uint8)
        cell[chosen], heat[chosen], size[chosen] = 1, near[chosen], sizes[chosen]


def frame(image: Image, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Paint corners, bars or a frame over an image, in place; return where, (H, W) bool."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    kind = rng.integers(3)
    if kind == 0:  # an eyepiece's edge
        radius = rng.uniform(0.45, 0.68) * min(height, width)
        cx, cy = width * rng.uniform(0.4, 0.6), height * rng.uniform(0.4, 0.6)
        hidden = (x - cx) ** 2 + (y - cy) ** 2 > radius**2
    elif kind == 1:  # bars along one or two edges
        depth = rng.uniform(0.01, 0.2, 4) * (rng.random(4) < 0.5)
        hidden = (x < depth[0] * width) | (x >= width * (1 - depth[1]))
        hidden |= (y < depth[2] * height) | (y >= height * (1 - depth[3]))
    else:  # a scale bar, or a label
        top, left = rng.uniform(0, 0.9) * height, rng.uniform(0, 0.7) * width
        low, right = top + rng.uniform(0.01, 0.08) * height, left + rng.uniform(0.1, 0.3) * width
        hidden = (y >= top) & (y < low) & (x >= left) & (x < right)
    colour = rng.choice(np.array([[0, 0, 0], [0, 0, 0], [255, 255, 255], [0, 160, 0]]))
    noise = rng.integers(0, 6, (int(hidden.sum()), 3)) * (rng.random() < 0.5)
    image[hidden] = np.clip(colour + noise, 0, 255).astype(np.uint8)
    return np.asarray(hidden, np.bool_)


def _light(image: Image) -> NDArray[np.float64]:
    """Return the colour of the empty background: a high percentile of each channel."""
    return np.percentile(image[::4, ::4].reshape(-1, 3), 90, axis=0)


def _truth(
    cell: NDArray[np.float32], heat: NDArray[np.float32], size: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Bring maps to the output's resolution: means, of sizes where cells are."""
    shape = (cell.shape[1] // STRIDE, cell.shape[0] // STRIDE)
    area = cv2.INTER_AREA
    covered = cv2.resize(cell, shape, interpolation=area)
    total = cv2.resize(cell * size, shape, interpolation=area)
    known = covered > 0.05
    log = np.zeros_like(covered)
    log[known] = np.log2(np.maximum(total[known] / covered[known], 1))
    near = cv2.resize(heat, shape, interpolation=area)
    # A leukocyte of a few pixels has its centre within one output pixel: its peak must be seen.
    peak = cv2.dilate(heat, np.ones((STRIDE, STRIDE), np.uint8))
    peak = peak[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
    near = np.maximum(near, peak * (near > 0.2 * peak))
    return np.stack([covered, near, log], axis=-1).astype(np.float32)
