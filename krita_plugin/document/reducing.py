"""A layer that is too large to be sent, read at a smaller size.

And what was found in that, enlarged.

Nothing here waits: long work is a generator for cooperative.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...protocol.messages import BYTES_PER_PIXEL, Box, Region
from ..course import Scale
from . import pictures, stack
from .cooperative import Steps
from .geometry import Rect
from .pictures import scaled
from .reading import Named, Source, seen, trace_of
from .strips import STRIP_PIXELS, STRIP_ROWS, strips
from .trace import Trace


@dataclass(frozen=True)
class Piece:
    """A part of a result.

    area: where it lies, in document pixels as of the snapshot. mask: over all of it, a byte a
    pixel, 255 where all of the result is seen. Nobody writes to them.
    """

    area: Rect
    pixels: bytes = field(repr=False)
    mask: bytes = field(repr=False)


def read_small(source: Source, scale: Scale) -> Steps[tuple[list[bytes], list[Named], Trace]]:
    """What is sent in place of the layer, in strips, 8 bits a channel (B, G, R, A).

    With the masks by name, and what the layer can be recognised by.
    """
    deep, times = source.format == "bgra16", scale.times
    pixels = []
    for strip in seen(source, times):
        if strip is not None and strip[0].height >= times:
            pixels.append(pictures.reduced(strip[1], strip[0], times, deep))
        yield None
    named = []
    for name, node in source.named:
        bounds = stack.bounds_of(node).intersected(source.rect)
        inside = _cells(bounds.moved(-source.rect.x, -source.rect.y), scale)
        if inside.empty:
            continue
        mask = Named(name, inside)
        left, top = source.rect.x + inside.x * times, source.rect.y + inside.y * times
        area = Rect(left, top, inside.width * times, inside.height * times)
        for y, rows in strips(area, False, times):
            data = node.pixelData(area.x, y, area.width, rows).data()
            strip_area = Rect(0, 0, area.width, rows)
            small = Rect(0, 0, inside.width, rows // times)
            mask.strips.append(scaled(data, strip_area, small, "gray8"))
            yield None
        named.append(mask)
    return pixels, named, (yield from trace_of(source))


def read_piece(source: Source, over: Sequence[Piece], flat: bool) -> Steps[list[bytes]]:
    """The part that is sent, in strips, with earlier pieces of the result on it.

    flat: their masks are in their own alpha.
    """
    deep, pixels = source.format == "bgra16", []
    for strip in seen(source):
        yield None
        if strip is None:
            continue
        area, data = strip
        for piece in over:
            both = piece.area.intersected(area)
            if not both.empty:
                part = _cut(piece.pixels, piece.area, both, 8 if deep else 4)
                if not flat:
                    part = pictures.through(part, both, _mask(piece, both), both, deep)
                data = pictures.over(data, area, part, both, pictures.OPAQUE, deep)
                yield None
        pixels.append(data)
    return pixels


def enlarged(hint: Region, crop: Box, scale: Scale) -> Steps[list[bytes]]:
    """A mask of a part of what was sent, over all of a crop, at the layer's own size.

    hint: of what was sent, within the crop. In strips from top to bottom, a byte a pixel.
    """
    times, place = scale.times, scale.box(crop)
    cells = _spread(hint, crop)
    band = max(1, STRIP_PIXELS // (place.width * times))
    rows: list[bytes] = []
    for first in range(0, crop.height, band):
        last = min(crop.height, first + band)
        above, below = max(0, first - 1), min(crop.height, last + 1)
        part = Rect(0, 0, crop.width, below - above)
        large = Rect(0, 0, place.width, part.height * times)
        data = scaled(cells[above * crop.width : below * crop.width], part, large, "gray8")
        start, end = ((one - above) * times * place.width for one in (first, last))
        rows.append(data[start:end])
        yield None
    missing = place.height - crop.height * times
    if missing:
        rows.append(rows[-1][-place.width :] * missing)
    return rows


def piece_of(
    sent: Rect, result: Region, mask: Region, area: Rect, earlier: Sequence[Piece]
) -> Steps[Piece]:
    """A part of a result and of its mask, to be put down after earlier pieces.

    sent: what was sent of the layer, in document pixels, of which result and mask are regions.
    area: the part. Where an earlier piece covers more of a pixel than this one, its pixel stays.
    """
    size = BYTES_PER_PIXEL[result.pixels.format]
    pixels = yield from _part(result, size, sent, area)
    veil = yield from _part(mask, 1, sent, area)
    for piece in earlier:
        both = area.intersected(piece.area)
        for y, count in strips(both, False) if not both.empty else ():
            place = Rect(both.x, y, both.width, count)
            lower = _cut(pixels, area, place, size), _cut(veil, area, place, 1)
            mixed, most = _kept(lower, piece, place, size == 8)
            for row in range(count):
                at = (y + row - area.y) * area.width + place.x - area.x
                start, wide = row * place.width, place.width
                veil[at : at + wide] = most[start : start + wide]
                line = mixed[size * start : size * (start + wide)]
                pixels[size * at : size * (at + wide)] = line
            yield None
    # bytes would be a copy of all of it, for which the main thread would be held
    return Piece(area, pixels, veil)  # type: ignore[arg-type]


# --- inside ---------------------------------------------------------------------------------------


_ONES = bytes([0] + [255] * 255)


def _differ(one: bytes, other: bytes) -> bytes:
    """255 where two masks differ, else 0."""
    both = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
    return both.to_bytes(len(one), "little").translate(_ONES)


def _cells(rect: Rect, scale: Scale) -> Rect:
    """The pixels of what is sent that a part of the layer touches."""
    x, y = rect.x // scale.times, rect.y // scale.times
    right, bottom = -(-rect.right // scale.times), -(-rect.bottom // scale.times)
    return Rect(x, y, right - x, bottom - y).intersected(Rect(0, 0, *scale.small))


def _spread(region: Region, crop: Box) -> bytes:
    """A mask's bytes over all of a crop that it lies in."""
    whole, wide = bytearray(crop.width * crop.height), region.pixels.width
    data = region.pixels.data or b""
    for row in range(region.pixels.height):
        at = (region.y - crop.y + row) * crop.width + region.x - crop.x
        whole[at : at + wide] = data[row * wide : (row + 1) * wide]
    return bytes(whole)


