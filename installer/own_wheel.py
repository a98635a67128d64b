"""Limn's own wheel.

Built from a checkout, or put together again from what pip has installed.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import subprocess
import tempfile
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from .machine import Project
from .plugin_package import EPOCH, PackageError

ROOMS = ("editing", "installer", "krita_plugin", "protocol", "server")
FILES = ("pyproject.toml", "README.md", "LICENSE")
"""What a wheel is built from."""

BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"

BUILD_SECONDS = 300
"""How long that may take."""

NOT_PACKED = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json")
"""Files of an installed package's metadata that its wheel had not."""


def make(project: Project, python: str) -> tuple[str, bytes]:
    """A wheel's file name, and what is in it. Raises PackageError."""
    if project.installed:
        return pack(distribution("limn"))
    return build(project.root, python)


def build(root: Path, python: str) -> tuple[str, bytes]:
    """The wheel of a checkout, in which nothing is written.

    python: of an environment with setuptools. Raises PackageError.
    """
    with tempfile.TemporaryDirectory(prefix="limn-wheel-") as place:
        sources, out = Path(place, "sources"), Path(place, "out")
        for room in ROOMS:
            ignored = shutil.ignore_patterns("__pycache__", "vendor")
            shutil.copytree(root / room, sources / room, ignore=ignored)
        for name in FILES:
            shutil.copy(root / name, sources / name)
        out.mkdir()
        dated = {"SOURCE_DATE_EPOCH": "1577836800"}  # EPOCH: the same sources give the same bytes
        try:
            done = subprocess.run(
                [python, "-P", "-c", BUILD, str(out)],
                cwd=sources,
                env=dict(os.environ) | dated,
                capture_output=True,
                text=True,
                timeout=BUILD_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PackageError("Limn's wheel could not be built.", f"{error}") from error
        made = list(out.glob("*.whl"))
        if done.returncode or not made:
            raise PackageError("Limn's wheel could not be built.", done.stderr[-2000:])
        return made[0].name, made[0].read_bytes()


def pack(installed: Distribution) -> tuple[str, bytes]:
    """The wheel that an installed package came from.

    Raises PackageError where files are gone.
    """
    version = installed.version
    lines, packed = [], io.BytesIO()
    record = f"limn-{version}.dist-info/RECORD"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file in sorted(installed.files or (), key=str):
            if ".." in file.parts or "__pycache__" in file.parts or file.name in NOT_PACKED:
                continue
            try:
                data = Path(str(file.locate())).read_bytes()
            except OSError as error:
                raise PackageError(
                    "Limn is not whole in its environment.", f"Install it again: {error}"
                ) from error
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{file.as_posix()},sha256={digest},{len(data)}")
            wheel.writestr(zipfile.ZipInfo(file.as_posix(), EPOCH), data, zipfile.ZIP_DEFLATED)
        if not lines:
            raise PackageError(
                "Limn is installed from a checkout.",
                "There: python3 -m installer plugin --zip FILE",
            )
        text = "\n".join([*lines, f"{record},,", ""])
        wheel.writestr(zipfile.ZipInfo(record, EPOCH), text, zipfile.ZIP_DEFLATED)
    return f"limn-{version}-py3-none-any.whl", packed.getvalue()
