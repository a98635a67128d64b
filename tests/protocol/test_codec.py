"""Every message survives its way over the wire.

What is not a message is refused with a typed error.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limn.protocol import PROTOCOL_VERSION, Pixels, ProtocolError, limits
from limn.protocol.codec import decode, encode
from limn.protocol.errors import Corrupt, Malformed, TooLarge, UnknownMessage, VersionMismatch
from limn.protocol.messages import (
    Box,
    Cancel,
    FoundPlace,
    Hello,
    Mask,
    Message,
    PartMask,
    Progress,
    Region,
    Result,
    Submit,
)

from .strategies import messages

PICTURE = Pixels(2, 1, "rgba8", bytes(range(8)))
SUBMIT = Submit(
    "job-1",
    "foi",
    "make the star blue",
    PICTURE,
    seed=7,
    hint=Pixels(2, 1, "gray8", b"\0\xff"),
    hint_mode="guide",
)


def head(message: Message) -> dict[str, Any]:
    """A message's JSON object."""
    return dict(json.loads(encode(message)[0]))


@given(messages)
def test_every_message_comes_back_as_it_was(message: Message) -> None:
    text, sent = encode(message, 5)
    back, announced = decode(text)
    assert [transfer.number for transfer in announced] == list(range(5, 5 + len(sent)))
    for transfer, original in zip(announced, sent, strict=True):
        assert transfer.pixels.data is None
        assert original.pixels.data is not None
        transfer.complete(original.pixels.data)
    assert back == message
    assert len(text.encode()) <= limits.MAX_TEXT_BYTES


@given(messages, st.data())
def test_a_truncated_text_is_malformed(message: Message, data: st.DataObject) -> None:
    text, _ = encode(message)
    with pytest.raises(Malformed):
        decode(text[: data.draw(st.integers(0, len(text) - 1))])


@given(st.text(max_size=200))
def test_any_text_is_a_message_or_a_typed_error(text: str) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(messages, st.data())
def test_any_field_may_hold_anything_without_another_exception(
    message: Message, data: st.DataObject
) -> None:
    fields = head(message)
    name = data.draw(st.sampled_from(sorted(fields)))
    fields[name] = data.draw(json_values)
    try:
        back, _ = decode(json.dumps(fields))
    except ProtocolError as error:
        assert error.sentence and error.remedy and error.code != "protocol"
    else:
        assert isinstance(back, type(message)) or name == "type"


@given(messages, st.data())
def test_a_missing_or_an_extra_field_is_malformed(message: Message, data: st.DataObject) -> None:
    fields = head(message)
    if names := sorted(fields.keys() - {"type"}):
        del fields[data.draw(st.sampled_from(names))]
        with pytest.raises(Malformed):
            decode(json.dumps(fields))
    with pytest.raises(Malformed):
        decode(json.dumps(head(message) | {"more": 1}))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"type": "no-such"}, UnknownMessage),
        ({"type": 7}, UnknownMessage),
        ({"seed": -1}, TooLarge),
        ({"seed": limits.MAX_SEED + 1}, TooLarge),
        ({"seed": True}, Malformed),
        ({"seed": 1.5}, Malformed),
        ({"mask_only": 1}, Malformed),
        ({"places": True}, Malformed),  # but it is no mask alone
        ({"instruction": "x" * (limits.MAX_INSTRUCTION + 1)}, TooLarge),
        ({"instruction": "\ud800"}, Malformed),
        ({"job": ""}, Malformed),
        ({"job": "x" * (limits.MAX_ID + 1)}, Malformed),
        ({"job": "two\nlines"}, Malformed),
        ({"job": "../x"}, Malformed),
        ({"hint_mode": "maybe"}, Malformed),
        ({"hint": None}, Malformed),  # but hint_mode is "guide"
        ({"background": [1, 2]}, Malformed),
        ({"background": [1, 2, 256]}, TooLarge),
        ({"previews": limits.MAX_PREVIEW_SIDE + 1}, TooLarge),
        ({"parameters": {str(i): i for i in range(limits.MAX_ITEMS + 1)}}, TooLarge),
        ({"parameters": {"x": [1]}}, Malformed),
        ({"parameters": []}, Malformed),
        ({"pixels": {}}, Malformed),
        ({"pixels": None}, Malformed),
    ],
)
def test_bad_fields_of_a_submit(change: dict[str, object], error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        decode(json.dumps(head(SUBMIT) | change))


@pytest.mark.parametrize(
    "place",
    [
        FoundPlace(Box(0, 0, 9, 9), Region(5, 5, Pixels(5, 1, "gray8", bytes(5))), "exactly"),
        FoundPlace(Box(3, 3, 9, 9), Region(2, 5, Pixels(5, 1, "gray8", bytes(5))), "exactly"),
        FoundPlace(Box(3, 6, 9, 9), Region(3, 5, Pixels(5, 1, "gray8", bytes(5))), "exactly"),
        FoundPlace(Box(0, 0, 9, 9), Region(0, 5, Pixels(1, 5, "gray8", bytes(5))), "limit"),
        FoundPlace(Box(0, 0, 9, 9), Region(0, 0, Pixels(1, 5, "gray8", bytes(5))), "off"),
        FoundPlace(Box(0, 0, 9, 9), Region(0, 0, Pixels(1, 1, "bgra8", bytes(4))), "limit"),
    ],
)
def test_a_places_selection_lies_within_its_crop(place: FoundPlace) -> None:
    with pytest.raises(Malformed):
        encode(Mask("a", 1, None, places=(place,)))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"bytes": 7}, Malformed),
        ({"bytes": 0}, TooLarge),
        ({"width": 0}, TooLarge),
        ({"width": limits.MAX_SIDE + 1}, TooLarge),
        ({"width": limits.MAX_SIDE, "height": limits.MAX_SIDE}, TooLarge),
        ({"format": "gray8"}, Malformed),
        ({"format": "png"}, Malformed),
        ({"format": "jpeg"}, Malformed),
        ({"sha256": "0" * 63}, Malformed),
        ({"sha256": "Z" * 64}, Malformed),
        ({"transfer": -1}, TooLarge),
        ({"transfer": "1"}, Malformed),
        ({"transfer": False}, Malformed),
        ({"path": "/etc/passwd"}, Malformed),
    ],
)
def test_bad_fields_of_a_picture(change: dict[str, object], error: type[ProtocolError]) -> None:
    fields = head(SUBMIT)
    fields["pixels"] |= change
    with pytest.raises(error):
        decode(json.dumps(fields))


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"cancel","job":"a","job":"b"}',
        '{"type":"progress","job":"a","seq":1,"stage":"x","step":1,"count":2,"seconds_left":NaN}',
        '{"type":"progress","job":"a","seq":1,"stage":"x","step":1,"count":2,'
        '"seconds_left":-Infinity}',
        '["cancel"]',
        "null",
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"type":"cancel","job":"a"} x',
    ],
)
def test_json_that_is_not_ours(text: str) -> None:
    with pytest.raises(Malformed):
        decode(text)


