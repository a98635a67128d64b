"""The tests in Krita, run in the Kritas of newer Debian systems.

Each system is in a folder of its own. `python3 -m installer kritas` makes what is missing, runs all
of tests/krita in each, and prints one table. What is made stays, and so does what was tested: the
same command goes on where it stopped. With `--smoke SECONDS` it runs the smoke test alone, in as
many as it can get in that time.

Needs Linux, root (for chroot) and mmdebstrap.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import InstallError
from .kritas_table import Outcome, checks_of, newest, note, table

HERE = "this machine"
"""The column of the machine's own Krita."""

MIRROR = "http://deb.debian.org/debian"

PACKAGES = ("xdotool", "imagemagick", "fonts-dejavu-core")
"""What a scenario runs beside Krita."""

READY = ".limn-ready"
"""A file in a system's folder, written last: without it the system is not whole."""

PATIENCE = 2700
"""Seconds for the tests of one file; then they count as failed."""

SOURCES = ("krita_plugin", "protocol", "server", "editing", "installer", "tests")
"""What a result depends on: with another content the tests are run again."""


@dataclass(frozen=True)
class Suite:
    """A Debian suite.

    `over`: a suite from which Krita alone is taken, with what it needs.
    """

    name: str
    base: str
    over: str = ""
    krita: tuple[str, ...] = ("krita",)


SUITES = (
    Suite("trixie", "trixie"),
    Suite("sid", "sid"),
    Suite("experimental", "sid", "experimental", ("krita", "python3-pyqt6", "qt6-svg-plugins")),
)
"""Krita 5.2 with Qt 5, 5.3 with Qt 5, 6.0 with Qt 6, as of November 2026."""


class NotHad(InstallError):
    """A system could not be made."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, "The same command tries again.")


def default_folder() -> Path:
    """Where the systems lie: some 2 GB each."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "limn/kritas")


def problems() -> list[str]:
    """What is missing on this machine, each with what to do."""
    found = []
    if sys.platform != "linux":
        return ["Other Kritas are had as Debian systems, which needs Linux."]
    if os.geteuid() != 0:
        found.append("Only root may run a program in another system: start this as root.")
    for program, package in (("mmdebstrap", "mmdebstrap"), ("unshare", "util-linux")):
        if not shutil.which(program):
            found.append(f"{program} is not installed: apt-get install {package}")
    return found


def mirror() -> str:
    """The Debian mirror that this machine uses, else Debian's own."""
    places = [Path("/etc/apt/sources.list"), *Path("/etc/apt").glob("sources.list.d/*")]
    for place in places:
        text = place.read_text(encoding="utf-8", errors="replace") if place.is_file() else ""
        found = re.search(r"^(?:deb|URIs:)\s.*?(https?://\S*/debian)/?(?:\s|$)", text, re.MULTILINE)
        if found:
            return found[1]
    return MIRROR


def make(suite: Suite, folder: Path, log: Path, seconds: float | None = None) -> Path:
    """The system's folder, made unless it is there.

    Raises NotHad, after `seconds` at the latest.
    """
    system = folder / suite.name
    if (system / READY).is_file():
        return system
    clear(system)
    folder.mkdir(parents=True, exist_ok=True)
    packages = PACKAGES if suite.over else (*PACKAGES, *suite.krita)
    source = mirror()
    command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}"]
    command += [
        "--aptopt=Acquire::Check-Valid-Until false",
        "--aptopt=APT::Install-Recommends true",
    ]
    lines = [f"deb {source} {suite.base} main"]
    if suite.over:
        lines.append(f"deb {source} {suite.over} main")
        install = f"apt-get install -y -t {suite.over} {' '.join(suite.krita)}"
        command.append(f'--customize-hook=DEBIAN_FRONTEND=noninteractive chroot "$1" {install}')
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, suite.base, str(system), *lines],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise NotHad(f"not made within {seconds:.0f} s") from error
        finally:
            end(process)
    if status:
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        raise NotHad(f"mmdebstrap failed: {' '.join(last)} (all of it in {log})")
    (system / READY).touch()
    return system


def clear(system: Path) -> None:
    """Takes away a system that was not finished.

    A killed mmdebstrap leaves the machine's own /dev, /proc and /sys mounted in it: nothing is
    deleted below a mount. Raises NotHad where one stays.
    """
    for place in mounts_below(system):
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
    if left := mounts_below(system):
        raise NotHad(f"{left[-1]} is still mounted: umount --lazy {left[-1]}")
    shutil.rmtree(system, ignore_errors=True)


