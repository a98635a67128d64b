"""Other Kritas: what can be decided without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from limn.installer import kritas

REPORT = """<testsuites><testsuite>
<testcase classname="tests.krita.test_edit" name="test_one"/>
<testcase classname="tests.krita.test_edit" name="test_two"><failure message="no"/></testcase>
<testcase classname="tests.krita.test_edit" name="test_three"><skipped/></testcase>
</testsuite></testsuites>"""


def test_the_table_tells_what_did_not_pass(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT, encoding="utf-8")
    found = kritas.outcomes(report)
    assert found == {
        "test_edit::test_one": "passed",
        "test_edit::test_two": "failure",
        "test_edit::test_three": "skipped",
    }
    lines = kritas.table({"5.2.9": found, "6.0.4": {"test_edit::test_one": "passed"}}).splitlines()
    assert lines[0] == "| check | 5.2.9 | 6.0.4 |"
    assert "| test_edit::test_two | failure | not run |" in lines
    assert lines[-1] == "| **all** | 1 of 3 | 1 of 1 |"


def test_a_run_without_a_report_has_no_outcome(tmp_path: Path) -> None:
    assert kritas.outcomes(tmp_path / "none.xml") == {}


def test_a_system_that_was_not_finished_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "systems/trixie"
    (system / "half").mkdir(parents=True)
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "mmdebstrap"
    program.write_text("#!/bin/sh\necho no such suite >&2\nexit 3\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    with pytest.raises(kritas.NotHad, match="no such suite"):
        kritas.make(kritas.SUITES[0], system.parent, tmp_path / "log")
    assert not system.exists()
    program.write_text('#!/bin/sh\nmkdir -p "$6/usr"\n', encoding="utf-8")
    assert kritas.make(kritas.SUITES[0], system.parent, tmp_path / "log") == system
    assert (system / kritas.READY).is_file()
    program.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    assert kritas.make(kritas.SUITES[0], system.parent, tmp_path / "log") == system


def test_a_system_that_takes_too_long_is_not_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mmdebstrap"
    program.write_text("#!/bin/sh\nexec sleep 30\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(kritas.NotHad, match="not made within"):
        kritas.make(kritas.SUITES[2], tmp_path / "systems", tmp_path / "log", seconds=0.5)


def test_results_depend_on_the_sources(tmp_path: Path) -> None:
    file = tmp_path / "krita_plugin/one.py"
    file.parent.mkdir()
    file.write_text("1", encoding="utf-8")
    before = kritas.stamp(tmp_path)
    assert kritas.stamp(tmp_path) == before
    file.write_text("2", encoding="utf-8")
    assert kritas.stamp(tmp_path) != before
