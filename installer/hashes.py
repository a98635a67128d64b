"""Packages by hash: what is installed is what was tested, whoever serves it.

    installer/locked/use.txt      all packages that Limn stands on, each with the SHA-256 of its
                                  files
    installer/locked/tests.txt    what the tests need besides

`python3 -m installer lock` makes both from the versions in pyproject.toml, by uv, for every system
and Python that Limn runs on. pip then takes nothing else. torch and its CUDA libraries stand apart:
which build of them is taken depends on the machine. pip checks those against the hashes that their
own index gives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from .machine import Project

UV = "uv==0.13.9"
"""A tool to lock with; nothing of it is used when Limn is installed."""

USE, TESTS = "use.txt", "tests.txt"

BY_BUILD = r"torch|triton|cuda-[a-z-]+|nvidia-[a-z0-9-]+"
"""Packages that come with a build of torch."""

_ENTRY = re.compile(
    r"(?m)^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\\n]+)[^\n]*(?:\n[ \t]+[^\n]*)*"
)


def folder(root: Path) -> Path:
    return root / "installer" / "locked"


def entries(text: str) -> dict[tuple[str, str], str]:
    """Each package of a locked list by name and version, with its hashes."""
    return {
        (match["name"], match["version"]): match[0].rstrip(" \\") for match in _ENTRY.finditer(text)
    }


def without_torch(text: str) -> dict[tuple[str, str], str]:
    return {
        package: entry
        for package, entry in entries(text).items()
        if not re.fullmatch(BY_BUILD, package[0])
    }


def locked(requirements: Sequence[str]) -> str | None:
    """The lists that hold all of these requirements, to be installed whole.

    Requirements are name==version. None where the lists don't hold them, because pyproject.toml has
    changed since they were made. The lists lie beside this file, in a wheel, too.
    """
    lists = resources.files(__package__) / "locked"
    texts = []
    wanted = {_package(line) for line in requirements}
    for name in (USE, TESTS):
        try:
            texts.append((lists / name).read_text(encoding="utf-8"))
        except OSError:
            return None
        found = entries("\n".join(texts))
        names = {package for package, _ in found}
        if all(package in found if package[1] else package[0] in names for package in wanted):
            return "\n".join(texts)
    return None


def requirements(project: Project, tests: bool) -> list[str]:
    """What is locked: direct requirements without torch."""
    more = project.bench + project.dev if tests else ()
    lines = (*project.requirements, *project.plugin, *project.build, *more)
    return [line for line in lines if not line.startswith("torch==")]


def command(python: str, asked: Path, constraints: Path, out: Path) -> list[str]:
    """uv's command that makes a list.

    For a file with the requirements and one with the versions of what they need in turn.
    """
    return [
        python, "-m", "uv", "pip", "compile", str(asked), "--constraint", str(constraints),
        "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header",
        "--no-annotate", "--quiet", "--output-file", str(out),
    ]  # fmt: skip


def _package(line: str) -> tuple[str, str]:
    """Name and version of a requirement; no version where it leaves a choice."""
    name, _, version = line.partition(";")[0].partition("==")
    name = re.split(r"[<>=!~ ;\[]", name.strip())[0]
    return re.sub(r"[-_.]+", "-", name).lower(), version.strip()
