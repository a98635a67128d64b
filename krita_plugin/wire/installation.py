"""The server's installation, as a process: begun, heard, stopped.

Its steps are those of `installer`, which the process runs out of Limn's wheel. A thread waits for
it; Krita's main thread never does, and hears of it by queued signals.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..installing import Account, Outlook, Stage, own_folder, packages_from
from ..qt import QObject, Signal
from . import pythons
from .server_process import encoded, environment_for

PACKAGED = Path(__file__).resolve().parents[2] / "server"
"""Where the zip has put Limn's wheel, and pip."""

START = (
    "import sys; wheel = sys.argv[1]; sys.path[:0] = [wheel + '/limn', wheel]; "
    "from installer.from_plugin import main; sys.exit(main(sys.argv[2:]))"
)
"""Runs the installer out of the wheel, where it is a package of its own."""

STOP_SECONDS = 10.0
"""How long it may take to end by itself."""

MAX_LINE = 1 << 16
"""Bytes of one line of its output."""


def packaged_wheel() -> Path | None:
    """Limn's wheel, if the plugin came with one."""
    return next(iter(sorted(PACKAGED.glob("limn-*.whl"))), None)


class Installation(QObject):
    """One at a time. Every method returns at once; signals arrive on the main thread."""

    foreseen = Signal(object)
    """An Outlook: what it would take."""
    progressed = Signal(object)
    """A Stage."""
    ended = Signal(str, str)
    """A code of `installing.FAILURES`, or "done"; and details."""

    def __init__(self, resources: Path) -> None:
        """resources: Krita's folder that is to know of the server."""
        super().__init__()
        self._resources = resources
        self._folder = own_folder(os.environ, Path.home()) / "server"
        self._thread: threading.Thread | None = None
        self._looks = False
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def look(self, source: str) -> None:
        """Tell what an installation would take. Nothing is written or fetched."""
        self._begin(source, plan=True)

    def install(self, source: str) -> None:
        """Install the server.

        source: where packages come from, as the painter has written it.
        """
        self._begin(source, plan=False)

    def stop(self) -> None:
        """End it; what has come stays for another time."""
        self._stopped.set()
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()

    def _begin(self, source: str, plan: bool) -> None:
        before = self._thread if self.running else None
        if before is not None:
            if plan or not self._looks:
                return
            self.stop()  # what was looked at is known soon enough
        self._looks = plan
        self._thread = threading.Thread(
            target=self._run, args=(source, plan, before), name="limn installation", daemon=True
        )
        self._thread.start()

    # --- in the thread ----------------------------------------------------------------------------

    def _run(self, source: str, plan: bool, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        self._stopped.clear()
        account = Account(self._folder)
        try:
            code = self._carry_out(source, plan, account)
        except OSError as error:
            account.lines.append(str(error))
            code = account.code()
        if self._stopped.is_set() and code != "done":
            code = "stopped"
        if plan and code in ("done", "stopped"):
            return
        self.ended.emit(code, account.details())

    def _carry_out(self, source: str, plan: bool, account: Account) -> str:
        """Returns how it ended."""
        settings = packages_from(source)
        if settings is None:
            return "no-place"
        wheel = settings[1] or packaged_wheel()
        if wheel is None or not (PACKAGED / "pip.zip").is_file():
            return "no-package"
        environment = environment_for(os.environ) | settings[0]
        python = pythons.find(environment) or self._by_uv(plan, account, environment)
        if python is None:
            return "done" if plan and account.outlook else account.code() or "no-python"
        where = ["--folder", self._folder, "--resources", self._resources]
        what = ["--wheel", wheel, "--pip", PACKAGED / "pip.zip", *(["--plan"] if plan else [])]
        start = [*python, "-I", "-X", "utf8", "-u", "-c", START, wheel]
        self._listen([*map(str, (*start, *where, *what))], environment, account)
        if plan and account.outlook and account.failed is None:
            return "done"
        return "done" if account.done else account.code()

    def _by_uv(
        self, plan: bool, account: Account, environment: Mapping[str, str]
    ) -> list[str] | None:
        """The Python that uv has, or fetches once the painter has agreed.

        None if there is none.
        """
        uv = pythons.find_uv(environment)
        if uv is None:
            return None
        python = pythons.fetched_by_uv(uv, environment)
        if python is not None:
            return python
        if plan:
            account.outlook = Outlook(str(self._folder))
            self.foreseen.emit(account.outlook)
            return None
        self.progressed.emit(Stage("python"))
        command = [uv, "python", "install", "--no-progress", pythons.UV_PYTHON]
        self._listen(command, environment, account)
        return pythons.fetched_by_uv(uv, environment)

    def _listen(
        self, command: Sequence[str], environment: Mapping[str, str], account: Account
    ) -> None:
        """Run a program to its end, and pass on what it tells.

        It ends with Krita, and by `stop`.
        """
        flags: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            flags = {"creationflags": pythons.NO_WINDOW}
        with self._lock:
            if self._stopped.is_set():
                return
            process = self._process = subprocess.Popen(
                encoded(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                **flags,
            )
        assert process.stdout is not None
        shown: object = None
        try:
            while line := process.stdout.readline(MAX_LINE):
                if not account.hear(line.decode("utf-8", "replace")):
                    continue
                news = account.outlook if account.outlook is not shown else None
                if news is not None:
                    shown = news
                    self.foreseen.emit(news)
                else:
                    self.progressed.emit(account.stage)
        finally:
            with self._lock:
                self._process = None
                if process.stdin is not None:
                    process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
