"""How a server is found.

Nothing is believed of folders, files and links that others could have made, whatever they say.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from limn.protocol import announcement
from limn.protocol.announcement import Announcement, NotPrivate

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="owners and modes of POSIX")

URL = "ws://127.0.0.1:4000/limn/v1"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder of this user's own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    tmp_path.chmod(0o700)
    return announcement.make_folder()


def announce(folder: Path, port: int = 4000, pid: int | None = None, **changes: object) -> Path:
    """What a server writes, or a stranger in its place."""
    token = folder / f"{port}.token"
    announcement.write_private(token, f"token-{port}")
    line = {"url": URL, "token_file": str(token), "pid": os.getpid() if pid is None else pid}
    file = folder / f"{port}.json"
    announcement.write_private(file, json.dumps(line | changes))
    return file


def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_newest_of_those_that_live_comes_first(folder: Path) -> None:
    for age, port in enumerate((4001, 4002, 4003)):
        os.utime(announce(folder, port), (1000 - age, 1000 - age))
    announce(folder, 4004, pid=ended())
    (folder / "other.json").write_text("never written by us: open to others")
    found = list(announcement.running())
    assert found == [Announcement(URL, f"token-{port}", os.getpid()) for port in (4001, 4002, 4003)]
    assert "token-4001" not in repr(found)


def swapped(place: Path, mode: int | None = None, link: bool = False, owner: bool = False) -> None:
    if link:
        place.rename(place.with_name("elsewhere"))
        place.symlink_to(place.with_name("elsewhere"))
    if mode is not None:
        place.chmod(mode)
    if owner:
        if os.getuid():
            pytest.skip("only root can give a file to somebody else")
        os.chown(place, 12345, 12345)


@pytest.mark.parametrize("what", ["folder", "line", "token"])
@pytest.mark.parametrize(
    "trap",
    [
        lambda place: swapped(place, mode=0o770),
        lambda place: swapped(place, mode=0o606),
        lambda place: swapped(place, link=True),
        lambda place: swapped(place, owner=True),
    ],
    ids=["group", "others", "link", "owner"],
)  # fmt: skip
def test_what_others_could_have_made_is_not_believed(
    folder: Path, what: str, trap: Callable[[Path], None]
) -> None:
    line = announce(folder)
    assert list(announcement.running())
    trap({"folder": folder, "line": line, "token": folder / "4000.token"}[what])
    assert not list(announcement.running())
    if what == "folder":
        with pytest.raises(OSError):
            announcement.make_folder()


def test_files_that_are_none_are_passed_over(folder: Path) -> None:
    os.mkfifo(folder / "pipe.json", 0o600)
    (folder / "folder.json").mkdir(mode=0o700)
    (folder / "link.json").symlink_to("/dev/zero")
    announcement.write_private(folder / "deep.json", "[" * 50_000)
    announcement.write_private(folder / "empty.json", "")
    assert not list(announcement.running())


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "ws://example.com:4000/limn/v1"},
        {"url": "ws://127.0.0.1:4000@example.com/limn/v1"},
        {"url": "ws://127.0.0.1.example.com:4000/"},
        {"url": "ws://localhost:4000/\r\nHost: example.com"},
        {"url": "http://127.0.0.1:4000/"},
        {"url": 4000},
        {"token_file": "/dev/zero"},
        {"token_file": "/etc/hostname"},
        {"token_file": ["a"]},
        {"pid": 0},
        {"pid": -1},
        {"pid": 2**80},
        {"pid": "1"},
    ],
)
def test_a_line_that_leads_elsewhere_is_not_believed(
    folder: Path, changes: dict[str, object]
) -> None:
    announce(folder, **changes)
    assert not list(announcement.running())


def test_a_folder_in_the_runtime_folders_place_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a runtime folder of the user's own it lies where everybody may write."""
    shared, bait = tmp_path / "shared", tmp_path / "bait"
    for place in (shared, bait):
        place.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(shared))  # not this user's alone
    monkeypatch.setattr("tempfile.tempdir", str(shared))
    place = announcement.runtime_folder()
    if place.parent.parent != shared:
        pytest.skip("this user has another runtime folder")
    place.parent.mkdir(mode=0o700)
    place.symlink_to(bait)
    announce(bait)
    assert not list(announcement.running())
    with pytest.raises(OSError):
        announcement.make_folder()


def test_what_killed_servers_have_left_is_swept(folder: Path) -> None:
    announce(folder, 4001)
    for port, suffix in ((4002, ".json"), (4003, ".private")):
        announce(folder, port, pid=ended()).rename(folder / f"{port}{suffix}")
    announcement.sweep(answers)
    assert {file.name for file in folder.iterdir()} == {"4001.json", "4001.token"}


def test_a_token_is_read_from_a_private_file_only(tmp_path: Path) -> None:
    file = tmp_path / "token"
    announcement.write_private(file, "abc\n")
    assert announcement.read_token(file) == "abc"
    file.chmod(0o644)
    with pytest.raises(NotPrivate, match="open to other users"):
        announcement.read_token(file)
    for text in ("", "two words", "a\nb"):
        announcement.write_private(file, text)
        with pytest.raises(ValueError):
            announcement.read_token(file)


def answers(host: str, port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection((host, port), 1).close()
        return True
    return False


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which two Kritas have been used.

    One of the distribution's and one from Flatpak.
    """
    home = tmp_path / "home"
    for krita in (".local/share/krita", ".var/app/org.kde.krita/data/krita"):
        (home / krita).mkdir(parents=True)
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return home


def test_a_krita_that_sees_neither_runtime_folder_nor_processes_finds_the_server(
    folder: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = home / ".var/app/org.kde.krita/data/krita/limn/servers"
    assert announcement.shared_folders() == [home / ".local/share/krita/limn/servers", shared]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        line: dict[str, object] = {"url": f"ws://127.0.0.1:{port}/limn/v1", "pid": ended()}
        announcement.announced(shared, port, "sesame", line)
        announcement.announced(shared, 4009, "old", line | {"url": URL})
        inside = tmp_path / "inside"
        inside.mkdir(mode=0o700)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(inside))
        assert [found.token for found in announcement.reachable([shared], answers)] == ["sesame"]
        shared.chmod(0o755)
        assert not list(announcement.reachable([shared], answers))
        shared.chmod(0o700)
        announcement.make_folder()
        announcement.sweep(answers)
        assert sorted(file.name for file in shared.iterdir()) == [f"{port}.json", f"{port}.token"]
    assert not list(announcement.reachable([shared], answers))
    announcement.sweep(answers)
    assert not list(shared.iterdir())
