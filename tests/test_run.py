"""The parts in which all tests run: nothing is left out, nothing runs twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from . import run
from .run import ROOT, Part


def taken(part: Part) -> set[Path]:
    """The test files of a part."""
    places = {ROOT / one for one in part.arguments if not one.startswith("-")}
    ignored = {ROOT / one.partition("=")[2] for one in part.arguments if one.startswith("--ignore")}
    files = {file for place in places for file in (place, *place.rglob("test_*.py"))}
    return {file for file in files if file.suffix == ".py" and not ignored & {file, *file.parents}}


def test_each_file_is_in_one_part(tmp_path: Path) -> None:
    there = set((ROOT / "tests").rglob("test_*.py"))
    alone = Part("alone", run.ALONE, tmp_path)
    count = Counter(file for part in (*run.parts(tmp_path, ()), alone) for file in taken(part))
    assert set(count) == there and set(count.values()) == {1}


def test_what_fails_is_told_and_what_passes_alone_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A test that passes at its second run, and one that does not."""
    told = tmp_path / "told"
    (tmp_path / "test_second.py").write_text(
        f"""import pathlib

def test_good():
    pass

def test_second():
    told = pathlib.Path({str(told)!r})
    times = len(told.read_text()) if told.exists() else 0
    told.write_text("x" * (times + 1))
    assert times == 1
"""
    )
    (tmp_path / "test_good.py").write_text("def test_good():\n    pass\n")
    options = ["--rootdir", str(tmp_path), "-q"]
    monkeypatch.setattr(run, "ALONE", (str(tmp_path / "test_good.py"),))
    for name, code in (("krita 1", 0), ("server", 1)):
        told.write_text("" if code == 0 else "xx")  # the latter fails each time
        monkeypatch.setattr(
            run,
            "parts",
            lambda folder, options, name=name: [
                Part(name, [*options, str(tmp_path / "test_second.py")], folder / "part")
            ],
        )
        assert run.main(options) == code
        said = capfd.readouterr().out
        assert f"[{name}] 1 failed, 1 passed" in said
        assert "is run again, alone" in said
        assert (f"failed: {name}" in said) == bool(code)
