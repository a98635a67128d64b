"""What can be known of an algorithm without loading it, and so without torch.

Auto chooses by these facts, and `limn read` tells the choice where torch is not even installed.
They are read from the end of the algorithm's own file, where they are declared.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

from .language.instruction import Instruction
from .language.prompts import Captions, captions

METHODS = Path(__file__).parent / "methods"
DECLARATION = "\nALGORITHM = Algorithm("

CaptionUse = Literal["unused", "useful", "needed"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """What Auto and the lists must know of an algorithm.

    needs: the networks without which it does not run, the one that decodes first.
    told_by: what it is told, the instruction itself or two captions, before and after.
    caption: what a text that says what the picture shows now is to it.
    serves: the kinds of change, of auto.KINDS, that Auto gives to it.
    stands_in: whether it can take what the one that Auto wants cannot do.
    order: its place in lists; the first that serves a kind gets it. A baseline is an earlier
    method, to compare with: listed behind "more", and never Auto's choice.
    counts: the parameters that count steps; where somebody asks for a number of steps, all get it.
    seeded: whether it draws random numbers. Without them each seed gives the same picture.
    purpose: what it is for, in two or three words for a painter; lists name it by them.
    precise: whether a CPU computes it in float32 where bfloat16 is usual (diffusion/precision.py).
    """

    name: str
    title: str
    summary: str
    needs: tuple[str, ...]
    told_by: Literal["instruction", "captions"] = "instruction"
    caption: CaptionUse = "unused"
    serves: tuple[str, ...] = ()
    stands_in: bool = False
    order: int = 100
    baseline: bool = False
    counts: tuple[str, ...] = ("steps",)
    seeded: bool = True
    purpose: str = ""
    precise: bool = False

    @property
    def place(self) -> tuple[bool, int, str]:
        """What lists are sorted by."""
        return self.baseline, self.order, self.name

    def texts(self, instruction: Instruction) -> Captions | None:
        """The captions that it is told, or None where it is told the instruction itself.

        Raises EditError where they cannot be derived ("needs-caption", "not-in-caption",
        "no-target", "nothing-changes").
        """
        if self.told_by == "instruction":
            return None
        return captions(instruction, required=self.caption == "needed")


@cache
def declared() -> dict[str, Facts]:
    """The facts of all algorithms by name, in the order of lists.

    Raises ValueError where a fact is not written as a literal, or two algorithms have one name.
    """
    table: dict[str, Facts] = {}
    for one in sorted(_read(), key=lambda facts: facts.place):
        if one.name in table:
            raise ValueError(f"Two files of editing/methods call their method {one.name!r}.")
        table[one.name] = one
    return table


def _read() -> Iterator[Facts]:
    for file in sorted(METHODS.rglob("*.py")):
        _, found, rest = file.read_text(encoding="utf-8").partition(DECLARATION)
        if found:
            yield Facts(**_literals(ast.parse(found + rest), file))


def _literals(tree: ast.Module, file: Path) -> dict[str, Any]:
    """The declared facts of one file."""
    call = next(node for node in ast.walk(tree) if isinstance(node, ast.Call))
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    found = {}
    for name, default in ((field.name, field.default) for field in fields(Facts)):
        try:
            if name in given:
                found[name] = ast.literal_eval(given[name])
            elif default is MISSING:
                raise ValueError
        except ValueError:
            raise ValueError(
                f"In {file.name} ALGORITHM must declare {name} as a literal: it is read without "
                "running the file."
            ) from None
    return found
