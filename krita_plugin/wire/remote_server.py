"""Servers on other machines.

Which one is used, and a connection that is encrypted and checked.

They stand in a file of this user's alone, limn/servers.json in Krita's folder, with their tokens
and with the fingerprints of their certificates; never in Krita's own settings. As SSH has it, a
fingerprint is shown at the first contact, and trusted from the painter's word on; another one is
refused before anything is sent.
"""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ...protocol import announcement, remote
from ..translations import tr
from .server_process import ServerTrouble

FILE = Path("limn", "servers.json")
"""In Krita's folder for resources."""

MAX_SERVERS = 50
"""Servers that are remembered, the latest ones."""

CONNECT_SECONDS = 10.0
"""For a connection to another machine, and for its handshake."""

IDLE, INTERVAL, COUNT = 10, 5, 4
"""Keepalive probes of TCP, in seconds: a dead connection is noticed within 30."""

UNSENT = 60_000
"""Milliseconds that what is sent may stay unacknowledged."""


NOT_LET_IN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.MISDIRECTED_REQUEST)
"""Answers of another machine that another attempt would not change."""


@dataclass(frozen=True)
class RemoteServer:
    """A server on another machine.

    fingerprint: 64 digits; empty before the first contact.
    """

    url: str
    token: str = field(repr=False)
    fingerprint: str = ""


class UnknownCertificate(ServerTrouble):
    """The first contact with a server.

    Its fingerprint has to be compared by the painter.
    """

    def __init__(self, server: RemoteServer, fingerprint: str) -> None:
        host, _ = remote.host_and_port(server.url)
        super().__init__(
            tr("{host} is new here: is this its certificate?", host=host),
            tr("Compare the fingerprint with what its server prints, then press Trust."),
            remote.shown(fingerprint),
        )
        self.server = replace(server, fingerprint=fingerprint)


class RemoteServers:
    """The servers that are remembered, and the one that is used.

    None: this computer's own.
    """

    def __init__(self, resources: Path) -> None:
        self._file = resources / FILE
        self.known: dict[str, RemoteServer] = {}
        self.used: RemoteServer | None = None
        self._load()

    def use(self, server: RemoteServer | None) -> None:
        """Use this one from now on, and remember it. Raises OSError."""
        self.used = server
        if server is not None:
            self.known.pop(server.url, None)
            self.known[server.url] = server
        self._save()

    def forget(self, url: str) -> None:
        """Remember a server no more, nor its token. Raises OSError."""
        self.known.pop(url, None)
        if self.used is not None and self.used.url == url:
            self.used = None
        self._save()

    def _load(self) -> None:
        """What can't be read, or is open to other users, counts as nothing."""
        with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
            memory = json.loads(announcement.read_private(self._file))
            for one in memory["servers"][:MAX_SERVERS]:
                pinned = str(one["fingerprint"])
                pinned = remote.fingerprint_of(pinned) if pinned else ""
                url = remote.url_of(str(one["url"]))
                self.known[url] = RemoteServer(url, str(one["token"]), pinned)
            self.used = self.known.get(str(memory["used"]))

    def _save(self) -> None:
        servers = [asdict(one) for one in list(self.known.values())[-MAX_SERVERS:]]
        used = "" if self.used is None else self.used.url
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        announcement.write_private(new, json.dumps({"used": used, "servers": servers}, indent=1))
        new.replace(self._file)


def connect(server: RemoteServer) -> socket.socket:
    """An encrypted connection to a server whose certificate is the trusted one.

    Nothing has been sent on it. Raises OSError where it can't be reached, UnknownCertificate at the
    first contact, ServerTrouble where the certificate is another, or Krita's Python has no TLS.
    """
    try:
        import ssl
    except ImportError as error:
        raise ServerTrouble(
            tr("This Krita can't encrypt: its Python has no TLS."),
            tr("Use a tunnel (ssh -L) and this computer, or another build of Krita."),
            str(error),
        ) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the certificate itself is what is trusted
    context.verify_mode = ssl.CERT_NONE
    host, port = remote.host_and_port(server.url)
    secure = socket.create_connection((host, port), CONNECT_SECONDS)
    try:
        _keep_alive(secure)
        secure = context.wrap_socket(secure, server_hostname=host)
        found = remote.fingerprint(secure.getpeercert(binary_form=True) or b"")
        if not server.fingerprint:
            raise UnknownCertificate(server, found)
        if found != server.fingerprint:
            raise ServerTrouble(
                tr("The certificate of {host} has changed. Nothing was sent.", host=host),
                tr("Ask whoever runs the server. If it is right, forget it and add it anew."),
                f"{remote.shown(found)}\n{remote.shown(server.fingerprint)}",
            )
        secure.settimeout(None)
    except BaseException:
        secure.close()
        raise
    return secure


def not_let_in(status: int) -> tuple[str, str, str]:
    """Sentence, remedy and details where a server does not want this client."""
    if status == HTTPStatus.UNAUTHORIZED:
        sentence = tr("The server does not know this token, or not any more.")
        remedy = tr("Ask whoever runs it for a token: limn users add NAME.")
    else:
        sentence = tr("The server is not called by this address.")
        remedy = tr("Ask whoever runs it: the address must stand in its host_names.")
    return sentence, remedy, f"status {status}"


def _keep_alive(connection: socket.socket) -> None:
    """A connection that is cut ends with an error, instead of waiting for ever."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", IDLE),
        ("TCP_KEEPALIVE", IDLE),  # macOS's name of it
        ("TCP_KEEPINTVL", INTERVAL),
        ("TCP_KEEPCNT", COUNT),
        ("TCP_USER_TIMEOUT", UNSENT),
    ):
        option: Any = getattr(socket, name, None)
        if option is not None:
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
