"""A real server in a process of its own, with a real worker and the tiny model."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from limn.protocol import remote
from limn.protocol.messages import JobMessage, Pixels, Submit
from limn.server import tls
from limn.server.cli.client import ClientSession, connect
from limn.server.cli.servers import Address
from limn.server.users import Users

ROOT = Path(__file__).resolve().parents[2]

FAST = {"steps": 4}
"""Parameters of an edit that takes three steps."""

SLOW = {"steps": 400}
"""Parameters of an edit that still runs when a test is done with it.

Whatever the test wants to do to it.
"""


def picture(width: int = 64, height: int = 64, layout: str = "rgba8") -> Pixels:
    """A red square on a green ground, opaque, in a raw format."""
    deep = layout.endswith("16")
    order = (0, 1, 2) if layout.startswith("rgba") else (2, 1, 0)
    levels = []
    for y in range(height):
        for x in range(width):
            inside = abs(2 * x - width) < width // 2 and abs(2 * y - height) < height // 2
            colour = (200, 30, 30) if inside else (40, 160, 60)
            levels += [*(colour[i] for i in order), 255]
    data = (
        b"".join((level * 257).to_bytes(2, "little") for level in levels) if deep else bytes(levels)
    )
    return Pixels(width, height, layout, data)  # type: ignore[arg-type]


def submit(job: str, instruction: str = "make the square blue", **changes: object) -> Submit:
    """An edit of the picture above, fast unless told otherwise."""
    fields = {"pixels": picture(), "parameters": FAST, "previews": 128} | changes
    return Submit(job, "foi", instruction, **fields)  # type: ignore[arg-type]


@dataclass
class Running:
    """A server process, what it printed when it was ready, and its log.

    user_token: of a user, where it has users and TLS.
    """

    process: subprocess.Popen[str]
    ready: dict[str, str]
    log_file: Path
    user_token: str = ""

    @property
    def token(self) -> str:
        return self.user_token or Path(self.ready["token_file"]).read_text(encoding="utf-8")

    @property
    def address(self) -> Address:
        pinned = remote.fingerprint_of(self.ready["fingerprint"]) if self.user_token else ""
        return Address(self.ready["url"], self.token, fingerprint=pinned)

    async def dial(self, raw: bool = False) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection as any program can make it, encrypted where the server wants that.

        raw: not encrypted, whatever the server wants. With TLS each comes from another address of
        loopback: wrong tokens are slowed down by address.
        """
        if not self.user_token:
            return await asyncio.open_connection("127.0.0.1", self.port)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        number = next(_DIALLED)
        return await asyncio.open_connection(
            "127.0.0.1",
            self.port,
            ssl=None if raw else context,
            local_addr=(f"127.1.{number // 250 % 250}.{number % 250 + 1}", 0),
        )

    @property
    def port(self) -> int:
        match = re.search(r":(\d+)/", self.ready["url"])
        assert match
        return int(match[1])

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def worker(self) -> int:
        """Process id of the newest worker."""
        return int(re.findall(r"worker started pid=(\d+)", self.log)[-1])

    def stop(self) -> int:
        """Close its standard input, as a parent's end does; its exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(120)


_DIALLED = itertools.count()

Start = Callable[..., Running]


@pytest.fixture(scope="session")
def server_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Runtime and settings folders of their own.

    One thread, because tests share the machine.
    """
    folders = {"XDG_RUNTIME_DIR": "run", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache"}
    folders["XDG_DATA_HOME"] = "data"
    home = tmp_path_factory.mktemp("home")
    for folder in folders.values():
        (home / folder).mkdir(mode=0o700)
    return {
        **os.environ,
        **{name: str(home / folder) for name, folder in folders.items()},
        "OMP_NUM_THREADS": "1",
    }


def start(
    arguments: list[str], environment: dict[str, str], folder: Path, inside: Sequence[str] = ()
) -> Running:
    """Start a server and wait for its ready line.

    inside: the beginning of a command that runs it elsewhere. Raises AssertionError with its log
    if it does not come.
    """
    log_file = folder / "server.log"
    with log_file.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*inside, sys.executable, "-m", "limn.server.cli", "serve", *arguments],
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    watchdog = threading.Timer(300, process.kill)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    assert line, log_file.read_text(encoding="utf-8")
    return Running(process, json.loads(line), log_file)


@pytest.fixture
def start_server(
    tiny_model: Path, server_environment: dict[str, str], tmp_path: Path
) -> Iterator[Start]:
    """Starts servers with the tiny model and ends them with the test."""
    started: list[Running] = []

    def run(*arguments: str) -> Running:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(start(["--model", str(tiny_model), *arguments], server_environment, folder))
        return started[-1]

    yield run
    for server in started:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="module")
def server(
    tiny_model: Path, server_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """One server for a whole file of tests.

    Its worker may be killed, the server must not be.
    """
    running = start(
        ["--model", str(tiny_model)], server_environment, tmp_path_factory.mktemp("server")
    )
    yield running
    assert running.stop() == 0, running.log


def start_shared(
    model: Path, environment: dict[str, str], folder: Path, *arguments: str
) -> Running:
    """Start a server with TLS and one user."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    tls.make(certificate, key, ["127.0.0.1", "localhost", "::1"])
    users = Users(folder / "users.json")
    token = users.add("owner")
    with_tls = ["--tls-cert", str(certificate), "--tls-key", str(key)]
    users_file = ["--users-file", str(users.file)]
    running = start(
        ["--model", str(model), *with_tls, *users_file, *arguments], environment, folder
    )
    running.user_token = token
    return running


@pytest.fixture(scope="module", params=["plain", "tls"])
def attacked(
    request: pytest.FixtureRequest,
    tiny_model: Path,
    server_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    """A server for this machine, then one for others, each for a file of attacks."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "tls":
        running = start_shared(tiny_model, server_environment, folder)
    else:
        running = start(["--model", str(tiny_model)], server_environment, folder)
    yield running
    assert running.stop() == 0, running.log
    assert "Traceback" not in running.log


@pytest.fixture
async def session(server: Running) -> AsyncIterator[ClientSession]:
    """A connection to that server."""
    async with await connect(server.address) as connected:
        yield connected


async def run(session: ClientSession, wanted: Submit) -> list[JobMessage]:
    """All messages of an edit."""
    return [message async for message in session.submit(wanted)]
