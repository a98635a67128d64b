"""Recognises how a layer has been moved since its snapshot was taken.

By its own pixels. Krita tells nobody when a picture is scaled, turned or mirrored, or a layer
transformed. So some rows of the layer are kept, and looked for again later: where it lies now,
where each of the eight quarter turns and mirrorings of the picture or of the layer alone would have
brought them, and at last, blurred to means, where scaling would have. No Krita: the layer is read
through a function.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .geometry import Rect
from .motion import QUARTERS, Motion

ROWS = 24
"""Rows that are kept of a layer.

Enough to meet what is on it, some milliseconds to read.
"""

PIECE = 32
"""Pixels of a row that are compared as one."""

LEAST = 0.4
"""Share of the telling pieces that must be found again.

A painter may paint over the others.
"""

SURE = 0.9
"""That share where size, bounds and position are as they were.

Nothing else needs to be tried then.
"""

BLOCKS, BLOCK_SIDE = 8, 16
"""The blocks whose means tell a scaled layer.

How many in each direction, and their side in pixels.
"""

ALIKE, ALIKE_SHARE = 0.04, 0.8
"""Means that differ by less are alike.

And the share of the blocks that have to be.
"""

TELLING = 0.02
"""Least spread of the blocks' means: below that all of them look the same."""

Read = Callable[[Rect], bytes]
"""The pixels of a rectangle, in document pixels, rows without padding."""


@dataclass(frozen=True)
class State:
    """Where a layer lies.

    The picture's size, the layer's bounds, and the position Krita names.
    """

    canvas: tuple[int, int]
    bounds: Rect
    place: tuple[int, int]


@dataclass(frozen=True)
class Trace:
    """A layer as it was, in part.

    kind: depth of its channels by Krita's name ("U8", "U16", "F16", "F32"). rows: each with where
    it lies. means: of blocks, a value for each channel.
    """

    state: State
    kind: str
    rows: tuple[tuple[Rect, bytes], ...]
    means: tuple[tuple[Rect, tuple[float, ...]], ...]


def traced(state: State, kind: str, read: Read) -> Trace:
    """What has to be kept of a layer. read: of the layer, or of its snapshot."""
    bounds = state.bounds
    rows = [
        Rect(bounds.x - 1, y, bounds.width + 2, 1)
        for y in _spread(bounds.y - 1, bounds.bottom + 1, ROWS)
    ]
    blocks = [
        Rect(x, y, min(BLOCK_SIDE, bounds.width), min(BLOCK_SIDE, bounds.height))
        for y in _spread(bounds.y, max(bounds.y + 1, bounds.bottom - BLOCK_SIDE + 1), BLOCKS)
        for x in _spread(bounds.x, max(bounds.x + 1, bounds.right - BLOCK_SIDE + 1), BLOCKS)
    ]
    return Trace(
        state,
        kind,
        tuple((row, read(row)) for row in rows),
        tuple((block, _mean(read(block), block, kind)) for block in blocks),
    )


def recognised(trace: Trace, now: State, read: Read) -> Motion | None:
    """How the layer has been moved since, by its own pixels.

    None where they don't tell.
    """
    then = trace.state
    pieces = tuple(_pieces(trace))
    best, share = None, 0.0
    for motion in _exact(then, now):
        here = _share(pieces, motion, read, max(share, LEAST))
        if here > share:
            best, share = motion, here
        if share == 1 or (share >= SURE and then == now):
            return best
    if best is not None:
        return _refined(best, share, pieces, read)
    for motion in _scalings(then, now, _spread_of(trace) >= TELLING):
        if _scaled_so(trace, motion, read):
            return motion
    return None


def unmoved(trace: Trace, now: State, read: Read) -> Motion | None:
    """A shift, where nothing speaks for another place.

    For a layer that is not recognised: it was repainted, or emptied.
    """
    then = trace.state
    same_place = (then.canvas, then.bounds, then.place) == (now.canvas, now.bounds, now.place)
    if same_place or (then.canvas == now.canvas and _says_nothing(trace, now, read)):
        return Motion.shift(now.place[0] - then.place[0], now.place[1] - then.place[1])
    return None


def tells(trace: Trace, read: Read) -> bool:
    """Whether a layer would look otherwise if its picture were mirrored or turned.

    read: of the layer as it was.
    """
    pieces = tuple(_pieces(trace))
    canvas = Rect(0, 0, *trace.state.canvas)
    turned = (Motion.between(quarter, canvas, canvas) for quarter in QUARTERS[1:])
    same = [motion for motion in turned if motion.rect(canvas) == canvas]
    return any(row.telling for row in pieces) and not any(
        _share(pieces, motion, read, LEAST) for motion in same
    )


# --- inside --------------------------------------------------------------------------------------


def _exact(then: State, now: State) -> Iterator[Motion]:
    """All motions without resampling that may have happened, the likely ones first.

    Where the painter has also painted beyond the layer's old bounds, two of its sides still tell.
    """
    right, down = now.place[0] - then.place[0], now.place[1] - then.place[1]
    yield Motion.shift(right, down)
    old, new = Rect(0, 0, *then.canvas), Rect(0, 0, *now.canvas)
    for quarter in QUARTERS:
        motion = Motion.between(quarter, old, new)
        if motion.rect(old) == new:
            yield motion
            if right or down:  # moved as well, before or after
                yield Motion.between(quarter, old.moved(-right, -down), new)
                yield motion.shifted(right, down)
    for quarter in QUARTERS:
        size = Motion.between(quarter, then.bounds, then.bounds).rect(then.bounds)
        wide, high = size.width, size.height
        for x in dict.fromkeys((now.bounds.x, now.bounds.right - wide)):
            for y in dict.fromkeys((now.bounds.y, now.bounds.bottom - high)):
                yield Motion.between(quarter, then.bounds, Rect(x, y, wide, high))


