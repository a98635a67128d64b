"""Another machine by a tunnel, as `ssh -L` makes one.

It is named on both sides, the token is kept over a restart, and no other server takes its place
where it can't be had.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from limn.server.settings import Settings, SettingsError

from .conftest import ROOT, Start


class Tunnel:
    """Hands on what comes to a port of this machine."""

    def __init__(self) -> None:
        self.target = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    near.close()
                    continue
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._hand_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _hand_on(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def tunnel() -> Iterator[Tunnel]:
    made = Tunnel()
    yield made
    made.close()


def test_an_edit_by_a_tunnel(
    start_server: Start, tunnel: Tunnel, server_environment: dict[str, str], tmp_path: Path
) -> None:
    token_file, picture = tmp_path / "desk.token", tmp_path / "picture.png"
    Image.new("RGB", (64, 64), (200, 30, 30)).save(picture)
    serve = ("--token-file", str(token_file), "--keep-token", "--private")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)

    def edit() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *(sys.executable, "-m", "limn.server.cli", "edit", str(picture), "make it blue"),
                *("--set", "steps=4", "--mask-only", "--out", str(tmp_path / "out")),
                *("--server", f"ws://127.0.0.1:{tunnel.port}/limn/v1"),
                *("--token-file", str(token_file)),
            ],
            cwd=ROOT,
            env=server_environment | {"XDG_RUNTIME_DIR": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )

    first = start_server(*serve)
    tunnel.target, token = first.port, first.token
    refused = edit()  # it was not told of the tunnel
    assert refused.returncode == 3 and "421" in refused.stderr, refused.stderr
    first.stop()
    assert token_file.read_text() == token  # kept
    gone = edit()
    assert gone.returncode == 3 and str(tunnel.port) in gone.stderr, gone.stderr
    second = start_server(*serve, "--tunnel-port", str(tunnel.port))
    assert second.token == token
    tunnel.target = second.port
    done = edit()
    assert done.returncode == 0, done.stderr
    assert not list(home.rglob("*.json")) and not list(home.rglob("*.private"))
    assert "Traceback" not in refused.stderr + gone.stderr


def test_a_token_that_can_not_be_kept_is_told(tmp_path: Path) -> None:
    from limn.server.ready import token_of

    with pytest.raises(SettingsError, match="needs a token_file"):
        Settings(keep_token=True)
    file = tmp_path / "token"
    settings = Settings(keep_token=True, token_file=file)
    assert token_of(settings) != token_of(settings)
    for text, mode in (("a" * 64, 0o644), ("g" * 64, 0o600), ("a" * 63, 0o600), ("", 0o600)):
        file.write_text(text)
        file.chmod(mode)
        with pytest.raises(SettingsError):
            token_of(settings)
    file.write_text("a" * 64)
    assert token_of(settings) == "a" * 64


@pytest.mark.parametrize(
    "arguments",
    [
        ["--server", "ws://127.0.0.1:4100/limn/v1"],
        ["--token-file", "FILE"],
        ["--server", "ws://127.0.0.1:4100/limn/v1", "--token-file", "FILE", "--device", "cpu"],
        ["--server", "ws://192.168.0.5:4100/limn/v1", "--token-file", "FILE"],
        ["--server", "ws://127.0.0.1:4100@example.com/", "--token-file", "FILE"],
        ["--server", "wss://127.0.0.1:4100/other", "--token-file", "FILE"],
        ["--server", "https://desk.lan:4100", "--token-file", "FILE", "--fingerprint", "abc"],
        ["--server", "ws://127.0.0.1:4100/", "--token-file", "FILE", "--fingerprint", "0" * 64],
    ],
)
def test_a_server_that_can_not_be_named_is_told(tmp_path: Path, arguments: list[str]) -> None:
    from limn.server.cli.edit import named_server
    from limn.server.cli.exits import UsageError

    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text("abc")
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    token = tmp_path / "token" if "--token-file" in given else None
    with pytest.raises(UsageError):
        pinned = given.get("--fingerprint")
        named_server(given.get("--server"), token, "--device" in given, pinned)
