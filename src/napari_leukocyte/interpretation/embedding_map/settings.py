"""How a map of the cells is made."""

from __future__ import annotations

from dataclasses import dataclass

from napari_leukocyte.errors import ParameterError


@dataclass(frozen=True)
class MapSettings:
    """How a map of the cells is made.

    Attributes
    ----------
    perplexity : float
        About how many neighbours of a cell t-SNE keeps near it; fewer where there are few cells.
    fewest : int
        With fewer cells than this the map is their two principal components: t-SNE shows groups,
        and of a handful of cells it makes some out of nothing.
    iterations : int
        Of t-SNE, after a third as many with the groups drawn together.
    seed : int
        The same cells with the same seed give the same map.
    kept_share : float
        If fewer than this share of the cells have a place, 0 to 1, all are laid out anew.
    neighbours : int
        How many neighbours tell how far off a cell is.
    threshold : float
        A cell is an outlier if it is so many robust standard deviations farther off than half of
        the cells.

    Raises
    ------
    ParameterError
        If a value is out of its range.
    """

    perplexity: float = 30.0
    fewest: int = 15
    iterations: int = 500
    seed: int = 0
    kept_share: float = 0.5
    neighbours: int = 5
    threshold: float = 3.5

    def __post_init__(self) -> None:
        if not 1 <= self.perplexity <= 500:
            raise ParameterError("The perplexity of a map must be from 1 to 500.")
        if self.fewest < 4:
            raise ParameterError("A map of fewer than 4 cells can't be made by t-SNE.")
        if self.iterations < 1 or self.neighbours < 1 or self.threshold <= 0:
            raise ParameterError(
                "A map needs at least one iteration, one neighbour and a threshold above 0."
            )
        if not 0 <= self.kept_share <= 1:
            raise ParameterError("The share of cells that keep their place must be from 0 to 1.")