def _part(region: Region, size: int, sent: Rect, area: Rect) -> Steps[bytearray]:
    """A region's bytes over an area, 0 beside it. size: of a pixel.

    It grows row by row: to make room for all of it at once would hold the main thread.
    """
    data, wide = region.pixels.data or b"", region.pixels.width
    own = Rect(sent.x + region.x, sent.y + region.y, wide, region.pixels.height)
    both, found = own.intersected(area), bytearray()
    sides = both.x - area.x, area.right - both.right
    before, behind = (bytes(size * max(0, side)) for side in sides)
    for y in range(area.y, area.bottom):
        if both.y <= y < both.bottom:
            start = size * ((y - own.y) * wide + both.x - own.x)
            found += before + data[start : start + size * both.width] + behind
        else:
            found += bytes(size * area.width)
        if y % STRIP_ROWS == 0:
            yield None
    return found


def _kept(new: tuple[bytes, bytes], piece: Piece, place: Rect, deep: bool) -> tuple[bytes, bytes]:
    """New pixels and their mask, with a piece's own where it covers more."""
    mine, own = new
    theirs, more = _cut(piece.pixels, piece.area, place, 8 if deep else 4), _mask(piece, place)
    most = pictures.larger(own, more, place.width, place.height)
    stays = _differ(most, own)
    under = pictures.through(mine, place, stays, place, deep, inverted=True)
    upper = pictures.through(theirs, place, stays, place, deep)
    return pictures.over(under, place, upper, place, pictures.OPAQUE, deep, "add"), most


def _cut(data: bytes | bytearray, area: Rect, place: Rect, size: int) -> bytes:
    """A part of an area's bytes. size: of a pixel."""
    wide = area.width
    starts = [(y - area.y) * wide + place.x - area.x for y in range(place.y, place.bottom)]
    return b"".join(data[size * at : size * (at + place.width)] for at in starts)


def _mask(piece: Piece, place: Rect) -> bytes:
    return _cut(piece.mask, piece.area, place, 1)
