"""The events that an edit reports while it runs.

They tell the working crop, stages, steps and masks, and the result as the last. Pictures are
float32 RGB (1, 3, height, width) in 0..1, masks float32 (1, 1, height, width) in 0..1, both on the
CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from .request import HintMode
from .said import Said


@dataclass(frozen=True)
class Crop:
    """The part of the layer that the edit works on.

    It is (top, left, bottom, right) in the layer's pixels. Every preview shows this part.
    """

    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Note:
    """Something that is worth knowing before the edit ends."""

    sentence: Said


@dataclass(frozen=True)
class Stage:
    """A stage begins.

    It has a name for the painter and a number of steps (0: not counted). number: which of `passes`
    passes over places it belongs to (in_places.py); 0: to none.
    """

    name: str
    steps: int = 0
    number: int = 0
    passes: int = 0


@dataclass(frozen=True)
class Step:
    """Step `index` (1..count) of `stage` is done.

    `preview()` makes the small picture only when it is wanted. number, passes: as in Stage.
    """

    stage: str
    index: int
    count: int
    preview: Callable[[], Tensor]
    number: int = 0
    passes: int = 0


@dataclass(frozen=True)
class _Places:
    """Places at image size.

    They are made when they are looked at, and not kept: in 8192 x 8192 pixels each takes 256 MiB.
    """

    make_soft: Callable[[], Tensor]
    make_binary: Callable[[], Tensor]

    @property
    def soft(self) -> Tensor:
        """The algorithm's map, (1, 1, H, W) in 0..1."""
        return self.make_soft()

    @property
    def binary(self) -> Tensor:
        """The map above its threshold, (1, 1, H, W), 0 or 1."""
        return self.make_binary()


@dataclass(frozen=True)
class PartMask(_Places):
    """The mask of one sub-instruction.

    make_share: its part of the composite's alpha, (1, 1, H, W), soft at its edge; map: (1, 1, h, w)
    of the crop, from which it was cut. Both once the edit is done only.
    """

    instruction: str
    keyword: str
    make_share: Callable[[], Tensor] | None = None
    map: Tensor | None = None


@dataclass(frozen=True)
class Mask(_Places):
    """Where the edit happens, and one mask by sub-instruction."""

    parts: tuple[PartMask, ...] = ()


@dataclass(frozen=True)
class Place:
    """A part of a found mask that can be edited by itself.

    box: (top, left, bottom, right), its crop of the picture, with context. hint: (1, 1, h, w) over
    the crop, to be given as the selection, and hint_mode: what it is to that edit. instruction: of
    this place alone; empty: all of it.
    """

    box: tuple[int, int, int, int]
    hint: Tensor
    hint_mode: HintMode
    instruction: str


@dataclass(frozen=True)
class Report:
    """What was used, so that the edit can be understood and repeated.

    reason: why this algorithm, where Auto has chosen it. passes: how often it ran, for an edit in
    places.
    """

    algorithm: str
    seed: int
    keywords: tuple[str, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    forwards: int = 0  # passes through a UNet
    rows: int = 0  # batch elements in them
    understood: Mapping[str, str] = field(default_factory=dict)  # how the instruction was read
    warnings: tuple[str, ...] = ()
    reused: tuple[str, ...] = ()  # values that came from the store instead of being computed
    reason: str = ""
    passes: int = 1


@dataclass(frozen=True)
class Done:
    """The edit is finished.

    `image` equals the painter's picture exactly wherever `alpha` is 0. edge: pixels of the picture
    by which the network may have softened or shifted an outline. paper: what it has made of the
    background (sRGB in 0..1), where the layer was empty somewhere. box: (top, left, bottom, right),
    the working crop. whole: makes all of that crop as it was edited, without a mask; None where
    nothing was edited. map: the soft map of the crop at the working size, bounded by a selection as
    the mask is; from `cut` on it is mask. clears: whether all that was
    asked for was to remove something: then a shape on a transparent layer is transparent there.
    map_box: the part that the map covers; None: the box. shown: (1, 1, h, w) over the box, 1 where
    `whole` has something of the edit; None: everywhere. places: of a mask that was found alone on a
    large picture, those that can be edited by themselves.
    """

    image: Tensor  # (1, 3, H, W), composited
    alpha: Tensor  # (1, 1, H, W)
    mask: Mask
    report: Report
    edge: float
    paper: tuple[float, float, float] | None = None
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    whole: Callable[[], Tensor] | None = None  # (1, 3, bottom - top, right - left)
    map: Tensor | None = None  # (1, 1, h, w)
    cut: float = 0.5
    clears: bool = False
    map_box: tuple[int, int, int, int] | None = None
    shown: Tensor | None = None
    places: tuple[Place, ...] = ()


Event = Crop | Note | Stage | Step | Mask | Done
