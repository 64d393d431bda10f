"""The error of fitting a head."""

from __future__ import annotations

from napari_leukocyte.errors import LeukocyteError


class RetrainingError(LeukocyteError):
    """A head that can't be fitted, or not taken; one sentence."""
