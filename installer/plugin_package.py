"""The plugin's package: the files that become Krita's `limn`.

As a folder tree, or as a zip for Krita's importer. Krita's plugins share one Python: all that ours
needs lies below one name, `limn/protocol` and `limn/vendor/websockets` included.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .errors import InstallError

NAME = "limn"
"""The name of the package, and of the .desktop and .action files.

Krita's importer wants them equal.
"""

ENTRY = (
    b'"""Limn inside Krita: the same names below `limn` as everywhere else."""\n\n'
    b"from . import krita_plugin as krita_plugin\n"
)
"""What Krita imports. The plugin registers itself when it is imported by a Krita."""

SERVER = "server"
"""The folder in the package from which the docker installs the server."""

WITHOUT_PIP = "Make the environment first: python3 -m installer try. Or: pip install 'limn[plugin]'"

EPOCH = (2020, 1, 1, 0, 0, 0)
"""The date of every file in the zip, so that the same sources give the same bytes."""

MANUAL = "manual.html"
"""What Krita's plugin manager shows of a plugin.

X-Krita-Manual in the .desktop file names it.
"""

ENVIRONMENT_FILE = Path(NAME, "environment.json")
"""The file that names the environment.

Below Krita's resource folder, outside the plugin's own folder: an update by the importer deletes
that.
"""


class PackageError(InstallError):
    """The package can't be built."""


def gather(root: Path, site_packages: Iterable[Path]) -> dict[str, bytes]:
    """Every file of the package by its place in the zip ("limn.desktop",
    "limn/krita_plugin/ui/docker.py", "limn/vendor/websockets/...").

    root: the checkout, or the installed package `limn`. site_packages: folders in which
    `websockets` is looked for; its compiled part is left out. Raises PackageError if something is
    missing.
    """
    source = root / "krita_plugin"
    if not (source / "__init__.py").is_file():
        raise PackageError(
            f"The plugin's sources are not in {source}.",
            "Run the installer in a complete checkout.",
        )
    websockets = next(
        (
            folder / "websockets"
            for folder in site_packages
            if (folder / "websockets/sync/client.py").is_file()
        ),
        None,
    )
    if websockets is None:
        raise PackageError(
            "The package websockets is not in the environment.",
            "Make the environment first: python3 -m installer try. Installed by pip, Limn brings it"
            " as: pip install 'limn[plugin]'",
        )
    files = {name: (source / name).read_bytes() for name in (f"{NAME}.desktop", f"{NAME}.action")}
    files[f"{NAME}/{MANUAL}"] = (source / MANUAL).read_bytes()
    files[f"{NAME}/__init__.py"] = ENTRY
    files |= _python_files(source, f"{NAME}/krita_plugin")
    for catalogue in sorted((source / "languages").glob("*.json")):
        files[f"{NAME}/krita_plugin/languages/{catalogue.name}"] = catalogue.read_bytes()
    files |= _python_files(root / "protocol", f"{NAME}/protocol")
    files[f"{NAME}/vendor/__init__.py"] = (
        b'"""Other projects\' code, unchanged; each with its licence."""\n'
    )
    files |= _python_files(websockets, f"{NAME}/vendor/websockets")
    files |= _licences(websockets)
    for licence in (root / "LICENSE", *root.parent.glob("limn-*.dist-info/licenses/LICENSE")):
        if licence.is_file():
            files[f"{NAME}/LICENSE"] = licence.read_bytes()
    return dict(sorted(files.items()))


