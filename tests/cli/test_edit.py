"""`limn edit` against a real server.

Its files, its refusals, and what it does when things go wrong.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limn.protocol import announcement
from limn.server.cli.pictures import read

from .conftest import FAST, ROOT, Limn, Wire, array, serving

REPORTED = {
    "algorithm",
    "reason",
    "instruction",
    "seed",
    "model",
    "keywords",
    "thresholds",
    "forwards",
    "rows",
    "seconds",
    "warnings",
    "parameters",
    "parts",
}


def test_all_files_of_an_edit(limn: Limn, scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = limn(
        "edit",
        scene,
        "make the square blue, make the background red",
        "--seed",
        7,
        *FAST,
        "--out",
        out,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out / 'result.png'}\n"
    assert "denoising" in done.stderr and "Traceback" not in done.stderr
    before, result, layer, mask = (
        array(file) for file in (scene, out / "result.png", out / "layer.png", out / "mask.png")
    )
    assert result.shape == before.shape and layer.shape == (48, 64, 4) and mask.shape == (48, 64)
    outside = layer[..., 3] == 0
    assert outside.any() and not outside.all()
    assert (result[outside] == before[outside]).all()
    assert not layer[outside].any()
    share = layer[..., 3:] / 255
    assert abs(before * (1 - share) + layer[..., :3] * share - result).max() <= 1
    assert sorted(file.name for file in (out / "masks").iterdir()) == ["1.png", "2.png"]
    assert all(array(file).shape == (48, 64) for file in (out / "masks").iterdir())
    shown = sorted((out / "previews").iterdir())
    assert shown
    with Image.open(shown[0]) as preview:
        assert preview.format == "JPEG" and max(preview.size) <= 512
    report = json.loads((out / "report.json").read_text())
    assert set(report) >= REPORTED
    assert (report["algorithm"], report["seed"], report["model"], report["parameters"]) == (
        "foi",
        7,
        "tiny",
        {"steps": 4},
    )
    assert report["instruction"] == "make the square blue, make the background red"
    assert report["reason"] == "FoI: two local edits" and report["reason"] in done.stderr, (
        "Auto is the default"
    )
    assert (
        report["forwards"] > 0
        and report["rows"] >= 3 * report["forwards"]
        and report["seconds"]["denoising"] > 0
    )
    assert [part["mask"] for part in report["parts"]] == ["masks/1.png", "masks/2.png"]
    assert len(limn.announced()) == 1, "the server that runs was used"


def test_a_slip_is_asked_about_and_enter_takes_the_proposal(
    limn: Limn, scene: Path, tmp_path: Path
) -> None:
    """Where nobody can answer, the command ends with the question, and nothing is written."""
    words = ("edit", scene, "mkae the square blue", *FAST, "--out", tmp_path / "out")
    done = limn(*words)
    assert done.returncode == 1 and not (tmp_path / "out" / "result.png").exists()
    assert "Did you mean: make the square blue?" in done.stderr
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        limn.command(*words), cwd=ROOT, env=limn.environ, stdin=theirs, stderr=theirs
    ) as asking:
        os.close(theirs)
        seen = b""
        while b"takes it" not in seen:
            seen += os.read(terminal, 4096)
        os.write(terminal, b"\n")
        with suppress(OSError):  # the terminal's end, when the command has ended
            while os.read(terminal, 4096):
                pass
        assert asking.wait(120) == 0
    os.close(terminal)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["instruction"] == "make the square blue"


def test_the_same_seed_gives_the_same_picture_and_edits_do_not_mix(
    limn: Limn, scene: Path, tmp_path: Path
) -> None:
    words = "make the square blue, make the background red"
    assert limn("edit", scene, words, *FAST, "--out", tmp_path / "a").returncode == 0
    assert limn("edit", scene, words, *FAST, "--out", tmp_path / "b").returncode == 0
    assert (tmp_path / "a/result.png").read_bytes() == (tmp_path / "b/result.png").read_bytes()
    (tmp_path / "a" / "notes.txt").write_text("my own")
    assert (
        limn(
            "edit", scene, "make the square blue", "--seed", 1, *FAST, "--out", tmp_path / "a"
        ).returncode
        == 0
    )
    assert (tmp_path / "a/result.png").read_bytes() != (tmp_path / "b/result.png").read_bytes()
    assert [file.name for file in (tmp_path / "a/masks").iterdir()] == ["1.png"]
    assert (tmp_path / "a" / "notes.txt").read_text() == "my own"


def test_a_deep_picture_with_alpha_stays_deep(limn: Limn, tmp_path: Path) -> None:
    file, out = tmp_path / "deep.png", tmp_path / "out"
    levels = np.random.default_rng(0).integers(0, 65536, (40, 32, 4), np.uint16)
    from limn.server.cli.pictures import Picture, write

    write(Picture("RGBA", True, levels, None), file)
    assert limn("edit", file, "make the square blue", *FAST, "--out", out).returncode == 0
    result, layer = read(out / "result.png"), read(out / "layer.png")
    assert (result.mode, result.deep, layer.deep) == ("RGBA", True, True)
    outside = layer.rgba[..., 3] == 0
    assert outside.any() and not outside.all()
    assert (result.rgba[outside] == levels[outside]).all()


def test_a_photograph_that_was_taken_sideways_is_edited_and_written_upright(
    limn: Limn, scene: Path, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: to be turned by a quarter
    with Image.open(scene) as sideways:
        sideways.save(tmp_path / "photo.jpg", exif=exif)
    assert (
        limn(
            "edit", tmp_path / "photo.jpg", "make the square blue", *FAST, "--out", tmp_path / "out"
        ).returncode
        == 0
    )
    for name in ("result.png", "layer.png", "mask.png"):
        with Image.open(tmp_path / "out" / name) as image:
            assert image.size == (48, 64) and image.getexif().get(0x0112, 1) == 1


def test_a_selection_limits_the_edit(limn: Limn, scene: Path, tmp_path: Path) -> None:
    selection = np.zeros((48, 64), np.uint8)
    selection[8:30, 16:40] = 255
    Image.fromarray(selection).save(tmp_path / "hint.png")
    hint = ("--hint", tmp_path / "hint.png", "--hint-mode", "limit")
    assert (
        limn(
            "edit", scene, "make the square blue", *FAST, *hint, "--out", tmp_path / "out"
        ).returncode
        == 0
    )
    changed = (array(scene) != array(tmp_path / "out/result.png")).any(axis=2)
    assert not changed[selection == 0].any()
    assert json.loads((tmp_path / "out/report.json").read_text())["hint_mode"] == "limit"


def test_one_faint_pixel_far_off_is_not_made_the_crop(limn: Limn, tmp_path: Path) -> None:
    Image.new("RGB", (800, 600), (60, 150, 70)).save(tmp_path / "large.png")
    selection = np.zeros((600, 800), np.uint8)
    selection[100:160, 100:160] = 255
    selection[599, 799] = 1
    Image.fromarray(selection).save(tmp_path / "hint.png")
    hint, out = ("--hint", tmp_path / "hint.png"), tmp_path / "out"
    done = limn("edit", tmp_path / "large.png", "make the square blue", *FAST, *hint, "--out", out)
    assert done.returncode == 0, done.stderr
    report = json.loads((out / "report.json").read_text())
    assert not any("were edited at" in warning for warning in report["warnings"])
    assert not array(out / "masks/1.png")[599, 799]


def test_an_algorithm_by_its_name_is_not_chosen(limn: Limn, scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = limn("edit", scene, "make the square blue", "--algorithm", "ip2p", *FAST, "--out", out)
    assert done.returncode == 0, done.stderr
    report = json.loads((out / "report.json").read_text())
    assert (report["algorithm"], report["reason"]) == ("ip2p", "")


def test_a_caption_that_is_needed_is_asked_for(limn: Limn, scene: Path, tmp_path: Path) -> None:
    adapedit = (
        "--algorithm",
        "adapedit",
        "--set",
        "steps=2",
        "--set",
        "prepass_steps=2",
        "--out",
        tmp_path / "out",
    )
    asked = limn("edit", scene, "make the square striped", *adapedit)
    assert asked.returncode == 1 and "--caption" in asked.stderr and "field" not in asked.stderr
    unfit = limn("edit", scene, "make the square striped", "--caption", "a cat", *adapedit)
    assert (
        unfit.returncode == 1
        and "'a cat' does not mention 'the square'" in unfit.stderr
        and "--caption" in unfit.stderr
    )
    assert (
        limn(
            "edit", scene, "make the square striped", "--caption", "a red square", *adapedit
        ).returncode
        == 0
    )


def test_mask_only_changes_nothing(limn: Limn, scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert (
        limn("edit", scene, "make the square blue", *FAST, "--mask-only", "--out", out).returncode
        == 0
    )
    assert (array(out / "result.png") == array(scene)).all()
    assert not array(out / "layer.png").any()
    assert array(out / "mask.png").any()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (
            ("SCENE", "make the square blue", "--algorithm", "magic"),
            2,
            ("no algorithm 'magic'", "foi"),
        ),
        (
            ("SCENE", "make the square blue", "--set", "stepz=4"),
            2,
            ("no parameter 'stepz'", "steps"),
        ),
        (
            ("SCENE", "make the square blue", "--set", "steps=many"),
            2,
            ("steps can't be 'many'", "whole number from"),
        ),
        (("SCENE", "make the square blue", "--set", "steps"), 2, ("not name=value",)),
        (("SCENE", "make the square blue", "--set", "steps=100000"), 1, ("steps", "100000")),
        (("SCENE", "make the square blue", "--hint-mode", "limit"), 2, ("--hint",)),
        (("SCENE", "make the square blue", "--hint", "SMALL"), 2, ("5 x 5", "64 x 48")),
        (("SCENE", "  "), 2, ("instruction",)),
        (
            ("SCENE", "make the square blue", "--set", "steps=99999999999999999999"),
            2,
            ("steps can't be", "whole number from"),
        ),
        (
            ("SCENE", "make the square blue", "--algorithm", "foi", "--set", "tau=nan"),
            2,
            ("tau can't be 'nan'", "a number from"),
        ),
        (
            ("SCENE", "make the square blue", "--algorithm", "foi", "--set", "tau=-inf"),
            2,
            ("tau can't be '-inf'", "a number from"),
        ),
        (
            ("SCENE", "make the square blue", "--caption", "x" * 2001),
            2,
            ("caption", "2001", "2000"),
        ),
        (("SCENE", b"make the \xff blue"), 2, ("not valid Unicode",)),
        (("SCENE", "x" * 3000), 2, ("3000", "2000")),
        (("nothing.png", "make the square blue"), 2, ("no file",)),
        (("TEXT", "make the square blue"), 2, ("not a picture",)),
        (("BROKEN", "make the square blue"), 2, ("damaged",)),
        (("SCENE", "make the square blue", "--seed", "-1"), 2, ("seed",)),
        (("SCENE",), 2, ("instruction",)),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    limn: Limn,
    scene: Path,
    tmp_path: Path,
    arguments: tuple[str | bytes, ...],
    status: int,
    words: tuple[str, ...],
) -> None:
    Image.new("L", (5, 5)).save(tmp_path / "small.png")
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "broken.png").write_bytes(scene.read_bytes()[:-60])
    named = {
        "SCENE": scene,
        "SMALL": tmp_path / "small.png",
        "TEXT": tmp_path / "text.png",
        "BROKEN": tmp_path / "broken.png",
    }
    given = (os.fsdecode(argument) for argument in arguments)
    done = limn(
        "edit", *(named.get(argument, argument) for argument in given), "--out", tmp_path / "out"
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word.lower() in done.stderr.lower()
    assert not (tmp_path / "out" / "result.png").exists()


def test_without_a_server_one_is_started_and_ends_with_the_edit(
    alone: Limn, scene: Path, tmp_path: Path
) -> None:
    folder = alone.runtime / "limn"
    folder.mkdir(mode=0o700)
    # a server that was killed has left these, and its pid is another program's now
    announcement.write_private(folder / "1.token", "0" * 64)
    dead = {
        "ready": True,
        "url": "ws://127.0.0.1:1/limn/v1",
        "token_file": str(folder / "1.token"),
        "version": "0",
        "pid": os.getpid(),
    }
    announcement.write_private(folder / "1.json", json.dumps(dead))
    done = alone("edit", scene, "make the square blue", *FAST, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert [server["url"] for server in alone.announced()] == [dead["url"]]


def test_a_model_that_is_not_there(alone: Limn, scene: Path, tmp_path: Path) -> None:
    done = alone(
        "edit",
        scene,
        "make the square blue",
        "--model",
        tmp_path / "nowhere",
        "--out",
        tmp_path / "out",
    )
    assert done.returncode == 3, done.stderr
    assert "nowhere" in done.stderr and "Traceback" not in done.stderr


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
