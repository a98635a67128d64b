"""Limn's server as a process.

Finds one that runs, or starts one with the command that the installer noted.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...protocol import announcement
from ...protocol.announcement import Announcement
from ...protocol.errors import LimnError
from ..translations import tr

START_SECONDS = 300.0
"""How long a server may take to its ready line.

Minutes on a cold, slow disk; after this it is taken for hung.
"""

LOOK_SECONDS = 0.2
"""Between two looks at a starting server and at whether Krita wants it at all."""

ANSWER_SECONDS = 1.0
"""For a server on this machine to take a connection."""

STOP_SECONDS = 5.0
"""How long a server may take to end by itself before it is killed."""

MAX_READY_BYTES = announcement.MAX_BYTES
"""Of the ready line."""

LOG_TAIL_BYTES = 4000
"""Of the server's log, in an error's details."""


class ServerTrouble(LimnError):
    """There is no server to talk to; `details` can be copied into a report."""

    code = "no-server"

    def __init__(self, sentence: str, remedy: str, details: str = "") -> None:
        super().__init__(sentence, remedy, data={"details": details})
        self.details = details


class NotInstalled(ServerTrouble):
    """There is no server yet, or one of another version.

    The plugin came with this one's wheel.
    """


class Server:
    """A server that this Krita has started.

    It ends with Krita, whose end of its standard input then closes.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """Ask it to end by closing its input; kill it if it doesn't."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        return _tail(self._log)


def start(
    command: Sequence[str], log: Path, wanted: Callable[[], bool]
) -> tuple[Server, Announcement]:
    """Start a server and wait for its ready line.

    `wanted` is asked meanwhile; False gives up. Raises ServerTrouble.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    flags: dict[str, Any] = (
        {"creationflags": 0x08000000} if sys.platform == "win32" else {}
    )  # CREATE_NO_WINDOW
    try:
        with log.open("wb") as errors:
            process = subprocess.Popen(
                encoded(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment_for(os.environ),
                **flags,
            )
    except OSError as error:
        remedy = "Run `python3 -m installer plugin` in Limn's folder again."
        raise ServerTrouble(
            "The Limn server can't be started.", remedy, f"{list(command)}\n{error}"
        ) from error
    server = Server(process, log)
    try:
        line = _ready_line(process, wanted)
        return server, announcement.read(line)
    except (ValueError, OSError, ServerTrouble) as error:
        process.kill()
        process.wait()
        remedy = (
            "Run `limn doctor` in Limn's folder to see what is wrong, then click here to try again."
        )
        raise ServerTrouble(
            _why(process, error), remedy, server.last_words() or str(error)
        ) from error


def find(resources: Sequence[Path]) -> Announcement | None:
    """A server of the same user that runs already, or None.

    One that a terminal has started, say. resources: Krita's folders, in which servers announce
    themselves, too.
    """
    shared = [folder / announcement.SHARED for folder in resources]
    return next(announcement.reachable(shared, _answers), None)


def noted_command(resources: Sequence[Path], wheel: Path | None = None) -> list[str]:
    """The command that the installer noted in environment.json.

    Below one of Krita's resource folders. wheel: of the server that the plugin came with. Raises
    ServerTrouble; NotInstalled where that wheel can help.
    """
    remedy = "In Limn's folder run `python3 -m installer try`, then `python3 -m installer plugin`."
    for folder in resources:
        file = folder / "limn" / "environment.json"
        if not file.is_file():
            continue
        try:
            notes = json.loads(file.read_text(encoding="utf-8"))
            command, installed = notes["server"], notes.get("wheel")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ServerTrouble(
                "Limn's notes about its server can't be read.", remedy, f"{file}: {error!r}"
            ) from error
        if (
            not isinstance(command, list)
            or not command
            or not all(isinstance(word, str) for word in command)
        ):
            raise ServerTrouble(
                "Limn's notes about its server are damaged.", remedy, f"{file}: {command!r}"
            )
        if installed and wheel is not None and installed != _digest(wheel):
            raise NotInstalled(
                "Limn's server is of another version than this plugin.",
                "Press Install the server… below.",
                f"{file}: {installed}",
            )
        return command
    places = ", ".join(map(str, resources))
    if wheel is not None:
        raise NotInstalled(
            "Limn's server is not installed yet.",
            "Press Install the server… below.",
            f"looked for limn/environment.json in {places}",
        )
    raise ServerTrouble(
        "Limn's server is not installed yet.",
        remedy,
        f"looked for limn/environment.json in {places}",
    )


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as data:
        while block := data.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _ready_line(process: subprocess.Popen[bytes], wanted: Callable[[], bool]) -> str:
    """The first line of its output.

    Raises ServerTrouble if it ends before, takes too long, or is not wanted any more.
    """
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    output = process.stdout
    assert output is not None

    def read() -> None:
        lines.put(output.readline(MAX_READY_BYTES))
        while output.read(4096):  # whatever else it prints must not fill the pipe
            pass

    threading.Thread(target=read, name="limn server output", daemon=True).start()
    waited = 0.0
    while waited < START_SECONDS:
        try:
            line = lines.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            waited += LOOK_SECONDS
            if not wanted():
                raise ServerTrouble("The server was stopped while it started.", "") from None
            continue
        if not line:
            raise ServerTrouble("The Limn server ended while it started.", "")
        return line.decode("utf-8", "replace")
    raise ServerTrouble(
        tr(
            "The Limn server was not ready within {seconds} seconds.",
            seconds=f"{START_SECONDS:.0f}",
        ),
        "",
    )


def _why(process: subprocess.Popen[bytes], error: Exception) -> str:
    if isinstance(error, ServerTrouble):
        return error.sentence
    return (
        f"The Limn server did not say where it listens (it ended with status {process.returncode})."
    )


def environment_for(ours: Mapping[str, str]) -> dict[str, str]:
    """The environment variables for the server.

    Without those by which Krita points its own embedded Python, or its bundle, to libraries. It
    takes and gives UTF-8 whatever Krita's locale is: with LANG=C, or one of ISO-8859-1, it could
    not read a path such as ~/Téléchargements.
    """
    unwanted = {"PYTHONHOME", "PYTHONPATH"}
    if "APPIMAGE" in ours:
        unwanted |= {"LD_LIBRARY_PATH", "QT_PLUGIN_PATH"}
    kept = {name: value for name, value in ours.items() if name not in unwanted}
    return kept | {"PYTHONUTF8": "1"}


def _answers(host: str, port: int) -> bool:
    """Whether something takes a connection there."""
    try:
        socket.create_connection((host, port), ANSWER_SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True


def encoded(command: Sequence[str]) -> list[str] | list[bytes]:
    """A command as the system takes it.

    Its file names are UTF-8, even where Krita's locale says otherwise.
    """
    if sys.platform == "win32":
        return list(command)
    return [word.encode("utf-8", "surrogateescape") for word in command]


def _tail(file: Path) -> str:
    try:
        return file.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace").strip()
    except OSError:
        return ""
