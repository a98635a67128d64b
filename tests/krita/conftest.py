"""What the tests in Krita share.

The scenes, the server's command, where pictures go; one Krita start for each scenario file.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from . import harness, scenery
from .harness import Outcome, Stage

MODEL = os.environ.get("LIMN_TEST_MODEL", "")
"""Another checkpoint than the bundled sketchbook.

As `limn serve --model` takes it.
"""


@pytest.fixture(scope="session", autouse=True)
def krita_is_there() -> None:
    """Without Krita these tests fail: they are what Limn is for."""
    missing = harness.missing()
    if missing:
        pytest.fail(
            f"The tests in Krita need these packages: {' '.join(missing)}. Run python3 -m "
            "installer test."
        )


@pytest.fixture(scope="session", autouse=True)
def ended_in_order() -> Iterator[None]:
    """A run that is ended ends its Krita and its display as well.

    Python itself would go at once at SIGTERM.
    """

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots and results go: LIMN_TEST_OUTPUT, or a temporary folder."""
    named = os.environ.get("LIMN_TEST_OUTPUT")
    folder = Path(named) / "krita" if named else tmp_path_factory.mktemp("krita")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def stage(output: Path) -> Stage:
    """Krita with Limn in it, and a server on the small model."""
    scenery.write(output / "scenes")
    server = [sys.executable, "-m", "limn.server.cli", "serve"]
    return Stage(
        output,
        [*server, "--model", MODEL] if MODEL else server,
        variables={"LIMN_SCENES": str(output / "scenes")},
    )


@pytest.fixture(scope="session")
def play(stage: Stage) -> Callable[[str], Outcome]:
    """Runs a scenario file in Krita, once for all tests that look at it."""
    played: dict[str, Outcome] = {}

    def run(scenario: str) -> Outcome:
        if scenario not in played:
            folder = stage.output / Path(scenario).stem
            played[scenario] = harness.run(scenario, replace(stage, output=folder), seconds=SECONDS)
        return played[scenario]

    return run


@pytest.fixture(scope="session")
def play_alone(stage: Stage) -> Callable[[str], Outcome]:
    """Runs a scenario file that needs no server."""

    def run(scenario: str) -> Outcome:
        alone = replace(stage, output=stage.output / Path(scenario).stem, server=None)
        return harness.run(scenario, alone, seconds=SECONDS)

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What these tests have measured.

    pytest would keep it to itself where they pass.
    """
    terminalreporter.section("measured in Krita")
    for report in terminalreporter.stats.get("passed", []):
        if "tests/krita/" in report.nodeid and report.capstdout:
            terminalreporter.write_line(report.capstdout.strip())


SECONDS = 2400
"""For one scenario file.

A start of Krita, a start of the server, and some ten edits on two busy cores.
"""
