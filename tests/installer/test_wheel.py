"""What goes to an index.

An sdist, and the wheel that is built from it, in a fresh environment without the checkout. The
environment sees the packages that the tests run with, but not the Limn among them.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from .machines import ROOT

pytestmark = pytest.mark.timeout(600)

ROOMS = ("editing", "installer", "krita_plugin", "protocol", "server")
FILES = ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")


def call(command: list[str], folder: Path, **environment: str) -> str:
    """What a program prints; its failure is the test's."""
    misleading = ("PYTHONPATH", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in misleading}
    done = subprocess.run(
        command,
        cwd=folder,
        env=kept | environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in a copy of the checkout, so that nothing is left in it."""
    folder = tmp_path_factory.mktemp("sources")
    for room in ROOMS:
        ignored = shutil.ignore_patterns("__pycache__", "vendor")
        shutil.copytree(ROOT / room, folder / room, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    out = tmp_path_factory.mktemp("sdist")
    build = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    call([sys.executable, "-c", build, str(out)], folder)
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, as an index's users build it."""
    folder, out = tmp_path_factory.mktemp("unpacked"), tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (sources,) = folder.iterdir()
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    call([sys.executable, "-c", build, str(out)], sources)
    (made,) = out.iterdir()
    return made


class Fresh:
    """An environment with PyPA's `installer` in it, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        call([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder.parent)
        self.bin = folder / "bin"
        (self.site_packages,) = folder.glob("lib/python*/site-packages")
        neighbour = distribution("installer")
        for file in neighbour.files or ():
            if "__pycache__" not in file.parts and ".." not in file.parts:
                place = self.site_packages / file
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), place)

    def pip(self, *arguments: str) -> None:
        """The tests' own pip, working in this environment."""
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        call([*pip, "--python", str(self.bin / "python"), *arguments], self.folder)

    def lend_packages(self) -> Path:
        """Let it see what the tests run with; remove the file before pip works here again."""
        theirs = [place for place in sys.path if place.endswith("site-packages")]
        link = self.site_packages / "tests.pth"
        link.write_text("\n".join(theirs) + "\n", encoding="utf-8")
        return link

    def broken(self) -> list[str]:
        """The files of PyPA's `installer` that are not as they were."""
        found = []
        for file in distribution("installer").files or ():
            place = self.site_packages / file
            if file.hash is None or not place.is_relative_to(self.site_packages):
                continue
            data = place.read_bytes() if place.is_file() else b""
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            if file.hash.value != digest:
                found.append(str(file))
        return found


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    return Fresh(tmp_path_factory.mktemp("fresh") / "env")


def test_the_wheel_has_one_name_its_types_its_weights_and_its_plugin(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"limn"}
    assert {f"limn/{room}/py.typed" for room in ROOMS} <= set(names)
    assert any(name.startswith("limn/editing/sketchbook/weights/") for name in names)
    assert {"limn/krita_plugin/limn.desktop", "limn/krita_plugin/limn.action"} <= set(names)
    assert not [name for name in names if "/tests/" in name or name.endswith(".pyc")]


def test_it_works_without_the_checkout_and_leaves_its_neighbour_whole(
    wheel: Path, fresh: Fresh, tiny_model: Path, tmp_path: Path
) -> None:
    """Installed beside PyPA's `installer`.

    An edit, the doctor, the plugin; then uninstalled.
    """
    fresh.pip("install", "--no-deps", "--no-index", "--no-compile", str(wheel))
    assert not fresh.broken()
    link = fresh.lend_packages()
    picture = Image.new("RGB", (64, 64), "green")
    ImageDraw.Draw(picture).rectangle((16, 16, 47, 47), fill="red")
    picture.save(tmp_path / "scene.png")
    limn = str(fresh.bin / "limn")
    run = {
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "HOME": str(tmp_path),
        "LIMN_MODEL": str(tiny_model),
        "LIMN_DEVICE": "cpu",
        "OMP_NUM_THREADS": "1",
    }
    (tmp_path / "run").mkdir(mode=0o700)

    asked = [limn, "edit", "scene.png", "make the square blue", "--set", "steps=4", "--out", "out"]
    call(asked, tmp_path, **run)
    with Image.open(next((tmp_path / "out").glob("*result*.png"))) as result:
        assert result.size == (64, 64)

    python = str(fresh.bin / "python")
    where = "import limn.server, installer; print(limn.server.__file__, installer.__file__)"
    ours, theirs = map(Path, call([python, "-c", where], tmp_path).split())
    assert ours.is_relative_to(fresh.site_packages) and theirs.is_relative_to(fresh.site_packages)
    findings = json.loads(call([limn, "doctor", "--json"], tmp_path, **run))
    assert str(fresh.site_packages) in json.dumps(findings)

    installer = [python, "-m", "limn.installer", "plugin"]
    call([*installer, "--zip", "limn.zip"], tmp_path, **run)
    packed = set(zipfile.ZipFile(tmp_path / "limn.zip").namelist())
    assert {"limn/krita_plugin/plugin.py", "limn/protocol/messages.py", "limn/LICENSE"} <= packed
    assert "limn/manual.html" in packed
    assert "limn/vendor/websockets/sync/client.py" in packed
    with zipfile.ZipFile(tmp_path / "limn.zip") as packed_zip:
        again = io.BytesIO(packed_zip.read(f"limn/server/{wheel.name}"))
    with zipfile.ZipFile(again) as theirs_again, zipfile.ZipFile(wheel) as first:
        assert set(theirs_again.namelist()) == set(first.namelist())
        assert (
            theirs_again.read("limn/installer/locked/use.txt")
            == (ROOT / "installer/locked/use.txt").read_bytes()
        )
    assert "limn/server/pip.zip" in packed
    resources = tmp_path / "krita"
    call([*installer, "--resources", str(resources)], tmp_path, **run)
    told = json.loads((resources / "limn/environment.json").read_text(encoding="utf-8"))
    assert told["python"] == python
    assert (resources / "pykrita/limn/krita_plugin/plugin.py").is_file()
    call([*installer, "--resources", str(resources), "--remove"], tmp_path, **run)
    assert not (resources / "pykrita/limn").exists()

    link.unlink()
    fresh.pip("uninstall", "--yes", "limn")
    assert not fresh.broken()
    left = [file for file in fresh.site_packages.glob("limn*/**/*") if file.is_file()]
    assert not left and not (fresh.bin / "limn").exists()
