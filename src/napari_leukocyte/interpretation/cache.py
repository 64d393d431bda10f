"""Explanations that were made, kept for the next time that the same cell is looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

from napari_leukocyte.interpretation.cropping import CellCrops
from napari_leukocyte.interpretation.settings import ExplainSettings, Method
from napari_leukocyte.models.manifest import Manifest

T = TypeVar("T")
#: Pixels, cell and mask are in the crops' checksum; then networks, class, method, settings.
Key = tuple[str, tuple[object, ...], str | None, Method, ExplainSettings]


def key_of(
    crops: CellCrops,
    classifier: Manifest,
    class_name: str | None,
    method: Method,
    settings: ExplainSettings,
) -> Key:
    """Return what an explanation depends on."""
    networks = tuple((m.sha256, m.weight, m.diameter_px) for m in classifier.members)
    model = (*networks, classifier.views, classifier.temperature, classifier.classes)
    return crops.sha256, model, class_name, method, settings


class Cache(Generic[T]):
    """The last so many results, safe on any thread.

    Parameters
    ----------
    size : int
        How many are kept; an explanation takes 100 KB.
    """

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._kept: OrderedDict[Key, T] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Key) -> T | None:
        """Return what was kept under a key, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: Key, value: T) -> None:
        """Keep something; the longest unused goes."""
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
