"""Calibrations on disk: the one that ships with a classifier, and a laboratory's own cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.counting.confusion import Confusion
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.user_files import config_folder, read_user_file, write_user_file
from napari_leukocyte.language import later
from napari_leukocyte.models.artifact import ArtifactKind
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.uncertainty.calibration import OWN, Calibration

#: Beside a classifier's manifest.
FILE_NAME = "conformal.json"
_FILE = ArtifactKind(
    header=FILE_NAME,
    tie="sha256",
    subject=later("The calibration that ships was"),
    otherwise=later(
        "its sets would be wrong. Calibrate on reviewed cells, or install the model again"
    ),
)
#: Digits of a probability that are kept.
DIGITS = 5


@dataclass(frozen=True, eq=False)
class ShippedCalibration:
    """A classifier's errors, known from cells that it was not trained on.

    Attributes
    ----------
    calibration : Calibration
        Cells of validation photographs of its training sets.
    held_out : Confusion
        Of cells on photographs held out from the same sets.
    left_out : Confusion or None
        Of sets that were left out of training, by classifiers of the same recipe.
    """

    calibration: Calibration
    held_out: Confusion
    left_out: Confusion | None


def write_shipped(
    classifier: Manifest,
    calibration: Calibration,
    held_out: NDArray[np.float64],
    left_out: NDArray[np.float64] | None,
    cells: str,
) -> Path:
    """Write what ships with a classifier, beside its manifest.

    Parameters
    ----------
    classifier : Manifest
        Which.
    calibration : Calibration
        Cells that it was not trained on.
    held_out, left_out : ndarray
        (C, C) counts, rows truth; see `ShippedCalibration`.
    cells : str
        Where the cells come from, one sentence.

    Returns
    -------
    Path
        The file.
    """
    header = {
        "classifier": classifier.name,
        "sha256": _identity(classifier),
        "classes": list(classifier.classes),
        "cells": cells,
        "sources": list(calibration.sources),
        "source": [calibration.sources.index(name) for name in calibration.source],
        "truth": calibration.truth.tolist(),
        "probability": np.round(calibration.probability, DIGITS).tolist(),
        "held_out": np.round(held_out, 3).tolist(),
        "left_out": None if left_out is None else np.round(left_out, 3).tolist(),
    }
    return _FILE.write(classifier.folder, header)


def read_shipped(classifier: Manifest) -> ShippedCalibration | None:
    """Read what ships with a classifier.

    Parameters
    ----------
    classifier : Manifest
        Which.

    Returns
    -------
    ShippedCalibration or None
        None for a classifier without a calibration, such as one that a user has added.

    Raises
    ------
    ArtifactError
        If the file is damaged or made for other networks than those of the manifest.
    """
    found = _FILE.read(classifier.folder, classifier)
    if found is None:
        return None
    data, classes = dict(found.header), classifier.classes
    with found.parsing():
        left_out = data["left_out"]
        return ShippedCalibration(
            _calibration(data, classes, _sources(data)),
            _confusion(classes, data["held_out"], later("held out from its training sets")),
            None if left_out is None else _confusion(classes, left_out, "of sets left out"),
        )


class OwnCells:
    """A laboratory's reviewed cells for one classifier, kept in the user's folder.

    Parameters
    ----------
    classifier : Manifest
        Which.

    Raises
    ------
    ParameterError
        If the file is damaged.
    """

    def __init__(self, classifier: Manifest) -> None:
        self._classifier = classifier
        self._path = (
            config_folder() / "calibrations" / f"{'-'.join(_identity(classifier))[:16]}.json"
        )
        found = read_user_file(self._path, "images")
        if not (found is None or isinstance(found, dict)):
            raise ParameterError("{path} must hold the images of a calibration.", path=self._path)
        self._images: dict[str, Any] = found or {}

    @property
    def images(self) -> tuple[str, ...]:
        """The images whose cells take part."""
        return tuple(self._images)

    def calibration(self) -> Calibration:
        """Return all cells.

        Raises
        ------
        ParameterError
            If the file's cells are malformed.
        """
        classes = self._classifier.classes
        try:
            parts = [_calibration(entry, classes) for entry in self._images.values()]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ParameterError(
                "{path} is malformed: {reason}.", path=self._path, reason=str(error)
            ) from error
        truth = [classes[i] for part in parts for i in part.truth]
        probability = [part.probability for part in parts]
        joined = np.concatenate(probability) if probability else np.zeros((0, len(classes)))
        return Calibration.of(classes, truth, joined)

    def put(self, image: str, cells: Calibration) -> None:
        """Take over the cells of an image; those it gave before go.

        Parameters
        ----------
        image : str
            Its name.
        cells : Calibration
            As from :func:`napari_leukocyte.uncertainty.recalibration.reviewed_cells`.

        Raises
        ------
        OutputError
            If the file can't be written.
        """
        images = {k: v for k, v in self._images.items() if k != image}
        if len(cells):
            images[image] = {
                "truth": cells.truth.tolist(),
                "probability": np.round(cells.probability, DIGITS).tolist(),
            }
        self._write(images)

    def forget(self) -> None:
        """Go back to what ships.

        Raises
        ------
        OutputError
            If the file can't be written.
        """
        self._write({})

    def _write(self, images: dict[str, Any]) -> None:
        write_user_file(self._path, "images", images)
        self._images = images


def _confusion(classes: tuple[str, ...], counts: object, source: str) -> Confusion:
    matrix = _matrix(counts, len(classes))
    if matrix.shape != (len(classes), len(classes)):
        raise ValueError("a confusion has a row for each class")
    return Confusion(classes, matrix, source)


def _identity(classifier: Manifest) -> list[str]:
    return [m.sha256 for m in classifier.members]


def _sources(data: dict[str, Any]) -> list[str]:
    names = [str(name) for name in data["sources"]]
    return [names[_index(i, len(names))] for i in data["source"]]


def _calibration(
    data: dict[str, Any], classes: tuple[str, ...], source: list[str] | str = OWN
) -> Calibration:
    probability = _matrix(data["probability"], len(classes))
    truth = [classes[_index(i, len(classes))] for i in data["truth"]]
    if len(truth) != len(probability) or not (source == OWN or len(source) == len(truth)):
        raise ValueError("classes, sets and probabilities are not of the same number of cells")
    return Calibration.of(classes, truth, probability, source)


def _index(value: object, size: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < size:
        raise ValueError(f"{str(value)[:20]!r} is the number of no class")
    return value


def _matrix(rows: object, columns: int) -> NDArray[np.float64]:
    array = np.asarray(rows, np.float64).reshape(-1, columns)
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError("numbers from 0 on were expected")
    return array
