"""The package in a real Krita.

Through its importer, and beside another plugin with the same modules.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from limn.installer import plugin_package

from ..installer import stand_in
from . import harness
from .harness import Stage

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]

LONGEST_TURN = 2.0
"""Seconds that Krita's event loop may stand still beside an installation."""

NEIGHBOUR = '''"""Another plugin: it speaks with its own websockets and protocol."""
import protocol
import websockets
from krita import Extension, Krita

class Neighbour(Extension):
    def setup(self): pass
    def createActions(self, window): pass

def report():
    import protocol as again, websockets as once_more
    same = [again is protocol, once_more is websockets]
    return [*same, again.OWNER, once_more.__version__, once_more.connect()]

Krita.instance().addExtension(Neighbour(Krita.instance()))
'''


def test_from_the_zip_alone_to_a_first_edit(stage: Stage) -> None:
    """In a fresh home the importer takes the zip, the docker installs the server.

    By clicks alone. Only the packages are small, and the server becomes that of the tests.
    """
    home = Path(tempfile.mkdtemp(prefix="limn-krita-"))
    server = [*harness.OUTSIDE, sys.executable, "-P", "-m", "limn.server.cli", "serve"]
    wheels = home / "wheels"
    try:
        stand_in.wheels(wheels)
        wheel = stand_in.limn(wheels, server, home / "packed")
        sites = [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
        archive = stage.output / "limn.zip"
        plugin_package.write_zip(stand_in.package(harness.package_files(), wheel, sites), archive)
        bare = replace(stage, server=None, plugin=False, home=home)
        first = replace(
            bare, output=stage.output / "importing", variables={"LIMN_ZIP": str(archive)}
        )
        told = harness.run("importing.py", first).of("import")
        assert told == {"imported": ["limn"], "imported again": ["limn"], "asked": ["limn"]}
        variables = {**stage.variables, "LIMN_PACKAGES": str(wheels)}
        folder = stage.output / "imported"
        then = replace(bare, output=folder, enable=("limn",), variables=variables)
        outcome = harness.run("installing.py", then, seconds=900)
        noted = json.loads((home / ".local/share/krita/limn/environment.json").read_text())
    finally:
        shutil.rmtree(home, ignore_errors=True)
    told = outcome.of("docker")
    assert told["dockers"] == ["limn_docker"] and told["title"] == "Limn" and told["visible"]
    assert told["actions"] == ["limn_edit", "limn_again", "limn_focus", "limn_mask", "limn_cancel"]
    assert "not installed yet" in told["note"] and "Install the server" in told["note"]
    assert told["offered"] and "GB" in told["outlook"] and "limn/server" in told["outlook"]
    assert not told["written before the click"]
    assert "no such address" in told["wrong place"]
    assert told["stopped"].startswith("Stopped.")
    assert told["told"].startswith("Done.") and any("torch" in one for one in told["steps"])
    assert told["longest turn"] < LONGEST_TURN, "Krita stood still"
    assert told["edit"].startswith("done in") and told["new layers"]
    assert not told["offered afterwards"]
    assert noted["python"].startswith(str(home / ".local/share/limn/server"))
    assert (folder / "installed.png").stat().st_size > 10_000


def test_beside_another_plugin(stage: Stage, tmp_path: Path) -> None:
    plugins = tmp_path / "resources/pykrita"
    for name, text in {
        "neighbour": NEIGHBOUR,
        "websockets": '__version__ = "3.1 of the neighbour"\n\ndef connect():\n    return '
        '"connected by the neighbour"\n',
        "protocol": 'OWNER = "neighbour"\n',
    }.items():
        (plugins / name).mkdir(parents=True)
        (plugins / name / "__init__.py").write_text(text)
    (plugins / "neighbour.desktop").write_text(harness.DESKTOP.format(name="neighbour"))
    beside = replace(
        stage,
        output=stage.output / "neighbours",
        resources=tmp_path / "resources",
        enable=("neighbour",),
    )
    told = harness.run("neighbours.py", beside, seconds=600).of("both_work")
    assert told["note"].startswith("done in") and len(told["layers"]) == 3
    expected = [True, True, "neighbour", "3.1 of the neighbour", "connected by the neighbour"]
    assert told["neighbour"] == expected and told["neighbour afterwards"] == expected
    assert told["ours"] == ["limn.vendor.websockets", "limn.protocol"]


def test_the_package_stands_alone() -> None:
    """Everything that Krita's importer looks for, and nothing compiled."""
    files = harness.package_files()
    assert {"limn.desktop", "limn.action", "limn/__init__.py", "limn/protocol/messages.py"} <= set(
        files
    )
    assert (
        "limn/vendor/websockets/sync/client.py" in files
        and "limn/vendor/websockets/LICENSE" in files
    )
    kinds = (".py", ".desktop", ".action", "LICENSE", ".json")
    assert [name for name in files if not name.endswith(kinds)] == ["limn/manual.html"]
    assert b"X-Krita-Manual=manual.html\n" in files["limn.desktop"]
    assert b"%" not in files["limn.desktop"]
