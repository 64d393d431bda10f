"""Where the features lie that speak for a class.

A network that ends in an average over places and one linear layer adds up, for each class, what
each place contributes: the class activation map (B. Zhou and others: Learning Deep Features for
Discriminative Localization. CVPR 2016). For such networks it is Grad-CAM without its last step,
which drops what speaks against the class (R. R. Selvaraju and others, ICCV 2017). No gradients
are needed, and one look at each view is enough.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.classify import turned
from napari_leukocyte.interpretation.graph import open_member
from napari_leukocyte.interpretation.scoring import Scorer


def activation_map(scorer: Scorer, target: int) -> NDArray[np.float32]:
    """Map what each place adds to the logit of a class, beyond what it adds to the mean logit.

    Parameters
    ----------
    scorer : Scorer
        Of the cell; counts the runs.
    target : int
        The class, as its index.

    Returns
    -------
    ndarray
        (S, S) float32: the mean of the map over the crop is the class's logit less the mean of
        all logits, without biases; averaged over views, turned back, and over members by their
        weights.

    Raises
    ------
    NoActivationMapError
        If a member's network does not end as described.
    """
    crops, manifest = scorer.crops, scorer.manifest
    side = crops.crop.shape[0]
    total = np.zeros((side, side), np.float32)
    scorer.expect(1)
    weight = sum(m.weight for m in manifest.members)
    for index, member in enumerate(manifest.members):
        opened = open_member(member)
        direction = opened.weights[:, target] - opened.weights.mean(axis=1)
        batch = crops.members[index].astype(np.float32)[np.newaxis]
        found = np.zeros((side, side), np.float32)
        for view in range(manifest.views):
            _, features = opened.run(turned(batch, view))
            values = np.tensordot(direction, features[0], axes=1).astype(np.float32)
            large = cv2.resize(values, (side, side), interpolation=cv2.INTER_CUBIC)
            found += _turned_back(np.asarray(large, np.float32), view)
            scorer.count(1)
        share = member.weight / (weight * manifest.views * manifest.temperature)
        total += np.float32(share) * _to_frame(found, crops.magnifications[index])
    return total


def _turned_back(values: NDArray[np.float32], view: int) -> NDArray[np.float32]:
    """Undo what `turned` did to a view."""
    straight = np.rot90(values, -(view % 4))
    return straight[:, ::-1] if view >= 4 else straight


def _to_frame(values: NDArray[np.float32], zoom: float) -> NDArray[np.float32]:
    """Bring a member's map into the frame, in which the cell is smaller; 0 beyond it."""
    if zoom == 1.0:
        return values
    side = values.shape[0]
    shift = (side - 1) / 2 * (1 - 1 / zoom)
    matrix = np.array([[1 / zoom, 0, shift], [0, 1 / zoom, shift]])
    return np.asarray(cv2.warpAffine(values, matrix, (side, side)), np.float32)
