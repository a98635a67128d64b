"""Who may import whom.

Read from the source with ast, so that a breach fails even where the import would work.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("protocol", "editing", "server", "installer", "krita_plugin")

MAY_IMPORT = {
    "protocol": set(),
    "editing": set(),
    "server": {"protocol", "editing"},
    "installer": set(),
    "krita_plugin": {"protocol"},
}
"""Of our own rooms, besides itself."""

GUI = {"PyQt5", "PyQt6", "PySide2", "PySide6", "krita", "pykrita", "tkinter"}
NETWORK = {"aiohttp", "websockets", "socket", "http", "urllib", "requests", "asyncio"}
MUST_NOT_IMPORT = {
    "protocol": {*GUI, *NETWORK, "threading", "time"},
    "editing": {*GUI, *NETWORK, "time", "typer", "rich", "platformdirs"},
    "server": {*GUI, "websockets"},
    "installer": {*GUI, "torch", "numpy"},
    "krita_plugin": {"torch", "numpy", "PIL", "aiohttp", "diffusers", "transformers"},
}

STANDARD_LIBRARY_ONLY = ("protocol", "installer")
RELATIVE_ONLY = ("protocol", "krita_plugin")
"""Rooms that import ours relatively only.

Inside Krita these live below another `limn` than outside, beside each other in both.
"""

WORKSHOPS = ("editing/bench", "editing/sketchbook")
WORKSHOP_TOOLS = {"time", "typer", "rich"}
"""What benchmarks and training may import besides.

They are commands, and look at the clock; what runs in an edit does neither.
"""


def sources(room: str) -> Iterator[Path]:
    """The room's Python files, without vendored ones."""
    for file in sorted((ROOT / room).rglob("*.py")):
        if "vendor" not in file.parts and "__pycache__" not in file.parts:
            yield file


def imports(place: str, tree: ast.AST) -> Iterator[tuple[int, str, int]]:
    """Each import of a file.

    Its line, the full name of what is imported, the level it was written at. A relative import is
    resolved: `from ..events import Event` in editing/methods/foi.py gives
    "limn.editing.events.Event".
    """
    package = ["limn", *Path(place).parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, 0
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            for alias in node.names:
                yield (
                    node.lineno,
                    ".".join([*base, *filter(None, [node.module]), alias.name]),
                    node.level,
                )


def breaches(room: str, place: str, text: str) -> list[str]:
    """What is wrong with the imports of one file of a room.

    `place` is its path from the root.
    """
    found = []
    allowed = WORKSHOP_TOOLS if place.startswith(WORKSHOPS) else set()
    for line, module, level in imports(place, ast.parse(text)):
        parts = module.split(".")
        ours = parts[0] == "limn"
        where = f"{place}:{line} imports {module}"
        if parts[0] in ROOMS:
            found.append(f"{where}, which is called limn.{module} once it is installed")
        if ours and parts[1] in ROOMS and parts[1] != room and parts[1] not in MAY_IMPORT[room]:
            found.append(f"{where}, which {room} may not")
        if parts[0] in MUST_NOT_IMPORT[room] and parts[0] not in allowed:
            found.append(f"{where}, which has no place in {room}")
        if room in STANDARD_LIBRARY_ONLY and not ours and parts[0] not in sys.stdlib_module_names:
            found.append(f"{where}, but {room} has the standard library only")
        if room in RELATIVE_ONLY and ours and not level:
            found.append(f"{where}, but {room} imports ours relatively only")
        found += [
            f"{where}, which is above it"
            for upper in above(place)
            if f"{module}.".startswith(upper)
        ]
    return found


CENTRE = (
    "delivery",
    "edits",
    "incoming",
    "job",
    "kept_results",
    "plugin",
    "selections",
    "under_way",
)
"""Where the panel, the document and the wire of the plugin meet."""

UPPER = {
    "editing/language": ("diffusion", "methods", "task", "auto", "store", "frame", "captioner"),
    "editing/diffusion": ("language", "methods", "task", "auto", "captioner"),
    "editing/methods": ("auto", "captioner"),
    "krita_plugin/document": ("ui", "wire", *CENTRE, "state"),
    "krita_plugin/wire": ("ui", "document", *CENTRE),
    "krita_plugin/ui": ("document", "wire", *CENTRE),
    "server": ("cli",),
}
"""Rooms within a room, and what stands above them, which they must not know."""


def above(place: str) -> list[str]:
    """The names below `limn` that a file must not import, since they stand above it."""
    folder = Path(place).parent.as_posix()
    room = folder.partition("/")[0]
    for lower, uppers in UPPER.items():
        if folder == lower or (lower != room and folder.startswith(f"{lower}/")):
            return [f"limn.{room}.{upper}." for upper in uppers]
    return []


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_what_they_may(room: str) -> None:
    files = list(sources(room))
    assert files, f"{room} is empty"
    found = [
        breach
        for file in files
        for breach in breaches(
            room, file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")
        )
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("room", "text"),
    [
        ("protocol", "import numpy"),
        ("server", "import editing"),
        ("server", "from .cli import edit"),
        ("protocol", "from protocol.limits import MAX_SIDE"),
        ("editing", "from limn.server import images"),
        ("editing", "def run():\n    import time"),
        ("server", "import limn.krita_plugin.ui.docker"),
        ("server", "from PyQt5 import QtCore"),
        ("installer", "import limn.server.cli.client"),
        ("krita_plugin", "from limn import protocol"),
        ("krita_plugin", "from ..editing import edit"),
        ("krita_plugin", "import numpy as np"),
    ],
)
def test_a_breach_is_found(room: str, text: str) -> None:
    assert breaches(room, f"{room}/x.py", text)


def test_what_stands_above_is_found() -> None:
    assert breaches("editing", "editing/diffusion/x.py", "from ..methods import foi")
    assert breaches("editing", "editing/methods/baselines/x.py", "from ...auto import choose")
    assert not breaches("editing", "editing/methods/x.py", "from ..diffusion import masks")


def test_scenarios_name_no_qt() -> None:
    """They have it from help.py: Krita 5 has Qt 5 alone, Krita 6 Qt 6."""
    for file in (ROOT / "tests/krita/scenarios").glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        named = {name.partition(".")[0] for _, name, _ in imports(file.name, tree)}
        assert not named & {"PyQt5", "PyQt6"}, file


def test_every_package_is_installed() -> None:
    """Every folder with Python files is in the list of packages.

    pyproject.toml has that list by hand: a folder that it lacks would be missing from the wheel.
    """
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "setuptools"
    ]["packages"]
    there = {
        f"limn.{module_name(file)}"
        for room in ROOMS
        for file in sources(room)
        if file.name == "__init__.py"
    }
    assert sorted(there) == listed


