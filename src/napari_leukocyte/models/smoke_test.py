"""Smoke test of a network from anywhere: random images, before it is taken for a model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Member

#: Sizes of the images that a segmentation network is tried on, px: tiles have many.
SIZES = ((64, 96), (96, 32))
#: How many images at once.
BATCH = 2
#: Probabilities may overstep 0 and 1, and their sum miss 1, by rounding.
ROUNDING = 1e-3


def try_segmentation(member: Member) -> tuple[str, ...]:
    """Try a network that maps cells.

    Parameters
    ----------
    member : Member
        The network.

    Returns
    -------
    tuple of str
        What it gives.

    Raises
    ------
    ModelError
        If it gives anything but one or two maps of probabilities for images of any size.
    """
    _check_channels(member)
    channels = 0
    for size in SIZES:
        shapes = [(BATCH, *size, n) for n in (1, 2)]
        maps = runtime.run(member, _random(*size), *shapes)[0]
        if not (maps.min() >= -ROUNDING and maps.max() <= 1 + ROUNDING):
            raise ModelError(
                f"{member.file} gives values from {maps.min():.3g} to {maps.max():.3g} where "
                "probabilities from 0 to 1 were expected: end the network with a sigmoid."
            )
        channels = maps.shape[-1]
    return ("cell", "nucleus")[:channels]


def try_classification(member: Member, side: int, classes: int) -> tuple[str, ...]:
    """Try a network that tells classes apart.

    Parameters
    ----------
    member : Member
        The network.
    side : int
        Side of its crops, px.
    classes : int
        Number of classes.

    Returns
    -------
    tuple of str
        What it gives.

    Raises
    ------
    ModelError
        If it does not give a logit for each class.
    """
    _check_channels(member)
    given = runtime.run(member, _random(side, side), (BATCH, classes))
    logits = given[0]
    if not np.isfinite(logits).all():
        raise ModelError(f"{member.file} gives values that are not numbers on random images.")
    if logits.min() >= 0 and np.allclose(logits.sum(axis=1), 1, atol=ROUNDING):
        raise ModelError(
            f"{member.file} gives probabilities where logits were expected: export the network "
            "without its softmax, or add the Keras file."
        )
    embedded = len(given) > 1 and given[1].ndim == 2
    return ("logits", "embedding") if embedded else ("logits",)


def fixed_side(member: Member) -> int:
    """Return the side, px, that a network's input is fixed to; 0 if it takes others too."""
    sides = {n for n in _input_shape(member)[1:3] if isinstance(n, int)}
    return sides.pop() if len(sides) == 1 else 0


def _check_channels(member: Member) -> None:
    shape = _input_shape(member)
    if len(shape) == 4 and shape[3] != 3 and shape[1] == 3:
        raise ModelError(
            f"{member.file} takes (N, 3, H, W); the plugin's images are (N, H, W, 3): export the "
            "network with channels last."
        )


def _input_shape(member: Member) -> list[int | str | None]:
    inputs = runtime.load(member).get_inputs()
    if len(inputs) != 1:
        raise ModelError(f"{member.file} takes {len(inputs)} inputs where one was expected.")
    return list(inputs[0].shape)


def _random(height: int, width: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (BATCH, height, width, 3)).astype(np.float32)
