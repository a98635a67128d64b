"""`limn read`: what Limn understands of a sentence, without a picture or a model.

It answers at once, as one types. Therefore it has an argument parser of its own: Typer, with all
that the other commands stand on, takes twice as long to load as this takes in all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from limn.editing import reading, sketchbook
from limn.editing.errors import EditError

USAGE = 2  # exits.USAGE, which comes with much that is not needed here


def main(arguments: Sequence[str]) -> int:
    """Run one command line, without its first word; the exit status."""
    given = parser().parse_args(arguments)
    try:
        found = reading.read(given.instruction, given.caption, own=sketchbook.auto())
    except EditError as error:
        print(error, file=sys.stderr)
        return USAGE
    print(as_json(found) if given.json else "\n".join(lines(found)))
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line of `limn read`."""
    made = argparse.ArgumentParser(
        prog="limn read",
        description="Say how a sentence is understood: a line for each thing to do, with the "
        "word in"
        " brackets whose place is looked for; the algorithm that Auto would run with the bundled"
        " model, and why; and what would be asked first.",
        epilog='Example:  limn read "the box should be red"',
    )
    made.add_argument("instruction", help='what to change: "make the star blue"')
    made.add_argument("--caption", default="", help="what the picture shows")
    made.add_argument("--json", action="store_true", help="as JSON, for programs")
    return made


def as_json(found: reading.Read) -> str:
    """One object: items, algorithm, reason, question, notes.

    The question is null, or code, sentence, and what can be written instead.
    """
    question = found.question
    names = ("text", "operation", "subject", "target", "keyword")
    told = {
        "items": [{name: getattr(item, name) for name in names} for item in found.items],
        "algorithm": found.algorithm,
        "reason": found.reason,
        "question": question
        and {"code": question.code, "sentence": question.sentence, "remedy": question.remedy},
        "notes": list(found.notes),
    }
    return json.dumps(told, ensure_ascii=False, indent=2)


def lines(found: reading.Read) -> list[str]:
    """What a painter reads."""
    title, _, why = found.reason.partition(": ")
    told = [f"{reading.told(item)} · {title}" for item in found.items]
    told += [why, *(f"note: {note}" for note in found.notes)]
    if found.question is not None:
        told += [f"? {found.question.sentence}", found.question.remedy]
    return [line for line in told if line]


def read(arguments: list[str]) -> None:
    """Say how a sentence is understood, and what would be asked first."""
    sys.exit(main(arguments))
