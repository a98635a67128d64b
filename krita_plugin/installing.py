"""What the server's installation tells, and how it is said to the painter.

No Krita, no Qt.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .translations import tr

SAID = "limn: "
"""Begins a line of the installation's own; the others are pip's."""

KEPT_LINES = 300
"""Of the installation's words, for a report."""

LINE_LENGTH = 2000
"""Characters of one of them; the rest is left out."""

STEPS = {
    "python": "Fetching Python",
    "environment": "Making a folder for the server",
    "torch": "Installing torch, which computes",
    "packages": "Installing the packages that the server needs",
    "torch-check": "Seeing that torch computes",
    "limn": "Installing Limn",
    "note": "Ready",
}
"""What is being done, by the step's name."""

FAILURES = {
    "no-python": (
        "No Python from 3.11 to 3.14 was found on this computer.",
        "Install one (python.org, the Microsoft Store, or your system's software centre), then "
        "press Install again.",
    ),
    "disk-full": (
        "There is not enough room on the disk.",
        "Make room, then press Install again: it goes on from there.",
    ),
    "no-network": (
        "The packages can't be fetched: the network, or the place that they come from, does not "
        "answer.",
        "Look at the network, or name a mirror or a folder of packages below; then press Install "
        "again: it goes on from there.",
    ),
    "wrong-bytes": (
        "A package that came is not the one that Limn was tested with, so it was not installed.",
        "Try another place to take packages from.",
    ),
    "no-build": (
        "There is no build of a package that the server needs for this computer, at the place that "
        "packages come from.",
        "Try another place to take packages from; see the details.",
    ),
    "not-permitted": (
        "Limn may not write into its folder.",
        "Give it to your user again (see the details), then press Install again.",
    ),
    "no-package": (
        "This plugin came without the server's part.",
        "Import the zip that `python3 -m installer plugin --zip` makes, or choose Limn's wheel.",
    ),
    "no-place": (
        "There is no such address, folder or wheel of Limn's.",
        "Write https://…, or choose a folder of packages, or a file limn-….whl.",
    ),
    "stopped": ("Stopped.", "Press Install to go on from there."),
    "": ("The server could not be installed.", "See the details, and press Install again."),
}
"""How it ended, and what to do, by the end's code."""

_NETWORK = (
    r"NewConnectionError|NameResolutionError|Max retries exceeded|ConnectTimeout|ReadTimeout|"
    r"Connection (?:refused|reset|broken|aborted)|ProxyError|SSLError|Network is unreachable|"
    r"IncompleteRead|IncompleteDownload|Read timed out|dns error|error sending request|"
    r"tcp connect error"
)

CAUSES = (
    ("disk-full", r"No space left on device|not enough space on the disk|Errno 28|WinError 112"),
    ("wrong-bytes", r"DO NOT MATCH THE HASHES|Hash mismatch"),
    ("no-network", _NETWORK),
    ("no-build", r"No matching distribution found|is not a supported wheel on this platform"),
    ("not-permitted", r"Permission denied|Errno 13|Read-only file system|Access is denied"),
)
"""What pip's or uv's words tell of the cause. The first that is found counts."""


@dataclass(frozen=True)
class Outlook:
    """What an installation would be.

    python: its version, "" where uv must fetch one. card: the NVIDIA card that it will compute on.
    needs, free: bytes of disk, needs 0 where most is there already. left: steps of `of`.
    """

    folder: str
    python: str = ""
    card: str = ""
    needs: int = 0
    free: int = 0
    left: int = 0
    of: int = 0

    @classmethod
    def read(cls, folder: Path, told: Mapping[str, Any]) -> Outlook:
        """Raises KeyError, TypeError or ValueError where a plan is none."""
        numbers = (int(told[name]) for name in ("needs", "free", "left", "of"))
        return cls(str(folder), str(told["python"])[:20], str(told["card"])[:100], *numbers)

    def words(self) -> str:
        """What the painter reads before it begins."""
        lines = [
            tr("The server is installed once, for you alone, into {folder}.", folder=self.folder)
        ]
        if self.card:
            lines.append(tr("It will compute on {card}.", card=self.card))
        elif self.python:
            lines.append(tr("It will compute on the processor: no NVIDIA card was found."))
        if self.needs:
            sizes = {"needs": f"{self.needs / 1e9:.0f}", "free": f"{self.free / 1e9:.1f}"}
            lines.append(tr("It takes up to {needs} GB of disk; {free} GB are free.", **sizes))
        elif self.left < self.of:
            lines.append(tr("Most of it is there already."))
        if not self.python:
            lines.append(tr("Python {version} is fetched, too, by uv.", version="3.13"))
        return " ".join(lines)


