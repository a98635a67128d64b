"""JSON to values, by the annotations of the messages' classes."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from . import limits
from .errors import Malformed, TooLarge
from .rules import check_size
from .transfers import Transfer
from .values import Identifier, Pixels, Range, Value

_IDENTIFIER = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{limits.MAX_ID - 1}}}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PICTURE_FIELDS = {"width", "height", "format", "bytes", "sha256", "transfer"}


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def by_type(kind: type, value: object, where: str, transfers: list[Transfer]) -> Any:
    """A value of this class from what JSON had of it.

    where: names the place in errors. Pictures that are still to come are added to `transfers`.
    Raises Malformed or TooLarge.
    """
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
        return by_type(hint, value, where, transfers)
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
    check_size(pixels, size)
    if number is not None:
        transfers.append(Transfer(number, size, pixels))
    return pixels


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
