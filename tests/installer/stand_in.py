"""A wheel of Limn's in small, and the packages that it stands on.

They have a few bytes each.

The installer in it is the real one. Its server is that of the tests: started, it becomes that.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from limn.installer import plugin_package

from . import small_project
from .machines import ROOT

VERSION = "9.9.9"
NAME = f"limn-{VERSION}-py3-none-any.whl"

SERVER = """
import os, sys
os.execv({program!r}, {command!r})
"""


def wheels(folder: Path) -> None:
    """The packages, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    small_project.make_wheel(folder, "torch", "2.13.0", small_project.TORCH)
    small_project.make_wheel(folder, "small-a", "1.0", "")


def limn(folder: Path, command: Sequence[str], out: Path, mark: str = "") -> Path:
    """Limn's wheel, written to `out`/NAME.

    folder: its packages', by whose hashes they are taken. command: what its server becomes. mark:
    makes it another wheel.
    """
    (small,) = folder.glob("small_a-*.whl")
    digest = sha256(small.read_bytes()).hexdigest()
    files = {
        f"limn/installer/{file.name}": file.read_text(encoding="utf-8")
        for file in sorted((ROOT / "installer").glob("*.py"))
    }
    files |= {
        "limn/installer/locked/use.txt": f"small-a==1.0 \\\n    --hash=sha256:{digest}\n",
        "limn/server/__init__.py": mark,
        "limn/server/cli/__init__.py": "",
        "limn/server/cli/__main__.py": SERVER.format(program=command[0], command=list(command)),
    }
    needs = "Requires-Dist: torch==2.13.0\nRequires-Dist: small-a==1.0\n"
    out.mkdir(parents=True, exist_ok=True)
    return small_project.write_wheel(out / NAME, "limn", VERSION, files, needs)


def package(files: dict[str, bytes], wheel: Path, site_packages: list[Path]) -> dict[str, bytes]:
    """The plugin's files, with what the docker installs the server from."""
    return files | plugin_package.server_files((wheel.name, wheel.read_bytes()), site_packages)