def mounts_below(folder: Path) -> list[Path]:
    """Where something is mounted in a folder, the deepest first."""
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    places = [
        Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split(" ")[1]))
        for line in lines.splitlines()
    ]
    found = {place for place in places if place.is_relative_to(folder.resolve())}
    return sorted(found, key=lambda place: len(place.parts), reverse=True)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program with all that it started.

    apt would go on, and write into the folder. It is asked first, since mmdebstrap then takes down
    what it has mounted.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)


def version(system: Path | None) -> str:
    """The version of a system's Krita, such as "5.2.9".

    Without what Debian adds; "" if there is none.
    """
    root = [f"--admindir={system}/var/lib/dpkg"] if system else []
    command = ["dpkg-query", *root, "-W", "-f", "${Version}", "krita"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"(?:\d+:)?([\d.]+)", done.stdout)
    return found[1].strip(".") if found else ""


def stamp(root: Path) -> str:
    """What the results depend on, as a digest of the sources."""
    digest = hashlib.sha256()
    for name in SOURCES:
        for file in sorted((root / name).rglob("*.py")):
            digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def test(
    python: str, root: Path, system: Path | None, file: Path, out: Path, seconds: float = PATIENCE
) -> dict[str, str]:
    """Runs one file of tests in one Krita.

    Returns "passed", or what went wrong, by test. out: the folder for screenshots, logs and the
    outcome (junit).
    """
    out.mkdir(parents=True, exist_ok=True)
    report = out / f"{file.stem}.xml"
    report.unlink(missing_ok=True)
    environment = {**os.environ, "LIMN_TEST_OUTPUT": str(out)}
    if system:
        environment["LIMN_TEST_KRITA"] = str(system)
    command = [python, "-m", "pytest", "-q", str(file), f"--junitxml={report}"]
    with (out / f"{file.stem}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.terminate()  # pytest then ends Krita and its display
            process.wait(60)
            return {file.stem: f"not done within {seconds:.0f} s"}
    return checks_of(report) or {file.stem: f"no outcome (status {process.returncode})"}


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

    Returns 0 if all of these passed. keep: what passed at its last run is not repeated, whatever
    has changed since. Else it is repeated as soon as the sources are others.
    """
    files = chosen_files(root, tests)
    mark = stamp(root)
    columns: dict[str, dict[str, Outcome]] = {}
    lost, passed = [], True
    out.mkdir(parents=True, exist_ok=True)
    for name in [HERE, *(suite.name for suite in SUITES)]:
        suite = next((one for one in SUITES if one.name == name), None)
        system = None if suite is None else folder / suite.name
        place = out / name.replace(" ", "-")
        if not only or name in only:
            try:
                if suite is not None:
                    make(suite, folder, out / f"{name}-making.log")
            except NotHad as error:
                lost.append(f"{name}: {error}")
                continue
            for file in files:
                last = newest(place, file.stem)
                there = last is not None and (last.mark == mark or (keep and last.passed))
                if last is None or not there:
                    print(f"{name}: {file.name} ...", flush=True)
                    begun = time.monotonic()
                    found = test(python, root, system, file, place)
                    last = note(place, file.stem, mark, found, time.monotonic() - begun)
                    print(f"{name}: {file.name}: {last}, {last.seconds:.0f} s", flush=True)
                passed &= last.passed
        runs = {file.stem: newest(place, file.stem) for file in tests_of(root)}
        known = {stem: run for stem, run in runs.items() if run is not None}
        if known:  # of earlier runs, too
            columns[f"{version(system)} ({name})"] = known
        (out / "table.md").write_text(table(columns), encoding="utf-8")
    print(table(columns))
    print(f"The table and the screenshots: {out}")
    for line in lost:
        print(f"NOT HAD: {line}", file=sys.stderr)
    return 0 if passed and columns and not lost else 1


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
        found = test(python, root, system, file, out / suite.name, left)
        bad = {name: value for name, value in found.items() if value != "passed"}
        late = any("not done" in value for value in bad.values())
        said = "NOT DONE in time" if late else "FAILED" if bad else "passed"
        print(f"smoke test in Krita {version(system)} ({suite.name}): {said}", flush=True)
        failed |= bool(bad) and not late
    return 1 if failed else 0
