"""Only one installer writes at a time, and no other is waited for without end.

Packages are those whose hashes are noted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest

from limn.installer import hashes
from limn.installer.machine import read_project
from limn.installer.only_one import LOCK, only_one
from limn.installer.steps import StepFailed

from . import small_project
from .machines import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such lock")

HOLD = """
import fcntl, os, sys, time
file = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR, 0o600)
fcntl.flock(file, fcntl.LOCK_EX)
os.write(file, b"%d" % os.getpid())
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def held(root: Path, seconds: float) -> subprocess.Popen[str]:
    """Another program that has the lock for so long."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root / LOCK), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_the_lock_is_gone_afterwards_and_is_this_users_own(tmp_path: Path) -> None:
    with only_one(tmp_path):
        facts = (tmp_path / LOCK).stat()
        assert facts.st_mode & 0o777 == 0o600 and facts.st_uid == os.getuid()
        assert (tmp_path / LOCK).read_text().strip() == str(os.getpid())
    assert not (tmp_path / LOCK).exists()


def test_another_installation_is_waited_for_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = held(tmp_path, 1)
    began = time.monotonic()
    with only_one(tmp_path):
        assert other.wait(10) == 0 and time.monotonic() - began > 0.2
    assert f"process {other.pid}" in capsys.readouterr().out


def test_one_that_does_not_end_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limn.installer.only_one.WAIT_SECONDS", 0.5)
    other = held(tmp_path, 60)
    try:
        with pytest.raises(StepFailed) as caught, only_one(tmp_path):
            pass
        assert f"process {other.pid}" in caught.value.remedy
    finally:
        other.kill()
        other.wait()


def test_many_at_once_are_alone_one_after_the_other(tmp_path: Path) -> None:
    inside, most, seen = [0], [0], [0]

    def one() -> None:
        with only_one(tmp_path):
            inside[0] += 1
            most[0], seen[0] = max(most[0], inside[0]), seen[0] + 1
            time.sleep(0.02)
            inside[0] -= 1

    threads = [threading.Thread(target=one) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most, seen) == ([1], [5])


def test_what_a_stranger_has_put_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises(StepFailed, match="can't be made"), only_one(tmp_path):
        pass
    assert not (tmp_path / "precious").exists()
    (tmp_path / LOCK).unlink()
    if os.getuid() == 0:
        (tmp_path / LOCK).touch()
        os.chown(tmp_path / LOCK, 12345, 12345)
        with only_one(tmp_path):  # whoever is root may
            pass


def test_the_lists_of_hashes_are_those_of_the_versions_in_pyproject() -> None:
    """After a change of versions: `python3 -m installer lock`."""
    project = read_project(ROOT)
    assert hashes.locked(hashes.requirements(project, tests=False)) is not None
    everything = hashes.locked(hashes.requirements(project, tests=True))
    assert everything is not None
    found = hashes.entries(everything)
    assert all("--hash=sha256:" in entry for entry in found.values())
    versions = dict(found.keys())
    for line in project.constraints:
        name, _, version = line.partition("==")
        assert versions.get(name, version) == version, line
    assert not any(name.startswith(("torch-", "nvidia", "triton")) for name in versions)


def test_packages_are_taken_by_hash(tmp_path: Path) -> None:
    """Another file of the same name and version is not."""
    root = small_project.make_project(tmp_path)
    wheels = {file.name.split("-")[0]: file for file in (tmp_path / "wheels").iterdir()}
    lines = [
        f"{name.replace('_', '-')}==1.0 \\\n    "
        f"--hash=sha256:{sha256(file.read_bytes()).hexdigest()}\n"
        for name, file in wheels.items()
        if name != "torch"
    ]
    (root / "installer" / "locked" / "use.txt").write_text("".join(lines))
    honest = wheels["small_b"].rename(tmp_path / "honest.whl")
    small_project.make_wheel(tmp_path / "wheels", "small-b", "1.0", "print('a stranger was here')")
    done = small_project.run(root, "try")
    assert done.returncode == 1 and "HASHES" in done.stderr.upper(), done.stderr
    assert not list((root / ".venv").rglob("small_b.py"))
    honest.rename(wheels["small_b"])
    done = small_project.run(root, "try")
    assert done.returncode == 0 and "by their versions alone" not in done.stdout, done.stderr