@pytest.mark.parametrize("number", ["1e999", "1" * 400, "-1e300"])
def test_numbers_beyond_every_bound(number: str) -> None:
    with pytest.raises(TooLarge):
        decode(
            '{"type":"progress","job":"a","seq":1,"stage":"x","step":1,"count":2,'
            f'"seconds_left":{number},"number":0,"passes":0}}'
        )


def test_a_long_text_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge):
        decode("[" + " " * limits.MAX_TEXT_BYTES)
    with pytest.raises(TooLarge):
        decode("\u20ac" * (limits.MAX_TEXT_BYTES // 3 + 1))


def test_the_version_is_looked_at_before_the_fields() -> None:
    with pytest.raises(VersionMismatch) as caught:
        decode(json.dumps({"type": "hello", "version": PROTOCOL_VERSION + 1, "something": "new"}))
    assert caught.value.data == {"theirs": PROTOCOL_VERSION + 1, "ours": PROTOCOL_VERSION}


def test_a_damaged_picture_is_noticed() -> None:
    _, (transfer, _) = decode(encode(SUBMIT)[0])
    with pytest.raises(Corrupt):
        transfer.complete(bytes(8))
    assert transfer.pixels.data is None


def test_pictures_of_one_message_are_bounded_together() -> None:
    side = 8192
    whole = Region(0, 0, Pixels(side, side, "gray8", None, "0" * 64))
    mask = head(Mask("a", 1, None, tuple(PartMask("i", "k", None) for _ in range(10))))
    picture = {
        "width": side,
        "height": side,
        "format": "gray8",
        "bytes": side * side,
        "sha256": "0" * 64,
    }
    for number, part in enumerate(mask["parts"]):
        part["area"] = {"x": whole.x, "y": whole.y, "pixels": picture | {"transfer": number + 1}}
    with pytest.raises(TooLarge):
        decode(json.dumps(mask))
    mask["parts"].pop()
    assert len(decode(json.dumps(mask))[1]) == 9


@pytest.mark.parametrize(
    "message",
    [
        Cancel("no spaces, please"),
        Hello(-1, "x"),
        Progress("a", 1, "x", 1, 2, float("nan")),
        Result("a", 1, Region(0, 0, Pixels(1, 1, "gray8", b"x"))),
        dataclasses.replace(SUBMIT, hint=Pixels(1, 1, "gray8", b"x")),
        dataclasses.replace(SUBMIT, pixels=Pixels(3, 1, "rgba8", bytes(8))),
        dataclasses.replace(SUBMIT, parameters={"x": object()}),
    ],
)
def test_what_would_be_refused_is_not_sent(message: Message) -> None:
    with pytest.raises(ProtocolError):
        encode(message)
