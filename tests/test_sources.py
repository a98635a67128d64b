"""How the sources read: sizes, first lines, and where CONTRIBUTING sends one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from .test_architecture import ROOMS, ROOT, sources

LARGEST = 350
"""Lines of a file. One that grows beyond has a seam at which it can be split."""


@pytest.mark.parametrize("room", (*ROOMS, "tests"))
def test_no_file_is_large(room: str) -> None:
    large = {
        file.relative_to(ROOT).as_posix()
        for file in sources(room)
        if len(file.read_text(encoding="utf-8").splitlines()) > LARGEST
    }
    assert not large, sorted(large)


def test_contributing_names_files_that_are_there() -> None:
    """Its table says where a change goes.

    A name alone means a file of the folder before it.
    """
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = [line.split("|")[2] for line in text.splitlines() if line.startswith("| ")]
    named = 0
    for row in rows:
        folder = ROOT
        for name in re.findall(r"`([\w./]+)`", row):
            if "/" in name or name in ROOMS:
                folder = ROOT / name if (ROOT / name).is_dir() else (ROOT / name).parent
                assert (ROOT / name).exists(), name
            elif name.endswith((".py", ".md")):
                assert (folder / name).exists() or (ROOT / name).exists(), name
            else:
                continue
            named += 1
    assert named > 30


def docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Every docstring of a file.

    Of modules, classes and functions, and below a name's value.
    """
    for node in ast.walk(tree):
        if not isinstance(body := getattr(node, "body", None), list):
            continue
        for statement in body:
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value


FIRST_LINE = 80
"""Characters of a docstring's first line.

It is one sentence that is understood at first reading.
"""


@pytest.mark.parametrize("room", (*ROOMS, "tests"))
def test_first_docstring_lines_are_short(room: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{docstring.lineno}"
        for file in sources(room)
        for docstring in docstrings(ast.parse(file.read_text(encoding="utf-8")))
        if len(str(docstring.value).partition("\n")[0]) > FIRST_LINE
    ]
    assert not found, "\n".join(found)
