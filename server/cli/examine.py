"""What is installed, what is wrong, what to do: facts in, findings out. Looks, and changes nothing."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

from .. import __version__
from ..models.store import Store, donors
from ..settings import SettingsError, default_file, load

ANSWER_SECONDS = 30.0
"""How long another program may take to answer: Krita's first start on a cold disk takes ten."""

SYSTEM_PYTHONS = (Path("/usr/bin"), Path("/bin"))
"""Where the Python lies that a Krita from the distribution was built with."""


@dataclass(frozen=True)
class Finding:
    """Something found: "ok", or "note" and "problem" with what to do about them."""

    topic: str
    state: Literal["ok", "note", "problem"]
    sentence: str
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def examine(model: Path | None = None) -> list[Finding]:
    """Everything, topic by topic.

    Imports torch, so it takes some seconds. model: another folder than the one in the settings.
    """
    machine = machine_facts()
    found = [
        Finding(
            "Limn",
            "ok",
            f"version {__version__}, in {Path(__file__).resolve().parents[2]}",
            facts={"version": __version__},
        )
    ]
    found += check_python()
    found += check_packages()
    found += check_device(bool(machine.get("gpu")))
    found += check_model(model)
    found += check_servers()
    found += check_krita(machine)
    found += check_path(os.environ.get("PATH", ""), "krita" in machine.get("programs", ()))
    return found


def machine_facts() -> dict[str, Any]:
    """What the installer knows of this machine, asked of it as a program of its own; empty if it
    does not answer.
    """
    answer = ask([sys.executable, "-P", "-m", "limn.installer", "facts"])
    try:
        facts = json.loads(answer or "{}")
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def check_python() -> Iterator[Finding]:
    facts = {
        "version": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
    }
    yield Finding(
        "Python",
        "ok",
        f"{platform.python_version()}, {sys.executable}, {platform.platform()}",
        facts=facts,
    )


def check_packages(requirements: list[str] | None = None) -> Iterator[Finding]:
    """Each package that Limn needs, against the version that it was tested with."""
    if requirements is None:
        try:
            requirements = importlib.metadata.requires("limn") or []
        except importlib.metadata.PackageNotFoundError:
            yield Finding(
                "packages",
                "problem",
                "Limn is not installed in this environment.",
                "Run `python3 -m installer try`.",
            )
            return
    versions, missing, other = {}, [], []
    for requirement in requirements:
        needed = Requirement(requirement)
        name = needed.name
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue  # of an extra, or of another system
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if not needed.specifier.contains(versions[name], prereleases=True):
            tested = str(needed.specifier).removeprefix("==")
            other.append(f"{name} {versions[name]} (tested: {tested})")
    if missing:
        yield Finding(
            "packages",
            "problem",
            f"Missing: {', '.join(missing)}.",
            "Run `python3 -m installer try` again.",
        )
    if other:
        remedy = "If something fails, remove .venv and run `python3 -m installer try`. An older torch is meant where the card is old."
        yield Finding(
            "packages", "note", f"Other versions than tested: {', '.join(other)}.", remedy
        )
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield Finding("packages", "ok", listed, facts=versions)


def check_device(has_nvidia: bool) -> Iterator[Finding]:
    """What computes, tried with a small multiplication."""
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding(
            "device",
            "problem",
            f"torch can't be imported: {error}.",
            "Remove .venv and run `python3 -m installer try`.",
        )
        return
    facts: dict[str, Any] = {
        "torch": torch.__version__,
        "cpu_threads": torch.get_num_threads(),
        "gpus": [],
    }
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(number)
            facts["gpus"].append(
                {
                    "name": card.name,
                    "bytes": card.total_memory,
                    "capability": f"{card.major}.{card.minor}",
                }
            )
        try:
            torch.ones(8, 8, device="cuda").matmul(torch.ones(8, 8, device="cuda")).cpu()
        except RuntimeError as error:
            first = str(error).partition("\n")[0]
            remedy = "This build of torch does not fit the card: remove .venv and run `python3 -m installer try`, which chooses one."
            yield Finding(
                "device",
                "problem",
                f"{facts['gpus'][0]['name']} does not compute: {first}",
                remedy,
                facts,
            )
            return
        cards = ", ".join(
            f"{card['name']} ({card['bytes'] / 2**30:.0f} GiB)" for card in facts["gpus"]
        )
        yield Finding("device", "ok", f"{cards}, torch {torch.__version__}", facts=facts)
    elif torch.backends.mps.is_available():
        yield Finding(
            "device",
            "ok",
            f"Apple's GPU, torch {torch.__version__}",
            facts=facts | {"gpus": [{"name": "mps"}]},
        )
    elif has_nvidia:
        remedy = "Update NVIDIA's driver (or restart after an update), remove .venv, and run `python3 -m installer try` again."
        yield Finding(
            "device",
            "problem",
            "There is an NVIDIA card, but this torch can't use it; edits run on the CPU.",
            remedy,
            facts,
        )
    else:
        yield Finding(
            "device",
            "ok",
            f"CPU, {facts['cpu_threads']} threads, torch {torch.__version__}",
            facts=facts,
        )


