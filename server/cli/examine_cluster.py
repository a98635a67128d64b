"""What `limn doctor` says of a Ray cluster."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from typing import Any

from ..ray_engine import NO_RAY
from ..settings import Settings, SettingsError, load
from .findings import Finding, ask


def check_cluster() -> Iterator[Finding]:
    """The cluster of the settings; or that of this machine, if one runs here.

    Nothing where the settings name none and Ray is not installed, or no cluster runs.
    """
    try:
        settings = load({})
    except SettingsError:
        return  # told with the model
    wanted = settings.engine == "ray"
    if importlib.util.find_spec("ray") is None:
        if wanted:
            yield Finding("cluster", "problem", NO_RAY.sentence, NO_RAY.remedy)
        return
    # a process of its own: Ray waits long for a cluster that does not answer, and prints
    answer = ask([sys.executable, "-P", "-m", "limn.server.ray_nodes", settings.ray_address])
    try:
        nodes = json.loads((answer or "").strip().rpartition("\n")[2])
    except ValueError:
        nodes = None
    if isinstance(nodes, list):
        yield described(nodes, settings)
    elif wanted:
        yield Finding(
            "cluster",
            "problem",
            f"There is no Ray cluster at {settings.ray_address!r}.",
            "Start one: ray start --head --node-ip-address ADDRESS, in a private network.",
        )


def described(nodes: list[dict[str, Any]], settings: Settings) -> Finding:
    """What is there, and whether a worker has room on it.

    nodes: each with its address, whether it is alive, its CPUs and cards.
    """
    living = [node for node in nodes if node["alive"]]
    listed = ", ".join(
        f"{node['address']} ({node['cpus']:g} CPUs, {node['gpus']:g} cards)" for node in living
    )
    sentence = f"{len(living)} of {len(nodes)} machines are there: {listed}"
    facts = {"nodes": nodes}
    most = max((node["gpus"] for node in living), default=0)
    if settings.engine == "ray" and settings.device != "cpu" and settings.ray_gpus > most:
        return Finding(
            "cluster",
            "problem",
            f"{sentence}. No machine has the {settings.ray_gpus:g} cards that a worker takes.",
            "Add a machine with a card, lower ray_gpus, or serve with --device cpu.",
            facts,
        )
    return Finding("cluster", "ok", sentence, facts=facts)
