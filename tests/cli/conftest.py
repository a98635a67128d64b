"""`limn` as a program, with a runtime folder of the test's own, so that no other server is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]

FAST = ("--set", "steps=4")
"""An edit that takes three steps."""


@dataclass(frozen=True)
class Limn:
    """Runs `limn` commands. runtime: where servers announce themselves. model: the folder that a server of its own loads."""

    runtime: Path
    model: Path

    @property
    def environ(self) -> dict[str, str]:
        """The environment of every command; torch takes one thread, for tests run beside each other."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LIMN_")}
        own = {"XDG_RUNTIME_DIR": str(self.runtime), "LIMN_MODEL": str(self.model), "LIMN_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
        return kept | own | {"COLUMNS": "200", "XDG_CONFIG_HOME": str(self.runtime / "config")}

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "server.cli", *map(str, arguments)]

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=300, check=False
        )

    def announced(self) -> list[dict[str, object]]:
        """What the servers that run say of themselves."""
        return [json.loads(file.read_text()) for file in sorted((self.runtime / "limn").glob("*.json"))]


@pytest.fixture
def alone(tmp_path: Path, tiny_model: Path) -> Limn:
    """`limn` where no server runs."""
    (tmp_path / "runtime").mkdir(mode=0o700)
    return Limn(tmp_path / "runtime", tiny_model)


@pytest.fixture(scope="module")
def limn(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Limn]:
    """`limn` where a server runs, one for all tests of the module."""
    runtime = tmp_path_factory.mktemp("runtime", numbered=True)
    runtime.chmod(0o700)
    them = Limn(runtime, tiny_model)
    command = them.command("serve", "--log-level", "warning")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=them.environ, text=True, **pipes) as server:
        assert server.stdout is not None and server.stdin is not None
        assert json.loads(server.stdout.readline())["ready"] is True
        yield them
        server.stdin.close()
        assert server.wait(30) == 0


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A picture of 64 x 48 pixels with a red square in it."""
    image = Image.new("RGB", (64, 48), (60, 150, 70))
    ImageDraw.Draw(image).rectangle((20, 10, 44, 34), fill=(200, 30, 40))
    image.save(tmp_path / "scene.png")
    return tmp_path / "scene.png"


def array(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image).astype(int)
