"""Other Kritas: what can be decided without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from limn.installer import debian, kritas, kritas_table
from limn.installer.kritas_table import Outcome

REPORT = """<testsuites><testsuite>
<testcase classname="tests.krita.test_edit" name="test_one"/>
<testcase classname="tests.krita.test_edit" name="test_two"><failure message="no"/></testcase>
<testcase classname="tests.krita.test_edit" name="test_three"><skipped/></testcase>
</testsuite></testsuites>"""


def test_the_table_tells_what_did_not_pass(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT, encoding="utf-8")
    found = kritas_table.checks_of(report)
    assert found == {
        "test_edit::test_one": "passed",
        "test_edit::test_two": "failure",
        "test_edit::test_three": "skipped",
    }
    other = {"test_edit::test_one": "passed"}
    one, two = Outcome("m", "2026-11-28", found, 90), Outcome("m", "2026-11-27", other)
    text = kritas_table.table({"5.2.9": {"test_edit": one}, "6.0.4": {"test_edit": two}})
    lines = text.splitlines()
    assert lines[0] == "| tests | 5.2.9 | 6.0.4 |"
    assert lines[2] == "| edit | 1 of 3, 2026-11-28 | 1 of 1, 2026-11-27 |"
    assert lines[3] == "| **all** | 1 of 3, 2 min | 1 of 1, 0 min |"
    assert lines[4:] == [
        "| test_edit::test_two | failure | not run |",
        "| test_edit::test_three | skipped | not run |",
    ]


def test_a_run_without_a_report_has_no_outcome(tmp_path: Path) -> None:
    assert kritas_table.checks_of(tmp_path / "none.xml") == {}
    assert kritas_table.newest(tmp_path, "test_edit") is None
    (tmp_path / "test_edit.json").write_text('["half', encoding="utf-8")
    assert kritas_table.newest(tmp_path, "test_edit") is None


def test_what_was_run_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a program in place of Python that writes the report of a run, and counts."""
    root, out = tmp_path / "root", tmp_path / "out"
    for name in ("one", "two"):
        file = root / f"tests/krita/test_{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("", encoding="utf-8")
    python = tmp_path / "python"
    python.write_text(
        f"""#!/bin/sh
echo "$4" >> {tmp_path}/ran
case "$4" in *one*) cat {tmp_path}/good;; *) cat {tmp_path}/bad;; esac > "${{5#--junitxml=}}"
""",
        encoding="utf-8",
    )
    python.chmod(0o755)
    (tmp_path / "good").write_text(
        '<testsuite><testcase classname="a.test_one" name="x"/></testsuite>'
    )
    (tmp_path / "bad").write_text(REPORT)

    def run(*tests: str, keep: bool = False) -> tuple[int, int]:
        """The status, and how many files of tests have been run by now."""
        args = (str(python), root, tmp_path, out, [kritas.HERE], tests, keep)
        return kritas.run_all(*args), len((tmp_path / "ran").read_text().splitlines())

    assert run("one") == (0, 1)
    assert run("two", "one") == (1, 2)
    assert "| one | 1 of 1," in (out / "table.md").read_text()
    assert run() == (1, 2), "nothing has changed"
    (root / "tests/changed.py").write_text("")
    assert run(keep=True) == (1, 3), "only what had not passed"
    assert run() == (1, 4), "and that which was run with other sources"
    assert "test_two.py: 1 of 3," in capsys.readouterr().out
    (root / "tests/changed.py").write_text("1")
    assert run() == (1, 7), "what fails beside others is run again, alone"
    with pytest.raises(kritas.InstallError, match="three"):
        run("three")
    assert "test_two.py: 1 of 3 at the second try" in capsys.readouterr().out


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
    with pytest.raises(debian.NotHad, match="no such suite"):
        debian.make(debian.SUITES[0], system.parent, tmp_path / "log")
    assert not system.exists()
    program.write_text('#!/bin/sh\nmkdir -p "$6/usr"\n', encoding="utf-8")
    assert debian.make(debian.SUITES[0], system.parent, tmp_path / "log") == system
    assert (system / debian.READY).is_file()
    program.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    assert debian.make(debian.SUITES[0], system.parent, tmp_path / "log") == system


def test_nothing_is_deleted_below_what_a_killed_run_left_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Path("/proc") in debian.mounts_below(Path("/"))
    system = tmp_path / "trixie"
    (system / "proc/1").mkdir(parents=True)
    program = tmp_path / "umount"
    program.write_text('#!/bin/sh\n[ -e "$0.works" ] && touch "$2.gone"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    gone = system / "proc.gone"
    monkeypatch.setattr(
        debian, "mounts_below", lambda folder: [] if gone.exists() else [folder / "proc"]
    )
    with pytest.raises(debian.NotHad, match="still mounted"):
        debian.clear(system)
    assert (system / "proc/1").is_dir()
    (tmp_path / "umount.works").touch()
    debian.clear(system)
    assert not system.exists()


def test_a_system_that_takes_too_long_is_not_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mmdebstrap"
    program.write_text("#!/bin/sh\nexec sleep 30\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(debian.NotHad, match="not made within"):
        debian.make(debian.SUITES[2], tmp_path / "systems", tmp_path / "log", seconds=0.5)


def test_results_depend_on_the_sources(tmp_path: Path) -> None:
    file = tmp_path / "krita_plugin/one.py"
    file.parent.mkdir()
    file.write_text("1", encoding="utf-8")
    before = kritas.stamp(tmp_path)
    assert kritas.stamp(tmp_path) == before
    file.write_text("2", encoding="utf-8")
    assert kritas.stamp(tmp_path) != before
