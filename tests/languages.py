"""What the painter reads, collected from the sources.

The templates that catalogues translate.

    python -m tests.languages          the templates that some catalogue lacks, as JSON by language

Collected are the words of the docker, those of notes, stages, questions and reasons that the server
sends, and what methods and their parameters are called.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "krita_plugin/languages"

SPEAKERS = {
    "plugin": {
        "tr", "Note", "CanvasProblem", "Offer", "Link", "ServerTrouble", "NotInstalled", "named",
        "quiet", "staged", "began", "trouble", "_give_up", "Work", "SmallPicture",
    },
    "server": {"say", "Stage", "shown"},
}  # fmt: skip
"""Calls whose texts a painter reads."""

WHOLLY = ("tr", "say", "Stage", "shown")
"""Those whose first text is always one for a painter, and no other."""

TABLES = {
    "krita_plugin/sentences.py": ("QUESTIONS", "TAKE_IT", "ALL_THE_SAME", "SAME_AGAIN", "SELECT"),
    "krita_plugin/installing.py": ("STEPS", "FAILURES"),
    "krita_plugin/remarks.py": ("SENTENCES", "INSTEAD"),
    "krita_plugin/document/editable.py": ("KINDS", "SEEN"),
    "krita_plugin/document/idle.py": ("DIALOG", "TOOL"),
    "krita_plugin/ui/selection_choice.py": ("HINTS",),
    "krita_plugin/plugin.py": ("acts",),
    "editing/reading.py": ("DOES",),
    "editing/auto.py": ("SUMMARY", "KINDS", "REASONS", "UNFIT", "NUMBER_WORDS"),
    "server/model_desk.py": ("NOT_YOURS", "ASK", "FIXED", "WITHOUT", "CLUSTER", "ANEW"),
}
"""Names whose texts a painter reads."""

DECLARED = ("purpose", "summary")
"""Of a method's declaration."""


@cache
def templates() -> frozenset[str]:
    """All of them."""
    found: set[str] = set()
    for file in sorted((ROOT / "krita_plugin").rglob("*.py")):
        found.update(_spoken(file, SPEAKERS["plugin"]))
    for room in ("editing", "server"):
        for file in sorted((ROOT / room).rglob("*.py")):
            found.update(_spoken(file, SPEAKERS["server"]))
    for name, tables in TABLES.items():
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            targets = node.targets if isinstance(node, ast.Assign) else ()
            if isinstance(node, ast.AnnAssign):
                targets = [node.target]
            if any(isinstance(one, ast.Name) and one.id in tables for one in targets):
                assert isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None
                found.update(_values(node.value))
    return frozenset(text for text in found if not re.fullmatch(r"\{\w+\}", text))


def _spoken(file: Path, calls: set[str]) -> Iterator[str]:
    """The texts in these calls, of one file.

    Of those that are WHOLLY for a painter, the first only; it may stand under a name.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        if name == "Algorithm":
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            for field in DECLARED:
                yield from _texts(given.get(field))
        elif name == "parameter":
            yield from (text for one in node.args[1:2] for text in _texts(one))
            yield from (
                text for one in node.keywords if one.arg == "title" for text in _texts(one.value)
            )
        elif name in calls:
            arguments = node.args[:1] if name in WHOLLY else node.args
            for argument in arguments:
                if isinstance(argument, ast.Name):
                    texts = _named(tree, file, argument.id)
                    yield from (text for text in texts if name in WHOLLY or _is_words(text))
                yield from (text for text in _texts(argument) if name in WHOLLY or _is_words(text))


def _named(tree: ast.AST, file: Path, name: str) -> Iterator[str]:
    """The texts that a name stands for in a file.

    Or in the one that it is imported from.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            if any(isinstance(one, ast.Name) and one.id == name for one in node.targets):
                yield from _texts(node.value)
        elif isinstance(node, ast.ImportFrom) and any(one.name == name for one in node.names):
            folder = file.parents[max(0, node.level - 1)]
            other = folder.joinpath(*(node.module or "").split(".")).with_suffix(".py")
            if other.is_file():
                yield from _named(ast.parse(other.read_text(encoding="utf-8")), other, name)


def _texts(node: ast.AST | None) -> Iterator[str]:
    """The whole texts in an expression, not the pieces of formatted ones."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if node.value:
            yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


def _values(node: ast.AST) -> Iterator[str]:
    """The texts of a table: values, not keys."""
    if isinstance(node, ast.Dict):
        for value in node.values:
            yield from _values(value)
    elif isinstance(node, ast.Tuple):
        for entry in node.elts:
            yield from _values(entry)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value


def _is_words(text: str) -> bool:
    """Whether it is for a person: names of widgets and kinds of notes are not."""
    return " " in text or (text[:1].isupper() and text.isalpha())


def catalogues() -> dict[str, dict[str, str]]:
    """The catalogues by language."""
    return {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(FOLDER.glob("*.json"))
    }


if __name__ == "__main__":
    wanted = templates()
    lacks = {name: sorted(wanted - set(table)) for name, table in catalogues().items()}
    print(json.dumps(lacks or sorted(wanted), ensure_ascii=False, indent=1))
