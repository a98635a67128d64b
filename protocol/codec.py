"""Messages to JSON and back, strictly.

Every field is checked against its type and its bounds, by the annotations of `messages.py`. What is
not expected is refused: a missing or extra field, a key given twice, NaN, a number for a truth
value, a lone surrogate. The bounds themselves are in `limits.py`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from . import limits
from .errors import Corrupt, Malformed, TooLarge, UnknownMessage, VersionMismatch
from .messages import (
    PROTOCOL_VERSION,
    Acknowledge,
    Box,
    Cancel,
    Cancelled,
    Chosen,
    Done,
    Failed,
    Hello,
    Identifier,
    Mask,
    Message,
    Missing,
    Note,
    Pixels,
    Preview,
    Progress,
    Queued,
    Range,
    Read,
    Reading,
    Refused,
    Region,
    Result,
    Resume,
    Submit,
    Value,
    Welcome,
)

CLIENT_SENDS: tuple[type[Message], ...] = (Hello, Read, Submit, Cancel, Resume, Acknowledge)
SERVER_SENDS: tuple[type[Message], ...] = (
    Welcome, Refused, Reading, Queued, Missing, Chosen, Note, Progress, Preview, Mask, Result,
    Done, Failed, Cancelled,
)  # fmt: skip

_TYPES: Mapping[str, type[Message]] = {
    kind.__name__.lower(): kind for kind in CLIENT_SENDS + SERVER_SENDS
}
_IDENTIFIER = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{limits.MAX_ID - 1}}}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PICTURE_FIELDS = {"width", "height", "format", "bytes", "sha256", "transfer"}


@dataclass(frozen=True)
class Transfer:
    """One picture whose bytes travel in binary frames.

    When decoded, `pixels.data` is None until `complete` is called.
    """

    number: int
    size: int
    pixels: Pixels

    def complete(self, data: bytes | bytearray, digest: str = "") -> None:
        """Give the picture its bytes. Raises Corrupt if they are not what was announced.

        digest: their SHA-256 in hexadecimal digits, where it was computed as they came.
        """
        digest = digest or hashlib.sha256(data).hexdigest()
        if digest != self.pixels.sha256:
            raise Corrupt(
                "A picture arrived damaged.", {"announced": self.pixels.sha256, "arrived": digest}
            )
        object.__setattr__(self.pixels, "data", data)  # nobody else has seen this value yet


def encode(message: Message, next_transfer: int = 1) -> tuple[str, tuple[Transfer, ...]]:
    """The message's JSON text, and its pictures, numbered from `next_transfer` on.

    Raises ProtocolError if a field is invalid.
    """
    transfers: list[Transfer] = []

    def plain(value: object) -> object:
        if isinstance(value, Pixels):
            head = {
                "width": value.width,
                "height": value.height,
                "format": value.format,
                "sha256": value.sha256,
            }
            if value.data is None:
                return head | {"bytes": value.raw_size, "transfer": None}
            transfers.append(Transfer(next_transfer + len(transfers), len(value.data), value))
            return head | {"bytes": len(value.data), "transfer": transfers[-1].number}
        if dataclasses.is_dataclass(value):
            return {
                entry.name: plain(getattr(value, entry.name)) for entry in dataclasses.fields(value)
            }
        if isinstance(value, (tuple, list)):
            return [plain(entry) for entry in value]
        if isinstance(value, Mapping):
            return {key: plain(entry) for key, entry in value.items()}
        return value

    head = plain(message)
    assert isinstance(head, dict)
    try:
        text = json.dumps(
            {"type": type(message).__name__.lower(), **head},
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
        )
    except (TypeError, ValueError) as error:
        raise Malformed(
            "A message can't be written as JSON.",
            {"type": type(message).__name__, "why": str(error)},
        ) from error
    decode(text)  # what the other side would refuse is not sent
    return text, tuple(transfers)


def decode(text: str) -> tuple[Message, tuple[Transfer, ...]]:
    """The message of a JSON text, and the pictures that are still to come for it.

    Raises Malformed, TooLarge, UnknownMessage or VersionMismatch.
    """
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if size > limits.MAX_TEXT_BYTES:
        raise TooLarge("A message is too long.", {"bytes": size, "limit": limits.MAX_TEXT_BYTES})
    try:
        head = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed("A message is not valid JSON.", {"why": type(error).__name__}) from error
    if not isinstance(head, dict):
        raise Malformed("A message is not a JSON object.", {"is": type(head).__name__})
    name = head.pop("type", None)
    kind = _TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise UnknownMessage("A message has an unknown type.", {"type": str(name)[: limits.MAX_ID]})
    if (
        kind in (Hello, Welcome)
        and isinstance(head.get("version"), int)
        and head["version"] != PROTOCOL_VERSION
    ):
        versions = {
            "theirs": head["version"],
            "ours": PROTOCOL_VERSION,
        }  # first of all: other versions may have other fields
        raise VersionMismatch(
            "Limn's plugin and server speak different versions of their protocol.", versions
        )
    transfers: list[Transfer] = []
    message = _dataclass(kind, head, str(name), transfers)
    _check(message)
    total = sum(transfer.size for transfer in transfers)
    if len(transfers) > limits.MAX_TRANSFERS or total > limits.MAX_MESSAGE_BYTES:
        raise TooLarge(
            "A message's pictures are too large.", {"pictures": len(transfers), "bytes": total}
        )
    return message, tuple(transfers)


# --- JSON to values, by type ----------------------------------------------------------------------


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _dataclass(kind: type, value: object, where: str, transfers: list[Transfer]) -> Any:
    if kind is Pixels:
        return _pixels(value, where, transfers)
    hints = _hints(kind)
    if not isinstance(value, dict) or value.keys() != hints.keys():
        found = (
            sorted(str(key)[: limits.MAX_ID] for key in value)[: limits.MAX_ITEMS]
            if isinstance(value, dict)
            else type(value).__name__
        )
        raise Malformed(
            "A message has missing or unknown fields.",
            {"where": where, "found": found, "wanted": sorted(hints)},
        )
    return kind(
        **{
            name: _value(hint, value[name], f"{where}.{name}", transfers)
            for name, hint in hints.items()
        }
    )


def _value(hint: Any, value: object, where: str, transfers: list[Transfer]) -> object:
    if hint == Value:
        return _parameter_value(value, where)
    if dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        return _dataclass(hint, value, where, transfers)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _bounded(arguments[0], arguments[1], value, where)
    if origin is Literal:
        return (
            value if isinstance(value, str) and value in arguments else _refuse(hint, value, where)
        )
    if origin in (Union, types.UnionType):  # only ever "this or nothing"
        return None if value is None else _value(arguments[0], value, where, transfers)
    if origin is tuple:
        entries = value if isinstance(value, list) else _refuse(hint, value, where)
        kinds = (arguments[0],) * len(entries) if arguments[-1] is Ellipsis else arguments
        _count(len(entries), where)
        if len(entries) != len(kinds):
            _refuse(hint, value, where)
        return tuple(
            _value(kind, entry, f"{where}[{i}]", transfers)
            for i, (kind, entry) in enumerate(zip(kinds, entries, strict=True))
        )
    if origin is Mapping:
        table = value if isinstance(value, dict) else _refuse(hint, value, where)
        _count(len(table), where)
        return {
            _text(key, 0, limits.MAX_LABEL, where): _value(arguments[1], entry, where, transfers)
            for key, entry in table.items()
        }
    if hint is bool:
        return value if isinstance(value, bool) else _refuse(hint, value, where)
    assert hint is float, hint
    return _number(value, where)


def _bounded(kind: type, bounds: Range | Identifier, value: object, where: str) -> object:
    if isinstance(bounds, Identifier):
        return (
            value
            if isinstance(value, str) and _IDENTIFIER.fullmatch(value)
            else _refuse("identifier", value, where)
        )
    if kind is str:
        return _text(value, bounds.least, bounds.most, where)
    number = (
        value
        if isinstance(value, int) and not isinstance(value, bool)
        else _refuse("whole number", value, where)
    )
    if not bounds.least <= number <= bounds.most:
        raise TooLarge(
            "A number is out of bounds.",
            {"where": where, "least": bounds.least, "most": bounds.most},
        )
    return number


def _text(value: object, least: int, most: int, where: str) -> str:
    text = value if isinstance(value, str) else _refuse("text", value, where)
    if not least <= len(text) <= most:
        raise TooLarge(
            f"A text has {len(text)} characters; at most {most} are taken.",
            {"where": where, "least": least, "most": most},
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed("A text is not valid Unicode.", {"where": where}) from error
    return text


def _number(value: object, where: str) -> float:
    number = (
        value
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else _refuse("number", value, where)
    )
    if not abs(number) <= limits.MAX_COUNT:  # neither what is infinite nor what is not a number
        raise TooLarge("A number is out of bounds.", {"where": where, "most": limits.MAX_COUNT})
    return float(number)


def _parameter_value(value: object, where: str) -> Value:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, 0, limits.MAX_TEXT, where)
    number = _number(value, where)
    return value if isinstance(value, int) else number


def _pixels(value: object, where: str, transfers: list[Transfer]) -> Pixels:
    if not isinstance(value, dict) or value.keys() != _PICTURE_FIELDS:
        _refuse("picture", value, where)
    hints = _hints(Pixels)
    width, height, layout = (
        _value(hints[name], value[name], f"{where}.{name}", [])
        for name in ("width", "height", "format")
    )
    sha256, size, number = value["sha256"], value["bytes"], value["transfer"]
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        _refuse("SHA-256 in hexadecimal digits", sha256, where)
    for entry in (size, number if number is not None else 1):
        _bounded(int, Range(1, limits.MAX_COUNT), entry, where)
    # checked by their hints above
    pixels = Pixels(width, height, layout, None, sha256)  # type: ignore[arg-type]
    _check_size(pixels, size)
    if number is not None:
        transfers.append(Transfer(number, size, pixels))
    return pixels


# --- what must hold between fields ----------------------------------------------------------------


def _check_size(pixels: Pixels, size: int) -> None:
    sides = {"width": pixels.width, "height": pixels.height, "bytes": size}
    if pixels.format == "jpeg":
        if (
            max(pixels.width, pixels.height) > limits.MAX_PREVIEW_SIDE
            or size > limits.MAX_PREVIEW_BYTES
        ):
            raise TooLarge("A preview is too large.", sides)
    elif pixels.width * pixels.height > limits.MAX_PIXELS:
        raise TooLarge(
            f"A picture of {pixels.width} x {pixels.height} pixels is too large; "
            f"{limits.MAX_PIXELS:,} pixels are the most.",
            sides,
        )
    elif size != pixels.raw_size:
        raise Malformed(
            "A picture's size in bytes does not fit its width, height and format.",
            sides | {"wanted": pixels.raw_size},
        )


def _check(message: Message) -> None:
    """Rules that concern several fields of a message."""
    if isinstance(message, Submit):
        _want(message.pixels, "rgba8", "bgra8", "rgba16", "bgra16")
        if message.hint is None:
            if message.hint_mode != "off":
                raise Malformed(
                    "A selection is to be used, but none was sent.",
                    {"hint_mode": message.hint_mode},
                )
            return
        _want(message.hint, "gray8")
        here, there = (
            (message.hint.width, message.hint.height),
            (message.pixels.width, message.pixels.height),
        )
        if here != there:
            raise Malformed(
                "The selection and the picture have different sizes.",
                {"selection": here, "picture": there},
            )
    elif isinstance(message, Preview):
        _want(message.picture, "jpeg")
    elif isinstance(message, Result):
        _want(message.area.pixels, "rgba8", "bgra8", "rgba16", "bgra16")
    elif isinstance(message, Mask):
        for area in _regions(message):
            _want(area.pixels, "gray8")


def places(message: Message) -> tuple[Box, ...]:
    """All the places in the submitted picture that a message speaks of."""
    if isinstance(message, Preview):
        return (message.shows,)
    return tuple(
        Box(area.x, area.y, area.pixels.width, area.pixels.height) for area in _regions(message)
    )


def _regions(message: Message) -> tuple[Region, ...]:
    if isinstance(message, Result):
        return (message.area,)
    if isinstance(message, Mask):
        return tuple(
            area
            for area in (message.area, *(part.area for part in message.parts))
            if area is not None
        )
    return ()


def _want(pixels: Pixels, *formats: str) -> None:
    if pixels.format not in formats:
        raise Malformed(
            "A picture has the wrong format.", {"format": pixels.format, "wanted": formats}
        )


def _count(entries: int, where: str) -> None:
    if entries > limits.MAX_ITEMS:
        raise TooLarge(
            "A list is too long.", {"where": where, "entries": entries, "limit": limits.MAX_ITEMS}
        )


def _refuse(wanted: object, value: object, where: str) -> NoReturn:
    raise Malformed(
        "A field has the wrong type or value.",
        {"where": where, "wanted": str(wanted), "found": type(value).__name__},
    )


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key is given twice")
    return table


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
