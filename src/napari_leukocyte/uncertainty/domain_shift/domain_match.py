"""The match of an image with the training sets: how far it is from each, what differs, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.language import later, tr
from napari_leukocyte.uncertainty.domain_shift.image_profile import FEATURES, GRAIN, ImageProfile
from napari_leukocyte.uncertainty.domain_shift.training_domain import (
    TITLES,
    SetProfile,
    TrainingDomain,
)

#: Shares below this, of sets of a hundred photographs, are one photograph or none.
_TELLING = 0.02
#: Below this share of a set's own photographs as far from it, an image is no longer like the set:
#: chosen so that less than 1 in 20 photographs of the known sets is called so.
OUT_OF_DISTRIBUTION = 0.03
#: Standard deviations from which a difference is named.
NAMED = 2.0
#: What is told of an image, at most so many differences.
_MOST = 2
#: For each group of features, in L*a*b*: what a lower and a higher value is called.
_COLORS = {
    "background": (
        later("background"),
        (later("darker"), later("brighter")),
        (later("greener"), later("pinker")),
        (later("bluer"), later("yellower")),
    ),
    "nucleus": (
        later("stain of nuclei"),
        (later("darker"), later("paler")),
        (later("bluer"), later("redder")),
        (later("bluer"), later("browner")),
    ),
    "cytoplasm": (
        later("cytoplasm"),
        (later("darker"), later("paler")),
        (later("greener"), later("redder")),
        (later("bluer"), later("yellower")),
    ),
    "surroundings": (
        later("erythrocytes"),
        (later("darker"), later("paler")),
        (later("greyer"), later("redder")),
        (later("bluer"), later("yellower")),
    ),
}
_OTHERS = {
    "sharpness": (later("cells are less sharp"), later("cells are sharper")),
    "noise": (later("the image has less noise"), later("the image has more noise")),
    "log_diameter": (later("cells are smaller in pixels"), later("cells are larger in pixels")),
}


@dataclass(frozen=True, eq=False)
class DomainMatch:
    """The match of an image to the training sets.

    Attributes
    ----------
    nearest : SetProfile
        The set that it is most like.
    share : float
        Share of a set's own photographs that are at least as far from it, of the set where that is
        largest: above 0, at most 1.
    distances : dict of str to float
        Mahalanobis distance by set.
    """

    nearest: SetProfile
    share: float
    distances: dict[str, float]


@dataclass(frozen=True, eq=False)
class DomainReport:
    """The match of an image with the training domain, in words.

    Attributes
    ----------
    match : DomainMatch
        Which set it is most like, and how much.
    out_of_distribution : bool
        Whether it is unlike all training sets.
    sentence : str
        For the user.
    """

    match: DomainMatch
    out_of_distribution: bool
    sentence: str


def compare(profile: ImageProfile, sets: Sequence[SetProfile]) -> DomainMatch:
    """Compare an image with every set.

    Parameters
    ----------
    profile : ImageProfile
        The image's.
    sets : sequence of SetProfile
        At least one.

    Returns
    -------
    DomainMatch
    """
    shares = [s.share_as_far(profile.values) for s in sets]
    distances = {s.name: s.distance(profile.values) for s in sets}
    # Far from all sets the shares only tell how many photographs each has: distances decide.
    far = max(shares) < _TELLING
    order = [-distances[s.name] if far else share for share, s in zip(shares, sets, strict=True)]
    best = order.index(max(order))
    return DomainMatch(sets[best], max(shares), distances)


def report_domain(profile: ImageProfile, domain: TrainingDomain) -> DomainReport:
    """Compare an image with the training sets.

    Parameters
    ----------
    profile : ImageProfile
        The image's.
    domain : TrainingDomain
        What ships with the classifier.

    Returns
    -------
    DomainReport
    """
    match = compare(profile, domain.sets)
    nearest = TITLES.get(match.nearest.name, match.nearest.name)
    if not profile.cells:
        return DomainReport(
            match, False, tr("There are no cells to compare with the training sets.")
        )
    out_of_distribution = match.share < OUT_OF_DISTRIBUTION
    if not out_of_distribution:
        sentence = tr(
            "The image looks like those of {name}, which the classifier knows.", name=nearest
        )
        wrong = domain.in_domain_error[domain.sets.index(match.nearest)]
        if not math.isnan(wrong):
            sentence += tr(
                " On photographs of these, held out from training, {share} of cells were wrong.",
                share=_percent(wrong),
            )
        return DomainReport(match, False, sentence)
    found = differences(profile.values, match.nearest, domain.sets)
    told = "; ".join(found[:_MOST]) if found else tr("the combination of its colours is new")
    sentence = tr("Unlike the training sets: {told}. Nearest: {name}.", told=told, name=nearest)
    if math.isnan(domain.ood_error):
        sentence += tr(" Expect more errors.")
    else:
        sentence += tr(
            " Expect more errors: {share} of cells were wrong on sets left out of training",
            share=_percent(domain.ood_error),
        )
        known = [share for share in domain.in_domain_error if not math.isnan(share)]
        if known:
            sentence += tr(", {share} on known ones", share=_percent(sum(known) / len(known)))
        sentence += "."
    return DomainReport(match, True, sentence)


def differences(
    profile: NDArray[np.float64], nearest: SetProfile, sets: tuple[SetProfile, ...]
) -> list[str]:
    """Name what is different, the largest difference first.

    Parameters
    ----------
    profile : ndarray
        (F,): the image's.
    nearest : SetProfile
        What it is compared with.
    sets : tuple of SetProfile
        All of them, to say whether it is beyond every one.

    Returns
    -------
    list of str
        Parts of a sentence; none for features within `NAMED` standard deviations.
    """
    off = nearest.deviations(profile)
    parts: list[tuple[float, str]] = []
    for group, (noun, *axes) in _COLORS.items():
        start = FEATURES.index(f"{group}_l")
        values = off[start : start + 3]
        axis = int(np.abs(values).argmax())
        if abs(values[axis]) >= NAMED:
            word = axes[axis][int(values[axis] > 0)]
            beyond = _beyond(profile, start + axis, sets)
            parts.append(
                (
                    abs(float(values[axis])),
                    tr("{noun} {word} than {beyond}", noun=tr(noun), word=tr(word), beyond=beyond),
                )
            )
    for name, words in _OTHERS.items():
        place = FEATURES.index(name)
        if abs(off[place]) >= NAMED:
            text = tr(
                "{said} than in {beyond}",
                said=tr(words[int(off[place] > 0)]),
                beyond=_beyond(profile, place, sets),
            )
            parts.append((abs(float(off[place])), text))
    places = [FEATURES.index(name) for name in GRAIN]
    place = max(places, key=lambda i: abs(float(off[i])))
    found = [text for _, text in sorted(parts, reverse=True)]
    # Last: a user sees and can change the stain and the focus, but hardly the camera.
    if abs(off[place]) >= NAMED:
        beyond = _beyond(profile, place, sets)
        found.append(
            tr("the grain is that of another camera or compression than {beyond}'s", beyond=beyond)
        )
    return found


def _beyond(profile: NDArray[np.float64], place: int, sets: tuple[SetProfile, ...]) -> str:
    """Say whether a feature lies beyond all sets, or only beyond the nearest."""
    off = np.array([s.deviations(profile)[place] for s in sets])
    if bool(np.all(off >= NAMED)) or bool(np.all(off <= -NAMED)):
        return tr("any training set")
    return tr("the nearest training set")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
