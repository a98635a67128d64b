"""`limn models` as a program.

From an empty home and a hub on loopback to a first edit.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.models.hub import Hub

from .conftest import FAST, Limn


@dataclass(frozen=True)
class Fresh(Limn):
    """With a home of its own, and no model chosen."""

    hub: str = ""

    @property
    def environ(self) -> dict[str, str]:
        own = super().environ
        own.pop("LIMN_MODEL")
        home = str(self.runtime / "home")
        return own | {"HOME": home, "XDG_DATA_HOME": f"{home}/data", "HF_ENDPOINT": self.hub}


def test_from_an_empty_home_to_an_edit(
    tiny_model: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    runtime, picture = tmp_path_factory.mktemp("fresh"), tmp_path / "picture.png"
    Image.new("RGB", (64, 64), (200, 60, 60)).save(picture)
    runtime.chmod(0o700)
    repository = Path(shutil.copytree(tiny_model / "instruction", tmp_path / "repository"))
    with Hub(repository, "timbrooks/instruct-pix2pix").running() as hub:
        limn = Fresh(runtime, tiny_model, hub.url)
        listed = limn("models")
        assert listed.returncode == 0, listed.stderr
        assert "instruct-pix2pix" in listed.stdout and "sketchbook" in listed.stdout
        done = limn("models", "get", "instruct-pix2pix", "--fp32", "--yes")
        assert done.returncode == 0, done.stderr
        assert "OpenRAIL" in done.stderr
        place = Path(done.stdout.strip())
        assert place == runtime / "home" / "data" / "limn" / "models" / "instruct-pix2pix"
        asked = len(hub.asked)
        again = limn("models", "get", "instruct-pix2pix", "--fp32", "--yes")
        assert (again.returncode, len(hub.asked)) == (0, asked)
    told = json.loads(limn("models", "list", "--json").stdout)
    assert [(m["name"], m["variant"], m["used"]) for m in told["there"]] == [
        ("instruct-pix2pix", "instruction", True)
    ]
    out = tmp_path / "out"
    done = limn("edit", picture, "make it blue", "--algorithm", "foi", "--out", out, *FAST)
    assert done.returncode == 0, done.stderr
    report = json.loads(next(out.glob("*.json")).read_text())
    assert "tiny" in json.dumps(report) or "instruct" in json.dumps(report)
    assert limn("models", "verify").returncode == 0
    weights = next(place.glob("unet/*.safetensors"))
    save_file({name: value + 1 for name, value in load_file(weights).items()}, weights)
    done = limn("models", "verify")
    assert done.returncode == 1
    assert "other bytes" in done.stdout or "bytes instead" in done.stdout
    assert limn("models", "remove", "instruct-pix2pix").returncode == 0
    assert json.loads(limn("models", "--json").stdout)["there"] == []


def test_nothing_is_fetched_without_consent(tmp_path: Path, tiny_model: Path) -> None:
    with Hub(tiny_model, "timbrooks/instruct-pix2pix").running() as hub:
        limn = Fresh(tmp_path, tiny_model, hub.url)
        done = limn("models", "get", "instruct-pix2pix", "--fp32")
        assert done.returncode != 0
        assert "licence" in done.stderr
        assert hub.asked == []


def test_a_server_does_not_say_that_it_is_ready_with_a_model_that_cannot_work(
    tmp_path: Path, tiny_model: Path
) -> None:
    page = tmp_path / "model.safetensors"
    page.write_text("<!DOCTYPE html><html></html>")
    done = Limn(tmp_path, tiny_model)("serve", "--model", page)
    assert (done.returncode, done.stdout) == (2, "")
    assert "web page" in done.stderr and "log in" in done.stderr
