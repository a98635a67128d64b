"""`limn edit` where no server runs: one is started, and ends with the edit."""

from __future__ import annotations

import json
import os
from pathlib import Path

from limn.protocol import announcement

from .conftest import FAST, Limn


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