BASES = {
    "protocol": {"LimnError", "NotPrivate"},  # the latter an OSError, and caught as one
    "server": {"Interrupted", "WorkerDied"},  # a signal; a process, of which the engine tells
    "krita_plugin": set(),
    "installer": {"InstallError"},
    "editing": {"EditError", "Widened", "MissingWeights", "DataError"},
}
"""Errors that stand on Python's own.

One base a side, what the benchmarks lack, and signals.
"""


@pytest.mark.parametrize("room", ROOMS)
def test_errors_have_one_base_a_side(room: str) -> None:
    """And whatever stands on protocol's is drawn in the tree there."""
    tree = ast.get_docstring(ast.parse((ROOT / "protocol/errors.py").read_text(encoding="utf-8")))
    python_own = {"BaseException", "Exception", "OSError", "RuntimeError", "ValueError"}
    found, undrawn = set(), []
    for file in sources(room):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                found |= {node.name} if bases & python_own else set()
                ours = bases & {"LimnError", "ProtocolError", "ClientError", "Trouble"}
                undrawn += [node.name] if ours and node.name not in (tree or "") else []
    assert found == BASES[room] and not undrawn


@pytest.mark.parametrize("room", ROOMS)
def test_no_circles(room: str) -> None:
    """Within a room, no module imports itself through others.

    Imports inside functions and for type checking only don't count.
    """
    modules = {module_name(file): file for file in sources(room)}
    graph = {
        name: {target for target in imported_modules(name, file, modules) if target != name}
        for name, file in modules.items()
    }
    assert not (circle := find_circle(graph)), " -> ".join(circle)


def module_name(file: Path) -> str:
    return (
        file.relative_to(ROOT)
        .with_suffix("")
        .as_posix()
        .replace("/", ".")
        .removesuffix(".__init__")
    )


def imported_modules(name: str, file: Path, modules: dict[str, Path]) -> Iterator[str]:
    """The room's modules that a module imports when it is itself imported."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [base])])
            submodules = [
                f"{base}.{alias.name}" for alias in node.names if f"{base}.{alias.name}" in modules
            ]
            yield from submodules
            if len(submodules) < len(node.names) and base in modules:
                yield base


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """A path that ends where it began, or an empty list."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for target in sorted(graph.get(name, ())):
            if circle := walk(target, [*path, name]):
                return circle
        done.add(name)
        return []

    for name in graph:
        if circle := walk(name, []):
            return circle
    return []


def test_a_circle_is_found() -> None:
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert not find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})
