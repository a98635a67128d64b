"""Only one installer writes at a time; no other user, and no other installation that hangs, is
waited for without end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from limn.installer import command
from limn.installer.command import LOCK, only_one
from limn.installer.steps import StepFailed

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


def test_one_that_does_not_end_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "WAIT_SECONDS", 0.5)
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