def check_model(model: Path | None) -> Iterator[Finding]:
    """The model folder: is it there, which variants has it?"""
    try:
        folder = model or load({}).model or Store().selection
    except SettingsError as error:
        yield Finding("settings", "problem", str(error), f"Correct {default_file()}.")
        folder = None
    try:
        from limn.editing import EditError, load_models
        from limn.editing.sketchbook import folder as sketchbook

        from ..bridge import Editor
    except ImportError as error:
        yield Finding(
            "model",
            "problem",
            f"The editing code can't be imported: {error}.",
            "See packages above.",
        )
        return
    place = folder or sketchbook()
    try:
        models = load_models(place, others=donors())
        Editor(models).algorithms()
    except EditError as error:
        yield Finding("model", "problem", error.sentence, error.remedy, {"folder": str(place)})
        return
    facts = {
        "folder": str(place),
        "name": models.name,
        "variants": list(models.variants),
        "checkpoints": {
            variant: {
                "place": str(found.place),
                "family": found.family,
                "parts": dict(found.parts),
                "ema": found.ema,
                "bytes": found.size,
            }
            for variant, found in models.checkpoints.items()
        },
    }
    for note in models.notes:
        yield Finding("model", "note", note)
    yield Finding(
        "model", "ok", f"{models.name} in {place}: {', '.join(models.variants)}", facts=facts
    )


def check_servers() -> Iterator[Finding]:
    """The server that runs now."""
    from .client import find

    try:
        server = find()
    except SettingsError as error:
        remedy = "Until then neither the plugin nor `limn edit` finds or starts a server."
        yield Finding("server", "problem", str(error), remedy)
        return
    sentence = (
        f"runs at {server.url}"
        if server
        else "none runs now; the plugin and `limn edit` start one when they need it"
    )
    yield Finding("server", "ok", sentence, facts={"url": server and server.url})


def check_krita(machine: Mapping[str, Any]) -> Iterator[Finding]:
    """Krita, and whether the plugin is in, on, and knows a living environment."""
    if "krita" in machine.get("programs", ()):
        version = krita_version()
        yield Finding(
            "Krita",
            "ok",
            f"{version or 'there'}, {shutil.which('krita')}",
            facts={"version": version},
        )
    elif not any(home["exists"] for home in machine.get("krita", ())):
        yield Finding(
            "Krita",
            "note",
            "No Krita was found.",
            "Without it, `limn edit` edits files. Krita: https://krita.org",
        )
    for home in machine.get("krita", ()):
        yield from check_plugin(home)


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
    """The plugin in one of Krita's resource folders, as `installer facts` describes it."""
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
        remedy = f"In Krita: Settings > Configure Krita > Python Plugin Manager, tick Limn, restart Krita. Or: {again}"
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
    """The trap of Krita's embedded Python on Linux: it looks for its home through PATH, and in a
    venv or pyenv it finds no PyQt.
    """
    if not krita_in_path or not sys.platform.startswith("linux"):
        return
    first = shutil.which("python3", path=path)
    if first is None or Path(first).parent in SYSTEM_PYTHONS:
        return
    yield Finding(
        "Krita's Python",
        "note",
        f"In this terminal python3 is {first}, not the system's. A Krita started from here may find no PyQt and run no plugin.",
        "Start Krita from the desktop's menu, or with: PATH=/usr/bin:/bin krita",
        {"python3": first},
    )


def ask(command: list[str], environment: Mapping[str, str] | None = None) -> str | None:
    """What a program prints, or None if it is not there, fails, or does not answer in time."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=False,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
