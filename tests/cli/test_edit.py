"""`limn edit` against a real server.

Its files, its refusals, and what it does when things go wrong.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limn.server.cli.pictures import read

from .conftest import FAST, ROOT, Limn, array

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


def test_several_seeds_of_an_edit(limn: Limn, scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("edit", scene, "make the square blue", *FAST, "--seed", 7, "--seeds", 3, "--out", out)
    done = limn(*words)
    assert done.returncode == 0, done.stderr
    report = json.loads((out / "report.json").read_text())
    assert report["seed"] == 7 and [one["seed"] for one in report["variants"]] == [8, 9]
    files = [out / "result.png", *(out / one["result"] for one in report["variants"])]
    pictures = [array(file) for file in files]
    assert all(one.shape == pictures[0].shape for one in pictures)
    assert all((one != pictures[0]).any() for one in pictures[1:])
    assert all(
        (out / one[name]).is_file() for one in report["variants"] for name in ("layer", "mask")
    )
    assert limn("edit", *words[1:-4], "--out", out).returncode == 0
    assert not (out / "variants").exists(), "files of the earlier edit are replaced"
    refused = limn(*words, "--mask-only")
    assert refused.returncode == 2 and "no seeds" in refused.stderr


def test_a_slip_is_asked_about_and_enter_takes_the_proposal(
    limn: Limn, scene: Path, tmp_path: Path
) -> None:
    """Where nobody can answer, the command ends with the question.

    Nothing is written.
    """
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
