"""Where on disk the session of an image lies."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: Environment variable that names another folder of sessions.
FOLDER_VARIABLE = "NAPARI_LEUKOCYTE_SESSIONS"


def sessions_folder() -> Path:
    """Return the folder of all sessions; it may not exist yet."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("napari-leukocyte", appauthor=False) / "sessions"


def session_key(rgb: NDArray[np.uint8]) -> str:
    """Return what an image is known by: the SHA-256 of its shape and pixels, hexadecimal.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8, as `Session.rgb`.
    """
    digest = hashlib.sha256(repr(tuple(int(n) for n in rgb.shape)).encode())
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.hexdigest()


def session_folder(rgb: NDArray[np.uint8]) -> Path:
    """Return the folder of an image's session; it may not exist yet.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8, as `Session.rgb`.
    """
    return sessions_folder() / session_key(rgb)