def server_files(wheel: tuple[str, bytes], site_packages: Iterable[Path]) -> dict[str, bytes]:
    """What the docker installs the server from: Limn's wheel, and pip as a zip.

    wheel: its file name, and what is in it. Raises PackageError where pip is not there.
    """
    pip = next(
        (folder / "pip" for folder in site_packages if (folder / "pip/__main__.py").is_file()), None
    )
    if pip is None:
        raise PackageError("The package pip is not in the environment.", WITHOUT_PIP)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for file in sorted(pip.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".exe":
                name = file.relative_to(pip.parent).as_posix()
                out.writestr(_entry(name), file.read_bytes(), zipfile.ZIP_DEFLATED)
        for name, data in _licences(pip).items():
            out.writestr(_entry(Path(name).name), data, zipfile.ZIP_DEFLATED)
    name, data = wheel
    return {f"{NAME}/{SERVER}/{name}": data, f"{NAME}/{SERVER}/pip.zip": packed.getvalue()}


def write_zip(files: Mapping[str, bytes], archive: Path) -> None:
    """Writes the zip that Krita's importer takes.

    Tools > Scripts > Import Python Plugin from File.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    part = archive.with_name(archive.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as out:
        # The importer looks for a directory entry, and takes the first that ends in the plugin's
        # name.
        out.writestr(_entry(f"{NAME}/"), b"")
        for folder in sorted({str(Path(name).parent) for name in files} - {".", NAME}):
            out.writestr(_entry(folder + "/"), b"")
        for name, data in files.items():
            out.writestr(_entry(name), data, zipfile.ZIP_DEFLATED)
    os.replace(part, archive)


def write_tree(files: Mapping[str, bytes], resources: Path) -> None:
    """Puts the package where Krita looks for it.

    Below its resource folder, in the place of an older one.
    """
    plugins, actions = resources / "pykrita", resources / "actions"
    plugins.mkdir(parents=True, exist_ok=True)
    actions.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{NAME}-", dir=plugins) as fresh:
        for name, data in files.items():
            if name.startswith(f"{NAME}/"):
                file = Path(fresh, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
        shutil.rmtree(plugins / NAME, ignore_errors=True)
        os.replace(Path(fresh, NAME), plugins / NAME)
    (plugins / f"{NAME}.desktop").write_bytes(files[f"{NAME}.desktop"])
    (actions / f"{NAME}.action").write_bytes(files[f"{NAME}.action"])


def write_environment(resources: Path, python: str, server: Sequence[str], wheel: str = "") -> None:
    """Tells the plugin where the environment is.

    `server` is the command that starts the server, `python` the environment's own. wheel: the
    SHA-256 of the one that the docker has installed it from.
    """
    file = resources / ENVIRONMENT_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    part.write_text(
        json.dumps({"python": python, "server": list(server), "wheel": wheel}, indent=1) + "\n",
        encoding="utf-8",
    )
    os.replace(part, file)


def remove(resources: Path) -> bool:
    """Take the plugin, its action file and its notes out of Krita's resource folder.

    Returns whether anything was there.
    """
    folders = (resources / "pykrita" / NAME, resources / NAME)
    files = (resources / f"pykrita/{NAME}.desktop", resources / f"actions/{NAME}.action")
    found = any(path.exists() or path.is_symlink() for path in (*folders, *files))
    for folder in folders:
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for file in files:
        file.unlink(missing_ok=True)
    return found


def _python_files(folder: Path, place: str) -> dict[str, bytes]:
    """The Python files below a folder, by their place in the package.

    Without vendored and compiled ones.
    """
    return {
        f"{place}/{file.relative_to(folder).as_posix()}": file.read_bytes()
        for file in sorted(folder.rglob("*.py"))
        if not {"__pycache__", "vendor"} & set(file.relative_to(folder).parts)
    }


def _licences(package: Path) -> dict[str, bytes]:
    """The licence that came with an installed package."""
    notes = sorted(package.parent.glob(f"{package.name}-*.dist-info"))
    found = [file for folder in notes for file in folder.rglob("LICENSE*") if file.is_file()]
    return {f"{NAME}/vendor/{package.name}/LICENSE": found[0].read_bytes()} if found else {}


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.external_attr = (0o40755 << 16 | 0x10) if name.endswith("/") else 0o100644 << 16
    return entry
