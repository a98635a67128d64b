"""What goes wrong between a client and its server.

No server, no connection, no trust.
"""

from __future__ import annotations

import asyncio
import ssl

import aiohttp

from limn.protocol import remote
from limn.protocol.errors import LimnError

HANDSHAKE_SECONDS = 10.0
"""How long a server may take to answer the websocket handshake."""


REFUSED, CERTIFICATE = "refused", "certificate"
"""Codes of what another attempt would not change."""


class ClientError(LimnError):
    """No server, no connection, or one that has ended."""

    code = "no-server"


class Full(ClientError):
    """The server runs, and has as many connections as it takes."""


class ConnectionLost(ClientError):
    """The connection has ended while a job was running.

    The job may still be running: connect again and `resume` it.
    """


def changed(error: aiohttp.ServerFingerprintMismatch) -> ClientError:
    """What to tell of a certificate that is not the trusted one."""
    return ClientError(
        f"The server's certificate is not the one that is trusted: its fingerprint is "
        f"{remote.shown(error.got.hex())}.",
        "Nothing was sent. Ask whoever runs the server whether it has a new certificate.",
        CERTIFICATE,
    )


async def unknown(url: str) -> ClientError:
    """What to tell of a certificate that no known authority has signed.

    Its fingerprint.
    """
    place = remote.host_and_port(url)
    try:
        got = await asyncio.to_thread(ssl.get_server_certificate, place, timeout=HANDSHAKE_SECONDS)
        print_of = remote.shown(remote.fingerprint(ssl.PEM_cert_to_DER_cert(got)))
    except (OSError, ValueError):
        print_of = "not to be had"
    return ClientError(
        f"No authority that this machine knows vouches for the server's certificate. Its "
        f"fingerprint is {print_of}.",
        "Nothing was sent. If whoever runs the server tells you the same: --fingerprint.",
        CERTIFICATE,
    )


def lost() -> ConnectionLost:
    """What to tell of a connection that has ended by itself."""
    return ConnectionLost(
        "The connection to the server was lost.",
        "If the server still runs, the edit goes on there: connect again.",
    )
