"""The pace of a smear's analysis, and when it will be done."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from napari_leukocyte.analysis.smear.analysis import STEPS
from napari_leukocyte.language import tr

#: Nothing is foretold before so much of a field is done: the first networks must be loaded.
_LEAST = 0.5
#: From so many minutes on, hours are said.
_HOURS = 90


class Pace:
    """Tells from the progress of an analysis how far it is and how long it will take.

    Parameters
    ----------
    order : sequence of int
        The rows of the fields, in the order in which they are done.
    to_do : collection of int
        Those that the networks have not seen; the others pass in no time.
    """

    def __init__(self, order: Sequence[int], to_do: Collection[int]) -> None:
        self._order, self._to_do = order, frozenset(to_do)

    def describe(self, steps: int, seconds: float) -> str:
        """Say how far it is.

        Parameters
        ----------
        steps : int
            That are done, of all fields.
        seconds : float
            Since it began.

        Returns
        -------
        str
            Such as "5 of 16, about 2 min", the time only once it can be told.
        """
        number, part = divmod(steps, STEPS)
        finished = sum(row in self._to_do for row in self._order[:number])
        total = len(self._to_do)
        worked = float(finished)
        if number < len(self._order) and self._order[number] in self._to_do:
            worked += part / STEPS
        text = tr("{finished} of {total}", finished=finished, total=total)
        if not _LEAST <= worked < total:
            return text
        return f"{text}, {_about(seconds / worked * (total - worked))}"


def _about(seconds: float) -> str:
    if seconds < 60:
        return "less than a minute"
    minutes = math.ceil(seconds / 60)
    return (
        tr("about {minutes} min", minutes=minutes)
        if minutes < _HOURS
        else tr("about {minutes:.1f} h", minutes=minutes / 60)
    )
