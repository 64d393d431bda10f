"""One image under analysis: maps, parameters, labels, classes. Views listen to its signals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from psygnal import Signal

from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.classification.regions import as_label_image
from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.images.normalise import normalise_image
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.matching import match_labels
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.segmentation.postprocess import postprocess
from napari_leukocyte.session.edits import Edits, apply_edits, record_edit

#: Who said which class an object has.
MODEL, READER = "model", "reader"


class Session:
    """The state of one image.

    Everything that shows it (layers, tables, charts) is a view: it listens to the signals, and
    what a user does in it becomes a call of a method here.

    Parameters
    ----------
    image : array_like
        See :func:`napari_leukocyte.images.normalise.normalise_image`.
    name : str
        Shown to the user and written into tables.

    Attributes
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    notes : tuple of str
        What was changed when the image was read.
    """

    #: Emitted when the label image was computed anew or replaced.
    labels_changed: ClassVar[Signal] = Signal()
    #: Emitted when objects, classes or measurements changed.
    table_changed: ClassVar[Signal] = Signal()

    def __init__(self, image: ArrayLike, name: str = "image") -> None:
        normalised = normalise_image(image)
        self.rgb = normalised.rgb
        self.notes = normalised.notes
        self.name = name
        shape = self.rgb.shape[:2]
        self._maps: MemberMaps | None = None
        self._weights: tuple[float, ...] | None = None
        self._params = PostprocessParams()
        self._markers: NDArray[np.float64] | None = None
        self._labels = np.zeros(shape, np.int32)
        self._edits = Edits.none(shape)
        self._next_label = 1
        self._probability: NDArray[np.float32] | None = None
        self._nucleus: NDArray[np.float32] | None = None
        self._predictions = pd.DataFrame()
        self._classifier: str | None = None
        self._assigned: dict[int, str] = {}
        self._measured: pd.DataFrame | None = None

    # -- segmentation ---------------------------------------------------------------------

    @property
    def maps(self) -> MemberMaps | None:
        """Every member's maps; None before the first run."""
        return self._maps

    @property
    def params(self) -> PostprocessParams:
        """Parameters of the post-processing in use."""
        return self._params

    @property
    def weights(self) -> tuple[float, ...] | None:
        """Weights of the members in use; None before the first run."""
        return self._weights

    @property
    def labels(self) -> NDArray[np.int32]:
        """The label image, (H, W) int32; read only."""
        view = self._labels.view()
        view.flags.writeable = False
        return view

    @property
    def edits(self) -> Edits:
        """What was changed by hand."""
        return self._edits

    @property
    def probability(self) -> NDArray[np.float32] | None:
        """The ensemble's vote with the weights in use, (H, W) float32."""
        return self._probability

    @property
    def nucleus(self) -> NDArray[np.float32] | None:
        """The vote on the nuclei, (H, W) float32."""
        return self._nucleus

    def set_maps(self, maps: MemberMaps, weights: Sequence[float] | None = None) -> None:
        """Take the maps of a run and compute the label image.

        Parameters
        ----------
        maps : MemberMaps
            Of this session's image.
        weights : sequence of float, optional
            Of the members; the model's own by default.

        Raises
        ------
        ParameterError
            If the maps belong to an image of another size, or the weights do not fit.
        """
        if maps.cell.shape[1:] != self._labels.shape:
            raise ParameterError(
                f"The maps have shape {maps.cell.shape[1:]}, the image {self._labels.shape}."
            )
        chosen = tuple(maps.weights if weights is None else weights)
        probability, nucleus = maps.combine(chosen), maps.combine_nucleus(chosen)
        self._maps, self._weights = maps, chosen
        self._probability, self._nucleus = probability, nucleus
        self._compute()

    def set_weights(self, weights: Sequence[float]) -> None:
        """Vote with other weights and compute the label image; see `set_maps`."""
        if self._maps is not None:
            self.set_maps(self._maps, weights)

    def set_params(self, params: PostprocessParams) -> None:
        """Compute the label image with other parameters.

        Raises
        ------
        ParameterError
            If the parameters need markers that are not there; the old ones then stay.
        """
        former, self._params = self._params, params
        try:
            self._compute()
        except ParameterError:
            self._params = former
            raise

    def set_markers(self, markers: ArrayLike | None) -> None:
        """Set the points, (N, 2) y and x in px, from which ``watershed="points"`` parts cells."""
        self._markers = None if markers is None else np.array(markers, np.float64).reshape(-1, 2)
        if self._params.watershed == "points":
            self._compute()

    def _compute(self) -> None:
        if self._maps is None or self._probability is None:
            return
        computed = postprocess(
            self._probability,
            self._params,
            diameter=self._maps.diameter,
            nucleus=self._nucleus,
            markers=self._markers,
        )
        matched = match_labels(computed, self._labels, self._next_label)
        self._replace(apply_edits(matched, self._labels, self._edits))

    def _replace(self, labels: NDArray[np.int32]) -> None:
        self._labels = labels
        self._next_label = max(self._next_label, int(labels.max(initial=0)) + 1)
        self._measured = None
        self.labels_changed.emit()
        self.table_changed.emit()

    # -- editing --------------------------------------------------------------------------

    def accept_edit(self, labels: ArrayLike) -> None:
        """Take over a label image that a user has painted in.

        The objects that differ are marked as edited: they stay as they are, with their numbers,
        whatever is computed later.

        Parameters
        ----------
        labels : array_like
            (H, W) integers; copied.

        Raises
        ------
        ImageError
            If it has another shape or is no label image.
        """
        array = as_label_image(labels, (self._labels.shape[0], self._labels.shape[1])).copy()
        edits = record_edit(self._edits, self._labels, array)
        if edits is self._edits:
            return
        self._edits = edits
        self._labels = array
        self._next_label = max(self._next_label, int(array.max(initial=0)) + 1)
        self._measured = None
        self.table_changed.emit()

    def forget_edits(self) -> None:
        """Give up every manual change of masks and compute the label image afresh."""
        self._edits = Edits.none(self._labels.shape)
        self._compute()

    # -- classes --------------------------------------------------------------------------

    @property
    def classifier(self) -> str | None:
        """Name of the classifier that gave the predictions; None before the first."""
        return self._classifier

    @property
    def assigned(self) -> dict[int, str]:
        """Classes given by the reader, by label; a copy."""
        return dict(self._assigned)

    def set_predictions(self, table: pd.DataFrame, classifier: str) -> None:
        """Take over what a classifier said; classes given by a reader stay.

        Parameters
        ----------
        table : pandas.DataFrame
            As from :func:`napari_leukocyte.classification.classify.classify`.
        classifier : str
            The model's name.
        """
        columns = ["class", "confidence", *(c for c in table if str(c).startswith("p_"))]
        self._predictions = table.set_index("label")[columns]
        self._classifier = classifier
        self.table_changed.emit()

    def set_class(self, labels: Iterable[int], name: str) -> None:
        """Give objects a class; a reader's word stands over any model's.

        Parameters
        ----------
        labels : iterable of int
            Numbers of the objects.
        name : str
            The class.

        Raises
        ------
        ParameterError
            If an object does not exist.
        """
        chosen = [int(n) for n in labels]
        existing = set(self._measurements()["label"])
        for number in chosen:
            if number not in existing:
                raise ParameterError(f"There is no object {number}.")
        if chosen:
            self._assigned.update(dict.fromkeys(chosen, name))
            self.table_changed.emit()

    def _measurements(self) -> pd.DataFrame:
        if self._measured is None:
            self._measured = measure(self._labels, self._nucleus)
        return self._measured

    def table(self) -> pd.DataFrame:
        """Return the objects.

        Returns
        -------
        pandas.DataFrame
            The columns of :func:`napari_leukocyte.classification.classify.classify` (class and
            confidence missing for objects that nobody has classified), then ``source``
            ("model" or "reader", or missing) and ``edited`` (whether the mask was changed by hand).
        """
        measured = self._measurements()
        labels = measured["label"]
        predicted = self._predictions.reindex(labels.to_numpy())
        said = [self._assigned.get(int(n)) for n in labels]
        model = predicted["class"].tolist() if "class" in predicted else [None] * len(labels)
        known = [isinstance(c, str) for c in model]
        classes = [s or (m if k else None) for s, m, k in zip(said, model, known, strict=True)]
        source = [
            READER if s else MODEL if k else None for s, k in zip(said, known, strict=True)
        ]
        front: dict[str, Any] = {
            "label": labels,
            "class": pd.Series(classes, index=labels.index, dtype="str"),
            "confidence": (
                predicted["confidence"].to_numpy()
                if "confidence" in predicted
                else np.full(len(labels), np.nan)
            ),
        }
        for column in (c for c in predicted if str(c).startswith("p_")):
            front[str(column)] = predicted[column].to_numpy()
        edited = labels.isin(list(self._edits.labels))
        return pd.concat([pd.DataFrame(front), measured.drop(columns="label")], axis=1).assign(
            source=pd.Series(source, index=labels.index, dtype="str"), edited=edited
        )

    def leukogram(self) -> pd.DataFrame:
        """Return the count of the classes; see :func:`napari_leukocyte.counting.leukogram.count`."""
        return count(self.table())
