"""A Python of this computer that Limn's server can run with.

Krita's own will not do: it is part of Krita, and has no program to start. No Krita, no Qt.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

VERSIONS = ("3.13", "3.12", "3.11", "3.14")
"""Those that the server runs with.

The newest for which there is every build of torch comes first.
"""

UV_PYTHON = VERSIONS[0]
"""What uv is asked for where none is there."""

ASK = (
    "import sys, venv; ok = (3, 11) <= sys.version_info[:2] <= (3, 14) and sys.maxsize > 2**32; "
    "print('limn' if ok else 'no')"
)
"""Asks for the version, 64 bits, and whether it can make environments."""

ANSWER_SECONDS = 15.0
"""How long one may take to answer; a cold disk is slow."""

NO_WINDOW = 0x08000000 if sys.platform == "win32" else 0


def find(
    environment: Mapping[str, str] | None = None, home: Path | None = None
) -> list[str] | None:
    """The beginning of a command that runs a Python that fits, or None."""
    environment = os.environ if environment is None else environment
    for command in candidates(environment, home or Path.home()):
        if _fits(command, environment):
            return command
    return None


def find_uv(environment: Mapping[str, str] | None = None, home: Path | None = None) -> str | None:
    """uv, which fetches a Python where there is none; None if it is not here."""
    environment = os.environ if environment is None else environment
    return shutil.which("uv", path=_path(environment, home or Path.home()))


def fetched_by_uv(uv: str, environment: Mapping[str, str]) -> list[str] | None:
    """The Python that uv has, as a command; None if it has none. Nothing is fetched."""
    told = _answer([uv, "python", "find", "--no-project", UV_PYTHON], environment)
    return [told] if told and _fits([told], environment) else None


def candidates(environment: Mapping[str, str], home: Path) -> Iterator[list[str]]:
    """Commands that may run a Python, the likeliest first; each program once."""
    path = _path(environment, home)
    if sys.platform == "win32":
        launcher = shutil.which("py", path=path)
        if launcher:
            yield from ([launcher, f"-{version}"] for version in VERSIONS)
        own = Path(environment.get("LOCALAPPDATA", ""), "Programs/Python")
        for version in VERSIONS:
            yield [str(own / f"Python{version.replace('.', '')}/python.exe")]
    names = [*(f"python{version}" for version in VERSIONS), "python3", "python"]
    seen = set()
    for name in names:
        program = shutil.which(name, path=path)
        if program and program not in seen:
            seen.add(program)
            yield [program]


def _path(environment: Mapping[str, str], home: Path) -> str:
    """Where programs are looked for.

    PATH, and what it lacks in a Krita that a click has started.

    macOS gives such a program next to nothing.
    """
    more = [home / ".local/bin", home / ".cargo/bin"]
    if sys.platform != "win32":
        more += [Path("/usr/local/bin"), Path("/opt/homebrew/bin"), Path("/usr/bin")]
    if sys.platform == "darwin":
        versions = Path("/Library/Frameworks/Python.framework/Versions")
        more += [versions / version / "bin" for version in VERSIONS]
    return os.pathsep.join([environment.get("PATH", ""), *map(str, more)])


def _fits(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    return _answer([*command, "-I", "-c", ASK], environment) == "limn"


def _answer(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """What a program prints; nothing where it is not there, fails or takes too long."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            timeout=ANSWER_SECONDS,
            creationflags=NO_WINDOW,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""
