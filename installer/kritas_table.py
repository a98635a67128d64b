"""What came of the tests in other Kritas.

It is kept as a JSON file a run, and shown as a table.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

PASSED = "passed"


@dataclass(frozen=True)
class Outcome:
    """One run of one file of tests in one Krita.

    mark: of the sources it was run with. day: of the run, "2026-11-28". checks: "passed", or what
    went wrong, by test. seconds: what the run took. again: alone, after it failed beside others.
    """

    mark: str
    day: str
    checks: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    again: bool = False

    @classmethod
    def now(cls, mark: str, checks: Mapping[str, str], seconds: float, again: bool) -> Outcome:
        """A run that has just ended."""
        day = datetime.now().astimezone().date().isoformat()
        return cls(mark, day, checks, round(seconds, 1), again)

    @property
    def passed(self) -> bool:
        """Whether all did."""
        return bool(self.checks) and set(self.checks.values()) == {PASSED}

    def __str__(self) -> str:
        good = sum(value == PASSED for value in self.checks.values())
        return f"{good} of {len(self.checks)}{' at the second try' * self.again}"


def checks_of(report: Path) -> dict[str, str]:
    """What a junit file says, by test; nothing if there is none."""
    if not report.is_file():
        return {}
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        found[name] = kinds[0] if kinds else PASSED
    return found


def note(folder: Path, stem: str, outcome: Outcome) -> None:
    """Keep what came of a run, in place of what came of the last one."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{stem}.json.part"
    part.write_text(json.dumps(asdict(outcome), indent=1), encoding="utf-8")
    part.replace(folder / f"{stem}.json")


def newest(folder: Path, stem: str) -> Outcome | None:
    """What came of the last run of these tests; None where nothing is known of one."""
    try:
        return Outcome(**json.loads((folder / f"{stem}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def table(columns: Mapping[str, Mapping[str, Outcome]]) -> str:
    """Versions x checks, in Markdown.

    A row for each file of tests, then one for each check that has not passed everywhere.
    """
    stems = sorted({stem for column in columns.values() for stem in column})
    lines = [f"| tests | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for stem in stems:
        runs = (column.get(stem) for column in columns.values())
        cells = ("not run" if run is None else f"{run}, {run.day}" for run in runs)
        lines.append(f"| {stem.removeprefix('test_')} | {' | '.join(cells)} |")
    sums = []
    for column in columns.values():
        values = [value for run in column.values() for value in run.checks.values()]
        minutes = sum(run.seconds for run in column.values()) / 60
        sums.append(f"{values.count(PASSED)} of {len(values)}, {minutes:.0f} min")
    lines.append(f"| **all** | {' | '.join(sums)} |")
    checks = [
        {name: value for run in column.values() for name, value in run.checks.items()}
        for column in columns.values()
    ]
    for name in dict.fromkeys(name for column in checks for name in column):
        values = [column.get(name, "not run") for column in checks]
        if set(values) - {PASSED, "not run"}:
            lines.append(f"| {name} | {' | '.join(values)} |")
    return "\n".join([*lines, ""])
