"""`limn edit` when it is interrupted.

By Ctrl+C, a lost connection, a full disk, or a server that dies, refuses or is full.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import FAST, ROOT, Limn, Wire, serving


def previews(out: Path) -> list[Path]:
    """The previews of an edit that is under way."""
    return list(out.glob(".limn-*/previews/*.jpg"))


def start_long_edit(limn: Limn, scene: Path, out: Path) -> subprocess.Popen[str]:
    """An edit of hundreds of steps, returned once its first previews are there."""
    command = limn.command(
        "edit", scene, "make the square blue", "--set", "steps=400", "--out", out
    )

    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job ignores Ctrl+C, and hands that down
    process = subprocess.Popen(
        command, cwd=ROOT, env=limn.environ, stderr=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, before)
    for _ in range(3000):
        if previews(out):
            return process
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.1)
    process.kill()
    raise AssertionError("no preview came")


def wait_for(true: Callable[[], bool]) -> None:
    """Raises AssertionError if it does not become true within a minute."""
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it never came true")


def test_ctrl_c_cancels_the_edit(limn: Limn, scene: Path, tmp_path: Path) -> None:
    process = start_long_edit(limn, scene, tmp_path / "out")
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not (tmp_path / "out" / "result.png").exists()
    done = limn(
        "edit", scene, "make the square blue", *FAST, "--out", tmp_path / "next"
    )  # would wait behind an edit that goes on
    assert done.returncode == 0


def test_a_server_that_is_killed_is_said_in_a_sentence(
    alone: Limn, scene: Path, tmp_path: Path
) -> None:
    with serving(alone) as server:
        process = start_long_edit(alone, scene, tmp_path / "out")
        server.kill()
        said = process.communicate(timeout=120)[1]
    assert process.returncode == 3, said
    assert "connection to the server was lost" in said and "Traceback" not in said


def test_a_server_that_lives_is_found_behind_one_that_was_killed(
    limn: Limn, behind: Callable[..., Wire], scene: Path, tmp_path: Path
) -> None:
    wire = behind(limn)
    folder = wire.limn.runtime / "limn"
    (folder / "1.token").write_text("0" * 64)
    (folder / "1.token").chmod(0o600)
    dead = {"ready": True, "url": "ws://127.0.0.1:1/limn/v1", "pid": os.getpid()}
    dead |= {"token_file": str(folder / "1.token"), "version": "0"}
    (folder / "1.json").write_text(json.dumps(dead))
    (folder / "1.json").chmod(0o600)  # the newest; its process number is another program's now
    done = wire.limn("edit", scene, "make the square blue", *FAST, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert wire.connections == 1


def test_a_server_for_one_edit_is_found_by_nobody_else(
    alone: Limn, scene: Path, tmp_path: Path
) -> None:
    process = start_long_edit(alone, scene, tmp_path / "out")
    assert alone.announced() == []
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130


@pytest.mark.parametrize("place", ["previews", "result.png"])
def test_a_file_that_can_not_be_written_is_said_in_a_sentence(
    limn: Limn, scene: Path, tmp_path: Path, place: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "previews").touch() if place == "previews" else (out / place / "deeper").mkdir(
        parents=True
    )
    done = limn("edit", scene, "make the square blue", *FAST, "--out", out)
    assert done.returncode == 2, done.stderr
    assert str(out / place) in done.stderr and "Traceback" not in done.stderr


def test_an_edit_that_never_arrived_is_sent_again_on_the_next_connection(
    limn: Limn, behind: Callable[..., Wire], tmp_path: Path
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "noise.png")
    wire = behind(limn, breaks_after=20_000)  # bytes: the hello has gone, the picture only in part
    done = wire.limn(
        "edit", tmp_path / "noise.png", "make the square blue", *FAST, "--out", tmp_path / "out"
    )
    assert done.returncode == 0, done.stderr
    assert wire.connections == 2


def test_ctrl_c_after_a_lost_connection_cancels_the_edit(
    limn: Limn, behind: Callable[..., Wire], scene: Path, tmp_path: Path
) -> None:
    wire = behind(limn)
    process = start_long_edit(wire.limn, scene, tmp_path / "out")
    wire.cut()
    seen = len(previews(tmp_path / "out"))
    wait_for(lambda: wire.connections == 2 and len(previews(tmp_path / "out")) > seen)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "Traceback" not in said
    wait_for(lambda: wire.server_status()["running"] == 0)


def test_a_server_that_refuses_amid_an_edit_is_said_in_a_sentence(
    limn: Limn, behind: Callable[..., Wire], scene: Path, tmp_path: Path
) -> None:
    wire = behind(limn)
    process = start_long_edit(wire.limn, scene, tmp_path / "out")
    wire.say(b"\x81\x82\0\0\0\0{}")  # a websocket text frame that is no message
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1, said
    assert "unknown type" in said and "same version" in said and "Traceback" not in said


def test_a_runtime_folder_that_others_can_write_is_refused(
    alone: Limn, scene: Path, tmp_path: Path
) -> None:
    (alone.runtime / "limn").mkdir()
    (alone.runtime / "limn").chmod(0o777)
    done = alone("edit", scene, "make the square blue", *FAST, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "open to other users" in done.stderr and "Traceback" not in done.stderr


def test_a_server_that_is_full_is_waited_for_and_not_doubled(
    alone: Limn, scene: Path, tmp_path: Path
) -> None:
    """Two edits at once, one connection.

    The second waits, and starts no server of its own.
    """
    (alone.runtime / "config" / "limn").mkdir(parents=True)
    (alone.runtime / "config" / "limn" / "limn.toml").write_text("max_connections = 1\n")
    with serving(alone):
        first = start_long_edit(alone, scene, tmp_path / "first")
        second = subprocess.Popen(
            alone.command("edit", scene, "make it blue", *FAST, "--out", tmp_path / "second"),
            cwd=ROOT,
            env=alone.environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr is not None
        line = second.stderr.readline()
        assert "as many connections as it takes" in line and "Waiting" in line, line
        assert len(alone.announced()) == 1
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=120)
        assert second.wait(120) == 0, second.stderr.read()
    assert (tmp_path / "second" / "result.png").exists()
