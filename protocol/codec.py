"""Messages to JSON and back, strictly.

Every field is checked against its type and its bounds (`fields.py`), and every message against the
rules between its fields (`rules.py`). What is not expected is refused: a missing or extra field, a
key given twice, NaN, a number for a truth value, a lone surrogate. The bounds themselves are in
`limits.py`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import NoReturn

from . import limits
from .errors import Malformed, TooLarge, UnknownMessage, VersionMismatch
from .fields import by_type
from .messages import (
    PROTOCOL_VERSION,
    Acknowledge,
    Cancel,
    Cancelled,
    Chosen,
    Done,
    Failed,
    GetModels,
    Hello,
    ListModels,
    Mask,
    Message,
    Missing,
    ModelList,
    ModelProgress,
    ModelsDone,
    Note,
    Pixels,
    Preview,
    Progress,
    Queued,
    Read,
    Reading,
    Refused,
    Result,
    Resume,
    StopGetting,
    Submit,
    UseLoras,
    UseModels,
    Variant,
    Welcome,
)
from .rules import check
from .transfers import Transfer

CLIENT_SENDS: tuple[type[Message], ...] = (
    Hello, Read, Submit, Cancel, Resume, Acknowledge, ListModels, GetModels, StopGetting, UseModels,
    UseLoras,
)  # fmt: skip
SERVER_SENDS: tuple[type[Message], ...] = (
    Welcome, Refused, Reading, Queued, Missing, Chosen, Note, Progress, Preview, Mask, Result,
    Variant, Done, Failed, Cancelled, ModelList, ModelProgress, ModelsDone,
)  # fmt: skip

_TYPES: Mapping[str, type[Message]] = {
    kind.__name__.lower(): kind for kind in CLIENT_SENDS + SERVER_SENDS
}


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
    message = by_type(kind, head, str(name), transfers)
    check(message)
    total = sum(transfer.size for transfer in transfers)
    if len(transfers) > limits.MAX_TRANSFERS or total > limits.MAX_MESSAGE_BYTES:
        raise TooLarge(
            "A message's pictures are too large.", {"pictures": len(transfers), "bytes": total}
        )
    return message, tuple(transfers)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key is given twice")
    return table


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
