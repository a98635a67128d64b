"""What made a result, as it is kept in the picture's file.

A file may come from anybody: what is read from it is bounded and checked, entry by entry, and
nothing of a record is believed that does not fit. No Krita, no Qt.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..protocol import limits
from ..protocol.messages import HINT_MODES
from .document.geometry import Rect
from .panel_values import Request
from .preview_data import every

IDS = ("result", "source", "painting", "variants", "group")
"""What a record has by these names are ids."""

FLAGS = ("mask_only", "keep_transparency", "flat", "full_resolution", "apart")
"""What a request has by these names is true or false."""

VERSION = 1
"""Of the form of a record; others are not read."""

MAX_BYTES = 1024 * 1024
"""Of a record in a file: a thumbnail, and three small masks."""

MAX_GREY_SIDE = 512
"""Cells along a side of a mask in a record.

It is made larger again where it is needed.
"""

MAX_JPEG_BYTES = 64 * 1024
"""Of a thumbnail."""

MAX_PLACE = 2**24
"""Pixels from the picture's corner to what a record speaks of."""

ID_LENGTH = 38
"""Of a layer's id in Krita: a UUID in braces."""


@dataclass(frozen=True)
class Grey:
    """A small mask and the rectangle that it covers, in document pixels.

    One byte a cell, rows without padding.
    """

    area: Rect
    width: int
    height: int
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Record:
    """One result.

    result, source, painting: ids of its layer, of the layer that was edited, and of the painting
    under all of that. group: where it is one of several instructions with a layer each, the id of
    their group; else empty. variants: what it is one of, as an id. ran: the algorithm that made it.
    area: what was sent of the layer, in document pixels. mark: of the selection that it left (see
    `reading.selection_mark`). found, map: its mask as found, and how sure every place is; hint: the
    selection that it began with. picture: a JPEG.
    """

    result: str
    source: str
    painting: str
    variants: str
    request: Request
    ran: str
    model: str
    area: Rect
    mark: tuple[int, ...] | None = None
    found: Grey | None = None
    map: Grey | None = None
    hint: Grey | None = None
    picture: bytes = field(default=b"", repr=False)
    group: str = ""

    def marked(self, mark: tuple[int, ...] | None) -> Record:
        """The same, after its selection was made."""
        return replace(self, mark=mark)


def written(record: Record) -> bytes:
    """A record for a file; without its masks where it would be larger than MAX_BYTES."""
    table = {
        "version": VERSION,
        **{name: getattr(record, name) for name in IDS},
        "request": {
            name: dict(value) if name == "parameters" else value
            for name, value in asdict(record.request).items()
            if name not in ("ask", "seeds")  # a record is of one picture that was made
        },
        **{name: getattr(record, name) for name in ("ran", "model", "mark")},
        "area": _numbers(record.area),
        **{name: _packed(getattr(record, name)) for name in ("found", "map", "hint")},
        "picture": base64.b64encode(record.picture[:MAX_JPEG_BYTES]).decode(),
    }
    data = json.dumps(table).encode()
    if len(data) <= MAX_BYTES:
        return data
    return json.dumps({**table, "found": None, "map": None, "hint": None}).encode()


def parsed(data: bytes) -> Record | None:
    """The record that stands in these bytes.

    None where it is none, or not all of it fits.
    """
    if len(data) > MAX_BYTES:
        return None
    try:
        table = json.loads(data)
        if isinstance(table, dict):  # a record of a version that made one layer of everything
            table = {"group": "", **table}
        names = "version request ran model mark area found map hint picture"
        table = _table(table, " ".join((names, *IDS)))
        if table["version"] != VERSION:
            return None
        mark = table["mark"]
        found, soft, hint = (_unpacked(table[name]) for name in ("found", "map", "hint"))
        return Record(
            _id(table["result"]),
            _id(table["source"]),
            _id(table["painting"]),
            _id(table["variants"]),
            _request(table["request"]),
            _text(table["ran"], limits.MAX_ID),
            _text(table["model"], limits.MAX_LABEL),
            _rect(table["area"], limits.MAX_SIDE**2),
            None if mark is None else tuple(_whole(one, 2**32) for one in _list(mark, 5)),
            found,
            soft,
            hint,
            _bytes(table["picture"], MAX_JPEG_BYTES),
            _id(table["group"]),
        )
    except (ValueError, RecursionError):
        return None


