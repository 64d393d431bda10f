"""The folder of an image's session on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.io.images.key import image_key

#: Environment variable that names another folder of sessions.
FOLDER_VARIABLE = "NAPARI_LEUKOCYTE_SESSIONS"


def sessions_folder() -> Path:
    """Return the folder of all sessions; it may not exist yet."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("napari-leukocyte", appauthor=False) / "sessions"


def session_folder(rgb: NDArray[np.uint8]) -> Path:
    """Return the folder of an image's session; it may not exist yet.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8, as `Session.rgb`.
    """
    return sessions_folder() / image_key(rgb)
