"""A method is one file.

Dropped into a copy of Limn, it is announced, chosen by Auto, edits over a real websocket, has its
controls in the docker, and is measured by the benchmarks. No other file of the copy is touched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from limn.protocol.messages import Chosen, Done, Failed, Mask, Result
from limn.server.cli.client import connect

from .conftest import ROOT, Running, run, start, submit

pytestmark = pytest.mark.timeout(600)  # a worker imports torch, which takes a busy machine a minute

MIRROR = '''
"""Mirror: the left of the picture, seen in a mirror."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

import torch

from ..events import Event
from ..request import parameter
from ..task import Algorithm, Found, Outcome, Task


@dataclass(frozen=True)
class Settings:
    """Mirror's parameters."""

    share: float = parameter(0.5, "How much of it.", minimum=0.25, maximum=0.75, front=True)
    rounds: int = parameter(2, "How often it is turned.", minimum=2, maximum=500)


def run(task: Task, settings: Settings) -> Generator[Event | Outcome, None, Outcome]:
    """Flip the latents."""
    model = task.model("text-to-image")
    z = model.scaling * model.encode(task.image)
    where = torch.zeros_like(z[:, :1])
    where[..., : int(z.shape[3] * settings.share)] = 1
    located = Outcome(Found(where, 0.5), float(model.factor), keywords=(task.captions.target,))
    yield located
    for _ in range(settings.rounds + 1):
        z = z.flip(3)
    return replace(located, latents=z)


ALGORITHM = Algorithm(
    name="mirror",
    title="Mirror",
    summary="Turns things round.",
    needs=("text-to-image",),
    settings=Settings,
    run=run,
    told_by="captions",
    caption="useful",
    serves=("object",),
    order=0,
    counts=("rounds",),
    presets={"quick": {"rounds": 3}},
)
'''


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of Limn with one file more."""
    folder = tmp_path_factory.mktemp("copy")
    for room in ("editing", "protocol", "server"):
        ignored = shutil.ignore_patterns("__pycache__", "weights")
        shutil.copytree(ROOT / room, folder / "limn" / room, ignore=ignored)
    (folder / "limn/editing/methods/mirror.py").write_text(MIRROR, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def server(copy: Path, tiny_model: Path, server_environment: dict[str, str]) -> Iterator[Running]:
    """A server that runs from the copy."""
    environment = server_environment | {"PYTHONPATH": str(copy)}
    running = start(["--model", str(tiny_model)], environment, copy)
    yield running
    running.stop()


async def test_a_new_method_is_announced_chosen_and_edits(server: Running) -> None:
    async with await connect(server.address) as session:
        named = {algorithm.name: algorithm for algorithm in session.welcome.algorithms}
        assert list(named)[:2] == ["auto", "mirror"]  # by its declared order
        mirror = named["mirror"]
        assert (mirror.unavailable, mirror.baseline, mirror.caption) == ("", False, "useful")
        assert [parameter.name for parameter in mirror.parameters] == ["share", "rounds"]

        wide, narrow = (
            replace(
                submit(f"share-{share}", "turn the square into a circle"),
                algorithm="mirror",
                parameters={"share": share},
            )
            for share in (0.75, 0.25)
        )
        areas = []
        for asked in (wide, narrow):
            *messages, done = await run(session, asked)
            assert isinstance(done, Done), done
            assert done.algorithm == "mirror" and done.keywords
            (result,) = (message for message in messages if isinstance(message, Result))
            areas.append(result.area.pixels.width)
        assert areas[0] > areas[1] > 0

        refused = replace(wide, job="refused", parameters={"share": 0.9})
        failed = (await run(session, refused))[-1]
        assert isinstance(failed, Failed) and failed.code == "bad-parameter"

        chosen = replace(
            wide, job="auto", algorithm="auto", parameters={"steps": 5}, mask_only=True
        )
        messages = await run(session, chosen)
        (choice,) = (message for message in messages if isinstance(message, Chosen))
        assert choice.algorithm == "mirror" and choice.reason.startswith("Mirror: ")
        assert isinstance(messages[-1], Done) and messages[-1].algorithm == "mirror"
        assert any(isinstance(message, Mask) and message.final for message in messages)
        assert not any(isinstance(message, Result) for message in messages)


async def test_the_docker_has_its_controls(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built from what came over the wire, by the docker's own form."""
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    from PyQt6.QtWidgets import QApplication, QDoubleSpinBox, QSpinBox

    from limn.krita_plugin.ui.parameters import ParameterForm

    async with await connect(server.address) as session:
        (mirror,) = (one for one in session.welcome.algorithms if one.name == "mirror")
    application = QApplication.instance() or QApplication([])
    form = ParameterForm("limn_parameters")
    form.show_parameters(mirror.parameters, {p.name: p.default for p in mirror.parameters})
    assert [label.text() for label in form.labels] == ["Share", "Rounds"]
    share, rounds = form.controls
    assert isinstance(share, QDoubleSpinBox) and isinstance(rounds, QSpinBox)
    assert (share.minimum(), share.maximum(), share.value()) == (0.25, 0.75, 0.5)
    assert (rounds.minimum(), rounds.maximum(), rounds.value()) == (2, 500, 2)
    told: list[tuple[str, object]] = []
    form.changed.connect(lambda name, value: told.append((name, value)))
    share.setValue(0.7)
    rounds.setValue(5)
    assert told == [("share", 0.7), ("rounds", 5)]
    del form, application


def test_the_benchmarks_measure_it(copy: Path, tiny_model: Path, tmp_path: Path) -> None:
    """With its preset, and a parameter of its own varied."""
    judge = copy / "limn/editing/sketchbook/weights"
    judge.symlink_to(ROOT / "editing/sketchbook/weights")
    command = [sys.executable, "-m", "limn.server.cli", "bench", "quality", "--jobs", "1"]
    command += ["--methods", "mirror", "--types", "replace", "--cases", "1"]
    command += ["--sweep", "mirror.share=0.25:0.75:0.5"]
    command += ["--model", str(tiny_model), "--out", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(copy), "COLUMNS": "200"}
    done = subprocess.run(
        command, check=False, env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    for share in ("0.25", "0.75"):
        file = tmp_path / f"mirror.share={share}" / "quality.jsonl"
        record = json.loads(file.read_text(encoding="utf-8"))
        assert (record["method"], record["preset"]) == ("mirror", "quick")
        assert {"iou", "success", "kept", "psnr", "rows"} <= record.keys()
    assert "mirror.share=0.75" in done.stdout and (tmp_path / "index.html").exists()
