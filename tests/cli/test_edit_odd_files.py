"""`limn edit` on files that are no pictures, and folders that are none.

Each ends in one sentence that says what is wrong and what to do, with status 2, before a server is
asked, and leaves all files as they were.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from limn.server.cli.__main__ import main

Make = Callable[[Path], None]


def a_png(width: int, height: int) -> bytes:
    """A header of this size, and no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def a_tiff(width: int, height: int) -> bytes:
    tags = ((256, width), (257, height), (258, 8), (273, 8))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


def a_gif(width: int, height: int) -> bytes:
    block = b"," + struct.pack("<HHHH", 0, 0, width, height) + b"\0\x02\x01\x01\0;"
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + bytes(6) + block


def a_bmp(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + info


def half_a_jpeg(file: Path) -> None:
    Image.new("RGB", (64, 48), "red").save(file, "JPEG")
    file.write_bytes(file.read_bytes()[:400])


def a_socket(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(file.parent)  # a socket's name is short
        made.bind(file.name)
        os.chdir(here)


def holding(data: bytes) -> Make:
    return lambda file: file.write_bytes(data) and None


PICTURES: dict[str, tuple[Make, str]] = {
    "a loop of links": (lambda file: file.symlink_to(file.name), "can't be opened: Too many"),
    "a dead link": (lambda file: file.symlink_to("away.png"), "is a link to away.png, which is"),
    "nothing": (lambda file: None, "There is no file"),
    "a folder": (lambda file: file.mkdir(), "is a folder. Name a picture in it."),
    "a pipe": (os.mkfifo, "is no file. Save the picture as a file."),
    "a device": (lambda file: file.symlink_to("/dev/zero"), "is no file."),
    "a terminal": (lambda file: file.symlink_to("/dev/ptmx"), "is no file."),
    "a socket": (a_socket, "can't be opened"),
    "memory": (lambda file: file.symlink_to("/proc/self/mem"), "can't be read: Input/output error"),
    "no byte": (lambda file: file.touch(), "is not a picture that can be read. Known are PNG"),
    "text": (holding(b"<svg/>"), "is not a picture that can be read."),
    "half a JPEG": (half_a_jpeg, "is damaged"),
    "a PNG of 2^62 pixels": (holding(a_png(2**31 - 1, 2**31 - 1)), "is too large: 16384 a side"),
    "a PNG of 30000 x 30000": (holding(a_png(30000, 30000)), "is too large: 16384 a side"),
    "a PNG of 20000 x 2": (holding(a_png(20000, 2)), "is 20000 x 2 pixels; 16384 a side"),
    "a PNG without width": (holding(a_png(0, 5)), "is not a picture that can be read."),
    "a TIFF of 2^64 pixels": (holding(a_tiff(2**32 - 1, 2**32 - 1)), "16384 a side"),
    "a GIF of 65535 x 65535": (holding(a_gif(65535, 65535)), "is too large: 16384 a side"),
    "a BMP of 2^62 pixels": (holding(a_bmp(2**31 - 1, -(2**31))), "is too large: 16384 a side"),
}
"""What lies where a picture is expected, and what is said of it."""

FOLDERS: dict[str, tuple[str, Make, str]] = {
    "a file": ("out", holding(b"mine"), "is no folder. Name another folder with --out."),
    "below a file": ("in.png/out", lambda _: None, "can't be made: Not a directory."),
    "a loop of links": ("out", lambda file: file.symlink_to("out"), "is a link to out, and no"),
    "a link to a file": ("out", lambda file: file.symlink_to("in.png"), "is a link to in.png, and"),
    "a pipe": ("out", os.mkfifo, "is no folder."),
    "a device": ("out", lambda file: file.symlink_to("/dev/null"), "is a link to /dev/null, and"),
    "a long name": ("b" * 256, lambda _: None, "can't be made: File name too long."),
    "in /proc": ("/proc/limn", lambda _: None, "can't be made"),
    "no name": ("", lambda _: None, "The folder has no name."),
}
"""What lies where --out shall be, and what is said of it."""


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Run `limn edit` beside a picture `in.png`; what it says, with status 2."""
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 48), "red").save("in.png")

    def run(*arguments: str) -> str:
        before = looked_at(tmp_path)
        monkeypatch.setattr(sys, "argv", ["limn", "edit", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == 2 and not said.out, said
        assert "Traceback" not in said.err and "damaged: [" not in said.err
        assert looked_at(tmp_path) == before
        return " ".join(said.err.split())

    return run


def looked_at(folder: Path) -> dict[str, object]:
    """All that lies in a folder; links and devices are not followed."""
    return {
        str(one): one.read_bytes() if one.is_file() and not one.is_symlink() else one.lstat().st_ino
        for one in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("what", PICTURES)
def test_what_is_no_picture(refused: Callable[..., str], what: str) -> None:
    make, words = PICTURES[what]
    make(Path("odd.png"))
    assert words in refused("odd.png", "make the square blue", "--out", "out")


@pytest.mark.parametrize("what", ["a loop of links", "a dead link", "a pipe", "memory"])
def test_what_is_no_hint(refused: Callable[..., str], what: str) -> None:
    make, words = PICTURES[what]
    make(Path("odd.png"))
    assert words in refused("in.png", "make it red", "--hint", "odd.png", "--out", "out")


@pytest.mark.parametrize("name", ["a" * 256 + ".png", "x/" * 2500 + "a.png"])
def test_a_name_that_is_too_long(refused: Callable[..., str], name: str) -> None:
    assert "can't be opened: File name too long." in refused(name, "make it red", "--out", "out")


def test_a_hint_of_another_size(refused: Callable[..., str]) -> None:
    Image.new("L", (9, 9), 255).save("hint.png")
    said = refused("in.png", "make it red", "--hint", "hint.png", "--out", "out")
    assert "is 9 x 9, but the picture is 64 x 48 pixels." in said


@pytest.mark.parametrize("what", FOLDERS)
def test_what_is_no_folder(refused: Callable[..., str], what: str) -> None:
    name, make, words = FOLDERS[what]
    if name == "out":
        make(Path(name))
    assert words in refused("in.png", "make the square blue", "--out", name)
