"""One connection.

Chunks, order, newest wins, cancel on the line, and every hostile frame answered by a typed error.
"""

from __future__ import annotations

import hashlib

import pytest

from limn.protocol import PROTOCOL_VERSION, Connection, Message, limits
from limn.protocol.errors import (
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
    Failed,
    Hello,
    Mask,
    Preview,
    Progress,
    Queued,
    Region,
    Result,
    Resume,
    Submit,
    Welcome,
)

from .wires import BIG, JPEG, SMALL, carry, frames, pair, working

SHOWS = Box(0, 0, 1, 1)


def test_a_large_picture_travels_in_chunks_with_heads() -> None:
    client, server = pair()
    submit = Submit("a", "foi", "x", BIG)
    client.send(submit)
    sent = frames(client)
    assert [type(frame) for frame in sent] == [str, bytes, bytes, bytes, bytes]
    assert all(len(frame) == limits.CHUNK_HEAD_BYTES + limits.CHUNK_BYTES for frame in sent[1:])
    assert [sent[i][:16] for i in (1, 2)] == [
        bytes(7) + b"\x01" + bytes(8),
        bytes(7) + b"\x01" + bytes(5) + b"\x04\0\0",
    ]
    arrived = [message for frame in sent for message in server.receive(frame)]
    assert arrived == [submit]


def test_a_held_picture_takes_no_chunk() -> None:
    client, server = pair()
    client.send(Submit("a", "foi", "x", BIG.held()))
    (frame,) = frames(client)
    (submit,) = server.receive(frame)
    assert isinstance(submit, Submit)
    assert submit.pixels.data is None
    assert submit.pixels.sha256 == hashlib.sha256(BIG.data or b"").hexdigest()


def test_a_text_message_overtakes_the_pictures_of_other_jobs_only() -> None:
    client, server = working(SMALL, "a")
    client.send(Submit("b", "foi", "x", SMALL))
    carry(client, server)
    server.send(Result("a", 1, Region(0, 0, SMALL)))
    server.send(Done("a", 2, "foi", 0))
    server.send(Progress("b", 1, "denoising", 1, 2))
    names = [type(message).__name__ for message in carry(server, client)]
    assert names == ["Progress", "Result", "Done"]


def test_a_newer_preview_replaces_one_that_waits_but_not_one_on_its_way() -> None:
    client, server = working()
    server.send(Preview("a", 1, 1, JPEG, SHOWS))
    on_its_way = server.next_frame()
    for seq in range(2, 6):
        server.send(Preview("a", seq, seq, JPEG, SHOWS))
        server.send(Progress("a", seq + 10, "denoising", seq, 9))
    assert isinstance(on_its_way, str)
    client.receive(on_its_way)
    arrived = carry(server, client)
    assert [(type(m).__name__, m.step) for m in arrived if isinstance(m, (Preview, Progress))] == [
        ("Preview", 1),
        ("Preview", 5),
        ("Progress", 5),
    ]


def test_the_end_of_a_job_drops_what_is_passing() -> None:
    client, server = working()
    server.send(Preview("a", 1, 1, JPEG, SHOWS))
    server.send(Progress("a", 2, "denoising", 1, 9))
    server.send(Mask("a", 3, None, final=False))
    server.send(Mask("a", 4, None))
    server.send(Result("a", 5, Region(0, 0, SMALL)))
    server.send(Done("a", 6, "foi", 0))
    assert [type(m).__name__ for m in carry(server, client)] == ["Mask", "Result", "Done"]


@pytest.mark.parametrize("sent", range(6))
def test_a_cancel_takes_its_submit_off_the_line_however_much_has_gone(sent: int) -> None:
    client, server = pair()
    client.send(Submit("a", "foi", "x", BIG))
    arrived: list[Message] = []
    for _ in range(sent):
        frame = client.next_frame()
        assert frame is not None or sent > 5
        if frame is not None:
            arrived += server.receive(frame)
    client.send(Cancel("a"))
    arrived += carry(client, server)
    assert arrived[-1] == Cancel("a")
    assert len(arrived) == (2 if sent == 5 else 1)
    client.send(Submit("b", "foi", "x", SMALL))  # and the line is free for the next
    assert [m.job for m in carry(client, server) if isinstance(m, Submit)] == ["b"]


