"""The tests in Krita, run in the Kritas of newer Debian systems.

`python3 -m installer kritas` makes the systems that are missing (see debian.py), runs all of
tests/krita in each, several beside each other, and prints one table. What was tested stays, too:
the same command goes on where it stopped. With `--smoke SECONDS` it runs the smoke test alone, in
as many as it can get in that time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from .debian import SUITES, NotHad, make, version
from .errors import InstallError
from .kritas_table import Outcome, checks_of, newest, note, table

HERE = "this machine"
"""The column of the machine's own Krita."""

ALONE = ("test_pauses",)
"""What measures times of Krita's, so that nothing may run beside it."""

PATIENCE = 2700
"""Seconds for the tests of one file; then they count as failed."""

SOURCES = ("krita_plugin", "protocol", "server", "editing", "installer", "tests")
"""What a result depends on: with another content the tests are run again."""


def stamp(root: Path) -> str:
    """What the results depend on, as a digest of the sources."""
    digest = hashlib.sha256()
    for name in SOURCES:
        for file in sorted((root / name).rglob("*.py")):
            digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


Job = tuple[str, Path]
"""A file of tests, in the Krita of the system of that name."""


@dataclass
class Runner:
    """Runs files of tests, in processes that end with it.

    python: the environment's. root: the checkout. folder: where the systems lie. out: where logs,
    outcomes and screenshots go. mark: of the sources.
    """

    python: str
    root: Path
    folder: Path
    out: Path
    mark: str = ""
    running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    ended: bool = False

    def place(self, name: str) -> Path:
        """The folder of all that comes from one system's Krita."""
        return self.out / name.replace(" ", "-")

    def last(self, job: Job) -> Outcome | None:
        """What came of its last run; None where it has not been run."""
        name, file = job
        return newest(self.place(name), file.stem)

    def passed(self, job: Job) -> bool:
        """Whether its last run did."""
        known = self.last(job)
        return known is not None and known.passed

    def run(self, job: Job, again: bool = False) -> None:
        """Run it, and keep what came of it. again: it has failed beside others."""
        name, file = job
        print(f"{name}: {file.name} ...", flush=True)
        begun = time.monotonic()
        found = self.test(job)
        if not self.ended:
            outcome = Outcome.now(self.mark, found, time.monotonic() - begun, again)
            note(self.place(name), file.stem, outcome)
            print(f"{name}: {file.name}: {outcome}, {outcome.seconds:.0f} s", flush=True)

    def test(self, job: Job, seconds: float = PATIENCE) -> dict[str, str]:
        """Runs it. Returns "passed", or what went wrong, by test."""
        name, file = job
        if self.ended:
            return {file.stem: "not begun"}
        out = self.place(name)
        out.mkdir(parents=True, exist_ok=True)
        report = out / f"{file.stem}.xml"
        report.unlink(missing_ok=True)
        pictures = out / file.stem.removeprefix("test_")
        environment = {**os.environ, "LIMN_TEST_OUTPUT": str(pictures)}
        if name != HERE:
            environment["LIMN_TEST_KRITA"] = str(self.folder / name)
        command = [self.python, "-m", "pytest", "-q", str(file), f"--junitxml={report}"]
        command += ["-o", f"cache_dir={out / 'cache' / file.stem}"]
        with (out / f"{file.stem}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            self.running.add(process)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.terminate()  # pytest then ends Krita and its display
                process.wait(60)
                return {file.stem: f"not done within {seconds:.0f} s"}
            finally:
                self.running.discard(process)
        return checks_of(report) or {file.stem: f"no outcome (status {process.returncode})"}

    @contextlib.contextmanager
    def ended_in_order(self) -> Iterator[None]:
        """At SIGTERM and Ctrl+C all that runs is ended first, with its Krita."""

        def stop(number: int, frame: object) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGTERM, stop)
        try:
            yield
        except BaseException:
            self.ended = True  # nothing is begun any more
            for process in list(self.running):
                process.terminate()
            raise
        finally:
            signal.signal(signal.SIGTERM, before)


def chosen_files(root: Path, names: Sequence[str]) -> list[Path]:
    """The files of tests with these names ("busy"), in this order; all for none.

    Raises InstallError for a name that there is not.
    """
    known = {file.stem.removeprefix("test_"): file for file in sorted(tests_of(root))}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InstallError(f"No such tests: {', '.join(unknown)}.", f"There are: {' '.join(known)}")
    return [known[name] for name in names] if names else list(known.values())


