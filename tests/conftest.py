"""Fixtures for all rooms."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # threads gain tiny networks nothing, and on a busy machine they wait for each other

hypothesis.settings.register_profile("limn", deadline=None)  # a busy machine is not a wrong result
hypothesis.settings.load_profile("limn")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how long each folder of tests took, set-up included."""
    seconds: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = report.nodeid.partition("::")[0].rpartition("/")[0]
                seconds[folder] += report.duration
                tests[folder] += report.when == "call"
    terminalreporter.section("seconds by folder", sep="-")
    for folder, total in seconds.most_common():
        terminalreporter.line(f"{total:8.1f}  {folder} ({tests[folder]} tests)")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three tiny random checkpoints, made once per test session.

    See tests/tiny.py. Don't write into it.
    """
    from . import tiny  # it starts torch

    return tiny.make(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_captioner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny BLIP that sees a star in every picture.

    Don't write into it.
    """
    from . import tiny

    return tiny.make_captioner(tmp_path_factory.mktemp("captioner"), "star")
