"""What is installed, what is wrong, what to do: facts in, findings out.

Looks, and changes nothing.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from .. import __version__
from ..models.store import Store, donors
from ..settings import SettingsError, default_file, load
from .examine_cluster import check_cluster
from .examine_krita import check_krita, check_path
from .findings import Finding, ask


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
    found += check_cluster()
    found += check_krita(machine)
    found += check_path(os.environ.get("PATH", ""), "krita" in machine.get("programs", ()))
    return found


def machine_facts() -> dict[str, Any]:
    """What the installer knows of this machine.

    It is asked as a program of its own; empty if it does not answer.
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
        remedy = (
            "If something fails, remove .venv and run `python3 -m installer try`. An older "
            "torch is meant where the card is old."
        )
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
            remedy = (
                "This build of torch does not fit the card: remove .venv and run `python3 "
                "-m installer try`, which chooses one."
            )
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
        remedy = (
            "Update NVIDIA's driver (or restart after an update), remove .venv, and run "
            "`python3 -m installer try` again."
        )
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
        folder = place_of(model)
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
        models.check()
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


def place_of(model: Path | None) -> Path | None:
    """The model that is meant: this one, the settings', or the one in use.

    None is the bundled one. Raises SettingsError.
    """
    return model or load({}).model or Store().selection


def check_servers() -> Iterator[Finding]:
    """The server that runs now."""
    from .servers import find

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
