"""`limn scenes`: what it writes is complete, exact, and the same every time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from limn.editing.sketchbook import edits as world
from limn.server.cli import commands as cli
from limn.server.cli.exits import Trouble, UsageError

from .conftest import ROOT, array

FIRST = 1_000_000

HELP = """
import sys
from limn.server.cli.__main__ import main
sys.argv = ["limn", sys.argv[1], "--help"]
try:
    main()
finally:
    assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module", autouse=True)
def commands() -> None:
    if not cli.app.registered_commands:
        cli.register()


def run(*arguments: object) -> str:
    """Run `limn scenes` in this process, which has torch already.

    Return what it prints.
    """
    result = CliRunner().invoke(cli.app, cli.with_values(["scenes", *map(str, arguments)]))
    if isinstance(result.exception, Trouble):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_scenes(tmp_path: Path) -> None:
    assert run("--first", FIRST, "--count", 5, "--out", tmp_path) == f"{tmp_path / 'scenes.json'}\n"
    entries = json.loads((tmp_path / "scenes.json").read_text())
    assert [entry["seed"] for entry in entries] == [FIRST + number for number in range(5)]
    for entry in entries:
        assert set(entry) == {"seed", "image", "caption", "words", "objects"}
        assert array(tmp_path / entry["image"]).shape == (128, 128, 3)
        assert (
            " ".join(word["text"] for word in entry["words"]).replace(" ,", ",") == entry["caption"]
        )
        owners = {word["owner"] for word in entry["words"]} - {None, "background"}
        assert owners == set(range(len(entry["objects"])))
        for thing in entry["objects"]:
            assert set(thing) == {"name", "kind", "colour", "texture", "pose", "mask"}
            assert thing["kind"] in thing["name"] or thing["name"].endswith(("s", "people"))
            mask = array(tmp_path / thing["mask"])
            assert mask.shape == (128, 128) and mask.max() == 255 and 0 < (mask > 0).mean() < 0.5


def test_edits_change_the_picture_inside_their_masks_only(tmp_path: Path) -> None:
    run(
        "--first",
        FIRST,
        "--count",
        len(world.TYPES) * 2,
        "--edits",
        ",".join(world.TYPES),
        "--out",
        tmp_path,
    )
    entries = json.loads((tmp_path / "edits.json").read_text())
    assert {entry["type"] for entry in entries} == set(world.TYPES)
    for entry in entries:
        assert set(entry) == {
            "seed",
            "type",
            "before",
            "after",
            "mask",
            "instruction",
            "source",
            "target",
            "parts",
        }
        before, after, mask = (
            array(tmp_path / entry[name]) for name in ("before", "after", "mask")
        )
        changed = (before != after).any(axis=2)
        assert changed.any() and not changed[mask == 0].any()
        parts = [array(tmp_path / part["mask"]) for part in entry["parts"]]
        assert (np.max(parts, axis=0) == mask).all()
        assert all(part["instruction"] in entry["instruction"] for part in entry["parts"])
        assert (len(parts) > 1) == (entry["type"] == "combined")


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run("--first", FIRST + 7, "--count", 2, "--edits", "--out", tmp_path / name)
    files = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert len(files) >= 9
    assert all(
        (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        for name in files
    )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--first", -1, "--count", 1), "-1"),
        (("--first", 0, "--count", 0), "--count 0"),
        (("--first", 0, "--count", 1, "--edits", "recolor"), "recolour"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    arguments: tuple[object, ...], word: str, tmp_path: Path
) -> None:
    with pytest.raises(Trouble, match=word) as caught:
        run(*arguments, "--out", tmp_path / "out")
    assert caught.value.status == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["--edits", "--out", "x"], ["--edits=", "--out", "x"]),
        (["--edits", "add,remove"], ["--edits", "add,remove"]),
        (["--out", "x", "--edits"], ["--out", "x", "--edits="]),
        (["--edits=add"], ["--edits=add"]),
    ],
)
def test_edits_takes_a_value_or_none(given: list[str], meant: list[str]) -> None:
    assert cli.with_values(given) == meant


@pytest.mark.parametrize("command", ["serve", "edit", "scenes", "doctor"])
def test_help_has_an_example_and_needs_no_torch(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP, command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"Example:  limn {command}" in done.stdout


def test_files_of_others_stay(tmp_path: Path) -> None:
    run("--first", FIRST, "--count", 2, "--out", tmp_path)
    run("--first", FIRST, "--count", 1, "--out", tmp_path)  # its own are replaced
    for name, words in ((f"{FIRST + 5}-1.png", "my own"), ("edits.json", "[1]")):
        (tmp_path / name).write_text(words)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for arguments in (("--count", 9), ("--count", 2, "--edits", "recolour")):
        with pytest.raises(UsageError, match="would be replaced"):
            run("--first", FIRST, *arguments, "--out", tmp_path)
        kept = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
        assert {**kept, **before} == kept
        assert (tmp_path / f"{FIRST + 5}-1.png").read_text() == "my own"
        assert not (tmp_path / f"{FIRST + 4}.png").exists()
