"""A session at one moment: what is saved, exported, reported or learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.reporting.record import ImageRecord, describe_maps, file_sha256, make_record
from napari_leukocyte.reporting.save import with_scores
from napari_leukocyte.segmentation.objects import score_labels
from napari_leukocyte.session.state import State


@dataclass(frozen=True, eq=False)
class SessionSnapshot:
    """A session's content, so that a thread can work on it while the session goes on.

    Its arrays are the session's own, which are never changed in place.

    Attributes
    ----------
    name : str
        Of the photograph.
    rgb : ndarray
        (H, W, 3) uint8.
    notes : tuple of str
        What was changed when the image was read.
    state : State
        Everything else that the session knew.
    table : pandas.DataFrame
        As from :meth:`napari_leukocyte.session.session.Session.table`.
    revision : int
        The session's.
    """

    name: str
    rgb: NDArray[np.uint8]
    notes: tuple[str, ...]
    state: State
    table: pd.DataFrame
    revision: int

    @property
    def labels(self) -> NDArray[np.int32]:
        """The label image, (H, W) int32; read only."""
        view = self.state.labels.view()
        view.flags.writeable = False
        return view

    @property
    def nucleus(self) -> NDArray[np.float32] | None:
        """The vote on the nuclei, (H, W) float32, worked out anew; None before the first run."""
        maps, weights = self.state.maps, self.state.weights
        return None if maps is None or weights is None else maps.combine_nucleus(weights)

    @property
    def segmentation(self) -> dict[str, Any] | None:
        """The model that found the objects, and its weights, for a record; None without maps."""
        maps = self.state.maps
        return None if maps is None else describe_maps(maps, self.state.weights)

    @property
    def sign_off(self) -> dict[str, str] | None:
        """By whom and when the count was signed off, for a record; None if it was not."""
        signed = self.state.signed_off
        return None if signed is None else {"reader": signed.reader, "when": signed.when}

    def scored_table(self) -> pd.DataFrame:
        """Return `table` with the objects' scores, which take a while: best in a thread.

        Returns
        -------
        pandas.DataFrame
            With ``score``, 0 to 1; missing without maps.
        """
        maps = self.state.maps
        scores = {} if maps is None else score_labels(self.state.labels, maps, self.state.weights)
        return with_scores(self.table, scores)

    def record(self, file: Path | None = None, folder: str | None = None) -> dict[str, Any]:
        """Return the record of how the objects came about.

        Parameters
        ----------
        file : Path, optional
            The image file, which is named and, if it is still there, whose checksum is recorded.
        folder : str, optional
            Of the image's results, below that of the record.

        Raises
        ------
        ImageError
            If the file can't be read.
        """
        state = self.state
        maps, predictions = state.maps, state.predictions
        image = ImageRecord(
            image=self.name if file is None else str(file),
            shape=(int(state.labels.shape[0]), int(state.labels.shape[1])),
            diameter_px=None if maps is None else maps.diameter,
            objects=len(self.table),
            file_sha256=None if file is None or not file.is_file() else file_sha256(file),
            folder=folder,
            notes=tuple(dict.fromkeys(self.notes + (() if maps is None else maps.notes))),
            pixels_sha256=image_key(self.rgb),
        )
        record = make_record(
            images=[image],
            segmentation=self.segmentation,
            classification=None if predictions is None else dict(predictions.description),
            params=state.params,
            diameter="auto" if maps is None else maps.diameter,
            command="viewer",
        )
        given = {n: r.class_name for n, r in state.reviews.items() if r.class_name is not None}
        return record | {
            "edited_by_hand": sorted(state.edited),
            "classified_by_hand": {str(n): c for n, c in sorted(given.items())},
            "sign_off": self.sign_off,
        }
