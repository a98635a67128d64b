"""Every bad frame is refused by an error of its own kind, whoever sends it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limn.protocol import PROTOCOL_VERSION, Connection, Message, Pixels, ProtocolError, limits
from limn.protocol.errors import (
    ConnectionEnded,
    Corrupt,
    Malformed,
    OutOfOrder,
    RefusedByPeer,
    TooLarge,
    UnknownMessage,
)
from limn.protocol.messages import (
    Acknowledge,
    Box,
    Cancel,
    Cancelled,
    Done,
    FoundPlace,
    Mask,
    Preview,
    Progress,
    Queued,
    Refused,
    Region,
    Result,
    Submit,
)

from .strategies import job_messages, submits
from .wires import JPEG, SMALL, Frame, carry, encoded, frames, pair, working

DOT = Region(4, 511, Pixels(1, 1, "gray8", b"a"))
CHUNK = encoded(Submit("a", "foi", "x", SMALL))[1]


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (b"", Malformed),
        (bytes(16), Malformed),
        (CHUNK, OutOfOrder),
        (bytes(limits.CHUNK_HEAD_BYTES + limits.CHUNK_BYTES + 1), TooLarge),
        ("", Malformed),
        ("{}", UnknownMessage),
        (f'{{"type":"hello","version":{PROTOCOL_VERSION},"client":"again"}}', OutOfOrder),
        ('{"type":"cancelled","job":"a","seq":1}', UnknownMessage),
        ('{"type":"refused","code":"a","sentence":"","remedy":""}', UnknownMessage),
    ],
)
def test_a_bad_frame_is_refused_in_a_sentence_and_ends_the_connection(
    frame: Frame, error: type[ProtocolError]
) -> None:
    client, server = pair()
    server.send(Cancelled("never-arrives", 1))
    with pytest.raises(error) as caught:
        server.receive(frame)
    assert not server.open
    with pytest.raises(RefusedByPeer) as told:
        carry(server, client)
    assert (told.value.peer_code, told.value.sentence, told.value.remedy) == (
        caught.value.code,
        caught.value.sentence,
        caught.value.remedy,
    )
    assert not client.open
    for connection in (client, server):
        with pytest.raises(ConnectionEnded):
            connection.receive("{}")
        with pytest.raises(ConnectionEnded):
            connection.send(Cancel("a") if connection is client else Cancelled("a", 1))
        assert connection.next_frame() is None


def test_the_hello_comes_first() -> None:
    for frame in encoded(Cancel("a")) + encoded(Submit("a", "foi", "x", SMALL)):
        with pytest.raises(OutOfOrder):
            Connection("server").receive(frame)


@pytest.mark.parametrize(
    "message",
    [
        Queued("other", 1, 0),  # never asked for
        Queued("a", 0, 0),  # numbers begin at 1
        Result("a", 1, Region(512, 0, SMALL)),  # outside of the picture
        Preview("a", 1, 1, JPEG, Box(0, 1, 512, 512)),
        Mask("a", 1, Region(0, 510, Pixels(1, 3, "gray8", b"abc"))),
        Mask("a", 1, None, places=(FoundPlace(Box(0, 510, 9, 9), DOT, "exactly"),)),
    ],
)
def test_a_client_checks_what_a_server_says(message: Message) -> None:
    client, server = working()
    server.send(message)
    with pytest.raises((OutOfOrder, Malformed)):
        carry(server, client)
    assert frames(client) == []  # a client just closes


def test_a_job_that_has_ended_says_nothing_more() -> None:
    client, server = working()
    server.send(Done("a", 1, "foi", 0))
    carry(server, client)
    server.send(Progress("a", 2, "denoising", 1, 2))
    with pytest.raises(OutOfOrder):
        carry(server, client)


def test_numbers_of_transfers_rise() -> None:
    _, server = pair()
    announced, chunk = encoded(Submit("a", "foi", "x", SMALL))
    server.receive(announced)
    server.receive(chunk)
    with pytest.raises(OutOfOrder):
        server.receive(announced)


def test_pictures_come_one_message_after_the_other() -> None:
    _, server = pair()
    (first, _), (second, _) = (
        encoded(Submit("a", "foi", "x", SMALL)),
        encoded(Submit("b", "foi", "x", SMALL)),
    )
    assert isinstance(second, str)
    server.receive(first)
    with pytest.raises(OutOfOrder):
        server.receive(second.replace('"transfer":1', '"transfer":2'))


def test_a_flipped_bit_in_a_picture_is_noticed() -> None:
    _, server = pair()
    announced, chunk = encoded(Submit("a", "foi", "x", SMALL))
    assert isinstance(chunk, bytes)
    server.receive(announced)
    with pytest.raises(Corrupt):
        server.receive(chunk[:-1] + bytes([chunk[-1] ^ 1]))


@st.composite
def attacks(draw: st.DrawFn, honest: list[Frame]) -> list[Frame]:
    """Honest frames, some of them dropped, doubled, swapped, cut, damaged or invented."""
    attacked = list(honest)
    for _ in range(draw(st.integers(1, 3))):
        if not attacked:
            break
        place = draw(st.integers(0, len(attacked) - 1))
        frame: Any = attacked[place]
        kind = draw(st.sampled_from(("drop", "double", "swap", "cut", "damage", "invent", "grow")))
        if kind == "drop":
            del attacked[place]
        elif kind == "double":
            attacked.insert(place, frame)
        elif kind == "swap":
            other = draw(st.integers(0, len(attacked) - 1))
            attacked[place], attacked[other] = attacked[other], frame
        elif kind == "cut":
            attacked[place] = frame[: draw(st.integers(0, len(frame)))]
        elif kind == "grow":
            attacked[place] = frame + frame[-1:]
        elif kind == "invent":
            attacked.insert(place, draw(st.binary(max_size=40) | st.text(max_size=40)))
        elif frame:
            at = draw(st.integers(0, len(frame) - 1))
            new = (
                draw(st.characters(codec="ascii"))
                if isinstance(frame, str)
                else bytes([draw(st.integers(0, 255))])
            )
            attacked[place] = frame[:at] + new + frame[at + 1 :]
    return attacked


def feed(receiver: Connection, attacked: list[Frame]) -> None:
    """Whatever comes, pictures are what their hash says.

    Or there is one typed error and then the end.
    """
    for frame in attacked:
        try:
            arrived = receiver.receive(frame)
        except ProtocolError as error:
            assert error.sentence and error.remedy and error.close_code in (1002, 1008, 1009)
            assert not receiver.open
            assert [type(m) for f in frames(receiver) for m in decode_all(f)] == (
                [Refused] if receiver.role == "server" else []
            )
            with pytest.raises(ConnectionEnded):
                receiver.receive(frame)
            return
        for message in arrived:
            for name in ("pixels", "picture", "hint"):
                pixels = getattr(message, name, None)
                if pixels is not None and pixels.data is not None:
                    assert hashlib.sha256(pixels.data).hexdigest() == pixels.sha256


def decode_all(frame: Frame) -> list[Message]:
    from limn.protocol.codec import decode

    assert isinstance(frame, str)
    return [decode(frame)[0]]


@given(st.lists(submits(st.sampled_from("abc")), max_size=2), st.data())
def test_a_server_survives_any_attack(messages: list[Message], data: st.DataObject) -> None:
    _, server = pair()
    feed(
        server,
        data.draw(
            attacks(
                encoded(*messages, Cancel("a"), Acknowledge("z"), Submit("d", "foi", "x", SMALL))
            )
        ),
    )


@given(st.lists(job_messages(st.just("a"), st.integers(1, 20)), max_size=3), st.data())
def test_a_client_survives_any_attack(messages: list[Message], data: st.DataObject) -> None:
    client, _ = working()
    feed(
        client,
        data.draw(
            attacks(encoded(Queued("a", 1, 0), *messages, Done("a", 30, "foi", 0), role="server"))
        ),
    )
