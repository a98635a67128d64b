"""The plugin goes into a Krita's folders, and comes out again.

It is known to be there, and leaves no trace.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path

import pytest

from limn.installer import plugin, plugin_package
from limn.installer.machine import KritaHome, read_project

from .machines import ROOT

SITES = [Path(place) for place in sys.path if place.endswith("site-packages")]
KRITARC = (
    b"[MainWindow]\nState=AAAA\\xff==\n\n"
    b"[python]\nenable_tenbrushes=true\n\n"
    b"[theme]\nTheme=Krita dark\n"
)
SERVER = ("/env/bin/python", "-m", "limn.server.cli", "serve")


@pytest.fixture
def home(tmp_path: Path) -> KritaHome:
    """A Krita with another plugin and a file of the painter's in its folders."""
    resources = tmp_path / "krita"
    (resources / "pykrita" / "tenbrushes").mkdir(parents=True)
    (resources / "pykrita" / "tenbrushes.desktop").write_text("[Desktop Entry]\n")
    (resources / "actions").mkdir()
    (resources / "brushes").mkdir()
    (resources / "brushes" / "mine.kpp").write_bytes(b"\x00\x01")
    (tmp_path / "kritarc").write_bytes(KRITARC)
    return KritaHome("installed", resources, tmp_path / "kritarc", exists=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"folder"
        for path in sorted(folder.rglob("*"))
    }


def put(home: KritaHome) -> None:
    plugin.put(home, ROOT, SITES, SERVER[0], SERVER)


def test_in_and_out_again(home: KritaHome, tmp_path: Path) -> None:
    before = contents(tmp_path)
    assert plugin.look(home, ROOT, SITES).plugin == "missing"
    put(home)
    assert plugin.look(home, ROOT, SITES) == plugin.Installed("current", True, SERVER[0])
    place = home.resources / "pykrita"
    assert (place / "limn.desktop").is_file() and (
        home.resources / "actions" / "limn.action"
    ).is_file()
    assert (place / "limn/__init__.py").is_file() and (
        place / "limn/protocol/messages.py"
    ).is_file()
    assert (place / "limn/vendor/websockets/sync/client.py").is_file()
    assert not list(place.rglob("*.so")) and not list(place.rglob("__pycache__"))
    assert json.loads((home.resources / "limn/environment.json").read_text())["server"] == list(
        SERVER
    )
    assert {
        name: data
        for name, data in contents(tmp_path).items()
        if name in before and name != "kritarc"
    } == {name: data for name, data in before.items() if name != "kritarc"}
    assert plugin.take(home)
    left = contents(tmp_path)
    assert left == {name: data for name, data in before.items() if name in left}
    assert set(before) - set(left) <= {"krita/actions"}, (
        "a folder that was empty, and that Krita makes when it wants it"
    )
    assert not plugin.take(home)


def test_an_older_plugin_is_replaced_and_the_remains_of_a_kill_go(home: KritaHome) -> None:
    put(home)
    place = home.resources / "pykrita"
    (place / "limn" / "gone.py").write_text("of an older version")
    (place / "limn" / "__init__.py").write_text("of an older version")
    (place / ".limn-abc").mkdir()
    assert plugin.look(home, ROOT, SITES).plugin == "outdated"
    put(home)
    assert plugin.look(home, ROOT, SITES).plugin == "current"
    assert not (place / "limn" / "gone.py").exists() and not (place / ".limn-abc").exists()


def test_where_no_krita_ever_ran(tmp_path: Path) -> None:
    home = KritaHome(
        "installed", tmp_path / "share/krita", tmp_path / "config/kritarc", exists=False
    )
    put(home)
    assert (tmp_path / "config/kritarc").read_bytes() == b"[python]\nenable_limn=true\n"
    assert plugin.take(home)
    assert not (tmp_path / "share/krita").exists()
    assert (tmp_path / "config/kritarc").read_bytes() == b""


def test_the_zip_has_what_the_folders_have(home: KritaHome, tmp_path: Path) -> None:
    """And, besides, what the docker installs the server from."""
    put(home)
    plugin.write_zip(tmp_path / "limn.zip", read_project(ROOT), SITES, sys.executable)
    with zipfile.ZipFile(tmp_path / "limn.zip") as archive:
        packed = {
            name: archive.read(name)
            for name in archive.namelist()
            if name.startswith("limn/") and not name.endswith("/")
        }
    put_in = {
        f"limn/{name}": data
        for name, data in contents(home.resources / "pykrita/limn").items()
        if data != b"folder"
    }
    more = {name.removeprefix("limn/") for name in packed.keys() - put_in.keys()}
    assert put_in.keys() <= packed.keys()
    wheel = next(name for name in more if name.endswith(".whl"))
    assert more - {"limn.action"} == {wheel, "server/pip.zip"}
    assert re.fullmatch(r"server/limn-[\d.]+-py3-none-any\.whl", wheel)
    assert all(packed[name] == data for name, data in put_in.items())


def test_the_manual_is_where_the_desktop_file_says_and_names_the_real_keys() -> None:
    """Krita's plugin manager shows it; the keys are those of the action file."""
    files = plugin_package.gather(ROOT, SITES)
    desktop = files["limn.desktop"].decode()
    (named,) = re.findall(r"(?m)^X-Krita-Manual=(.+)$", desktop)
    manual = files[f"limn/{named}"].decode()
    keys = re.findall(r"<shortcut>(.+?)</shortcut>", files["limn.action"].decode())
    assert len(keys) == 17 and all(f"<td>{key}</td>" in manual for key in keys)