def test_what_breaks_off_in_its_pictures_does_not_count_as_seen() -> None:
    client, server = working()
    server.send(Queued("a", 1, 0))
    carry(server, client)
    server.send(Result("a", 2, Region(0, 0, BIG)))
    for _ in range(3):
        frame = server.next_frame()
        assert frame is not None
        assert client.receive(frame) == []
    assert client.last_seen("a") == 1


def test_after_a_resume_numbers_go_on() -> None:
    client, server = pair()
    client.send(Resume("a", 7))
    carry(client, server)
    server.send(Done("a", 8, "foi", 0))
    carry(server, client)
    assert client.last_seen("a") == 8
    client.send(Acknowledge("a"))
    assert carry(client, server) == [Acknowledge("a")]
    assert client.last_seen("a") == 0


def test_a_cancel_of_an_ended_job_is_not_sent() -> None:
    client, server = working()
    server.send(Failed("a", 1, "x", "y", "z"))
    carry(server, client)
    client.send(Cancel("a"))
    assert frames(client) == []


def test_a_client_says_only_what_makes_sense() -> None:
    client, server = Connection("client"), Connection("server")
    with pytest.raises(OutOfOrder):
        client.send(Cancel("a"))
    with pytest.raises(UnknownMessage):
        client.send(Cancelled("a", 1))
    with pytest.raises(OutOfOrder):
        server.send(Welcome(PROTOCOL_VERSION, "", "", "", ()))
    client, server = working()
    with pytest.raises(OutOfOrder):
        client.send(Hello(PROTOCOL_VERSION, "again"))
    with pytest.raises(OutOfOrder):
        client.send(Resume("a", 1))
    with pytest.raises(OutOfOrder):
        client.send(Acknowledge("a"))
    assert client.open
    assert server.open
    assert frames(client) == []


def test_a_peer_that_never_reads_is_noticed() -> None:
    client, _ = pair()
    for number in range(limits.MAX_QUEUED_MESSAGES):
        client.send(Acknowledge(f"job-{number}"))
    with pytest.raises(TooLarge):
        client.send(Acknowledge("one-more"))


def test_a_server_that_gives_up_says_why_whatever_else_waits() -> None:
    client, server = working()
    for number in range(limits.MAX_QUEUED_MESSAGES):
        server.send(Cancelled(f"job-{number}", 1))
    with pytest.raises(TooLarge) as caught:
        server.send(Cancelled("one-more", 1))
    server.end(caught.value)
    assert not server.open
    with pytest.raises(RefusedByPeer, match="does not read"):
        carry(server, client)


def test_an_answer_to_a_cancel_that_crosses_the_jobs_end_is_no_news() -> None:
    client, server = pair()
    client.send(Resume("a", 7))
    for _ in range(3):
        client.send(Cancel("a"))  # once is enough
    client.send(Cancel("unknown"))
    assert carry(client, server) == [Resume("a", 7), Cancel("a"), Cancel("unknown")]
    failed = Failed("a", 8, "unknown-job", "", "")
    for message in (failed, Cancelled("a", 1), Cancelled("unknown", 1), Cancelled("unknown", 1)):
        server.send(message)
    assert carry(server, client) == [failed, Cancelled("unknown", 1)]
    assert client.open


def test_what_is_not_admitted_is_neither_kept_nor_returned() -> None:
    asked: list[tuple[str, int]] = []

    def admit(message: Message, size: int) -> bool:
        asked.append((getattr(message, "job", ""), size))
        return getattr(message, "job", "") != "too-much"

    client, server = Connection("client"), Connection("server", admit)
    client.send(Hello(PROTOCOL_VERSION, "test"))
    carry(client, server)
    server.send(Welcome(PROTOCOL_VERSION, "", "", "", ()))
    for job in ("too-much", "wanted"):
        client.send(Submit(job, "foi", "", BIG))
        sent = frames(client)
        for frame in sent[:-1]:
            assert server.receive(frame) == []
        assert server.inside_message
        assert server.receiving == (0 if job == "too-much" else len(BIG.data or b""))
        messages = server.receive(sent[-1])
        assert [getattr(m, "job", "") for m in messages] == [job] * (job == "wanted")
        assert not server.inside_message and not server.receiving
    assert asked == [("too-much", len(BIG.data or b"")), ("wanted", len(BIG.data or b""))]