@dataclass(frozen=True)
class Stage:
    """How far it is. done, of: bytes of the file `name` that comes now; of 0: unknown."""

    step: str
    number: int = 0
    count: int = 0
    name: str = ""
    done: int = 0
    of: int = 0

    def words(self) -> str:
        """One line of them."""
        line = tr(STEPS.get(self.step, "Installing Limn"))
        if self.count:
            line = f"{self.number}/{self.count} · {line}"
        if self.of:
            line += f" · {self.name} {self.done / 1e6:.0f} / {self.of / 1e6:.0f} MB"
        elif self.name:
            line += f" · {self.name}"
        return line


@dataclass
class Account:
    """What an installation has told so far, line by line."""

    folder: Path
    stage: Stage = Stage("environment")
    outlook: Outlook | None = None
    done: bool = False
    failed: str | None = None
    lines: list[str] = field(default_factory=list)

    def hear(self, line: str) -> bool:
        """One line of its output. Returns whether there is something new to show."""
        line = line.strip()[:LINE_LENGTH]
        if line.startswith(SAID):
            return self._told(line[len(SAID) :])
        if match := re.fullmatch(r"Progress (\d{1,15}) of (\d{1,15})", line):
            done, of = map(int, match.groups())
            self._is(self.stage.name, done, of)
            return True
        self.lines = [*self.lines[1 - KEPT_LINES :], line]
        if match := re.match(r"(?:Downloading|Processing) (\S+)", line):
            self._is(match[1].rpartition("/")[2][:60])
            return True
        if line.startswith("Installing collected packages"):
            self._is("")
            return True
        return False

    def code(self) -> str:
        """Why it failed."""
        if self.failed:
            return self.failed
        text = "\n".join(self.lines)
        return next((code for code, words in CAUSES if re.search(words, text, re.I)), "")

    def details(self) -> str:
        """Its last words, for a report."""
        return "\n".join(self.lines)

    def _is(self, name: str, done: int = 0, of: int = 0) -> None:
        stage = self.stage
        self.stage = Stage(stage.step, stage.number, stage.count, name, done, of)

    def _told(self, text: str) -> bool:
        try:
            told = json.loads(text)
            if "plan" in told:
                self.outlook = Outlook.read(self.folder, told["plan"])
            elif "step" in told:
                self.stage = Stage(str(told["step"]), int(told["number"]), int(told["of"]))
            elif "failed" in told:
                self.failed = str(told["failed"])
                self.lines.append(str(told["sentence"])[:LINE_LENGTH])
            elif "done" in told:
                self.done = True
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return False
        return True


def own_folder(environment: Mapping[str, str], home: Path) -> Path:
    """Limn's own folder, in which its models lie, too. As platformdirs names it."""
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData/Local", "limn", "limn")
    if sys.platform == "darwin":
        return home / "Library/Application Support/limn"
    data = environment.get("XDG_DATA_HOME", "").strip()
    return Path(data if os.path.isabs(data) else home / ".local/share", "limn")


def packages_from(source: str) -> tuple[dict[str, str], Path | None] | None:
    """What the painter has written of where packages come from.

    pip's settings for it, and Limn's wheel where it is one. None where there is no such place.
    """
    source = source.strip()
    if not source:
        return {}, None
    if re.match(r"https?://[^\s/]", source):
        return {"PIP_INDEX_URL": source, "PIP_EXTRA_INDEX_URL": ""}, None
    place = Path(source).expanduser()
    if place.is_dir():
        return {"PIP_FIND_LINKS": str(place.resolve()), "PIP_NO_INDEX": "1"}, None
    if re.fullmatch(r"limn-[\w.]+-py3-none-any\.whl", place.name) and place.is_file():
        return {}, place.resolve()
    return None


def failure(code: str) -> Sequence[str]:
    """The sentence and the remedy for an end, in the painter's language."""
    return [tr(words) for words in FAILURES.get(code, FAILURES[""])]
