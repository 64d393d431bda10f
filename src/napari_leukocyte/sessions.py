"""The work on an image: masks, classes and reviews, with undo, kept on the disk.

The names listed in ``__all__`` are public: see ``docs/reference/api``.
"""

from napari_leukocyte.session.restoring import SessionSummary as SessionSummary
from napari_leukocyte.session.session import Session as Session
from napari_leukocyte.session.store import has_session as has_session
from napari_leukocyte.session.store import open_session as open_session
from napari_leukocyte.session.store import peek as peek

__all__ = ["Session", "SessionSummary", "has_session", "open_session", "peek"]
