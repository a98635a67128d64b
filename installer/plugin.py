"""Puts the plugin into a Krita's folders, and takes it out again.

It is switched on, and told how to start the server.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from . import kritarc, own_wheel, plugin_package
from .machine import KritaHome, Project


@dataclass(frozen=True)
class Installed:
    """What of the plugin is in a Krita.

    The files of this version or of another, whether it is on, and its server's Python.
    """

    plugin: Literal["missing", "current", "outdated"]
    switched_on: bool
    python: str | None


def put(
    home: KritaHome, root: Path, site_packages: Sequence[Path], python: str, server: Sequence[str]
) -> None:
    """Installs or updates the plugin.

    Krita is told of it last. Raises PackageError if the plugin can't be packed, OSError if it can't
    be written.
    """
    files = plugin_package.gather(root, site_packages)
    _clear_remains(home.resources)
    plugin_package.write_tree(files, home.resources)
    plugin_package.write_environment(home.resources, python, server)
    kritarc.rewrite(home.kritarc, kritarc.switched_on(_content(home.kritarc)))


def take(home: KritaHome) -> bool:
    """Takes everything out that `put` put in; True if there was anything.

    Folders go too where nothing else is in them.
    """
    found = home.kritarc.is_file() and kritarc.rewrite(
        home.kritarc, kritarc.switched_off(_content(home.kritarc))
    )
    _clear_remains(home.resources)
    found = plugin_package.remove(home.resources) or found
    for folder in (home.resources / "pykrita", home.resources / "actions", home.resources):
        if found and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return found


def write_zip(archive: Path, project: Project, site_packages: Sequence[Path], python: str) -> None:
    """The package for Krita's importer, with what the docker installs the server from.

    python: of the environment in which a checkout's wheel is built. Raises PackageError, OSError.
    """
    files = plugin_package.gather(project.root, site_packages)
    wheel = own_wheel.make(project, python)
    files |= plugin_package.server_files(wheel, site_packages)
    plugin_package.write_zip(dict(sorted(files.items())), archive)


def look(home: KritaHome, root: Path, site_packages: Sequence[Path]) -> Installed:
    """What is there now, compared with what this checkout would put there."""
    try:
        python = json.loads(_content(home.resources / plugin_package.ENVIRONMENT_FILE))["python"]
    except (ValueError, KeyError, TypeError):
        python = None
    place = home.resources / "pykrita"
    state: Literal["missing", "current", "outdated"] = "missing"
    if (place / plugin_package.NAME / "__init__.py").is_file():
        files = plugin_package.gather(root, site_packages)
        same = all(
            _content(place / name) == data
            for name, data in files.items()
            if name.startswith(f"{plugin_package.NAME}/")
        )
        state = "current" if same else "outdated"
    return Installed(
        state,
        kritarc.is_switched_on(_content(home.kritarc)),
        None if python is None else str(python),
    )


def describe(home: KritaHome, root: Path, site_packages: Sequence[Path]) -> dict[str, Any]:
    """`look`, and where it looked, as JSON can hold it."""
    where = {
        "kind": home.kind,
        "resources": str(home.resources),
        "kritarc": str(home.kritarc),
        "exists": home.exists,
    }
    return where | asdict(look(home, root, site_packages))


def _clear_remains(resources: Path) -> None:
    """Half a plugin that a killed run has left."""
    for folder in (resources / "pykrita").glob(f".{plugin_package.NAME}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.is_file() else b""
