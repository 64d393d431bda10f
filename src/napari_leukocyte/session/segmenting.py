"""Commands that compute the label image of a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.language import later
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.computation import Computation, Computed, merge_edits
from napari_leukocyte.session.core import Core
from napari_leukocyte.session.state import LabelCache, State


class Segmenting(Core):
    """A session's maps, weights, parameters and markers."""

    @property
    def maps(self) -> MemberMaps | None:
        """Every member's maps, at half precision; None before the first run."""
        return self._state.maps

    @property
    def params(self) -> PostprocessParams:
        """Parameters of the post-processing in use."""
        return self._state.params

    @property
    def weights(self) -> tuple[float, ...] | None:
        """Weights of the members in use; None before the first run."""
        return self._state.weights

    @property
    def probability(self) -> NDArray[np.float32] | None:
        """The ensemble's vote with the weights in use, (H, W) float32."""
        votes = self._voted(self._state)
        return None if votes is None else votes.cell

    @property
    def markers(self) -> NDArray[np.float64] | None:
        """The points that ``watershed="points"`` starts from, (N, 2) y and x in px; a copy."""
        markers = self._state.markers
        return None if markers is None else markers.copy()

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
        if self.maps is not None:
            self.set_maps(self.maps, weights)

    def set_params(self, params: PostprocessParams) -> None:
        """Compute the label image with other parameters.

        Raises
        ------
        ParameterError
            If the parameters need markers that are not there; the old ones then stay.
        """
        computation = self.plan(params=params)
        if computation is None:
            self._do(
                replace(self._state, params=params), later("Change parameters"), kind="compute"
            )
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
        state = replace(self._state, markers=points)
        computation = self._plan(state)
        if computation is not None and self.params.watershed == "points":
            self.take(computation.run())
        else:
            self._do(state, later("Move markers"), kind="compute")

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
        state = self._state
        if markers is not None:
            state = replace(state, markers=np.array(markers, np.float64).reshape(-1, 2))
        if params is not None:
            state = replace(state, params=params)
        return self._plan(state, maps, weights)

    def _plan(
        self,
        state: State,
        maps: MemberMaps | None = None,
        weights: Sequence[float] | None = None,
    ) -> Computation | None:
        used = state.maps if maps is None else maps
        if used is None:
            return None
        if used.cell.shape[1:] != state.labels.shape:
            raise ParameterError(
                f"The maps have shape {used.cell.shape[1:]}, the image {state.labels.shape}."
            )
        known = state.weights if used is state.maps else None
        chosen = tuple(weights) if weights is not None else None
        chosen = chosen or known or tuple(used.weights)
        votes = self._votes.get((id(used), chosen, state.params.vote))
        return Computation(
            used,
            state.maps,
            chosen,
            None if votes is None else votes[1],
            state.params,
            state.markers,
            state.labels,
            state.edits,
            self._next_label,
            None if self._recorder is None else self._recorder.keep_maps,
        )

    def take(self, computed: Computed, *, join: bool = False) -> None:
        """Make what was computed the session's state.

        What was drawn after the computation was planned is kept as well.

        Parameters
        ----------
        computed : Computed
            The result.
        join : bool
            Whether it continues the last step if that was a computation as well, as
            the next position of a slider does; both are then undone as one.
        """
        source, state = computed.computation, self._state
        labels = computed.labels
        if (
            source.labels is not state.labels
            or source.edits.erased is not state.erased
            or source.edits.labels != state.edited
            or source.next_label != self._next_label
        ):
            labels = merge_edits(computed.found.labels, state.labels, state.edits, self._next_label)
        if np.array_equal(labels, state.labels):
            labels = state.labels
        same_maps = computed.maps is state.maps
        known = same_maps and source.weights == state.weights and labels is state.labels
        after = replace(
            state,
            labels=labels,
            maps=computed.maps,
            weights=tuple(float(w) for w in source.weights),
            params=source.params,
            markers=source.markers,
            known=state.known if known else LabelCache(),
        )
        # Before anyone is told: views ask for votes and candidates at once.
        self._remember_votes(computed.maps, source.weights, source.params.vote, computed.votes)
        self._found.append((after, computed.found))
        done = self._do(after, _what_was_computed(state, after), kind="compute", join=join)
        if not done:
            # Whoever asked waits for an answer.
            self._tell("labels", "table")


def _what_was_computed(before: State, after: State) -> str:
    if before.maps is not after.maps:
        return later("Segment")
    if before.weights != after.weights:
        return later("Change weights")
    if before.params != after.params:
        return later("Change parameters")
    return later("Move markers")
