"""The environment that Limn is installed into, and what was done in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .plan import Step


class Environment:
    """The checkout's `.venv`, and the stamps in it.

    Or another folder. pip: a zip to run it from; None: the one that Python makes environments with.
    """

    def __init__(self, root: Path, folder: Path | None = None, pip: Path | None = None) -> None:
        self.root = root
        self.folder = folder or root / ".venv"
        self.notes = self.folder / ".limn"
        self.pip = pip

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def pip_command(self) -> list[str]:
        """The beginning of a command of pip's that works in here."""
        return [str(self.python), *(["-m", "pip"] if self.pip is None else [str(self.pip / "pip")])]

    def is_done(self, step: Step) -> bool:
        """Whether this very step was finished here before."""
        mark = self.notes / f"{step.name}.done"
        return (
            bool(step.stamp) and mark.is_file() and mark.read_text(encoding="utf-8") == step.stamp
        )

    def begin(self, step: Step) -> bool:
        """Note that the step begins; return whether it had begun before and not ended."""
        if not step.stamp:
            return False
        begun = self.notes / f"{step.name}.begun"
        interrupted = begun.exists()
        (self.notes / f"{step.name}.done").unlink(missing_ok=True)
        if self.notes.is_dir():
            begun.write_text(step.stamp, encoding="utf-8")
        return interrupted

    def finish(self, step: Step) -> None:
        """Note that the step is done."""
        if step.stamp:
            fresh = self.notes / f"{step.name}.fresh"
            fresh.write_text(step.stamp, encoding="utf-8")
            fresh.replace(self.notes / f"{step.name}.done")
            (self.notes / f"{step.name}.begun").unlink(missing_ok=True)

    def site_packages(self) -> list[Path]:
        return [
            *self.folder.glob("lib/python*/site-packages"),
            *self.folder.glob("Lib/site-packages"),
        ]


class OwnEnvironment(Environment):
    """The environment that runs this, for Limn as pip has installed it."""

    @property
    def python(self) -> Path:
        return Path(sys.executable)

    def site_packages(self) -> list[Path]:
        return [Path(place) for place in sys.path if Path(place).is_dir()]