def grey(area: Rect, strips: Sequence[bytes], width: int) -> Grey:
    """A mask in strips, one byte a pixel, made small enough for a record."""
    return Grey(area, *every(strips, width, MAX_GREY_SIDE))


# --- inside --------------------------------------------------------------------------------------


def _numbers(rect: Rect) -> list[int]:
    return [rect.x, rect.y, rect.width, rect.height]


def _packed(mask: Grey | None) -> dict[str, Any] | None:
    if mask is None:
        return None
    data = base64.b64encode(zlib.compress(mask.data, 6)).decode()
    return {"area": _numbers(mask.area), "size": [mask.width, mask.height], "data": data}


def _unpacked(value: Any) -> Grey | None:
    if value is None:
        return None
    table = _table(value, "area size data")
    width, height = (_whole(one, MAX_GREY_SIDE) for one in _list(table["size"], 2))
    if width < 1 or height < 1:
        raise ValueError("not as a record has to be")
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(_bytes(table["data"], MAX_BYTES), width * height + 1)
    except zlib.error as error:
        raise ValueError("no base64, or no bytes") from error
    if len(data) != width * height:
        raise ValueError("not as a record has to be")
    return Grey(_rect(table["area"]), width, height, data)


def _request(value: Any) -> Request:
    names = "instruction algorithm parameters seed hint_mode caption"
    if isinstance(value, dict):  # a record of a version that edited everything at once
        value = {"full_resolution": False, "apart": False, **value}
    table = _table(value, " ".join((names, *FLAGS)))
    parameters = table["parameters"]
    if not isinstance(parameters, dict) or len(parameters) > limits.MAX_ITEMS:
        raise ValueError("not as a record has to be")
    for name, one in parameters.items():
        _text(name, limits.MAX_ID)
        if isinstance(one, str):
            _text(one, limits.MAX_TEXT)
        elif not isinstance(one, (bool, int, float)) or not abs(one) <= limits.MAX_COUNT:
            raise ValueError("not as a record has to be")
    if table["hint_mode"] not in HINT_MODES:
        raise ValueError("not as a record has to be")
    flags = {name: table[name] for name in FLAGS}
    if not all(isinstance(one, bool) for one in flags.values()):
        raise ValueError("not as a record has to be")
    return Request(
        _text(table["instruction"], limits.MAX_INSTRUCTION),
        _text(table["algorithm"], limits.MAX_ID),
        parameters,
        _whole(table["seed"], limits.MAX_SEED),
        table["hint_mode"],
        caption=_text(table["caption"], limits.MAX_INSTRUCTION),
        **flags,
    )


def _table(value: Any, names: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(names.split()):
        raise ValueError("not as a record has to be")
    return value


def _list(value: Any, length: int) -> list[Any]:
    if not isinstance(value, list) or len(value) != length:
        raise ValueError("not as a record has to be")
    return value


def _whole(value: Any, most: int) -> int:
    if type(value) is not int or not -most <= value <= most:
        raise ValueError("not as a record has to be")
    return value


def _rect(value: Any, most: int = limits.MAX_PIXELS) -> Rect:
    x, y, width, height = (_whole(one, MAX_PLACE) for one in _list(value, 4))
    too_large = max(width, height) > limits.MAX_SIDE or width * height > most
    if width < 0 or height < 0 or too_large:
        raise ValueError("not as a record has to be")
    return Rect(x, y, width, height)


def _text(value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise ValueError("not as a record has to be")
    return value


def _id(value: Any) -> str:
    return _text(value, ID_LENGTH)


def _bytes(value: Any, most: int) -> bytes:
    try:
        return base64.b64decode(_text(value, 4 * (most // 3 + 1)), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("no base64, or no bytes") from error
