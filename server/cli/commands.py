"""The commands of `limn`.

serve, edit, read, scenes, doctor, models, users, bench. Each is in a file of its own; heavy imports
happen inside them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

app = typer.Typer(
    name="limn",
    help="Edit pictures by instruction. The plugin for Krita uses `limn serve`; the other commands "
    "work without Krita.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def register() -> None:
    """Give the app its commands."""
    from .bench import app as bench
    from .doctor import doctor
    from .edit import edit
    from .models import app as models
    from .read import read
    from .scenes import scenes
    from .serve import serve
    from .users import app as users

    for command in (serve, edit, scenes, doctor):
        app.command()(command)
    app.command(context_settings={"ignore_unknown_options": True})(read)
    app.add_typer(bench, name="bench")
    app.add_typer(models, name="models")
    app.add_typer(users, name="users")


def with_values(arguments: Sequence[str]) -> list[str]:
    """The arguments, with an empty value for a bare `--edits`.

    Typer knows no option with an optional value.
    """
    result: list[str] = []
    for position, argument in enumerate(arguments):
        following = arguments[position + 1 : position + 2]
        bare = argument == "--edits" and (not following or following[0].startswith("-"))
        result.append("--edits=" if bare else argument)
    return result


def run() -> None:
    """Run the command line of this process. Raises Trouble (see `exits.errors_told`)."""
    register()
    app(args=with_values(sys.argv[1:]), prog_name="limn")
