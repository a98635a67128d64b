"""`limn users`: who may use a server that other machines reach."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..settings import SettingsError, load
from ..users import Users, UsersError, default_file
from .exits import UsageError

app = typer.Typer(
    help="Who may use a server that other machines reach (limn serve --host).",
    no_args_is_help=True,
)

UsersFile = Annotated[
    Path | None, typer.Option("--users-file", metavar="FILE", help="Instead of this user's.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, and - _ .")]


@app.command()
def add(name: Name, users_file: UsersFile = None) -> None:
    """Add a user, and show the token: once, for only its hash is kept.

    Example:  limn users add anna
    """
    with _told():
        token = _users(users_file).add(name)
    typer.echo(token)
    typer.echo("Give this token to nobody else. It is not shown again.", err=True)


@app.command("list")
def list_(users_file: UsersFile = None) -> None:
    """Show the users."""
    with _told():
        users = _users(users_file).everybody()
    table = Table("user", "since", "models", box=None)
    for user in users:
        table.add_row(user.name, user.added, "may choose" if user.models else "")
    Console().print(table if users else "There are no users. Add one: limn users add NAME.")


@app.command()
def revoke(name: Name, users_file: UsersFile = None) -> None:
    """Take a user's token back.

    Connections end within seconds, and so do this user's edits.
    """
    with _told():
        _users(users_file).revoke(name)
    typer.echo(f"{name} is no user any more.")


@app.command()
def allow(
    name: Name,
    models: Annotated[bool, typer.Option(help="Fetch and choose models of this server.")] = True,
    users_file: UsersFile = None,
) -> None:
    """Let a user fetch and choose the server's models, or no longer (--no-models).

    Example:  limn users allow anna
    """
    with _told():
        _users(users_file).allow(name, models)
    typer.echo(f"{name} may {'' if models else 'not '}fetch and choose models.")


def _users(file: Path | None) -> Users:
    """The users of the named file, of the one in the settings, or of the usual one."""
    return Users(load({"users_file": file}).users_file or default_file())


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except UsersError as error:
        raise UsageError(error.sentence, error.remedy) from error
    except SettingsError as error:
        raise UsageError(str(error)) from error
