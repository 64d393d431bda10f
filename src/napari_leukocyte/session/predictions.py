"""A classifier's predictions for an image's objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from napari_leukocyte.schema import LABEL, probabilities_of
from napari_leukocyte.session.queue import Uncertainty


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of one classifier.

    Attributes
    ----------
    table : pandas.DataFrame
        As from :func:`napari_leukocyte.classification.classify.classify`.
    model : str
        The classifier's name.
    description : mapping
        The same for the record, with the checksums of the files that were used.
    """

    table: pd.DataFrame
    model: str
    description: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def by_label(self) -> pd.DataFrame:
        """Class, confidence and probabilities; its index are the labels."""
        columns = ["class", "confidence", *probabilities_of(self.table)]
        return self.table.set_index(LABEL)[columns]

    @cached_property
    def classes(self) -> dict[int, str]:
        """The class of each object that has one."""
        pairs = zip(self.table[LABEL].tolist(), self.table["class"].tolist(), strict=True)
        return {int(n): c for n, c in pairs if isinstance(c, str)}

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """How unsure it is of each object."""
        return Uncertainty.of(self.by_label)

    def merged(self, newer: Predictions) -> Predictions:
        """Return the newer predictions with these below them; only of the same classifier."""
        if newer.model != self.model or newer.description != self.description:
            return newer
        kept = self.table[~self.table[LABEL].isin(newer.table[LABEL])]
        tables = [t for t in (kept, newer.table) if len(t)]
        joined = pd.concat(tables, ignore_index=True) if tables else newer.table
        ordered = joined.sort_values(LABEL, ignore_index=True)
        return Predictions(ordered, newer.model, newer.description)