def tests_of(root: Path) -> list[Path]:
    """The files of the tests in Krita."""
    return list((root / "tests/krita").glob("test_*.py"))


def run_all(
    python: str,
    root: Path,
    folder: Path,
    out: Path,
    only: Sequence[str] = (),
    tests: Sequence[str] = (),
    keep: bool = False,
) -> int:
    """All tests in all Kritas, or those named in those named.

    A test in Krita waits half of the time: one more runs at once than there are processors. What
    measures pauses runs alone, at the end. So does, once more, what has failed beside others.

    Returns 0 if all of these passed. keep: what passed at its last run is not repeated, whatever
    has changed since. Else it is repeated as soon as the sources are others.
    """
    files = chosen_files(root, tests)
    runner = Runner(python, root, folder, out, stamp(root))
    out.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    names, lost = systems(folder, out, only)
    every = [(name, file) for file in files for name in names]
    jobs = [job for job in every if not is_known(runner, job, keep)]
    beside = [job for job in jobs if job[1].stem not in ALONE]
    if not tests:
        beside.sort(key=lambda job: -seconds_of(runner, job))
    with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool, runner.ended_in_order():
        list(pool.map(runner.run, beside))
    with runner.ended_in_order():
        for job in jobs:
            if job not in beside:
                runner.run(job)
        for job in beside if len(beside) > 1 else ():
            if not runner.passed(job):
                runner.run(job, again=True)
    columns: dict[str, dict[str, Outcome]] = {}
    for name in [HERE, *(suite.name for suite in SUITES)]:
        runs = {file.stem: runner.last((name, file)) for file in sorted(tests_of(root))}
        if known := {stem: one for stem, one in runs.items() if one is not None}:
            system = None if name == HERE else folder / name  # of earlier runs, too
            columns[f"{version(system)} ({name})"] = known
    (out / "table.md").write_text(table(columns), encoding="utf-8")
    print(table(columns))
    print(f"The table and the screenshots: {out} ({(time.monotonic() - begun) / 60:.0f} min)")
    for line in lost:
        print(f"NOT HAD: {line}", file=sys.stderr)
    return 0 if columns and not lost and all(runner.passed(job) for job in every) else 1


def systems(folder: Path, out: Path, only: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those that are there or were made, by name.

    And what is to be said of the others.
    """
    names, lost = [HERE] if not only or HERE in only else [], []
    for suite in SUITES:
        if not only or suite.name in only:
            try:
                make(suite, folder, out / f"{suite.name}-making.log")
                names.append(suite.name)
            except NotHad as error:
                lost.append(f"{suite.name}: {error}")
    return names, lost


def is_known(runner: Runner, job: Job, keep: bool) -> bool:
    """Whether it need not be run; see run_all."""
    known = runner.last(job)
    return known is not None and (known.mark == runner.mark or (keep and known.passed))


def seconds_of(runner: Runner, job: Job) -> float:
    """How long it took last time; endless where nobody knows, since the longest begin."""
    known = runner.last(job)
    return known.seconds if known is not None else float("inf")


def run_smoke(python: str, root: Path, folder: Path, out: Path, seconds: float) -> int:
    """The smoke test in as many Kritas as can be had in that time.

    Says of each whether it ran. 0 if none failed: what could not be had in time has not failed.
    """
    end = time.monotonic() + seconds
    failed = False
    for suite in SUITES:
        try:
            system = make(suite, folder, out / f"{suite.name}-making.log", end - time.monotonic())
            left = end - time.monotonic()
            if left < 0:
                raise NotHad("no time left")
        except (NotHad, OSError, ValueError) as error:
            print(f"NOT RUN in Krita of {suite.name}: {error}", flush=True)
            continue
        file = root / "tests/krita/test_smoke.py"
        found = Runner(python, root, folder, out).test((suite.name, file), left)
        bad = {name: value for name, value in found.items() if value != "passed"}
        late = any("not done" in value for value in bad.values())
        said = "NOT DONE in time" if late else "FAILED" if bad else "passed"
        print(f"smoke test in Krita {version(system)} ({suite.name}): {said}", flush=True)
        failed |= bool(bad) and not late
    return 1 if failed else 0
