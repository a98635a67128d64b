"""Newer Debian systems, each in a folder of its own, for the sake of their Kritas.

What is missing is made with mmdebstrap; what is made stays. Needs Linux and root (for chroot).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import InstallError

MIRROR = "http://deb.debian.org/debian"

PACKAGES = ("xdotool", "imagemagick", "fonts-dejavu-core")
"""What a scenario runs beside Krita."""

READY = ".limn-ready"
"""A file in a system's folder, written last: without it the system is not whole."""


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
