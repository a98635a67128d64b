"""What `limn doctor` finds out about Krita.

The plugin in it, and the Python it runs.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .findings import Finding, ask

TRIED = ("5.1.5", "5.2.9", "5.3.4", "6.0.4")
"""The versions of Krita in which Limn was tried.

krita_plugin/README.md says with which tests.
"""

SYSTEM_PYTHONS = (Path("/usr/bin"), Path("/bin"))
"""Where the Python lies that a Krita from the distribution was built with."""


def check_krita(machine: Mapping[str, Any]) -> Iterator[Finding]:
    """Krita, and whether the plugin is in, on, and knows a living environment."""
    if "krita" in machine.get("programs", ()):
        yield check_version(krita_version(), shutil.which("krita") or "krita")
    elif not any(home["exists"] for home in machine.get("krita", ())):
        yield Finding(
            "Krita",
            "note",
            "No Krita was found.",
            "Without it, `limn edit` edits files. Krita: https://krita.org",
        )
    for home in machine.get("krita", ()):
        yield from check_plugin(home)


def check_version(version: str, place: str) -> Finding:
    """Whether Limn was tried in this Krita. "" for a version that nobody tells.

    The first two numbers decide: between 5.2 and 5.3 Krita's tools and dockers changed, within them
    faults were mended.
    """
    tried = f"{', '.join(TRIED[:-1])} and {TRIED[-1]}"
    facts = {"version": version, "tried": list(TRIED)}
    series = version.split(".")[:2]
    if any(series == one.split(".")[:2] for one in TRIED):
        return Finding("Krita", "ok", f"{version}, {place}; Limn was tried in {tried}", facts=facts)
    if not version:
        sentence = f"{place} does not tell its version; Limn was tried in {tried}."
        remedy = "In Krita, Help > About Krita tells it."
    else:
        sentence = f"{version}, {place}; Limn was not tried in this one, but in {tried}."
        remedy = "If something does not work there, use one of those, and report it."
    return Finding("Krita", "note", sentence, remedy, facts)


def krita_version() -> str:
    """Krita's version, or "" where neither it nor the package manager tells.

    Krita tells only where there is a screen.
    """
    screen = (
        not sys.platform.startswith("linux")
        or "DISPLAY" in os.environ
        or "WAYLAND_DISPLAY" in os.environ
    )
    answer = (
        (ask(["krita", "--version"]) if screen else None)
        or ask(["dpkg-query", "--showformat=${Version}", "--show", "krita"])
        or ""
    )
    return next(iter(re.findall(r"\d+\.\d+[.\d]*", answer)), "")


def check_plugin(home: Mapping[str, Any]) -> Iterator[Finding]:
    """The plugin in one of Krita's resource folders.

    As `installer facts` describes it.
    """
    topic, place = f"plugin ({home['kind']})", home["resources"]
    again = "Run `python3 -m installer plugin`, then restart Krita."
    if home["plugin"] == "missing":
        yield Finding(topic, "note", f"The plugin is not in {place}.", again, home)
    elif home["plugin"] == "outdated":
        yield Finding(
            topic,
            "problem",
            f"The plugin in {place} is of another version than the server.",
            again,
            home,
        )
    elif not home["switched_on"]:
        remedy = (
            "In Krita: Settings > Configure Krita > Python Plugin Manager, tick Limn, "
            f"restart Krita. Or: {again}"
        )
        yield Finding(
            topic,
            "problem",
            f"The plugin is in {place}, but Krita has it switched off.",
            remedy,
            home,
        )
    elif not home["python"] or not Path(home["python"]).exists():
        yield Finding(
            topic,
            "problem",
            f"The plugin in {place} does not know how to start the server.",
            again,
            home,
        )
    else:
        yield Finding(topic, "ok", f"in {place}, switched on", facts=home)


def check_path(path: str, krita_in_path: bool) -> Iterator[Finding]:
    """The trap of Krita's embedded Python on Linux.

    It looks for its home through PATH, and in a venv or pyenv it finds no PyQt.
    """
    if not krita_in_path or not sys.platform.startswith("linux"):
        return
    first = shutil.which("python3", path=path)
    if first is None or Path(first).parent in SYSTEM_PYTHONS:
        return
    yield Finding(
        "Krita's Python",
        "note",
        f"In this terminal python3 is {first}, not the system's. A Krita started from here may "
        "find no PyQt and run no plugin.",
        "Start Krita from the desktop's menu, or with: PATH=/usr/bin:/bin krita",
        {"python3": first},
    )
