"""`limn doctor`: facts in, findings out; and the real thing on this machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from limn.server.cli import examine as doctor
from limn.server.cli import examine_cluster, examine_krita, servers
from limn.server.settings import Settings

from .conftest import Limn


def home(**changes: Any) -> dict[str, Any]:
    """A Krita with the plugin in order."""
    facts = {
        "kind": "installed",
        "resources": "/home/painter/krita",
        "kritarc": "/home/painter/kritarc",
        "exists": True,
    }
    return facts | {"plugin": "current", "switched_on": True, "python": "/usr/bin/env"} | changes


@pytest.mark.parametrize(
    ("changes", "state", "word"),
    [
        ({}, "ok", "switched on"),
        ({"plugin": "missing"}, "note", "not in"),
        ({"plugin": "outdated"}, "problem", "another version"),
        ({"switched_on": False}, "problem", "switched off"),
        ({"python": None}, "problem", "how to start"),
        ({"python": "/nowhere/python"}, "problem", "how to start"),
    ],
)
def test_the_plugin(changes: dict[str, Any], state: str, word: str) -> None:
    (finding,) = examine_krita.check_plugin(home(**changes))
    assert finding.state == state
    assert word in finding.sentence
    assert bool(finding.remedy) == (state != "ok")


@pytest.mark.parametrize(
    ("version", "state", "word"),
    [
        ("5.1.5", "ok", "5.1.5"),
        ("5.2.2", "ok", "5.2.9"),
        ("5.3.4.1", "ok", "5.3.4"),
        ("6.0.5", "ok", "6.0.4"),
        ("5.0.8", "note", "not tried"),
        ("5.10.0", "note", "not tried"),
        ("6.1.0", "note", "not tried"),
        ("7.0", "note", "not tried"),
        ("", "note", "does not tell"),
    ],
)
def test_kritas_that_limn_was_tried_in_and_others(version: str, state: str, word: str) -> None:
    finding = examine_krita.check_version(version, "/usr/bin/krita")
    assert finding.state == state and word in finding.sentence and "5.2.9" in finding.sentence
    assert bool(finding.remedy) == (state == "note")


def test_the_kritas_that_doctor_names_are_those_of_the_plugins_table() -> None:
    readme = Path(__file__).parents[2] / "krita_plugin/README.md"
    row = next(line for line in readme.read_text().splitlines() if line.startswith("| tests |"))
    assert tuple(row.strip("| ").split(" | ")[2:]) == examine_krita.TRIED


def test_a_package_that_is_missing_or_of_another_version() -> None:
    findings = list(
        doctor.check_packages(["numpy==0.0.1", "not-there-at-all==1.0", 'x==1; extra == "dev"'])
    )
    assert [finding.state for finding in findings] == ["problem", "note", "ok"]
    assert "not-there-at-all" in findings[0].sentence
    assert "0.0.1" in findings[1].sentence


def test_the_packages_that_the_installer_has_put_here_are_in_order() -> None:
    (finding,) = doctor.check_packages()
    assert finding.state == "ok" and "torch" in finding.sentence


def test_the_trap_of_kritas_python(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\n")
    (tmp_path / "python3").chmod(0o755)
    (finding,) = examine_krita.check_path(f"{tmp_path}:/usr/bin", krita_in_path=True)
    assert (
        finding.state == "note"
        and str(tmp_path) in finding.sentence
        and "PATH=/usr/bin" in finding.remedy
    )
    assert not list(examine_krita.check_path("/usr/bin:/bin", krita_in_path=True))
    assert not list(examine_krita.check_path(f"{tmp_path}:/usr/bin", krita_in_path=False))


def test_a_model_that_is_none(tmp_path: Path, tiny_model: Path) -> None:
    (finding,) = doctor.check_model(tmp_path)
    assert finding.state == "problem" and str(tmp_path) in finding.sentence and finding.remedy
    (finding,) = doctor.check_model(tiny_model)
    assert finding.state == "ok" and set(finding.facts["variants"]) == {
        "text-to-image",
        "inpainting",
        "instruction",
    }


def test_a_model_with_defaults_that_can_not_be_used(tmp_path: Path, tiny_model: Path) -> None:
    shutil.copytree(tiny_model / "instruction", tmp_path / "model")
    (tmp_path / "model" / "limn.json").write_text('{"defaults": {"foi": {"steps": "many"}}}')
    (finding,) = doctor.check_model(tmp_path / "model")
    assert (
        finding.state == "problem"
        and "limn.json" in finding.sentence
        and "'many'" in finding.sentence
        and finding.remedy
    )


def test_a_card_that_this_torch_can_not_use() -> None:
    import torch

    if torch.cuda.is_available():
        assert [finding.state for finding in doctor.check_device(True)] == ["ok"]
    else:
        (finding,) = doctor.check_device(True)
        assert finding.state == "problem" and "driver" in finding.remedy
    assert all(
        finding.facts["torch"] == torch.__version__ for finding in doctor.check_device(False)
    )


@pytest.mark.parametrize("trap", ["open to others", "a file"])
def test_a_runtime_folder_that_can_not_be_used_is_a_finding(alone: Limn, trap: str) -> None:
    place = alone.runtime / "limn"
    if trap == "a file":
        place.touch()
    else:
        place.mkdir()
        place.chmod(0o777)
    done = alone("doctor", "--json", "--model", alone.model)
    assert done.returncode == 1, done.stderr
    (server,) = (
        finding for finding in json.loads(done.stdout)["findings"] if finding["topic"] == "server"
    )
    assert server["state"] == "problem" and str(place) in server["sentence"] and server["remedy"]


def test_a_server_that_has_just_ended_is_not_found(
    alone: Limn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file can still be listed, and not be looked at any more.

    As a link that leads nowhere.
    """
    (alone.runtime / "limn").mkdir(mode=0o700)
    (alone.runtime / "limn" / "1.json").symlink_to("ended")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(alone.runtime))
    assert servers.find() is None


