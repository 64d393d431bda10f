"""Which models a dataset's predictions and masks come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any


def model_sha256(description: Mapping[str, Any] | None) -> str:
    """Return the checksum of a model.

    Parameters
    ----------
    description : mapping or None
        As from :func:`napari_leukocyte.reporting.record.describe_model`.

    Returns
    -------
    str
        That of its file; of several files, the SHA-256 of theirs, one a line. Empty if unknown.
    """
    members = (description or {}).get("members")
    if not isinstance(members, list):
        return ""
    sums = [str(m["sha256"]) for m in members if isinstance(m, Mapping) and m.get("sha256")]
    if len(sums) < 2:
        return sums[0] if sums else ""
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()
