"""Facts about this machine. Reads, never writes.

Python, graphics card, driver, disk, programs, Krita's folders.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TEST_PROGRAMS = {
    "krita": "krita", "Xvfb": "xvfb", "mmdebstrap": "mmdebstrap", "xdotool": "xdotool",
    "import": "imagemagick",
}  # fmt: skip
"""What the tests run, and the Debian packages that bring it.

ImageMagick's `import` takes their screenshots.
"""

PROGRAMS = (*TEST_PROGRAMS, "flatpak", "snap", "apt-get", "sudo")
"""What the plan may want to know: is it in PATH?"""

CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
"""PyTorch's own index of builds without CUDA: a tenth of the size."""

PROBE_SECONDS = 5.0
"""How long a question to the network or to another program may take.

A slow answer counts as none.
"""


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA card.

    Its driver's version, and its compute capability where the driver tells it.
    """

    name: str
    driver: tuple[int, ...]
    capability: tuple[int, int] | None


@dataclass(frozen=True)
class KritaHome:
    """Where one kind of Krita keeps its resources and its kritarc.

    `exists`: such a Krita has run here.
    """

    kind: str
    resources: Path
    kritarc: Path
    exists: bool


@dataclass(frozen=True)
class Project:
    """The checkout and what its pyproject.toml asks for.

    Or Limn as pip has installed it. Then `root` is the package `limn`, and nothing is left to ask
    for.
    """

    root: Path
    version: str
    requirements: tuple[str, ...]
    plugin: tuple[str, ...]
    bench: tuple[str, ...]
    dev: tuple[str, ...]
    build: tuple[str, ...]
    constraints: tuple[str, ...]
    installed: bool = False


@dataclass(frozen=True)
class Machine:
    """All that the plan decides upon.

    system: "Linux", "Windows" or "Darwin"; architecture as the platform calls it. krita_qt: 5, 6,
    or 0 where nothing tells; system_pyqt: whether the system's Python has the PyQt for that.
    """

    system: str
    architecture: str
    python: tuple[int, int]
    python_path: str
    can_make_environments: bool
    root: bool
    programs: frozenset[str]
    krita_qt: int
    system_pyqt: bool
    gpu: Gpu | None
    free_bytes: int
    package_source: str
    cpu_wheels_reachable: bool
    krita_homes: tuple[KritaHome, ...]


def read_project(root: Path) -> Project:
    """The checkout at `root`, or the installed package there.

    The latter has no pyproject.toml. Raises OSError or tomllib.TOMLDecodeError if its
    pyproject.toml can't be read.
    """
    if not (root / "pyproject.toml").is_file():
        version = importlib.metadata.version("limn")
        needed = importlib.metadata.requires("limn") or []
        own = tuple(line for line in needed if "extra ==" not in line)
        return Project(root, version, own, (), (), (), (), (), installed=True)
    document = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    extras = document["project"]["optional-dependencies"]
    return Project(
        root=root,
        version=document["project"]["version"],
        requirements=tuple(document["project"]["dependencies"]),
        plugin=tuple(extras["plugin"]),
        bench=tuple(extras["bench"]),
        dev=tuple(line for line in extras["dev"] if not line.startswith("limn[")),
        build=tuple(document["build-system"]["requires"]),
        constraints=tuple(document["tool"]["limn"]["constraints"]),
    )


def read_machine(root: Path, pip: Path | None = None) -> Machine:
    """Look at this machine.

    Takes a second or two where there is a network to ask, and writes nothing. root: a folder on the
    disk that will be written to. pip: a zip to run it from.
    """
    system = platform.system()
    programs = frozenset(name for name in PROGRAMS if shutil.which(name))
    gpu = read_gpu()
    source = read_package_source(pip)
    qt = read_krita_qt()
    return Machine(
        system=system,
        architecture=platform.machine(),
        python=sys.version_info[:2],
        python_path=os.path.realpath(
            getattr(sys, "_base_executable", sys.executable)
        ),  # in an environment: the Python it was made with
        can_make_environments=_can_make_environments(),
        root=hasattr(os, "geteuid") and os.geteuid() == 0,
        programs=programs,
        krita_qt=qt,
        system_pyqt=bool(qt)
        and _answers(["/usr/bin/python3", "-c", f"import PyQt{qt}.sip"]) is not None,
        gpu=gpu,
        free_bytes=shutil.disk_usage(root).free,
        package_source=source,
        cpu_wheels_reachable=system == "Linux"
        and gpu is None
        and not source
        and _reachable(CPU_WHEELS + "/torch/"),
        krita_homes=krita_homes(system, os.environ, Path.home()),
    )


def read_gpu() -> Gpu | None:
    """The first NVIDIA card, as nvidia-smi describes it, or None."""
    for fields in (
        "name,driver_version,compute_cap",
        "name,driver_version",
    ):  # old drivers don't know compute_cap
        answer = _answers(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"])
        if answer:
            return parse_gpu(answer.splitlines()[0])
    return None


def parse_gpu(line: str) -> Gpu | None:
    """One line of nvidia-smi's table as a card; None if it is no such line.

    A line is "name, driver[, capability]".
    """
    parts = [part.strip() for part in line.split(",")]
    if len(parts) < 2 or not parts[1].replace(".", "").isdigit():
        return None
    driver = tuple(int(number) for number in parts[1].split("."))
    capability = None
    if len(parts) > 2 and parts[2].replace(".", "", 1).isdigit():
        major, _, minor = parts[2].partition(".")
        capability = (int(major), int(minor or 0))
    return Gpu(parts[0], driver, capability)


def read_krita_qt() -> int:
    """The Qt that Krita is linked with: 5 or 6.

    That of the installed Krita, else of the one that apt would bring. 0 where neither tells: no
    package of the system's is known to fit then. A Krita that is started by a script (Flatpak,
    Snap, Nix) or that is one file (AppImage) brings a PyQt of its own. Krita's version does not
    tell: some distributions build Krita 6 with Qt 5.
    """
    krita = shutil.which("krita")
    if krita:
        return linked_qt((_answers(["ldd", krita]) or "") if shutil.which("ldd") else "")
    return linked_qt(_answers(["apt-cache", "depends", "krita"]) or "")


def linked_qt(text: str) -> int:
    """The Qt among the libraries or packages that are named: 5 or 6.

    0 for none, or for both.
    """
    found = {int(number) for number in re.findall(r"libqt([56])core", text.lower())}
    return found.pop() if len(found) == 1 else 0


def read_package_source(pip: Path | None = None) -> str:
    """The name of the setting that tells pip where to take packages from.

    "" where its owner has set none. pip: a zip to run it from.
    """
    itself = ["-m", "pip"] if pip is None else [str(pip / "pip")]
    answer = _answers([sys.executable, *itself, "config", "list"]) or ""
    settings = {
        line.partition("=")[0].rpartition(".")[2]
        for line in answer.splitlines()
        if not line.startswith(":env:")
    }
    for name in ("index-url", "extra-index-url", "find-links", "no-index"):
        if name in settings or os.environ.get("PIP_" + name.upper().replace("-", "_")):
            return name
    return ""


def krita_homes(system: str, environment: Mapping[str, str], home: Path) -> tuple[KritaHome, ...]:
    """Krita's folders, the native one first.

    Those of Flatpak, Snap and the Windows store only where they exist.
    """
    if system == "Windows":
        roaming = Path(environment.get("APPDATA", home / "AppData/Roaming"))
        local = Path(environment.get("LOCALAPPDATA", home / "AppData/Local"))
        places = [("installed", roaming / "krita", local / "kritarc")]
        packages = local / "Packages"
        for package in sorted(packages.glob("*Krita*")) if packages.is_dir() else []:
            cache = package / "LocalCache"
            places.append(("Microsoft Store", cache / "Roaming/krita", cache / "Local/kritarc"))
    elif system == "Darwin":
        library = home / "Library"
        places = [
            ("installed", library / "Application Support/krita", library / "Preferences/kritarc")
        ]
    else:
        config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
        data = Path(environment.get("XDG_DATA_HOME") or home / ".local/share")
        flatpak, snap = home / ".var/app/org.kde.krita", home / "snap/krita/current"
        places = [
            ("installed", data / "krita", config / "kritarc"),
            ("Flatpak", flatpak / "data/krita", flatpak / "config/kritarc"),
            ("Snap", snap / ".local/share/krita", snap / ".config/kritarc"),
        ]
    found = [_krita_home(kind, resources, kritarc) for kind, resources, kritarc in places]
    return tuple(place for number, place in enumerate(found) if number == 0 or place.exists)


def _krita_home(kind: str, resources: Path, kritarc: Path) -> KritaHome:
    """One Krita's place.

    With the other folder for resources that a painter may have chosen in Krita's settings.
    """
    exists = resources.is_dir() or kritarc.is_file()
    chosen = (
        resource_directory(kritarc.read_text(encoding="utf-8", errors="replace"))
        if kritarc.is_file()
        else None
    )
    return KritaHome(kind, chosen or resources, kritarc, exists)


def resource_directory(kritarc: str) -> Path | None:
    """The folder for resources that a kritarc names, or None.

    It is ResourceDirectory, before its first group.
    """
    for line in kritarc.splitlines():
        if line.startswith("["):
            return None
        name, equals, value = line.partition("=")
        if equals and name.strip() == "ResourceDirectory" and value.strip():
            return Path(value.strip())
    return None


def _can_make_environments() -> bool:
    """Whether `python -m venv` can work.

    Debian leaves ensurepip to the package python3-venv.
    """
    return _answers([sys.executable, "-c", "import venv, ensurepip"]) is not None


def _reachable(url: str) -> bool:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, method="HEAD"), timeout=PROBE_SECONDS
        ) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def _answers(command: list[str]) -> str | None:
    """What a program prints, or None if it is not there, fails or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PROBE_SECONDS * 4, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
