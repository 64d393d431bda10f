"""One image under analysis: maps, parameters, labels, classes. Views listen to its signals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

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
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.computation import Computation, Computed, Votes, lay_over
from napari_leukocyte.session.edits import EditLog, Edits
from napari_leukocyte.session.objects import MODEL as MODEL
from napari_leukocyte.session.objects import READER as READER
from napari_leukocyte.session.objects import object_table


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
        self._labels: NDArray[np.int32] = np.zeros(shape, np.int32)
        self._log = EditLog(Edits.none(shape))
        self._next_label = 1
        self._votes: Votes | None = None
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
    def next_label(self) -> int:
        """First number that no object has had; for an object that is drawn."""
        return self._next_label

    @property
    def edits(self) -> Edits:
        """What was changed by hand."""
        return self._log.edits

    @property
    def probability(self) -> NDArray[np.float32] | None:
        """The ensemble's vote with the weights in use, (H, W) float32."""
        return None if self._votes is None else self._votes.cell

    @property
    def nucleus(self) -> NDArray[np.float32] | None:
        """The vote on the nuclei, (H, W) float32."""
        return None if self._votes is None else self._votes.nucleus

    @property
    def markers(self) -> NDArray[np.float64] | None:
        """The points that ``watershed="points"`` starts from, (N, 2) y and x in px; a copy."""
        return None if self._markers is None else self._markers.copy()

    def set_maps(
        self,
        maps: MemberMaps,
        weights: Sequence[float] | None = None,
        params: PostprocessParams | None = None,
    ) -> None:
        """Take the maps of a run and compute the label image.

        Parameters
        ----------
        maps : MemberMaps
            Of this session's image.
        weights : sequence of float, optional
            Of the members; the model's own by default.
        params : PostprocessParams, optional
            Those in use by default.

        Raises
        ------
        ParameterError
            If the maps belong to an image of another size, the weights do not fit, or the
            parameters need markers that are not there. The session then stays as it was.
        """
        computation = self.plan(maps=maps, weights=weights, params=params)
        if computation is not None:
            self.take(computation.run())

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
        computation = self.plan(params=params)
        if computation is None:
            self._params = params
        else:
            self.take(computation.run())

    def set_markers(self, markers: ArrayLike | None) -> None:
        """Set the points, (N, 2) y and x in px, from which ``watershed="points"`` parts cells.

        Raises
        ------
        ParameterError
            If they are taken away while the parameters need them; the old ones then stay.
        """
        points = None if markers is None else np.array(markers, np.float64).reshape(-1, 2)
        former, self._markers = self._markers, points
        computation = self.plan()
        if computation is not None and self._params.watershed == "points":
            try:
                self.take(computation.run())
            except ParameterError:
                self._markers = former
                raise

    def plan(
        self,
        *,
        maps: MemberMaps | None = None,
        weights: Sequence[float] | None = None,
        params: PostprocessParams | None = None,
        markers: ArrayLike | None = None,
    ) -> Computation | None:
        """Prepare the next label image, so that a thread can compute it and `take` takes it.

        Parameters
        ----------
        maps : MemberMaps, optional
            Of a new run; those in use by default.
        weights : sequence of float, optional
            Those in use by default, or those of the model if the maps are new.
        params : PostprocessParams, optional
            Those in use by default.
        markers : array_like, optional
            (N, 2) y and x, px; those in use by default.

        Returns
        -------
        Computation or None
            None before the first run.

        Raises
        ------
        ParameterError
            If the maps belong to an image of another size.
        """
        used = self._maps if maps is None else maps
        if used is None:
            return None
        if used.cell.shape[1:] != self._labels.shape:
            raise ParameterError(
                f"The maps have shape {used.cell.shape[1:]}, the image {self._labels.shape}."
            )
        known = self._weights if used is self._maps else None
        chosen = tuple(weights if weights is not None else known or used.weights)
        return Computation(
            used,
            chosen,
            self._votes if used is self._maps and chosen == self._weights else None,
            self._params if params is None else params,
            self._markers if markers is None else np.array(markers, np.float64).reshape(-1, 2),
            self._labels,
            self.edits,
            self._next_label,
        )

    def take(self, computed: Computed) -> None:
        """Make what was computed the session's state.

        What was drawn after the computation was planned is kept as well.
        """
        source = computed.computation
        labels = computed.labels
        if source.labels is not self._labels or source.edits is not self.edits:
            labels = lay_over(computed.raw, self._labels, self.edits, self._next_label)
        self._maps, self._weights = source.maps, source.weights
        self._params, self._markers = source.params, source.markers
        self._votes = computed.votes
        self._replace(labels)

    def _replace(self, labels: NDArray[np.int32]) -> None:
        self._labels = labels
        self._next_label = max(self._next_label, int(labels.max(initial=0)) + 1)
        self._log.forget_steps()
        self._measured = None
        self.labels_changed.emit()
        self.table_changed.emit()

    # -- editing --------------------------------------------------------------------------

    def accept_edit(self, labels: ArrayLike) -> None:
        """Take over a label image that a user has painted in.

        The objects that differ are marked as edited: they stay as they are, with their numbers,
        whatever is computed later. A change that undoes the last one also undoes its marks.

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
        if not self._log.record(self._labels, array):
            return
        self._labels = array
        self._next_label = max(self._next_label, int(array.max(initial=0)) + 1)
        self._measured = None
        self.table_changed.emit()

    def forget_edits(self) -> None:
        """Give up every manual change of masks and compute the label image afresh."""
        self._log = EditLog(Edits.none(self._labels.shape))
        computation = self.plan()
        if computation is not None:
            self.take(computation.run())

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
            self._measured = measure(self._labels, self.nucleus)
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
        return object_table(
            self._measurements(), self._predictions, self._assigned, self.edits.labels
        )

    def leukogram(self) -> pd.DataFrame:
        """Count the classes; see :func:`napari_leukocyte.counting.leukogram.count`."""
        return count(self.table())
