"""A checkout below a folder with accents, in a locale that is not UTF-8.

Through pip and setuptools.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from limn.installer import editable

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "limn"
version = "0.1.0"

[tool.setuptools]
packages = ["limn.room"]
package-dir = {"limn.room" = "room"}
"""

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""No file name beyond ASCII is a string here, but through surrogates."""


def call(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command, env=os.environ | variables, capture_output=True, timeout=300, check=False
    )


@pytest.mark.timeout(300)
def test_limn_is_imported_whatever_the_locale(tmp_path: Path) -> None:
    project = tmp_path / "Téléchargements" / "limn"
    (project / "room").mkdir(parents=True)
    (project / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (project / "room" / "__init__.py").write_text("print('imported')\n", encoding="utf-8")
    environment = project / ".venv"
    assert call(sys.executable, "-m", "venv", "--without-pip", environment).returncode == 0
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps")
    sources = ("--no-build-isolation", "--no-index", "--editable", project)
    site = next((environment / "lib").glob("python*/site-packages"))
    # pip builds with the packages of the environment, which has none of its own
    ours = "\n".join(place for place in sys.path if place.endswith("packages"))
    (site / "builders.pth").write_text(ours, encoding="utf-8")
    done = call(*pip, *sources)
    assert done.returncode == 0, done.stderr
    run = (python, "-c", "import limn.room")
    assert call(*run).stdout == b"imported\n"
    assert call(*run, **ASCII).returncode != 0, "setuptools does it itself: remove editable.py"
    editable.keep_readable([site])
    for variables in ({}, ASCII):
        assert call(*run, **variables).stdout == b"imported\n"
        assert not call(*run, **variables).stderr
