"""A checkout in small.

The real installer, with a project around it whose packages are a few bytes each and lie in a
folder. pip, the environment and every step are the real ones; only what is installed is small, so
that installs can be killed and repeated.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path

from .machines import ROOT

PYPROJECT = """
[build-system]
requires = ["small-build==1.0"]
build-backend = "backend"
backend-path = ["."]

[project]
name = "limn"
version = "0.1.0"
dependencies = ["torch==2.13.0", "small-a==1.0"]

[project.optional-dependencies]
plugin = ["small-b==1.0"]
bench = []
dev = ["limn[plugin]"]

[tool.limn]
constraints = ["small-a==1.0"]
"""

BACKEND = """
import os, zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "limn-0.1.0-py3-none-any.whl"
    info = "limn-0.1.0.dist-info"
    kind = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        wheel.writestr("limn.pth", os.path.join(os.getcwd(), "source") + "\\n")
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: limn\\nVersion: 0.1.0\\n")
        wheel.writestr(info + "/WHEEL", kind)
        wheel.writestr(info + "/RECORD", "")
    return name
"""

TORCH = """
__version__ = "2.13.0"

class ones:
    def __init__(self, *shape, **options): pass
    def __matmul__(self, other): return self
    def sum(self): return self
    def item(self): return 512
"""
"""As much of torch as the installer's own check asks for."""

FIRST_EDIT = """
import small_a, small_b, sys, torch
from pathlib import Path
out = Path(sys.argv[sys.argv.index("--out") + 1])
out.mkdir(exist_ok=True)
(out / "side-by-side.png").write_bytes(b"a picture")
"""


def make_wheel(folder: Path, name: str, version: str, code: str) -> None:
    """A wheel with one module."""
    module = name.replace("-", "_")
    file = folder / f"{module}-{version}-py3-none-any.whl"
    write_wheel(file, name, version, {f"{module}.py": code})


def write_wheel(
    file: Path, name: str, version: str, files: dict[str, str], needs: str = ""
) -> Path:
    """A wheel with these files. needs: lines of its metadata."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    kind = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": kind,
    }
    lines = [f"{place},sha256={_digest(text)},{len(text)}" for place, text in files.items()]
    with zipfile.ZipFile(file, "w") as wheel:
        for place, text in files.items():
            wheel.writestr(place, text)
        wheel.writestr(f"{info}/RECORD", "\n".join([*lines, f"{info}/RECORD,,", ""]))
    return file


def make_project(folder: Path) -> Path:
    """The checkout in small, in `folder`/checkout; its wheels lie beside it."""
    root, wheels = folder / "checkout", folder / "wheels"
    wheels.mkdir(parents=True)
    shutil.copytree(
        ROOT / "installer", root / "installer", ignore=shutil.ignore_patterns("__pycache__")
    )
    (root / "source/limn/server/cli").mkdir(parents=True)
    (root / "source/limn/server/cli/first_edit.py").write_text(FIRST_EDIT, encoding="utf-8")
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (root / "backend.py").write_text(BACKEND, encoding="utf-8")
    make_wheel(wheels, "torch", "2.13.0", TORCH)
    for name in ("small-a", "small-b", "small-build"):
        make_wheel(wheels, name, "1.0", "")
    return root


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-B", "-m", "installer", *arguments]


def environ(root: Path) -> dict[str, str]:
    """Packages come from the folder of wheels and from nowhere else.

    Home is a folder of the test's own.
    """
    settings = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(root.parent / "wheels"),
        "PIP_CONFIG_FILE": os.devnull,
    }
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "XDG_"))
    }
    return kept | settings | {"HOME": str(root.parent / "home"), "PYTHONDONTWRITEBYTECODE": "1"}


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installer of this checkout to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=root,
        env=environ(root),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _digest(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
