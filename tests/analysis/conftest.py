"""Smears whose networks are rules."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _made_up_maps(all_convincing: None) -> None:
    """Take every region of the drawn maps for an object."""
