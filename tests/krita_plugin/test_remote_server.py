"""The plugin's connection to another machine.

What is trusted, what is kept, what is refused.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from limn.protocol import remote
from limn.server import tls


@pytest.fixture(scope="module")
def servers() -> Any:
    from limn.krita_plugin.wire import remote_server

    return remote_server


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, list[bytes]]]:
    """Address and fingerprint of something that speaks TLS, and what it has been told."""
    folder = tmp_path_factory.mktemp("place")
    tls.make(folder / "certificate.pem", folder / "key.pem", ["localhost"])
    context = tls.context(folder / "certificate.pem", folder / "key.pem")
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    with context.wrap_socket(connection, server_side=True) as secure:
                        heard.append(secure.recv(100))
                except OSError:
                    heard.append(b"")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = remote.url_of(f"localhost:{listener.getsockname()[1]}")
    yield url, tls.fingerprint(folder / "certificate.pem"), heard
    listener.close()


def test_nothing_is_sent_before_the_certificate_is_trusted(
    servers: Any, place: tuple[str, str, list[bytes]]
) -> None:
    url, fingerprint, heard = place
    new = servers.RemoteServer(url, "token")
    with pytest.raises(servers.UnknownCertificate) as caught:
        servers.connect(new)
    asked = caught.value.server
    assert asked.fingerprint == fingerprint
    assert caught.value.details == remote.shown(fingerprint)
    with pytest.raises(servers.ServerTrouble, match="has changed"):
        servers.connect(replace(asked, fingerprint="0" * 64))
    with servers.connect(asked) as secure:
        secure.sendall(b"hello")
    for _ in range(100):
        if b"hello" in heard:
            break
        threading.Event().wait(0.05)
    assert heard == [b"", b"", b"hello"]


def test_servers_are_remembered_in_a_file_of_this_user_alone(servers: Any, tmp_path: Path) -> None:
    one = servers.RemoteServer("wss://desk.lan:4000/limn/v1", "a" * 64, "b" * 64)
    other = servers.RemoteServer("wss://[fd00::1]:443/limn/v1", "c" * 64)
    memory = servers.RemoteServers(tmp_path)
    for server in (one, other, one):
        memory.use(server)
    assert "a" * 64 not in repr(one)
    file = tmp_path / "limn" / "servers.json"
    assert file.stat().st_mode & 0o777 == 0o600
    again = servers.RemoteServers(tmp_path)
    assert again.used == one and list(again.known) == [other.url, one.url]
    again.use(None)
    assert servers.RemoteServers(tmp_path).used is None
    again.forget(one.url)
    assert list(servers.RemoteServers(tmp_path).known) == [other.url]
    file.chmod(0o644)
    assert not servers.RemoteServers(tmp_path).known  # others could have written it


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{", '{"servers": 1}', "[" * 5000, '{"used": "x", "servers": [{}]}',
        '{"used": "a", "servers": [{"url": "ws://a:1", "token": "t", "fingerprint": ""}]}',
        '{"used": "a", "servers": [{"url": "https://a:1", "token": "t", "fingerprint": "0"}]}',
    ],
)  # fmt: skip
def test_a_damaged_file_counts_as_none(servers: Any, tmp_path: Path, text: str) -> None:
    file = tmp_path / "limn" / "servers.json"
    file.parent.mkdir()
    file.touch(mode=0o600)
    file.write_text(text)
    memory = servers.RemoteServers(tmp_path)
    assert memory.used is None and not memory.known


def test_who_is_not_let_in_is_told_what_to_do(servers: Any) -> None:
    for status in servers.NOT_LET_IN:
        sentence, remedy, details = servers.not_let_in(status)
        assert sentence.endswith(".") and remedy.endswith(".") and str(int(status)) in details
