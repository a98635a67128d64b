"""The server is installed from the plugin's package.

The thread, the process, the installer, pip and the environment are the real ones; the packages that
are installed have a few bytes each.
"""

from __future__ import annotations

import http.server
import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..installer import stand_in

SITES = [Path(place) for place in sys.path if place.endswith("site-packages")]

SAYS_READY = "print('this is the server')"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages, and a plugin's folder `server`."""
    folder = tmp_path_factory.mktemp("packed")
    stand_in.wheels(folder / "wheels")
    wheel = stand_in.limn(folder / "wheels", [sys.executable, "-c", SAYS_READY], folder)
    for name, data in stand_in.package({}, wheel, SITES).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


class Painter:
    """What a painter's docker hears, and the home that it is in."""

    def __init__(self, home: Path, packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        importlib.import_module("PyQt6.QtWidgets")  # what qt.py then takes
        self.module = importlib.import_module("limn.krita_plugin.wire.installation")
        self.words = importlib.import_module("limn.krita_plugin.installing")
        self.pythons = importlib.import_module("limn.krita_plugin.wire.pythons")
        monkeypatch.setattr(self.module, "PACKAGED", packed / "limn/server")
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            if name != "PIP_CONFIG_FILE":
                monkeypatch.delenv(name)
        self.folder, self.resources = home / "data/limn/server", home / "krita"
        self.wheels = str(packed / "wheels")
        self.made = self.module.Installation(self.resources)
        self.stages: list[Any] = []
        self.outlooks: list[Any] = []
        self.ends: list[tuple[str, str]] = []
        direct = importlib.import_module("limn.krita_plugin.qt").Qt.ConnectionType.DirectConnection
        self.made.progressed.connect(self.stages.append, direct)
        self.made.foreseen.connect(self.outlooks.append, direct)
        self.made.ended.connect(lambda *end: self.ends.append(end), direct)

    def wait(self) -> None:
        end = time.monotonic() + 120
        while self.made.running:
            assert time.monotonic() < end, self.stages[-3:]
            time.sleep(0.02)

    def installs(self, source: str | None = None) -> str:
        """Press Install, and wait. Returns how it ended."""
        self.made.install(self.wheels if source is None else source)
        self.wait()
        return self.ends[-1][0]


@pytest.fixture
def painter(tmp_path: Path, packed: Path, monkeypatch: pytest.MonkeyPatch) -> Painter:
    return Painter(tmp_path / "a home with Größe", packed, monkeypatch)


def test_looking_writes_nothing_and_tells_sizes(painter: Painter) -> None:
    painter.made.look(painter.wheels)
    painter.wait()
    (outlook,) = painter.outlooks
    assert outlook.needs >= 4e9 and outlook.free > 0 and outlook.left == outlook.of == 6
    assert "GB" in outlook.words() and str(painter.folder) in outlook.words()
    assert not painter.ends and not painter.folder.parent.exists()


def test_it_is_stopped_goes_on_and_ends_in_a_server(painter: Painter, packed: Path) -> None:
    painter.made.install(painter.wheels)
    end = time.monotonic() + 60
    while not any(stage.step == "torch" for stage in painter.stages):
        assert time.monotonic() < end and not painter.ends, painter.ends
        time.sleep(0.005)
    painter.made.stop()
    painter.wait()
    assert painter.ends[-1][0] == "stopped"
    assert not (painter.resources / "limn/environment.json").exists()
    painter.stages.clear()
    assert painter.installs() == "done", painter.ends
    assert "environment" not in {stage.step for stage in painter.stages}, "it did not go on"
    noted = json.loads((painter.resources / "limn/environment.json").read_text())
    told = subprocess.run(noted["server"], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "this is the server"
    left = {place.name for place in painter.folder.parent.iterdir()}
    assert left == {"server"}, "downloads and half-unpacked things stay"
    command = importlib.import_module("limn.krita_plugin.wire.server_process")
    wheel = painter.module.packaged_wheel()
    assert command.noted_command([painter.resources], wheel) == noted["server"]
    newer = stand_in.limn(packed / "wheels", noted["server"], packed / "newer", mark="# newer")
    with pytest.raises(command.NotInstalled, match="another version"):
        command.noted_command([painter.resources], newer)
    painter.stages.clear()
    assert painter.installs(str(newer)) == "done", painter.ends
    assert {stage.step for stage in painter.stages} <= {"environment", "limn", "note"}
    assert command.noted_command([painter.resources], newer) == noted["server"]


def test_the_window_tells_installs_and_says_that_it_is_done(painter: Painter) -> None:
    """The real window, off screen: by its own buttons."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    widgets = importlib.import_module("PyQt6.QtWidgets")
    running = widgets.QApplication.instance() or widgets.QApplication([])
    parts = importlib.import_module("limn.krita_plugin.ui.install_server")
    window = parts.InstallServer(painter.made, None)

    def until(told: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not told():
            assert time.monotonic() < end, window.told.text()
            running.processEvents()
            time.sleep(0.01)

    window.open()
    until(lambda: "GB" in window.outlook.text())
    assert window.install.isEnabled() and not window.stop.isEnabled()
    window.source.setText("/there is no such folder")
    window.install.click()
    until(lambda: "no such address" in window.told.text())
    window.source.setText(painter.wheels)
    window.install.click()
    assert not window.install.isEnabled() and window.stop.isEnabled()
    until(lambda: "Installing torch" in window.told.text())
    until(window.install.isEnabled)
    assert window.told.text().startswith("Done.") and not window.report.isVisible()
    assert (painter.resources / "limn/environment.json").is_file()
    window.deleteLater()


class Refusing(http.server.BaseHTTPRequestHandler):
    """A place that knows no package."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def empty_mirror() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def test_what_goes_wrong_is_told_by_its_cause(
    painter: Painter, empty_mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it leaves a note that there is a server."""
    assert painter.installs("/there is no such folder") == "no-place"
    assert painter.installs("ftp://mirror/simple") == "no-place"
    monkeypatch.setenv("PIP_RETRIES", "1")
    assert painter.installs("http://127.0.0.1:9/simple") == "no-network", painter.ends[-1]
    assert painter.installs(empty_mirror) == "no-build", painter.ends[-1]
    stand_in.wheels(tmp_path / "others")
    small = next((tmp_path / "others").glob("small_a*"))
    stand_in.small_project.make_wheel(tmp_path / "others", "small-a", "1.0", "print('a stranger')")
    assert small.is_file() and painter.installs(str(tmp_path / "others")) == "wrong-bytes"
    monkeypatch.setattr(painter.pythons, "VERSIONS", ())
    monkeypatch.setattr(painter.pythons, "candidates", lambda *_: iter(()))
    monkeypatch.setattr(painter.pythons, "find_uv", lambda *_: None)
    assert painter.installs() == "no-python"
    assert not (painter.resources / "limn/environment.json").exists()
    for code, _ in painter.ends:
        assert all(painter.words.failure(code)) and painter.words.failure(
            code
        ) != painter.words.failure("")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
         "disk-full"),
        ("OSError: [WinError 112] There is not enough space on the disk", "disk-full"),
        ("pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.", "no-network"),
        ("WARNING: Retrying after connection broken by 'NameResolutionError(...)': /simple/torch/",
         "no-network"),
        ("  Caused by: tcp connect error: Connection refused (os error 111)", "no-network"),
        ("ERROR: Could not install packages: [Errno 13] Permission denied: '/x'", "not-permitted"),
        ("something that nobody foresaw", ""),
    ],
)  # fmt: skip
def test_causes_in_words_of_pip_and_uv(line: str, code: str) -> None:
    words = importlib.import_module("limn.krita_plugin.installing")
    account = words.Account(Path("/x"))
    assert not account.hear(line) and account.code() == code


def test_lines_of_another_kind_do_no_harm() -> None:
    """A line too long, JSON that is none, numbers too large."""
    words = importlib.import_module("limn.krita_plugin.installing")
    account = words.Account(Path("/x"))
    for line in (
        "limn: {", "limn: []", 'limn: {"plan": 3}', 'limn: {"step": "torch"}', "limn: " + "[" * 999,
        "Progress 9" + "9" * 40 + " of 1", "x" * 100000, 'limn: {"plan": {"needs": "many"}}',
    ):  # fmt: skip
        account.hear(line)
    assert account.outlook is None and not account.done and account.stage.of == 0
    assert all(len(line) <= words.LINE_LENGTH for line in account.lines)
    for number in range(1000):
        account.hear(f"line {number}")
    assert len(account.lines) <= words.KEPT_LINES
    assert account.hear("Progress 1500000 of 3000000") and "2 / 3 MB" in account.stage.words()


def test_a_python_that_is_too_old_or_broken_is_passed_over(tmp_path: Path) -> None:
    pythons = importlib.import_module("limn.krita_plugin.wire.pythons")
    (tmp_path / "python3.13").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "python3.12").write_text("#!/bin/sh\necho no\n")
    (tmp_path / "python3.11").symlink_to(sys.executable)
    for name in ("python3.13", "python3.12"):
        (tmp_path / name).chmod(0o755)
    found = pythons.find({"PATH": str(tmp_path)}, tmp_path)
    assert found == [str(tmp_path / "python3.11")]
