"""A client and a server without a network between them."""

from __future__ import annotations

import random

from limn.protocol import PROTOCOL_VERSION, Connection, Message, Pixels
from limn.protocol.messages import (
    Hello,
    Submit,
    Welcome,
)

Frame = str | bytes


BIG = Pixels(512, 512, "rgba8", random.Random(0).randbytes(512 * 512 * 4))  # four chunks


SMALL = Pixels(1, 1, "rgba8", b"abcd")
JPEG = Pixels(4, 4, "jpeg", b"not looked into")


def frames(connection: Connection) -> list[Frame]:
    """Everything that a connection has to write."""
    out = []
    while (frame := connection.next_frame()) is not None:
        out.append(frame)
    return out


def carry(sender: Connection, receiver: Connection) -> list[Message]:
    """Bring everything over; the messages that arrive."""
    return [message for frame in frames(sender) for message in receiver.receive(frame)]


def pair() -> tuple[Connection, Connection]:
    """A client and a server that have greeted each other."""
    client, server = Connection("client"), Connection("server")
    client.send(Hello(PROTOCOL_VERSION, "test"))
    carry(client, server)
    server.send(Welcome(PROTOCOL_VERSION, "test", "cpu", "tiny", ()))
    carry(server, client)
    return client, server


def working(pixels: Pixels = BIG, job: str = "a") -> tuple[Connection, Connection]:
    """A pair with a job submitted."""
    client, server = pair()
    client.send(Submit(job, "foi", "x", pixels))
    carry(client, server)
    return client, server


def encoded(*messages: Message, role: str = "client") -> list[Frame]:
    """Frames of an honest peer: greeting, then messages."""
    client, server = pair()
    peer = client if role == "client" else server
    for message in messages:
        peer.send(message)
    return frames(peer)
