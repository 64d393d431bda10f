"""An ensemble's maps of parts of a slide: bit by bit those of the slide in one piece.

Where all members have to agree, what one of them calls no leukocyte is none, whatever the others
say: they are asked only about tiles in and around which it may be one. And on slides that are too
large to be looked at in one piece, tiles are left out in which the finder sees nothing at all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.analysis.slide.blocks import cut_blocks, grow, least_overlap
from napari_leukocyte.analysis.slide.plan import IN_ONE_PIECE, SlidePlan
from napari_leukocyte.io.slides.image import PartBox, SlideImage
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.segmentation.ensemble import MemberMaps, network_of
from napari_leukocyte.segmentation.finder import may_show_leukocytes
from napari_leukocyte.segmentation.tiles import BLOCK, lattice, predict_part

#: Bytes of networks' answers that are kept, so that neighbouring blocks don't ask again.
KEPT_BYTES = 448 * 2**20


class RecentAnswers(MutableMapping[tuple[int, int], NDArray[np.float32]]):
    """The answers that a network gave lately, the oldest forgotten first.

    Parameters
    ----------
    most : int
        Bytes that are kept.
    unit : int
        Unit of the keys, px of the slide: `Lattice.block`.
    asked_again : callable
        Says of a tile whether it will be asked about again; answers on others are not kept.
    """

    def __init__(
        self, most: int, unit: int, asked_again: Callable[[PartBox], bool] = lambda tile: True
    ) -> None:
        self._most, self._unit = most, unit
        self.asked_again = asked_again
        self._size = 0
        self._kept: OrderedDict[tuple[int, int], NDArray[np.float32]] = OrderedDict()

    def __getitem__(self, key: tuple[int, int]) -> NDArray[np.float32]:
        self._kept.move_to_end(key)
        return self._kept[key]

    def __setitem__(self, key: tuple[int, int], value: NDArray[np.float32]) -> None:
        if not self.asked_again(self._tile(key, value)):
            return
        if key in self._kept:
            del self[key]
        self._kept[key] = value
        self._size += value.nbytes
        while self._size > self._most and self._kept:
            del self[next(iter(self._kept))]

    def __delitem__(self, key: tuple[int, int]) -> None:
        self._size -= self._kept.pop(key).nbytes

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def forget(self) -> None:
        """Forget what will not be asked about again."""
        for key in [k for k, v in self._kept.items() if not self.asked_again(self._tile(k, v))]:
            del self[key]

    def _tile(self, key: tuple[int, int], value: NDArray[np.float32]) -> PartBox:
        y, x = (k * self._unit for k in key)
        height, width = (side // BLOCK * self._unit for side in value.shape[:2])
        return (y, x, y + height, x + width)


class SlideMaps:
    """Pixels and maps of any part of a slide.

    Parameters
    ----------
    image : SlideImage
        The slide.
    plan : SlidePlan
        Its plan.
    kept_bytes : int
        Bytes of answers that are kept.
    """

    def __init__(self, image: SlideImage, plan: SlidePlan, kept_bytes: int = KEPT_BYTES) -> None:
        self.image = image
        self.plan = plan
        self.manifest = find_model("segmentation", plan.model)
        members = self.manifest.members
        red, green, blue = (round(v) for v in plan.background)
        self._color = np.array((red, green, blue), np.uint8)
        image.blank = (red, green, blue)
        # A tile's pixels alone decide, so that a tile is left out by all blocks or by none.
        self._may_show: dict[PartBox, bool] = {}
        self._answers = [
            RecentAnswers(
                kept_bytes // len(members),
                lattice(plan.shape, m.diameter_px / plan.diameter).block,
                self._is_ahead,
            )
            for m in members
        ]
        blocks = cut_blocks(plan.shape, plan.block_px)
        # What the blocks see that were not analysed yet, (n, 4) y0, x0, y1, x1, px.
        self._ahead = np.array([grow(b, plan.overlap_px, plan.shape) for b in blocks])

    @property
    def has_nuclei(self) -> bool:
        """Whether the model maps nuclei."""
        return self.manifest.outputs != ("cell",)

    def begin(self, block: PartBox) -> None:
        """Say which block is analysed next, so that only what others ask again is kept."""
        for answers in self._answers:
            answers.forget()
        own = np.array(grow(block, self.plan.overlap_px, self.plan.shape))
        self._ahead = self._ahead[(self._ahead != own).any(axis=1)]

    def _is_ahead(self, tile: PartBox) -> bool:
        """Say whether a block that was not analysed yet shows a part of a tile."""
        y0, x0, y1, x1 = tile
        above, left, below, right = self._ahead.T
        return bool(((above < y1) & (below > y0) & (left < x1) & (right > x0)).any())

    def read(self, part: PartBox) -> NDArray[np.uint8]:
        """Read pixels, (h, w, 3) uint8; what is no image has the background's colour."""
        pixels = self.image.read(part)
        outside = self._outside(part)
        if outside is not None:
            pixels = pixels.copy()
            pixels[outside] = self._color
        return pixels

    def predict(self, part: PartBox) -> MemberMaps:
        """Return every member's maps of a part.

        What is no image, or is damaged, is 0 in them. So is, in some members' maps and if all have
        to agree, what can't be in the mask because of another's: the mask, and the maps in it, are
        those of the slide in one piece.
        """
        y0, x0, y1, x1 = part
        shape, members = self.plan.shape, self.manifest.members
        maps = np.zeros((len(members), 2, y1 - y0, x1 - x0), np.float32)
        # First of all, so that what is damaged in it is known.
        self.image.read(part)
        outside = self._outside(part)
        params = self.plan.params
        # Closing and filling reach so far beyond what the vote itself takes.
        margin = least_overlap(params, self.plan.diameter)
        possible: NDArray[np.bool_] | None = None

        def wanted(tile: PartBox) -> bool:
            if possible is None:
                return self._shows(tile)
            return bool(possible[_around(tile, part, margin)].any())

        # Manifests begin with the smallest member: the last tells most from leukocytes.
        for member, answers, out in reversed(list(zip(members, self._answers, maps, strict=True))):
            scale = member.diameter_px / self.plan.diameter
            predict_part(
                self.read,
                shape,
                scale,
                network_of(member),
                part,
                out,
                answers=answers,
                wanted=wanted,
            )
            np.clip(out, 0, 1, out=out)
            if outside is not None:
                out[:, outside] = 0
            for top, left, bottom, right in self.image.damaged:
                out[(slice(None), *_around((top, left, bottom, right), part, 0))] = 0
            if params.vote == "minimum" and member.weight > 0:
                shown = out[0] >= np.float32(params.threshold)
                possible = shown if possible is None else possible & shown
        return MemberMaps(
            cell=maps[:, 0],
            nucleus=maps[:, 1],
            names=tuple(m.name for m in members),
            weights=tuple(m.weight for m in members),
            diameter=self.plan.diameter,
            model=self.manifest.name,
            sha256=tuple(m.sha256 for m in members),
        )

    def _shows(self, tile: PartBox) -> bool:
        """Say whether a tile, and a leukocyte's width around it, may show leukocytes."""
        height, width = self.plan.shape
        if height * width <= IN_ONE_PIECE:
            return True
        if tile not in self._may_show:
            seen = grow(tile, round(self.plan.diameter), self.plan.shape)
            self._may_show[tile] = may_show_leukocytes(self.read(seen), self.plan.diameter)
        return self._may_show[tile]

    def _outside(self, part: PartBox) -> NDArray[np.bool_] | None:
        """Return where a part is no image; None if all of it is."""
        frame = self.plan.frame
        if frame is None:
            return None
        rows, columns = (
            # As OpenCV enlarges to the nearest pixel.
            np.minimum((np.arange(start, stop) * (small / full)).astype(int), small - 1)
            for start, stop, small, full in (
                (part[0], part[2], frame.shape[0], self.plan.shape[0]),
                (part[1], part[3], frame.shape[1], self.plan.shape[1]),
            )
        )
        coarse = frame[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        if not coarse.any():
            return None
        return np.asarray(frame[np.ix_(rows, columns)] > 0)


def _around(box: PartBox, part: PartBox, margin: int) -> tuple[slice, slice]:
    """Return a box and its margin, px of the slide, as slices of an array that shows a part."""
    y0, x0 = part[:2]
    return (
        slice(max(0, box[0] - margin - y0), max(0, box[2] + margin - y0)),
        slice(max(0, box[1] - margin - x0), max(0, box[3] + margin - x0)),
    )
