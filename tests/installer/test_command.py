"""The installer as a program.

Repeated, killed and resumed, dry, refused, undone. Real pip and real environments, small packages.
"""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from . import small_project
from .machines import ROOT
from .small_project import command, environ, run


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return small_project.make_project(tmp_path)


def listing(folder: Path) -> dict[str, int]:
    """Every file below a folder, with the time of its last change."""
    return {
        str(path.relative_to(folder)): path.lstat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
    }


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(3000):
        if path.exists():
            return
        assert process.poll() is None, f"the installer ended before {path.name} was there"
        time.sleep(0.02)
    raise AssertionError(f"{path.name} never came")


def test_a_dry_run_touches_nothing(checkout: Path) -> None:
    before = listing(checkout.parent)
    for words in (("try",), ("test",), ("plugin",), ("plugin", "--remove"), ("uninstall",)):
        done = run(checkout, *words, "--dry-run")
        assert done.returncode in (0, 3), (
            done.stderr
        )  # 3: packages are missing and can't be installed by this user
        assert "1. " in done.stdout or done.returncode == 3
    assert listing(checkout.parent) == before


def test_try_survives_a_kill_at_every_step_and_does_nothing_twice(checkout: Path) -> None:
    notes = checkout / ".venv" / ".limn"
    for step in ("environment", "torch", "packages", "limn"):
        process = subprocess.Popen(
            command("try"),
            cwd=checkout,
            env=environ(checkout),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        wait_for(notes / f"{step}.begun", process)
        os.kill(
            process.pid, signal.SIGKILL
        )  # it alone: a pip that it started lives on, and must not be disturbed
        process.wait()
        assert not (notes / f"{step}.done").exists()
    done = run(checkout, "try")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (checkout / "first-edit" / "side-by-side.png").read_bytes() == b"a picture"
    assert "Install torch 2.13.0" in done.stdout and done.stdout.count("(done before)") == 4, (
        done.stdout
    )
    assert not list(notes.glob("*.begun"))
    modules = listing(checkout / ".venv")
    again = run(checkout, "try")
    assert again.returncode == 0
    assert again.stdout.count("(done before)") == 5
    assert listing(checkout / ".venv") == modules


def test_a_package_that_was_half_installed_is_installed_again(checkout: Path) -> None:
    assert run(checkout, "try").returncode == 0
    notes = checkout / ".venv" / ".limn"
    site = next((checkout / ".venv").glob("lib/python*/site-packages"))
    (notes / "packages.done").rename(
        notes / "packages.begun"
    )  # as a kill leaves it: the module not yet there, the metadata half
    (site / "small_a.py").unlink()
    (site / "small_a-1.0.dist-info" / "RECORD").unlink()
    done = run(checkout, "try")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not whole" in done.stdout
    assert (site / "small_a.py").is_file() and (site / "small_a-1.0.dist-info" / "RECORD").is_file()


def test_an_environment_of_somebody_else_is_left_alone(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "precious").write_text("mine")
    done = run(checkout, "try")
    assert done.returncode == 1
    assert "Limn did not make it" in done.stderr
    assert (checkout / ".venv" / "precious").read_text() == "mine"
    assert run(checkout, "uninstall").returncode == 0
    assert (checkout / ".venv" / "precious").read_text() == "mine"


def test_what_fails_is_said_and_the_next_run_goes_on(checkout: Path) -> None:
    wheel = checkout.parent / "wheels" / "small_a-1.0-py3-none-any.whl"
    away = wheel.rename(checkout.parent / "away.whl")
    done = run(checkout, "try")
    assert done.returncode == 1
    assert "could not be installed" in done.stderr
    away.rename(wheel)
    done = run(checkout, "try")
    assert done.returncode == 0
    assert done.stdout.count("(done before)") == 2


def test_uninstall_removes_what_was_made_and_nothing_else(checkout: Path) -> None:
    before = set(listing(checkout))
    assert run(checkout, "try").returncode == 0
    assert run(checkout, "uninstall").returncode == 0
    left = set(listing(checkout)) - before
    assert left == {"first-edit", "first-edit/side-by-side.png"}
    assert run(checkout, "uninstall").returncode == 0


def test_from_within_the_environment_nothing_is_done_again(checkout: Path) -> None:
    assert run(checkout, "try").returncode == 0
    inside = [str(checkout / ".venv/bin/python"), *command("try")[1:]]
    done = subprocess.run(
        inside, cwd=checkout, env=environ(checkout), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("(done before)") == 5
    done = subprocess.run(
        [*inside[:-1], "uninstall"],
        cwd=checkout,
        env=environ(checkout),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "deactivate" in done.stderr
    assert (checkout / ".venv/bin/python").exists()


def test_an_old_python_is_told_in_a_sentence() -> None:
    source = (ROOT / "installer" / "__main__.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    code = (
        "import sys, runpy; sys.version_info = (3, 9, 2, 'final', 0); "
        "runpy.run_path('installer/__main__.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; this is 3.9" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_command_line_is_refused() -> None:
    for words in ((), ("fly",), ("plugin", "--remove", "--zip", "x.zip")):
        done = subprocess.run(
            [sys.executable, "-m", "installer", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert "usage:" in done.stderr
