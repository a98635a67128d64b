"""What lies in the user's folder.

`limn edit` replaces its own earlier files and nothing else, all or none, and the server forgets
what has arrived.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from limn.server.cli.delivery import Delivery

from .conftest import FAST, ROOT, Limn, Wire
from .test_edit_interrupted import start_long_edit, wait_for

WORDS = "make the square blue"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its name."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="module")
def edited(limn: Limn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of an edit, to be copied."""
    folder = tmp_path_factory.mktemp("edited")
    Image.new("RGB", (64, 48), "red").save(folder / "scene.png")
    done = limn("edit", folder / "scene.png", WORDS, *FAST, "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    return folder / "out"


def test_the_report_names_every_file_with_its_hash(edited: Path) -> None:
    files = json.loads((edited / "report.json").read_text())["files"]
    there = contents(edited)
    assert set(files) == set(there) - {"report.json"} and "masks/1.png" in files
    for name, digest in files.items():
        assert hashlib.sha256(there[name]).hexdigest() == digest


@pytest.mark.parametrize(
    "theirs",
    [
        "result.png",
        "layer.png",
        "mask.png",
        "report.json",
        "masks/1.png",
        "previews/001.jpg",
        "masks",
        "previews",
    ],
)
def test_files_of_others_are_refused_before_anything_is_done(
    limn: Limn, scene: Path, tmp_path: Path, theirs: str
) -> None:
    out = tmp_path / "mine"
    (out / theirs).parent.mkdir(parents=True)
    (out / theirs).write_text('{"my": "own"}')
    (out / "masks 2").mkdir()
    (out / "masks 2/1.png").write_text("my own")
    before = contents(out)
    done = limn("edit", scene, WORDS, *FAST, "--out", out)
    assert done.returncode == 2, done.stderr
    assert str(out / theirs) in done.stderr and f"--out {out}-2" in done.stderr
    assert "Traceback" not in done.stderr and "denoising" not in done.stderr
    assert contents(out) == before and not list(out.glob(".limn-*"))


def test_files_beside_the_edits_stay(limn: Limn, scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "été, 2\nlines"
    for name in ("masks/mine.png", "previews/mine.jpg", "notes.txt", "result.jpg"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("my own")
    before = contents(out)
    for seed in (1, 2):
        done = limn("edit", scene, WORDS, "--seed", seed, *FAST, "--out", out)
        assert done.returncode == 0, done.stderr
        assert {name: contents(out)[name] for name in before} == before


def test_names_that_are_no_text(limn: Limn, scene: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"[red]\xff\xfe")
    odd.mkdir()
    picture = odd / "[bold]\u2603 1\n.png"
    shutil.copy(scene, picture)
    (odd / "link").symlink_to(odd)
    command = limn.command("edit", picture, WORDS, *FAST, "--out", odd / "link" / "out")
    done = subprocess.run(command, cwd=ROOT, env=limn.environ, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == os.fsencode(odd / "link" / "out" / "result.png") + b"\n"
    command[-1] = os.fspath(odd)
    (odd / "result.png").write_text("my own")
    done = subprocess.run(command, cwd=ROOT, env=limn.environ, capture_output=True, check=False)
    assert done.returncode == 2 and b"Traceback" not in done.stderr and b"[red]" in done.stderr


@pytest.mark.parametrize("how", ["same", "symlink", "hardlink"])
@pytest.mark.parametrize("what", ["result.png", "mask.png"])
def test_what_an_edit_reads_is_never_replaced(
    limn: Limn, scene: Path, edited: Path, tmp_path: Path, how: str, what: str
) -> None:
    out = tmp_path / "out"
    shutil.copytree(edited, out)
    read = out / what
    if how != "same":
        read = tmp_path / "link.png"
        read.symlink_to(out / what) if how == "symlink" else os.link(out / what, read)
    before = contents(out)
    source = (read, WORDS) if what == "result.png" else (scene, WORDS, "--hint", read)
    done = limn("edit", *source, *FAST, "--out", out)
    assert done.returncode == 2, done.stderr
    assert str(out / what) in done.stderr and "reads" in done.stderr
    assert contents(out) == before


def test_a_result_that_was_painted_on_is_the_painters(
    limn: Limn, scene: Path, edited: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(edited, out)
    Image.new("RGB", (64, 48), "blue").save(out / "result.png")
    before = contents(out)
    done = limn("edit", scene, WORDS, *FAST, "--out", out)
    assert done.returncode == 2 and "changed" in done.stderr
    assert contents(out) == before


def test_a_hostile_report_names_nothing_outside(
    limn: Limn, scene: Path, edited: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(edited, out)
    (tmp_path / "precious.png").write_text("my own")
    report = json.loads((out / "report.json").read_text())
    digest = hashlib.sha256(b"my own").hexdigest()
    report["files"] |= {"../precious.png": digest, str(tmp_path / "precious.png"): digest}
    (out / "report.json").write_text(json.dumps(report))
    assert limn("edit", scene, WORDS, *FAST, "--out", out).returncode == 0
    assert (tmp_path / "precious.png").read_text() == "my own"


@pytest.mark.parametrize(
    "arguments", [("--set", "steps=100000"), ("--algorithm", "adapedit"), ("--algorithm", "magic")]
)
def test_a_refused_edit_leaves_the_earlier_one(
    limn: Limn, scene: Path, edited: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    shutil.copytree(edited, out)
    before = contents(out)
    assert limn("edit", scene, WORDS, *arguments, "--out", out).returncode in (1, 2)
    assert contents(out) == before
    assert limn("edit", scene, WORDS, *arguments, "--out", tmp_path / "a/b").returncode in (1, 2)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("ending", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_cancels_the_edit_and_leaves_the_earlier_one(
    limn: Limn,
    behind: Callable[..., Wire],
    scene: Path,
    edited: Path,
    tmp_path: Path,
    ending: signal.Signals,
    status: int,
) -> None:
    out = tmp_path / "out"
    shutil.copytree(edited, out)
    before = contents(out)
    wire = behind(limn)
    process = start_long_edit(wire.limn, scene, out)
    process.send_signal(ending)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == status, said
    assert "Traceback" not in said
    assert contents(out) == before and not list(out.glob(".limn-*"))
    wait_for(lambda: wire.server_status()["running"] == 0)


def test_the_server_keeps_nothing_of_an_edit_whose_files_are_there(
    limn: Limn, behind: Callable[..., Wire], scene: Path, tmp_path: Path
) -> None:
    wire = behind(limn)
    done = wire.limn("edit", scene, WORDS, *FAST, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: wire.server_status()["kept"] == 0)
    refused = ("--set", "steps=100000", "--out", tmp_path / "no")
    assert wire.limn("edit", scene, WORDS, *refused).returncode == 1
    wait_for(lambda: wire.server_status()["kept"] == 0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        # without the right to mount one: a limit of the file's size is met like a full disk
        pytest.fail("this test mounts a tmpfs and needs the right to")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_earlier_edit(
    limn: Limn, scene: Path, edited: Path, small_disk: Path, behind: Callable[..., Wire]
) -> None:
    out = small_disk / "out"
    shutil.copytree(edited, out)
    with (small_disk / "full").open("wb", buffering=0) as full:
        try:
            while full.write(bytes(4096)):
                pass
        except OSError:
            pass
    before = contents(out)
    wire = behind(limn)
    done = wire.limn("edit", scene, WORDS, "--seed", 3, *FAST, "--out", out)
    assert done.returncode == 2, done.stderr
    assert "No space left" in done.stderr and "Traceback" not in done.stderr
    assert contents(out) == before and not list(out.glob(".limn-*"))
    wait_for(lambda: sum(wire.server_status()[name] for name in ("running", "kept")) == 0)


def test_ctrl_c_while_it_starts_is_no_traceback(limn: Limn, scene: Path, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for wait in (0, 0.2, 0.5):
            process = subprocess.Popen(
                limn.command("edit", scene, WORDS, "--set", "steps=400", "--out", tmp_path / "o"),
                cwd=ROOT,
                env=limn.environ,
                stderr=subprocess.PIPE,
                text=True,
            )
            # before its first import of weight, the interpreter itself would say a traceback
            maps = Path(f"/proc/{process.pid}/maps")
            wait_for(lambda file=maps: "aiohttp" in file.read_text())
            time.sleep(wait)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[1]
            by_signal = (130, -signal.SIGINT)  # a shell calls both 130
            assert process.returncode in by_signal and "Traceback" not in said, (wait, said)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not (tmp_path / "o").exists()


def test_a_closed_terminal_ends_the_edit(
    limn: Limn, behind: Callable[..., Wire], scene: Path, tmp_path: Path
) -> None:
    """A program whose terminal is a real one, and goes away."""
    import pty

    wire = behind(limn)
    out = tmp_path / "out"
    command = wire.limn.command("edit", scene, WORDS, "--set", "steps=400", "--out", out)
    child, master = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execve(sys.executable, command, wire.limn.environ)
    os.set_blocking(master, False)
    wait_for(lambda: bool(list(out.glob(".limn-*/previews/*.jpg"))))
    os.close(master)
    status: list[int] = []
    wait_for(lambda: bool(status.append(s) or True) if (s := _ended(child)) is not None else False)
    assert status == [129]
    wait_for(lambda: wire.server_status()["running"] == 0)
    assert not out.exists()


def _ended(child: int) -> int | None:
    done, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


def left_over(folder: Path, name: str, *files: str, hours: float = 30) -> Path:
    """What an edit that was killed some hours ago has left."""
    place = folder / f".limn-{name}"
    for file in files:
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_bytes(b"a part")
    then = time.time() - hours * 3600
    for one in (place, *place.rglob("*")):
        os.utime(one, (then, then))
    return place


def test_what_a_killed_edit_has_left_goes_with_the_next_and_nothing_else_does(
    tmp_path: Path,
) -> None:
    gone = left_over(tmp_path, "k1ll3d_0", "result.png", "masks/1.png", "previews/003.jpg")
    stay = [
        left_over(tmp_path, "running0", "previews/003.jpg", hours=1),
        left_over(tmp_path, "halfway0", "earlier/result.png"),
        left_over(tmp_path, "foreign0", "result.png", "thesis.tex"),
        left_over(tmp_path, "other", "result.png"),
    ]
    (tmp_path / ".limn-linked00").symlink_to(stay[0], target_is_directory=True)
    if os.geteuid() == 0:
        stay.append(left_over(tmp_path, "somebody", "result.png"))
        os.chown(stay[-1], 65534, 65534)
    with Delivery(tmp_path):
        assert not gone.exists()
    assert all(any(place.rglob("*.*")) for place in stay)
    assert (tmp_path / ".limn-linked00").is_symlink()