def _refined(motion: Motion, share: float, rows: tuple[_Row, ...], read: Read) -> Motion:
    """A motion that was nearly right, moved by single pixels.

    As long as more is found so.
    """
    better = True
    while better:
        better = False
        for right, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            near = motion.shifted(right, down)
            here = _share(rows, near, read, share)
            if here > share:
                motion, share, better = near, here, True
    return motion


def _scalings(then: State, now: State, telling: bool) -> Iterator[Motion]:
    if then.canvas != now.canvas:
        yield Motion.scaling(Rect(0, 0, *then.canvas), Rect(0, 0, *now.canvas))
    if telling and not then.bounds.empty and not now.bounds.empty:
        yield Motion.scaling(then.bounds, now.bounds)


@dataclass(frozen=True)
class _Row:
    """A kept row, and which of its pieces have something to tell."""

    rect: Rect
    data: bytes
    size: int
    telling: tuple[tuple[int, int], ...]


def _pieces(trace: Trace) -> Iterator[_Row]:
    """The rows with the pieces that tell something.

    Those that aren't of one colour, or end the layer above and below.
    """
    rows = trace.rows
    for number, (rect, data) in enumerate(rows):
        size = len(data) // rect.width
        telling = []
        for first in range(0, rect.width, PIECE):
            last = min(first + PIECE, rect.width)
            piece = data[first * size : last * size]
            one = piece == piece[:size] * (last - first)
            neighbours = [rows[at][1] for at in (number - 1, number + 1) if 0 <= at < len(rows)]
            changes = any(other[first * size : last * size] != piece for other in neighbours)
            if not one or changes:
                telling.append((first, last))
        yield _Row(rect, data, size, tuple(telling))


def _share(rows: tuple[_Row, ...], motion: Motion, read: Read, least: float) -> float:
    """The share of the telling pieces that are found; 0 where it is below `least`.

    They are looked for where the motion would have brought them.
    """
    count = sum(len(row.telling) for row in rows)
    same, left = 0, count
    for row in rows:
        if not row.telling:
            continue
        if same + left < least * count:
            return 0.0
        left -= len(row.telling)
        seen = read(motion.rect(row.rect))
        if (motion.a or motion.c) < 0:
            seen = _reversed(seen, row.size)
        same += sum(
            seen[first * row.size : last * row.size] == row.data[first * row.size : last * row.size]
            for first, last in row.telling
        )
    return same / count if count and same >= least * count else 0.0


def _reversed(data: bytes, size: int) -> bytes:
    """A row of pixels of `size` bytes, back to front."""
    turned = bytearray(len(data))
    for part in range(size):
        turned[part::size] = data[part::size][::-1]
    return bytes(turned)


def _scaled_so(trace: Trace, motion: Motion, read: Read) -> bool:
    """Whether the blocks' means are found where the scaling would have brought them."""
    across, down = motion.a, motion.d
    if not (across > 0 and down > 0):
        return False
    alike = 0
    for block, mean in trace.means:
        place = motion.rect(block)
        there = _mean(read(place), place, trace.kind)
        alike += all(abs(a - b) <= ALIKE for a, b in zip(mean, there, strict=True))
    return alike >= ALIKE_SHARE * len(trace.means)


def _spread_of(trace: Trace) -> float:
    """How much the blocks' means differ from each other.

    In the channel where they do most.
    """
    means = [mean for _, mean in trace.means]
    return max((max(values) - min(values) for values in zip(*means, strict=True)), default=0.0)


def _says_nothing(trace: Trace, now: State, read: Read) -> bool:
    """Whether the layer has nothing by which a place could be recognised.

    Not any more, perhaps.
    """
    if now.bounds.empty:
        return True
    rows = [
        Rect(now.bounds.x, y, now.bounds.width, 1)
        for y in _spread(now.bounds.y, now.bounds.bottom, ROWS)
    ]
    first = read(Rect(now.bounds.x, now.bounds.y, 1, 1))
    return all(read(row) == first * row.width for row in rows)


def _spread(first: int, last: int, count: int) -> list[int]:
    """At most `count` whole numbers from first to last (excluded).

    Both ends are among them.
    """
    span = last - first - 1
    if span + 1 <= count:
        return list(range(first, last))
    return [first + round(span * step / (count - 1)) for step in range(count)]


def _mean(data: bytes, rect: Rect, kind: str) -> tuple[float, ...]:
    """The mean of each channel, 0..1."""
    count = rect.width * rect.height
    if kind == "U8":
        channels = len(data) // count
        return tuple(sum(data[at::channels]) / (255 * count) for at in range(channels))
    letter, size, most = {"U16": ("H", 2, 65535), "F16": ("e", 2, 1), "F32": ("f", 4, 1)}[kind]
    values = struct.unpack(f"<{len(data) // size}{letter}", data)
    channels = len(values) // count
    return tuple(
        math.fsum(value if math.isfinite(value) else 0 for value in values[at::channels])
        / (most * count)
        for at in range(channels)
    )
