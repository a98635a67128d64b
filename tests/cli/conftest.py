"""`limn` as a program.

It has a runtime folder of the test's own, so that no other server is found.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from limn.protocol import announcement

ROOT = Path(__file__).resolve().parents[2]

FAST = ("--set", "steps=4")
"""An edit that takes three steps."""


@dataclass(frozen=True)
class Limn:
    """Runs `limn` commands.

    runtime: where servers announce themselves. model: the folder that a server of its own loads.
    """

    runtime: Path
    model: Path

    @property
    def environ(self) -> dict[str, str]:
        """The environment of every command.

        Torch takes one thread, for tests run beside each other.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LIMN_")}
        own = {
            "XDG_RUNTIME_DIR": str(self.runtime),
            "XDG_DATA_HOME": str(self.runtime / "data"),
            "LIMN_MODEL": str(self.model),
            "LIMN_DEVICE": "cpu",
            "OMP_NUM_THREADS": "1",
        }
        return kept | own | {"COLUMNS": "200", "XDG_CONFIG_HOME": str(self.runtime / "config")}

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "limn.server.cli", *map(str, arguments)]

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def announced(self) -> list[dict[str, object]]:
        """What the servers that run say of themselves."""
        return [
            json.loads(file.read_text()) for file in sorted((self.runtime / "limn").glob("*.json"))
        ]


@contextmanager
def serving(limn: Limn) -> Iterator[subprocess.Popen[str]]:
    """A server in a process of its own, ready."""
    command = limn.command("serve", "--log-level", "warning")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=limn.environ, text=True, **pipes) as server:
        assert server.stdout is not None
        assert json.loads(server.stdout.readline())["ready"] is True
        yield server


@pytest.fixture
def alone(tmp_path: Path, tiny_model: Path) -> Limn:
    """`limn` where no server runs."""
    (tmp_path / "runtime").mkdir(mode=0o700)
    return Limn(tmp_path / "runtime", tiny_model)


@pytest.fixture(scope="module")
def limn(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Limn]:
    """`limn` where a server runs, one for all tests of the module."""
    runtime = tmp_path_factory.mktemp("runtime", numbered=True)
    runtime.chmod(0o700)
    them = Limn(runtime, tiny_model)
    with serving(them) as server:
        yield them
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(30) == 0


class Wire:
    """The way to a server, made to break.

    `limn` finds this program in the server's place, which hands everything on. breaks_after: bytes
    of the first connection that go up to the server before it breaks.
    """

    def __init__(self, server: Limn, runtime: Path, breaks_after: int | None = None) -> None:
        (ready,) = server.announced()
        self.connections = 0
        self.limn = Limn(runtime, server.model)
        self._ready = ready
        self._breaks_after = breaks_after
        self._port = int(re.findall(r":(\d+)/", str(ready["url"]))[0])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        own = self._listener.getsockname()[1]
        self._hosts = (f"Host: 127.0.0.1:{own}".encode(), f"Host: 127.0.0.1:{self._port}".encode())
        for folder in (runtime, runtime / "limn"):
            folder.mkdir(mode=0o700)
        mine = ready | {
            "url": str(ready["url"]).replace(str(self._port), str(own)),
            "pid": os.getpid(),
        }
        announcement.write_private(runtime / "limn" / f"{own}.json", json.dumps(mine))
        threading.Thread(target=self._accept, daemon=True).start()

    def say(self, data: bytes) -> None:
        """Bytes to the server, as if the client had sent them."""
        self._open[-1].sendall(data)

    def cut(self) -> None:
        """Break all connections of now."""
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def server_status(self) -> dict[str, int]:
        """What the server says of its jobs."""
        token = Path(str(self._ready["token_file"])).read_text()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/limn/v1/status",
            headers={"Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return dict(json.load(answer))

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                up = socket.create_connection(("127.0.0.1", self._port))
                self._open += [client, up]
                left = self._breaks_after if self.connections == 1 else None
                threading.Thread(target=self._pump, args=(client, up, left), daemon=True).start()
                threading.Thread(target=self._pump, args=(up, client, None), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, left: int | None) -> None:
        with suppress(OSError):
            while (data := source.recv(4096)) and (left is None or left > 0):
                target.sendall(data.replace(*self._hosts))
                left = None if left is None else left - len(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Callable[..., Wire]]:
    """Lays wires to a server."""
    laid: list[Wire] = []

    def lay(server: Limn, breaks_after: int | None = None) -> Wire:
        laid.append(Wire(server, tmp_path / f"wire-{len(laid)}", breaks_after))
        return laid[-1]

    yield lay
    for wire in laid:
        wire.close()


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A picture of 64 x 48 pixels with a red square in it."""
    image = Image.new("RGB", (64, 48), (60, 150, 70))
    ImageDraw.Draw(image).rectangle((20, 10, 44, 34), fill=(200, 30, 40))
    image.save(tmp_path / "scene.png")
    return tmp_path / "scene.png"


def array(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image).astype(int)
