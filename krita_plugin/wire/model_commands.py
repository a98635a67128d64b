"""`limn models` as a process: what is there, fetching, choosing.

It runs beside Krita, which waits for nothing. Only on the painter's word does it use the network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from ..qt import QObject, QProcess, QProcessEnvironment, Signal
from .server_process import ServerTrouble

MAX_BYTES = 1024 * 1024
"""Of an answer. A list of some hundred models has a tenth of that."""

LAST_WORDS = 400
"""Characters of what a command has said before it failed."""


class ModelCommands(QObject):
    """One command at a time; signals arrive on the main thread."""

    listed = Signal(object)
    """The answer of `limn models --json`."""
    progressed = Signal(object)
    """A fetched model's name, its bytes by now, and all of them."""
    ended = Signal(str, str)
    """A command other than the list has ended: "get" or "use"; why it failed, or ""."""

    def __init__(self, command: Callable[[], Sequence[str]]) -> None:
        """command: starts the server, as the installer noted it; may raise ServerTrouble."""
        super().__init__()
        self._command = command
        self._process: QProcess | None = None
        self._what = ""
        self._said = b""
        self._stopped = False

    @property
    def busy(self) -> bool:
        return self._process is not None

    def ask(self) -> None:
        """Ask what is there; answered by `listed`."""
        self._run("list", ["--json"])

    def get(self, names: Sequence[str]) -> None:
        """Fetch models and use them; the painter has agreed to their licences."""
        self._run("get", ["get", "--yes", "--json", *names])

    def use(self, names: Sequence[str]) -> None:
        """Use models from the next start of the server on."""
        self._run("use", ["use", *names])

    def cancel(self) -> None:
        """End the command; what it has fetched is kept, and it goes on there another time."""
        if self._process is not None:
            self._stopped = True
            self._process.kill()

    def _run(self, what: str, arguments: list[str]) -> None:
        if self.busy and (self._what != "list" or what == "list"):
            return
        self._drop_list()
        try:
            words = list(self._command())
            start = words[: words.index("serve")]
        except (ServerTrouble, ValueError) as error:
            self.ended.emit(what, str(error))
            return
        self._what, self._said, self._stopped = what, b"", False
        process = self._process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        for name in ("PYTHONHOME", "PYTHONPATH"):  # Krita's own
            environment.remove(name)
        environment.insert("PYTHONUTF8", "1")
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._failed)
        process.start(start[0], [*start[1:], "models", *arguments])

    def _drop_list(self) -> None:
        """A list that is asked for at the time gives way to what the painter wants."""
        process, self._process = self._process, None
        if process is not None:
            process.blockSignals(True)
            process.kill()
            process.waitForFinished(1000)
            process.deleteLater()

    def _read(self) -> None:
        if self._process is None:
            return
        self._said += self._process.readAllStandardOutput().data()
        if len(self._said) > MAX_BYTES:
            self.cancel()
        if self._what == "get":
            *lines, self._said = self._said.split(b"\n")
            for line in lines:
                told = _object(line)
                if {"name", "bytes", "of"} <= told.keys():
                    self.progressed.emit((str(told["name"]), told["bytes"], told["of"]))

    def _finished(self, code: int, _: Any = None) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self._said += process.readAllStandardOutput().data()
        words = process.readAllStandardError().data().decode("utf-8", "replace").strip()
        process.deleteLater()
        if self._what == "list":
            self.listed.emit(_object(self._said) if code == 0 else {})
        elif self._stopped:
            self.ended.emit(self._what, "Stopped. What was fetched is kept.")
        else:
            why = " ".join(words.split())[-LAST_WORDS:] or f"It ended with status {code}."
            self.ended.emit(self._what, why if code else "")

    def _failed(self, _: Any) -> None:
        """It did not start: nothing else is told then."""
        if self._process is not None and self._process.state() == QProcess.ProcessState.NotRunning:
            words = self._process.errorString()
            self._process.deleteLater()
            self._process = None
            self.ended.emit(self._what, words)


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
