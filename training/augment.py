"""Augmentation: geometry on image and mask together, then the look of stain and microscope.

Stains, cameras and lamps differ between laboratories far more than cells do, so the
appearance part is strong: it is what lets a network meet a smear that it has never seen.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # its version check needs a network

import albumentations as A
import cv2
import numpy as np
from numpy.typing import NDArray

from training.elastic import deform

Image = NDArray[np.uint8]
#: Standard deviation of the strongest defocus, px of the crop.
STRONGEST_BLUR = 4.0


@dataclass(frozen=True)
class GeometryParams:
    """Ranges of the geometric augmentation.

    Attributes
    ----------
    scale_sigma : float
        Standard deviation of the log of the usual scale jitter.
    wide_scale_share : float
        Share of samples whose scale is drawn from half to double instead: the coarse pass
        that estimates the diameter meets cells of any size.
    stretch : float
        Largest relative difference between the two axes.
    shift : float
        Largest offset of the cell from the crop's centre, in parts of the crop.
    elastic_share : float
        Share of samples that are bent elastically as well; none by default.
    elastic_shift, elastic_nodes : float, int
        Size and fineness of the bends, see :func:`training.elastic.deform`.
    """

    scale_sigma: float = 0.15
    wide_scale_share: float = 0.2
    stretch: float = 0.12
    shift: float = 0.35
    elastic_share: float = 0.0
    elastic_shift: float = 0.02
    elastic_nodes: int = 5


@dataclass(frozen=True)
class AppearanceParams:
    """Ranges of the appearance augmentation.

    Attributes
    ----------
    density : float
        Standard deviation of the log of each channel's optical-density factor.
    mixing : float
        Standard deviation of the crosstalk between the channels' optical densities.
    background : tuple of float
        Range of the white point of each channel, in parts of full scale.
    hue, saturation, value : float
        HSV jitter, in parts of the full range.
    plain_share : float
        Share of samples that keep their colours.
    defocus_share : float
        Share of samples that are blurred strongly, by a Gaussian of up to `STRONGEST_BLUR`: in many
        fields the leukocyte is out of focus.
    faint_share : float
        Share of samples whose whole stain is made weaker, down to a third.
    stain_amounts : float
        Standard deviation of the log of the amounts of nuclear stain and of eosin, each by itself;
        only where a mask tells where the nucleus is (:func:`vary_stain_amounts`).
    """

    density: float = 0.25
    mixing: float = 0.07
    background: tuple[float, float] = (0.68, 1.0)
    hue: float = 0.06
    saturation: float = 0.35
    value: float = 0.15
    plain_share: float = 0.1
    defocus_share: float = 0.0
    faint_share: float = 0.0
    stain_amounts: float = 0.0


def crop_with_geometry(
    image: Image,
    mask: Image,
    centre: tuple[float, float],
    scale: float,
    side: int,
    rng: np.random.Generator,
    params: GeometryParams,
) -> tuple[Image, Image]:
    """Cut a square crop in one interpolation: rotated, scaled, stretched, mirrored, shifted.

    Parameters
    ----------
    image, mask : ndarray
        (H, W, 3) and (H, W, 2) uint8.
    centre : (float, float)
        y and x, in px, of what the crop is about.
    scale : float
        Factor that brings the leukocyte to the size of training, before jitter.
    side : int
        Side of the crop, px.
    rng : numpy.random.Generator
        Source of randomness.
    params : GeometryParams
        Ranges.

    Returns
    -------
    image, mask : ndarray
        (side, side, 3) and (side, side, 2) uint8; the surroundings are mirrored in.
    """
    if rng.random() < params.wide_scale_share:
        factor = 2.0 ** rng.uniform(-1, 1)
    else:
        factor = float(np.exp(rng.normal(0, params.scale_sigma)))
    angle = rng.uniform(0, 2 * np.pi)
    stretch = float(np.exp(rng.uniform(-params.stretch, params.stretch)))
    mirror = rng.choice([-1.0, 1.0])
    size = scale * factor * np.array([stretch * mirror, 1 / stretch])
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = rotation * size  # columns scaled: stretch first, then rotate
    target = side / 2 + rng.uniform(-params.shift, params.shift, 2) * side
    offset = target - linear @ np.array([centre[1], centre[0]])
    affine = np.column_stack([linear, offset])
    if scale * factor < 0.6:  # warpAffine does not average over the pixels it skips
        sigma = 0.4 / (scale * factor)
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
    border = cv2.BORDER_REFLECT_101
    crop = cv2.warpAffine(image, affine, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
    truth = cv2.warpAffine(
        mask * 255, affine, (side, side), flags=cv2.INTER_LINEAR, borderMode=border
    )
    image, mask = np.asarray(crop, np.uint8), (truth > 127).astype(np.uint8)
    # Chance is asked only where it matters, so that experiments without bends repeat as they were.
    if params.elastic_share > 0 and rng.random() < params.elastic_share:
        return deform(image, mask, params.elastic_shift, params.elastic_nodes, rng)
    return image, mask


def paste_neighbour(
    image: Image, mask: Image, other: Image, other_mask: Image, rng: np.random.Generator
) -> tuple[Image, Image]:
    """Paste another crop's cell so that it touches this crop's cell.

    All arrays are crops of one size. The pasted cell is moved until it touches or slightly
    overlaps; its colours are matched to the background around the first cell.
    """
    ys, xs = np.nonzero(mask[..., 0])
    oys, oxs = np.nonzero(other_mask[..., 0])
    if min(len(ys), len(oys)) < 50:
        return image, mask
    radius = np.sqrt(len(ys) / np.pi) + np.sqrt(len(oys) / np.pi)
    angle = rng.uniform(0, 2 * np.pi)
    distance = radius * rng.uniform(0.85, 1.02)
    dx = xs.mean() + distance * np.cos(angle) - oxs.mean()
    dy = ys.mean() + distance * np.sin(angle) - oys.mean()
    move = np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float64)
    side = image.shape[0]
    tint = (_background(image) + 1.0) / (_background(other) + 1.0)
    other = np.clip(other * tint, 0, 255).astype(np.uint8)
    moved = cv2.warpAffine(other, move, (side, side), borderMode=cv2.BORDER_REPLICATE)
    moved_mask = cv2.warpAffine(other_mask, move, (side, side), flags=cv2.INTER_NEAREST)
    alpha = cv2.GaussianBlur(moved_mask[..., 0].astype(np.float32), (0, 0), 0.8)[..., None]
    blended = image * (1 - alpha) + moved * alpha
    inside = moved_mask[..., :1] > 0
    return blended.astype(np.uint8), np.where(inside, moved_mask, mask)


def _background(image: Image) -> NDArray[np.float64]:
    """Return the colour of the empty background: a high percentile of each channel."""
    return np.percentile(image[::4, ::4].reshape(-1, 3), 90, axis=0)


def restain(image: Image, rng: np.random.Generator, params: AppearanceParams) -> Image:
    """Change stain, lamp and background colour in optical-density space.

    Parameters
    ----------
    image : ndarray
        (H, W, 3) uint8 RGB.
    rng : numpy.random.Generator
        Source of randomness.
    params : AppearanceParams
        Ranges.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 RGB.

    Notes
    -----
    Beer and Lambert: the logarithm of the light that passes is linear in the amount of
    stain, so factors and crosstalk there look like another stain or another batch.
    """
    white = np.maximum(_background(image), 60.0)
    density = -np.log((image.astype(np.float32) + 1) / (white.astype(np.float32) + 1))
    factors = np.exp(rng.normal(0, params.density, 3) + rng.normal(0, params.density / 2))
    if params.faint_share and rng.random() < params.faint_share:
        factors = factors * rng.uniform(0.3, 1.0)
    mixing = np.diag(factors) + rng.normal(0, params.mixing, (3, 3)) * (1 - np.eye(3))
    density = density @ mixing.T.astype(np.float32)
    low, high = params.background
    point = 255 * np.clip(rng.uniform(low, high) + rng.normal(0, 0.06, 3), 0.45, 1.0)
    light = np.clip(point.astype(np.float32) * np.exp(-density), 0, 255)
    return np.asarray(light, np.uint8)


#: Direction of eosin in optical density (R, G, B), where an image shows no erythrocytes to ask.
EOSIN = (0.42, 0.78, 0.46)

#: Cosine from which two directions are too alike to be told apart.
TOO_ALIKE = 0.985


def vary_stain_amounts(image: Image, mask: Image, rng: np.random.Generator, sigma: float) -> Image:
    """Change how much of the nuclear stain and of eosin there is, each by a factor of its own.

    Laboratories differ in the ratio of the two as much as in their hues. The directions are this
    image's own: the mean of the darkest part of the cell, and of what is as light as erythrocytes
    around it.

    Parameters
    ----------
    image : ndarray
        (H, W, 3) uint8 RGB.
    mask : ndarray
        (H, W) uint8, 255 inside the cell.
    rng : numpy.random.Generator
        Source of randomness.
    sigma : float
        Standard deviation of the logarithm of each factor.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 RGB; the image itself if the cell is too small to show its stain.

    References
    ----------
    Ruifrok and Johnston, "Quantification of histochemical staining by color deconvolution", 2001:
    stains as directions in optical density.
    """
    white = np.maximum(_background(image), 60.0)
    density = -np.log((image.astype(np.float32) + 1) / (white.astype(np.float32) + 1))
    green = density[..., 1]
    inside = mask > 127
    if np.count_nonzero(inside) < 50:
        return image
    dark = inside & (green >= np.percentile(green[inside], 80))
    nuclear = _direction(density[dark].mean(axis=0))
    outside = (mask == 0) & (green > 0.1) & (green < 0.45 * green[dark].mean())
    eosin = np.array(EOSIN)
    if np.count_nonzero(outside) > 200:
        eosin = _direction(density[outside].mean(axis=0))
    if nuclear @ eosin > TOO_ALIKE:
        eosin = np.array(EOSIN)
    basis = np.stack([nuclear, eosin], axis=1)
    amounts = np.maximum(density @ np.linalg.pinv(basis).T.astype(np.float32), 0)
    factors = np.exp(rng.normal(0, sigma, 2)) - 1
    density = density + (amounts * factors.astype(np.float32)) @ basis.T.astype(np.float32)
    light = np.clip((white.astype(np.float32) + 1) * np.exp(-density) - 1, 0, 255)
    return np.asarray(light, np.uint8)


def _direction(density: NDArray[np.floating]) -> NDArray[np.float64]:
    vector = np.maximum(density.astype(np.float64), 0.01)
    return np.asarray(vector / np.linalg.norm(vector))


def uneven_light(image: Image, rng: np.random.Generator, strength: float = 0.2) -> Image:
    """Darken the image along a random direction and towards the corners."""
    h, w = image.shape[:2]
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(np.float32)
    angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, strength)
    shade = 1 - slope * (1 + x * np.cos(angle) + y * np.sin(angle)) / 2
    shade -= rng.uniform(0, strength / 2) * (x**2 + y**2) / 2
    return np.asarray(image * shade[..., None], np.uint8)


class Appearance:
    """The appearance augmentation, seeded."""

    def __init__(self, params: AppearanceParams, seed: int) -> None:
        self._params = params
        self._rng = np.random.default_rng(seed)
        p = params
        self._camera = A.Compose(
            [
                A.HueSaturationValue(p.hue * 180, p.saturation * 255, p.value * 255, p=0.6),
                A.RandomBrightnessContrast(0.2, 0.25, p=0.5),
                A.RandomGamma((70, 140), p=0.2),
                A.ToGray(p=0.02),
                A.OneOf(
                    [
                        A.GaussianBlur(blur_limit=0, sigma_limit=(0.3, 1.6)),
                        A.Defocus(radius=(1, 3)),
                        A.Sharpen(alpha=(0.1, 0.5)),
                        A.Downscale(scale_range=(0.4, 0.8)),
                    ],
                    p=0.4,
                ),
                A.GaussNoise(std_range=(0.005, 0.04), p=0.25),
                A.ImageCompression(quality_range=(35, 95), p=0.4),
            ],
            seed=seed,
        )

    def __call__(self, image: Image) -> Image:
        """Return a new look of a (H, W, 3) uint8 RGB image."""
        share = self._params.defocus_share
        if share and self._rng.random() < share:
            sigma = self._rng.uniform(1.0, STRONGEST_BLUR)
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
        if self._rng.random() < self._params.plain_share:
            return image
        if self._rng.random() < 0.85:
            image = restain(image, self._rng, self._params)
        if self._rng.random() < 0.3:
            image = uneven_light(image, self._rng)
        return np.asarray(self._camera(image=image)["image"], np.uint8)