def node(address: str, gpus: float = 0, alive: bool = True) -> dict[str, Any]:
    return {"address": address, "alive": alive, "cpus": 8.0, "gpus": gpus}


@pytest.mark.parametrize(
    ("settings", "nodes", "state", "word"),
    [
        (Settings(), [node("10.0.0.1")], "ok", "10.0.0.1 (8 CPUs, 0 cards)"),
        (Settings(engine="ray"), [node("a", 1), node("b", 2)], "ok", "2 of 2 machines"),
        (Settings(engine="ray"), [node("a", 1), node("b", alive=False)], "ok", "1 of 2 machines"),
        (Settings(engine="ray"), [node("a"), node("b", 1, alive=False)], "problem", "1 cards"),
        (Settings(engine="ray", device="cpu"), [node("a")], "ok", "1 of 1"),
        (Settings(engine="ray", ray_gpus=0.5), [node("a", 1)], "ok", "1 of 1"),
    ],
)
def test_a_cluster(settings: Settings, nodes: list[dict[str, Any]], state: str, word: str) -> None:
    finding = examine_cluster.described(nodes, settings)
    assert finding.state == state and word in finding.sentence
    assert bool(finding.remedy) == (state == "problem")


def test_a_cluster_that_is_not_there_is_a_problem_if_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not list(examine_cluster.check_cluster())
    monkeypatch.setenv("LIMN_ENGINE", "ray")
    (finding,) = examine_cluster.check_cluster()
    assert finding.state == "problem" and finding.remedy


def test_on_this_machine(alone: Limn) -> None:
    done = alone("doctor", "--json", "--model", alone.model)
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["healthy"] else 1)
    topics = {finding["topic"]: finding for finding in report["findings"]}
    assert {"Limn", "Python", "packages", "device", "model", "server"} <= set(topics)
    assert topics["model"]["state"] == "ok"
    assert all(finding["remedy"] for finding in report["findings"] if finding["state"] != "ok")
    spoken = alone("doctor", "--model", alone.model)
    assert spoken.returncode == done.returncode
    assert "model: tiny" in spoken.stdout and "Traceback" not in spoken.stderr
